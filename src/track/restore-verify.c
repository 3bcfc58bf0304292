/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nothing of a text is believed before the kernel confirmed it: a descriptor must be a link (or program), of the id
 * and hook and cgroup that its record names. What does not fit is kept in quarantine, never acted on. */

#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <string.h>

#include "src/base/log.h"
#include "src/track/mechanism.h"
#include "src/track/quarantine.h"
#include "src/track/restore.h"

void restore_say(Tracker *tracker, const char *format, ...) {
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        log_debug("restore: %s", text);
        g_ptr_array_insert(tracker->messages, (gint)tracker->messages->len - 1, text);
}

TrackedUnit *restore_unit_of(Restore *restore, const Attachment *a) {
        Tracker *tracker = restore->tracker;
        TrackedUnit *unit = core_find_unit(tracker, a->unit);

        if (unit)
                return unit;
        unit = core_add_unit(tracker, a->unit);
        text_assign(&unit->cgroup, a->path);
        text_assign(&unit->invocation_id, a->invocation_id);
        unit->cgroup_id = a->cgroup_id;
        unit->since_usec = a->since_usec;
        unit->covered_from_start = a->covered_from_start;
        return unit;
}

static void restore_units(Restore *restore) {
        for (guint i = 0; i < restore->image->units->len; i++) {
                const TrackedUnit *told = restore->image->units->pdata[i];
                TrackedUnit *unit;

                if (!told)
                        continue;
                unit = core_add_unit(restore->tracker, told->name);
                text_assign(&unit->cgroup, told->cgroup);
                text_assign(&unit->invocation_id, told->invocation_id);
                unit->cgroup_id = told->cgroup_id;
                unit->held_off = told->held_off;
                unit->covered_from_start = told->covered_from_start;
                unit->since_usec = told->since_usec;
                unit->changed_usec = told->changed_usec;
                unit->state = told->state != UNIT_INACTIVE ? told->state : UNIT_COVERED;
        }
}

/* Descriptor for a link record: the inherited one of its link id (of its number, if the record has no link id), else
 * its pin. What stands under its number but is something else stays unclaimed. */
static int link_fd_of(Restore *restore, const AttachmentRecord *record, LinkInfo *ret) {
        const KernelOps *ops = restore->tracker->ops;
        const Attachment *a = record->attachment;
        const InheritedLink *inherited = NULL;
        char *pin;
        int fd, r;

        if (a->link_id)
                inherited = g_hash_table_lookup(restore->fds_by_link, GUINT_TO_POINTER(a->link_id));
        else if (restore->inherited && fdset_contains(restore->inherited, record->fd) && ops->kind(ops, record->fd) == FD_KIND_LINK)
                return ops->link_info(ops, record->fd, ret) < 0 ? -EINVAL : record->fd;
        if (inherited && fdset_contains(restore->inherited, inherited->fd)) {
                *ret = inherited->info;
                return inherited->fd;
        }
        pin = core_pin_path(restore->tracker, a->id);
        fd = pin ? ops->pin_open(ops, pin) : -ENOENT;
        g_free(pin);
        if (fd < 0)
                return fd;
        r = ops->kind(ops, fd) == FD_KIND_LINK ? ops->link_info(ops, fd, ret) : -EINVAL;
        if (r < 0)
                core_close(restore->tracker, &fd);
        return r < 0 ? r : fd;
}

static const char *link_disagreement(const Attachment *a, const LinkInfo *info) {
        if (info->type != BPF_LINK_TYPE_CGROUP)
                return "it is no link to a cgroup";
        if (a->link_id && info->id != a->link_id)
                return "it is another link than the record says";
        if (info->attach_type != hook_info(a->hook)->attach_type)
                return "it is attached to another hook than the record says";
        if (info->cgroup_id != 0 && info->cgroup_id != a->cgroup_id)
                return "it is attached to another cgroup than the record says";
        return NULL;
}

/* Enters the record into the tables. program id 0: not known. */
static Attachment *enter(Restore *restore, AttachmentRecord *record, uint32_t prog_id) {
        Tracker *tracker = restore->tracker;
        Attachment *a = TAKE_PTR(record->attachment);
        TrackedUnit *unit = a->unit ? restore_unit_of(restore, a) : NULL;

        a->program = core_program_of_id(tracker, prog_id);
        core_add_attachment(tracker, unit, a);
        restore->report->restored++;
        return a;
}

static bool is_pinned(const Restore *restore, uint64_t id) {
        return g_hash_table_contains(restore->pins, &id);
}

/* A descriptor we own now, out of the set of inherited ones if it came from there. */
static int claim_fd(Restore *restore, int fd) {
        if (restore->inherited && fdset_contains(restore->inherited, fd))
                return fdset_take(restore->inherited, fd);
        return fd;
}

/* Its pin is gone (a bpffs unmounted, a hand that slipped), the descriptor came through: held twice again. */
static void pin_again(Tracker *tracker, Attachment *a) {
        char *pin = core_pin_path(tracker, a->id);

        if (pin && tracker->ops->pin(tracker->ops, a->fd, pin) >= 0) {
                a->pinned = true;
                restore_say(
                        tracker, "attachment %" PRIu64 ": its pin was gone and has been made anew",
                        a->id
                );
        }
        g_free(pin);
}

static void verify_link(Restore *restore, AttachmentRecord *record) {
        Tracker *tracker = restore->tracker;
        uint64_t id = record->attachment->id;
        const char *disagreement;
        LinkInfo info = {};
        Attachment *a;
        int fd = link_fd_of(restore, record, &info);

        if (fd < 0) {
                restore_say(
                        tracker,
                        "attachment %" PRIu64
                        " of '%s': neither descriptor nor pin of link %u is left",
                        id, record->attachment->unit ?: "-", record->attachment->link_id
                );
                return;
        }
        disagreement = link_disagreement(record->attachment, &info);
        if (disagreement) {
                restore_say(
                        tracker, "attachment %" PRIu64 ": link %u refused, %s", id, info.id,
                        disagreement
                );
                if (!restore->inherited || !fdset_contains(restore->inherited, fd))
                        core_close(
                                tracker, &fd
                        ); /* its pin stays, and goes into quarantine with the leftovers */
                return;
        }
        a = enter(restore, record, info.prog_id);
        a->fd = claim_fd(restore, fd);
        a->link_id = info.id;
        a->pinned = is_pinned(restore, id);
        g_hash_table_remove(restore->pins, &id);
        if (!a->pinned && info.cgroup_id != 0)
                pin_again(tracker, a);
        if (info.cgroup_id == 0)
                attachment_set_state(a, ATTACHMENT_DEFUNCT, "its cgroup is gone");
        else if (record->prog_id && info.prog_id != record->prog_id &&
                 !g_hash_table_contains(restore->image->intents, &id)) {
                char *text = g_strdup_printf(
                        "program %u runs instead of %u", info.prog_id, record->prog_id
                );

                attachment_set_state(a, ATTACHMENT_DRIFTED, text);
                g_free(text);
        }
}

/* The cgroup of a record: by its id, or where ids cannot be opened by the path, if that still is the cgroup of the id. */
static int cgroup_fd_of(Restore *restore, const Attachment *a) {
        const KernelOps *ops = restore->tracker->ops;
        int fd = ops->cgroup_by_id(ops, a->cgroup_id, NULL);
        uint64_t id = 0;

        if (fd >= 0 || fd == -ESTALE || !a->path)
                return fd;
        fd = ops->cgroup_open(ops, a->path, &id);
        if (fd >= 0 && id != a->cgroup_id) {
                core_close(restore->tracker, &fd);
                return -ESTALE;
        }
        return fd;
}

static void verify_legacy(Restore *restore, AttachmentRecord *record) {
        Tracker *tracker = restore->tracker;
        Attachment *a = record->attachment;
        uint32_t there = 0;
        KnownProgram wanted = { .references = 1, .id = record->prog_id };
        MechanismCall call = { .ops = tracker->ops,
                               .attachment = a,
                               .cgroup_fd = cgroup_fd_of(restore, a) };
        int r = call.cgroup_fd;

        if (r >= 0) {
                a->program = &wanted;
                r = mechanism_of(VIA_CGROUP_LEGACY)->look(&call, &there);
                a->program = NULL;
                core_close(tracker, &call.cgroup_fd);
        }
        if (r == -ESTALE || r == -ENOENT) {
                restore_say(tracker, "attachment %" PRIu64 ": its cgroup is gone", a->id);
                return;
        }
        if (r < 0) { /* it may well be there: kept and shown */
                char *text = g_strdup_printf(
                        "cannot ask whether program %u is attached: %s", record->prog_id,
                        strerror(-r)
                );

                restore_say(tracker, "attachment %" PRIu64 ": %s", a->id, text);
                attachment_set_state(
                        enter(restore, record, record->prog_id), ATTACHMENT_DRIFTED, text
                );
                g_free(text);
                return;
        }
        if (there != record->prog_id || there == 0) {
                if (!g_hash_table_contains(restore->image->intents, &a->id))
                        restore_say(
                                tracker,
                                "attachment %" PRIu64
                                " of '%s': program %u is not attached any more",
                                a->id, a->unit ?: "-", record->prog_id
                        );
                return;
        }
        enter(restore, record, there);
}

static void verify_record(Restore *restore, AttachmentRecord *record) {
        Attachment *a = record->attachment;

        if (a->state == ATTACHMENT_HELD_OFF) {
                bool known = core_find_program(restore->tracker, record->prog_id);

                enter(restore, record, known ? record->prog_id : 0);
                return;
        }
        a->state = ATTACHMENT_ATTACHED; /* the kernel is asked now, whatever it said last time */
        switch (a->via) {
        case VIA_CGROUP_LINK:
                verify_link(restore, record);
                return;
        case VIA_CGROUP_LEGACY:
                verify_legacy(restore, record);
                return;
        case VIA_TCX_LINK:
        case VIA_TC_FILTER:
        case VIA_NETNS_LINK:
        case VIA_XDP_LINK:
        case _VIA_MAX:
        case _VIA_INVALID:
                restore_say(
                        restore->tracker,
                        "attachment %" PRIu64 ": this build has no such mechanism", a->id
                );
                return;
        }
}

/* systemd's form names a program and a path; whether, and in which mode, it is attached there is for the kernel to
 * say. 0, or why the descriptor stays in quarantine. */
static const char *take_three_word(Restore *restore, AttachmentRecord *record) {
        const KernelOps *ops = restore->tracker->ops;
        Attachment *a = record->attachment;
        QueryResult query = {};
        ProgramInfo info;
        bool found = false;
        int fd, r;

        if (!restore->inherited || !fdset_contains(restore->inherited, record->fd))
                return "its descriptor was not passed";
        if (ops->kind(ops, record->fd) != FD_KIND_PROGRAM ||
            ops->prog_info(ops, record->fd, &info) < 0)
                return "its descriptor is no program";
        fd = ops->cgroup_open(ops, a->path, &a->cgroup_id);
        if (fd < 0)
                return "its path is no cgroup";
        r = ops->query(ops, fd, hook_info(a->hook)->attach_type, false, &query);
        core_close(restore->tracker, &fd);
        if (r < 0)
                return "the kernel does not say what is attached there";
        for (size_t i = 0; i < query.n_prog_ids; i++)
                found = found || query.prog_ids[i] == info.id;
        if (core_program_is_ours(restore->tracker, info.id, a->cgroup_id, a->hook)) {
                query_result_done(&query);
                return "its program is tracked there already";
        }
        a->mode = attach_mode_from_flags(query.attach_flags);
        query_result_done(&query);
        if (!found || a->mode < 0)
                return "the program is not attached there";
        a->via = VIA_CGROUP_LEGACY;
        a->id = core_new_id(restore->tracker);
        a->since_usec = core_now_usec();
        record->prog_id = info.id;
        fd = fdset_take(restore->inherited, record->fd);
        enter(restore, record, info.id);
        core_close(
                restore->tracker, &fd
        ); /* the kernel holds the attachment, no descriptor is needed */
        return NULL;
}

static void verify_three_words(Restore *restore) {
        for (guint i = 0; i < restore->image->attachments->len; i++) {
                AttachmentRecord *record = restore->image->attachments->pdata[i];
                const char *reason;

                if (!record || !record->three_word)
                        continue;
                reason = take_three_word(restore, record);
                if (reason)
                        restore_say(
                                restore->tracker, "state line %u: refused, %s", record->line, reason
                        );
        }
}

void restore_verify(Restore *restore) {
        Tracker *tracker = restore->tracker;
        StateImage *image = restore->image;

        for (guint i = 0; i < image->programs->len; i++) {
                KnownProgram *program = image->programs->pdata[i];

                if (!core_find_program(tracker, program->id))
                        core_add_program(tracker, known_program_ref(program));
        }
        restore_units(restore);
        for (guint i = 0; i < image->attachments->len; i++) {
                AttachmentRecord *record = image->attachments->pdata[i];

                if (record && !record->three_word)
                        verify_record(restore, record);
        }
        verify_three_words(restore);
        for (guint i = 0; i < image->duplicates->len; i++) {
                const AttachmentRecord *record = image->duplicates->pdata[i];

                restore_say(
                        tracker,
                        "state line %u: attachment %" PRIu64
                        " was there before, the first one counts",
                        record->line, record->attachment->id
                );
        }
}

static void pin_into_quarantine(Restore *restore, uint64_t number) {
        char *pin = core_pin_path(restore->tracker, number);
        int fd = restore->tracker->ops->pin_open(restore->tracker->ops, pin);

        quarantine_add(
                restore->tracker, fd >= 0 ? fd : -EBADF, number,
                fd >= 0 ? "pinned, but the state does not account for it"
                        : "its pin cannot be opened"
        );
        restore->report->quarantined++;
        g_free(pin);
}

/* A second descriptor of a link that an attachment holds already protects nothing by itself. */
static bool is_spare(const Tracker *tracker, int fd) {
        LinkInfo info;

        return tracker->ops->kind(tracker->ops, fd) == FD_KIND_LINK &&
               tracker->ops->link_info(tracker->ops, fd, &info) >= 0 &&
               core_link_is_tracked(tracker, info.id);
}

void restore_leftovers(Restore *restore) {
        GHashTableIter iter;
        void *number;

        if (restore->inherited)
                for (int fd = fdset_next(restore->inherited, -1); fd >= 0;
                     fd = fdset_next(restore->inherited, fd)) {
                        int taken = fdset_take(restore->inherited, fd);

                        if (is_spare(restore->tracker, taken)) {
                                core_close(restore->tracker, &taken);
                                continue;
                        }
                        quarantine_add(
                                restore->tracker, taken, 0,
                                "descriptor was passed on, but no good record claims it"
                        );
                        restore->report->quarantined++;
                }
        g_hash_table_iter_init(&iter, restore->pins);
        while (g_hash_table_iter_next(&iter, &number, NULL))
                pin_into_quarantine(restore, *(const uint64_t *)number);
}
