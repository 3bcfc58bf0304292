/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/quarantine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/track/release.h"

/* What the kernel says of a program; all that is known of it. */
static KnownProgram *program_of(const Tracker *tracker, uint32_t id) {
        int fd = id ? tracker->ops->prog_by_id(tracker->ops, id) : -EBADF;
        KnownProgram *program;
        ProgramInfo info;

        if (fd < 0)
                return id ? known_program_new(id, NULL, NULL, NULL) : NULL;
        if (tracker->ops->prog_info(tracker->ops, fd, &info) < 0)
                program = known_program_new(id, NULL, NULL, NULL);
        else {
                program = known_program_new(id, info.name, NULL, NULL);
                (void)g_strlcpy(program->tag, info.tag, sizeof program->tag);
        }
        core_close(tracker, &fd);
        return program;
}

static void describe_link(const Tracker *tracker, Attachment *a) {
        char *path = NULL;
        LinkInfo info;
        int fd;

        if (tracker->ops->link_info(tracker->ops, a->fd, &info) < 0 ||
            info.type != BPF_LINK_TYPE_CGROUP) /* not of our making; kept, never detached */
                return;
        a->via = VIA_CGROUP_LINK;
        a->mode = ATTACH_MULTI;
        a->hook = hook_from_attach_type(info.attach_type);
        a->link_id = info.id;
        a->cgroup_id = info.cgroup_id;
        a->program = program_of(tracker, info.prog_id);
        fd = info.cgroup_id ? tracker->ops->cgroup_by_id(tracker->ops, info.cgroup_id, &path)
                            : -ESTALE;
        if (fd >= 0)
                core_close(tracker, &fd);
        text_assign(&a->path, path);
        free(path);
}

static void describe_program(const Tracker *tracker, Attachment *a) {
        ProgramInfo info;

        if (tracker->ops->prog_info(tracker->ops, a->fd, &info) >= 0)
                a->program = program_of(tracker, info.id);
}

static void describe(const Tracker *tracker, Attachment *a) {
        switch (tracker->ops->kind(tracker->ops, a->fd)) {
        case FD_KIND_LINK:
                describe_link(tracker, a);
                return;
        case FD_KIND_PROGRAM:
                describe_program(tracker, a);
                return;
        case FD_KIND_MAP:
        case FD_KIND_OTHER:
        case _FD_KIND_MAX:
        case _FD_KIND_INVALID:
                return;
        }
}

static void open_pin(const Tracker *tracker, Attachment *a) {
        char *pin = core_pin_path(tracker, a->id);
        int fd = tracker->ops->pin_open(tracker->ops, pin);

        a->fd = fd < 0 ? -EBADF : fd;
        g_free(pin);
}

/* What could not be opened or read once may be readable by now. */
static void look_again(const Tracker *tracker) {
        for (guint i = 0; i < tracker->quarantine->len; i++) {
                Attachment *a = tracker->quarantine->pdata[i];

                if (a->fd < 0 && a->pinned)
                        open_pin(tracker, a);
                if (a->fd >= 0 && a->via < 0 && !a->program)
                        describe(tracker, a);
        }
}

void quarantine_add(Tracker *tracker, int fd, uint64_t pin_number, const char *reason) {
        Attachment *a;

        if (tracker->quarantine->len >= LIMIT_QUARANTINE) {
                /* more than anybody can look through; pins hold on by themselves, descriptors would be lost, so
                 * they are leaked on purpose rather than closed */
                log_debug("quarantine is full, leaving descriptor %d as it is: %s", fd, reason);
                return;
        }
        a = attachment_new();
        a->fd = fd;
        a->id = pin_number;
        a->pinned = pin_number != 0;
        a->state = ATTACHMENT_QUARANTINED;
        a->error = g_strdup(reason);
        a->since_usec = core_now_usec();
        if (fd >= 0)
                describe(tracker, a);
        log_debug("quarantined descriptor %d: %s", fd, reason);
        g_ptr_array_add(tracker->quarantine, a);
        core_emit_attachment(tracker, TRACKER_ATTACHMENT_NEW, a);
}

bool quarantine_has_cgroup(const Tracker *tracker, uint64_t cgroup_id) {
        for (guint i = 0; i < tracker->quarantine->len; i++) {
                const Attachment *a = tracker->quarantine->pdata[i];

                if (a->cgroup_id == cgroup_id)
                        return true;
        }
        return false;
}

static bool matches(const Attachment *a, uint64_t cgroup_id, Hook hook, const KnownProgram *program) {
        if (a->via != VIA_CGROUP_LINK || a->cgroup_id != cgroup_id || a->hook != hook ||
            !a->program)
                return false;
        /* the kernel cuts names at 15 bytes */
        return strncmp(a->program->name ?: "", program->name ?: "", KERNEL_NAME_MAX - 1) == 0 &&
               text_equal(a->program->tag, program->tag);
}

Attachment *quarantine_take_match(
        Tracker *tracker,
        uint64_t cgroup_id,
        Hook hook,
        const KnownProgram *program
) {
        look_again(tracker);
        for (guint i = 0; i < tracker->quarantine->len; i++) {
                Attachment *a = tracker->quarantine->pdata[i];

                if (matches(a, cgroup_id, hook, program))
                        return g_ptr_array_steal_index(tracker->quarantine, i);
        }
        return NULL;
}

static bool is_dead(const Tracker *tracker, const Attachment *a) {
        LinkInfo info;

        if (a->via != VIA_CGROUP_LINK || a->fd < 0)
                return false;
        return tracker->ops->link_info(tracker->ops, a->fd, &info) >= 0 && info.cgroup_id == 0;
}

void quarantine_drop(Tracker *tracker, uint64_t cgroup_id) {
        GPtrArray *doomed = g_ptr_array_new();

        look_again(tracker);
        for (guint i = 0; i < tracker->quarantine->len && !tracker->read_only; i++) {
                Attachment *a = tracker->quarantine->pdata[i];

                if (cgroup_id ? a->cgroup_id == cgroup_id : is_dead(tracker, a))
                        g_ptr_array_add(doomed, a);
        }
        if (doomed->len > 0)
                (void)release_attachments(
                        tracker, doomed, RELEASE_FREE, NULL
                ); /* what fails stays quarantined */
        g_ptr_array_unref(doomed);
}
