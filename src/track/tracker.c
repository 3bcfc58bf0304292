/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/tracker.h"

#include <errno.h>
#include <string.h>

#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/track/apply.h"
#include "src/track/changes.h"
#include "src/track/mechanism.h"
#include "src/track/quarantine.h"
#include "src/track/record.h"
#include "src/track/release.h"
#include "src/track/transient.h"

static void free_attachment(void *attachment) {
        attachment_free(attachment);
}

static void free_program(void *program) {
        known_program_unref(program);
}

static Tracker *release_memory(Tracker *tracker) {
        GHashTableIter iter;
        void *program;

        g_hash_table_iter_init(&iter, tracker->programs);
        while (g_hash_table_iter_next(&iter, NULL, &program))
                core_close(tracker, &((KnownProgram *)program)->fd);
        for (guint i = 0; i < tracker->units->len; i++) {
                core_close_unit(tracker, tracker->units->pdata[i]);
                tracked_unit_free(tracker->units->pdata[i]);
        }
        g_ptr_array_unref(tracker->units);
        g_hash_table_unref(tracker->units_by_name);
        g_ptr_array_unref(tracker->all);
        g_ptr_array_unref(tracker->leases);
        g_ptr_array_unref(tracker->quarantine);
        g_hash_table_unref(tracker->programs_by_object);
        g_hash_table_unref(tracker->programs);
        g_ptr_array_unref(tracker->messages);
        journal_free(tracker->journal);
        writer_free(tracker->lines);
        g_free(tracker->pin_directory);
        g_free(tracker->state_path);
        g_free(tracker->boot_id);
        g_free(tracker);
        return NULL;
}

int tracker_new(const TrackerOptions *options, Tracker **ret, Diag *diag) {
        _cleanup_free_ char *boot_id = NULL;
        Tracker *tracker;
        int r;

        if (!options->boot_id) {
                r = file_boot_id(&boot_id);
                if (r < 0)
                        return diag_errno(diag, r, "cannot read the boot id");
        }
        tracker = g_new0(Tracker, 1);
        tracker->ops = options->ops;
        tracker->pin_directory = g_strdup(options->pin_directory);
        tracker->state_path = g_strdup(options->state_path);
        tracker->boot_id = g_strdup(options->boot_id ?: boot_id);
        tracker->event = options->event;
        tracker->userdata = options->userdata;
        tracker->next_id = 1;
        tracker->lines = writer_new();
        tracker->units = g_ptr_array_new();
        tracker->units_by_name = g_hash_table_new(g_str_hash, g_str_equal);
        tracker->all = g_ptr_array_new();
        tracker->leases = g_ptr_array_new_with_free_func(free_attachment);
        tracker->quarantine = g_ptr_array_new_with_free_func(free_attachment);
        tracker->programs = g_hash_table_new_full(NULL, NULL, NULL, free_program);
        tracker->programs_by_object = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        tracker->messages = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(tracker->messages, NULL);
        *ret = tracker;
        return 0;
}

static void forget_all(Tracker *tracker, const GPtrArray *attachments) {
        for (guint i = 0; i < attachments->len; i++)
                forget_attachment(tracker, attachments->pdata[i]);
}

Tracker *tracker_forget(Tracker *tracker) {
        if (!tracker)
                return NULL;
        forget_all(tracker, tracker->all);
        forget_all(tracker, tracker->quarantine);
        return release_memory(tracker);
}

static bool has_kernel_part(const TrackedUnit *unit) {
        for (guint i = 0; i < unit->attachments->len; i++)
                if (attachment_is_in_force(unit->attachments->pdata[i]))
                        return true;
        return false;
}

static void forget_unit(Tracker *tracker, TrackedUnit *unit) {
        for (guint i = unit->attachments->len; i > 0;
             i--) { /* failed lines: nothing of them is in the kernel */
                Attachment *a = unit->attachments->pdata[i - 1];

                if (a->id == 0)
                        g_ptr_array_remove_index(unit->attachments, i - 1);
        }
        record_write_unit(tracker->lines, unit, true);
        unit->state = UNIT_INACTIVE;
        core_emit_unit(tracker, unit);
        core_remove_unit(tracker, unit);
}

static int check_writable(const Tracker *tracker, Diag *diag) {
        g_assert(tracker->restored);
        if (tracker->read_only)
                return diag_fail(
                        diag, -EROFS,
                        "the state was written by another version, nothing is changed until "
                        "that version runs again or the state is removed"
                );
        return 0;
}

static void add_all(GPtrArray *array, const GPtrArray *more) {
        for (guint i = 0; i < more->len; i++)
                g_ptr_array_add(array, more->pdata[i]);
}

static int release_unowned(Tracker *tracker, Diag *diag) {
        GPtrArray *others = g_ptr_array_new();
        int r;

        add_all(others, tracker->leases);
        add_all(others, tracker->quarantine);
        r = release_attachments(tracker, others, RELEASE_FREE, diag);
        g_ptr_array_unref(others);
        return r;
}

int tracker_let_go(Tracker *tracker, Diag *diag) {
        int result = check_writable(tracker, diag), r;

        if (result < 0)
                return result;
        for (guint i = tracker->units->len; i > 0; i--) {
                const TrackedUnit *unit = tracker->units->pdata[i - 1];

                r = tracker_unit_stop(tracker, unit->name, diag);
                result = result < 0 ? result : r;
        }
        r = release_unowned(tracker, diag);
        return result < 0 ? result : r;
}

Tracker *tracker_free(Tracker *tracker) {
        if (!tracker)
                return NULL;
        /* there is nobody left to tell of failures; what could not be detached stays recorded */
        if (tracker->restored)
                (void)tracker_let_go(tracker, NULL);
        return tracker_forget(tracker);
}

int tracker_snapshot(const Tracker *tracker, Writer *writer, FdSet *fds) {
        return changes_write_all(tracker, writer, fds);
}

/* Opens the place and makes the unit one of its present cgroup and invocation. */
static int enter_place(Tracker *tracker, const UnitPlace *place, TrackedUnit **ret, Diag *diag) {
        TrackedUnit *unit = core_find_unit(tracker, place->unit);
        uint64_t id = 0;
        int fd;

        if (unit && unit->cgroup_fd >= 0 && unit->cgroup_id == place->cgroup_id &&
            tracker->ops->cgroup_alive(tracker->ops, unit->cgroup_fd) > 0) {
                *ret = unit;
                return 0;
        }
        fd = tracker->ops->cgroup_open(tracker->ops, place->cgroup, &id);
        if (fd < 0)
                return diag_errno(
                        diag, fd, "cannot open cgroup '%s' of '%s'", place->cgroup, place->unit
                );
        if (place->cgroup_id && id != place->cgroup_id) {
                core_close(tracker, &fd);
                return diag_fail(diag, -ESTALE, "cgroup '%s' is another one by now", place->cgroup);
        }
        if (!unit && tracker->units->len >= LIMIT_UNITS) {
                core_close(tracker, &fd);
                return diag_fail(diag, -ENOSPC, "more than %u units", LIMIT_UNITS);
        }
        if (!unit)
                unit = core_add_unit(tracker, place->unit);
        core_close_unit(tracker, unit);
        if (unit->cgroup_id && unit->cgroup_id != id) { /* a new start */
                unit->held_off = false;
                unit->covered_from_start = false;
                unit->since_usec = core_now_usec();
                unit->state = UNIT_INACTIVE;
                unit->changed_usec = 0;
        }
        unit->dirty = unit->dirty || unit->cgroup_id != id ||
                      !text_equal(unit->cgroup, place->cgroup);
        unit->cgroup_fd = fd;
        unit->cgroup_id = id;
        text_assign(&unit->cgroup, place->cgroup);
        *ret = unit;
        return 0;
}

/* Same cgroup, other invocation: processes survived, and so do their attachments, under the new invocation. */
static void transfer(Tracker *tracker, TrackedUnit *unit, const char *invocation_id) {
        if (text_equal(unit->invocation_id, invocation_id))
                return;
        text_assign(&unit->invocation_id, invocation_id);
        unit->dirty = true;
        for (guint i = 0; i < unit->attachments->len; i++) {
                Attachment *a = unit->attachments->pdata[i];

                if (a->cgroup_id != unit->cgroup_id)
                        continue;
                text_assign(&a->invocation_id, invocation_id);
                if (a->id)
                        record_write_attachment(tracker->lines, a, -1);
        }
}

/* Attachments on a former cgroup of the unit. One that is defunct on the present cgroup was taken off by force: a line
 * that could not make it anew keeps showing it. */
static int free_stale(Tracker *tracker, TrackedUnit *unit, Diag *diag) {
        GPtrArray *stale = g_ptr_array_new();
        int r = 0;

        for (guint i = 0; i < unit->attachments->len; i++) {
                Attachment *a = unit->attachments->pdata[i];

                if (a->id && a->cgroup_id != unit->cgroup_id)
                        g_ptr_array_add(stale, a);
        }
        if (stale->len > 0)
                r = release_attachments(tracker, stale, RELEASE_FREE, diag);
        g_ptr_array_unref(stale);
        return r;
}

/* An operator's hold-off ends with a new start: the records of what was held off go. */
static void drop_held_off(Tracker *tracker, TrackedUnit *unit) {
        unit->dirty = unit->dirty || unit->held_off;
        unit->held_off = false;
        for (guint i = unit->attachments->len; i > 0; i--) {
                Attachment *a = unit->attachments->pdata[i - 1];

                if (a->state != ATTACHMENT_HELD_OFF)
                        continue;
                record_write_detached(tracker->lines, a->id);
                core_emit_attachment(tracker, TRACKER_ATTACHMENT_REMOVED, a);
                core_remove_attachment(tracker, a);
        }
}

/* Nothing known of it, nothing wanted: at most something quarantined can be let go. */
static bool nothing_to_do(Tracker *tracker, const UnitPlace *place, const TargetSet *targets) {
        if (targets->n_targets > 0 || core_find_unit(tracker, place->unit))
                return false;
        if (place->cgroup_id)
                quarantine_drop(tracker, place->cgroup_id);
        return true;
}

static bool exceeds_limit(Tracker *tracker, const UnitPlace *place, const TargetSet *targets) {
        const TrackedUnit *unit = core_find_unit(tracker, place->unit);
        size_t has = unit ? unit->attachments->len : 0;

        return targets->n_targets > has &&
               tracker->all->len + (targets->n_targets - has) > LIMIT_ATTACHMENTS;
}

static bool wants_apply(Tracker *tracker, TrackedUnit *unit, ApplyReason reason) {
        if (reason == APPLY_START)
                drop_held_off(tracker, unit);
        return !unit->held_off;
}

int tracker_apply(
        Tracker *tracker,
        const UnitPlace *place,
        const TargetSet *targets,
        ApplyReason reason,
        Diag *diag
) {
        _cleanup_diag_ Diag stale = {};
        TrackedUnit *unit;
        int r = check_writable(tracker, diag), result;

        if (r < 0)
                return r;
        if (nothing_to_do(tracker, place, targets))
                return APPLY_COVERED;
        if (targets->n_targets > LIMIT_UNIT_PROGRAMS || exceeds_limit(tracker, place, targets))
                return diag_fail(
                        diag, -ENOSPC,
                        "'%s' wants %zu programs, %u are attached in all; at most %u a unit and "
                        "%u in all are served",
                        place->unit, targets->n_targets, tracker->all->len, LIMIT_UNIT_PROGRAMS,
                        LIMIT_ATTACHMENTS
                );
        r = enter_place(tracker, place, &unit, diag);
        if (r < 0)
                return r;
        transfer(tracker, unit, place->invocation_id);
        if (!wants_apply(tracker, unit, reason)) {
                (void)changes_write(
                        tracker, NULL
                ); /* only the invocation changed; the next line says it again */
                return APPLY_DEGRADED;
        }
        result = apply_unit(tracker, unit, targets, reason, diag);
        r = free_stale(tracker, unit, &stale);
        if (r < 0) {
                tracked_unit_add_problem(unit, POLICY_WANTED, NULL, diag_text(&stale, r), NULL);
                tracked_unit_judge(unit);
        }
        if ((result == APPLY_REFUSED || result < 0) && reason == APPLY_START &&
            !has_kernel_part(unit))
                forget_unit(tracker, unit);
        else {
                core_emit_unit(tracker, unit);
                changes_unit(tracker, unit);
        }
        r = changes_write(tracker, diag);
        if (r >= 0)
                r = changes_compact_if_due(tracker, diag);
        return r < 0 && result >= 0 ? r : result;
}

int tracker_unit_problem(
        Tracker *tracker,
        const char *name,
        const char *origin,
        const char *text,
        Policy policy
) {
        TrackedUnit *unit = core_find_unit(tracker, name);

        if (!unit)
                return -ENOENT;
        tracked_unit_clear_problems(unit);
        tracked_unit_add_problem(unit, policy, origin, text, NULL);
        tracked_unit_judge(unit);
        core_emit_unit(tracker, unit);
        changes_unit(tracker, unit);
        return changes_write(tracker, NULL);
}

static GPtrArray *with_ids(const TrackedUnit *unit) {
        GPtrArray *array = g_ptr_array_new();

        for (guint i = 0; i < unit->attachments->len; i++) {
                Attachment *a = unit->attachments->pdata[i];

                if (a->id)
                        g_ptr_array_add(array, a);
        }
        return array;
}

int tracker_unit_stop(Tracker *tracker, const char *name, Diag *diag) {
        TrackedUnit *unit = core_find_unit(tracker, name);
        uint64_t cgroup_id;
        GPtrArray *all;
        int r = check_writable(tracker, diag);

        if (r < 0)
                return r;
        if (!unit)
                return 0;
        cgroup_id = unit->cgroup_id;
        all = with_ids(unit);
        r = release_attachments(tracker, all, RELEASE_FREE, diag);
        g_ptr_array_unref(all);
        if (r < 0) {
                tracked_unit_judge(unit);
                core_emit_unit(tracker, unit);
                changes_unit(tracker, unit); /* goes out with the next change */
                return r;
        }
        forget_unit(tracker, unit);
        quarantine_drop(tracker, cgroup_id);
        r = changes_write(tracker, diag);
        return r < 0 ? r : changes_compact_if_due(tracker, diag);
}

int tracker_unit_set_covered_from_start(Tracker *tracker, const char *name, bool covered) {
        TrackedUnit *unit = core_find_unit(tracker, name);

        if (!unit)
                return -ENOENT;
        unit->dirty = unit->dirty || unit->covered_from_start != covered;
        unit->covered_from_start = covered;
        for (guint i = 0; i < unit->attachments->len; i++) {
                Attachment *a = unit->attachments->pdata[i];
                bool claim = covered && a->state == ATTACHMENT_ATTACHED;

                if (a->id && a->covered_from_start != claim) {
                        a->covered_from_start = claim;
                        record_write_attachment(tracker->lines, a, -1);
                }
        }
        if (unit->dirty)
                core_emit_unit(tracker, unit);
        changes_unit(tracker, unit);
        return changes_write(tracker, NULL);
}

/* What was taken off makes another state of the unit; r is how that went, and returned. */
static int told_of_change(Tracker *tracker, TrackedUnit *unit, int r) {
        tracked_unit_judge(unit);
        core_emit_unit(tracker, unit);
        changes_unit(tracker, unit);
        (void)changes_write(tracker, NULL); /* only since when: the next line says it again */
        return r;
}

int tracker_unit_detach(Tracker *tracker, const char *name, Diag *diag) {
        TrackedUnit *unit = core_find_unit(tracker, name);
        GPtrArray *all;
        int r = check_writable(tracker, diag);

        if (r < 0)
                return r;
        if (!unit)
                return diag_fail(diag, -ENOENT, "unit '%s' is not known", name);
        unit->held_off = true;
        record_write_unit(tracker->lines, unit, false);
        all = with_ids(unit);
        r = release_attachments(tracker, all, RELEASE_HOLD_OFF, diag);
        g_ptr_array_unref(all);
        return told_of_change(tracker, unit, r);
}

int tracker_unit_release(Tracker *tracker, const char *name) {
        TrackedUnit *unit = core_find_unit(tracker, name);

        if (!unit)
                return -ENOENT;
        drop_held_off(tracker, unit);
        record_write_unit(tracker->lines, unit, false);
        return changes_write(tracker, NULL);
}

static Attachment *find_quarantined(const Tracker *tracker, uint64_t id) {
        for (guint i = 0; i < tracker->quarantine->len; i++) {
                Attachment *a = tracker->quarantine->pdata[i];

                if (a->id == id)
                        return a;
        }
        return NULL;
}

static int detach_by_id(Tracker *tracker, uint64_t id, ReleaseMode mode, Diag *diag) {
        Attachment *a = core_find_attachment(tracker, id);
        TrackedUnit *unit;
        int r = check_writable(tracker, diag);

        if (r < 0)
                return r;
        if (!a && id)
                a = find_quarantined(tracker, id);
        if (!a)
                return diag_fail(diag, -ENOENT, "there is no attachment %lu", (unsigned long)id);
        unit = a->unit ? core_find_unit(tracker, a->unit) : NULL;
        r = release_attachment(
                tracker, a, unit && attachment_is_of_files(a) ? mode : RELEASE_FREE, diag
        );
        return unit ? told_of_change(tracker, unit, r) : r;
}

int tracker_detach(Tracker *tracker, uint64_t id, Diag *diag) {
        return detach_by_id(tracker, id, RELEASE_HOLD_OFF, diag);
}

int tracker_free_attachment(Tracker *tracker, uint64_t id, Diag *diag) {
        return detach_by_id(tracker, id, RELEASE_FREE, diag);
}

int tracker_detach_all(Tracker *tracker, Diag *diag) {
        int r = check_writable(tracker, diag), result = r;

        if (r < 0)
                return r;
        for (guint i = 0; i < tracker->units->len; i++) {
                const TrackedUnit *unit = tracker->units->pdata[i];

                r = tracker_unit_detach(tracker, unit->name, diag);
                result = result < 0 ? result : r;
        }
        r = release_unowned(tracker, diag);
        return result < 0 ? result : r;
}

static void discard(Tracker *tracker, Attachment *a) {
        a->program = core_release_program(tracker, a->program);
        attachment_free(a);
}

int tracker_attach_program(
        Tracker *tracker,
        const ProgramRequest *request,
        uint64_t *ret_id,
        Diag *diag
) {
        Attachment *a = NULL;
        TrackedUnit *unit = NULL;
        int r = check_writable(tracker, diag);

        if (r < 0)
                return r;
        if (!hook_info(request->hook) || hook_info(request->hook)->target != HOOK_TARGET_CGROUP)
                return diag_fail(
                        diag, -EOPNOTSUPP, "only cgroup hooks are supported by this build"
                );
        if (tracker->leases->len >= LIMIT_LEASES || tracker->all->len >= LIMIT_ATTACHMENTS)
                return diag_fail(
                        diag, -ENOSPC, "more than %u leases or %u attachments", LIMIT_LEASES,
                        LIMIT_ATTACHMENTS
                );
        r = transient_attachment_new(tracker, request, &a, diag);
        if (r < 0)
                return r;
        if (request->unit) {
                UnitPlace place = { .unit = request->unit,
                                    .cgroup = a->path,
                                    .cgroup_id = a->cgroup_id };

                r = enter_place(tracker, &place, &unit, diag);
        }
        if (r < 0) {
                discard(tracker, a);
                return r;
        }
        if (unit && request->invocation_id)
                transfer(tracker, unit, request->invocation_id);
        text_assign(&a->unit, request->unit);
        text_assign(&a->invocation_id, unit ? unit->invocation_id : NULL);
        a->id = core_new_id(tracker);
        r = apply_single(tracker, a, request, diag);
        if (r < 0) {
                discard(tracker, a);
                if (unit && unit->attachments->len == 0)
                        forget_unit(tracker, unit);
                return r;
        }
        core_add_attachment(tracker, unit, a);
        core_emit_attachment(tracker, TRACKER_ATTACHMENT_NEW, a);
        if (unit) {
                tracked_unit_judge(unit);
                core_emit_unit(tracker, unit);
        }
        *ret_id = a->id;
        return 0;
}

bool tracker_is_read_only(const Tracker *tracker) {
        return tracker->read_only;
}

uint64_t tracker_generation(const Tracker *tracker) {
        return tracker->generation;
}
