/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/release.h"

#include <errno.h>

#include "src/base/stop-point.h"
#include "src/track/changes.h"
#include "src/track/mechanism.h"
#include "src/track/record.h"

/* The cgroup of an attachment: its unit's descriptor if it is the same cgroup, else one by id. *ret_owned tells
 * whether it must be closed. -ESTALE: gone. */
static int cgroup_of(Tracker *tracker, const Attachment *a, bool *ret_owned) {
        const TrackedUnit *unit = a->unit ? core_find_unit(tracker, a->unit) : NULL;

        *ret_owned = false;
        if (unit && unit->cgroup_id == a->cgroup_id && unit->cgroup_fd >= 0)
                return unit->cgroup_fd;
        *ret_owned = true;
        return tracker->ops->cgroup_by_id(tracker->ops, a->cgroup_id, NULL);
}

/* The kernel has one entry for a program that PROG_ATTACH put on a list, however many records speak of it. */
static bool entry_is_shared(const Tracker *tracker, const Attachment *a) {
        for (guint i = 0; i < tracker->all->len; i++) {
                const Attachment *other = tracker->all->pdata[i];

                if (other != a && other->via == VIA_CGROUP_LEGACY && other->hook == a->hook &&
                    other->cgroup_id == a->cgroup_id && other->program && a->program &&
                    other->program->id == a->program->id && attachment_is_in_force(other))
                        return true;
        }
        return false;
}

/* Whether taking it off would take something else off too. */
static bool stands_for_another(const Tracker *tracker, const Attachment *a) {
        if (a->via == VIA_CGROUP_LEGACY)
                return entry_is_shared(tracker, a);
        return a->state == ATTACHMENT_QUARANTINED && core_link_is_tracked(tracker, a->link_id);
}

static int detach_in_kernel(Tracker *tracker, const Attachment *a, Diag *diag) {
        const Mechanism *mechanism = mechanism_of(a->via);
        MechanismCall call = {
                .ops = tracker->ops,
                .attachment = a,
                .cgroup_fd = -EBADF,
                .prog_fd = -EBADF,
                .old_prog_fd = -EBADF,
        };
        bool owned = false;
        int r;

        if (!mechanism || stands_for_another(tracker, a))
                return 0; /* or a quarantined descriptor of unknown kind: closing is all there is to do */
        if (!mechanism->holds_fd) {
                call.cgroup_fd = cgroup_of(tracker, a, &owned);
                if (call.cgroup_fd < 0 && call.cgroup_fd != -ESTALE && call.cgroup_fd != -ENOENT)
                        return diag_errno(
                                diag, call.cgroup_fd, "cannot open cgroup '%s'", a->path ?: "?"
                        );
        }
        r = mechanism->detach(&call, diag);
        if (owned)
                core_close(tracker, &call.cgroup_fd);
        return r;
}

static bool has_record(const Attachment *a) {
        return a->id != 0 && a->state != ATTACHMENT_QUARANTINED;
}

/* -errno: it is off, but its pin stays; so does the record, which says so. */
static int drop_pin(Tracker *tracker, Attachment *a, Diag *diag) {
        char *pin;
        int r;

        if (!a->pinned)
                return 0;
        pin = core_pin_path(tracker, a->id);
        r = tracker->ops->unpin(tracker->ops, pin);
        if (r < 0 && r != -ENOENT) {
                diag_errno(diag, r, "cannot remove pin '%s'", pin);
                if (has_record(a) && attachment_state_may_follow(a->state, ATTACHMENT_DEFUNCT))
                        attachment_set_state(
                                a, ATTACHMENT_DEFUNCT, "detached, but its pin cannot be removed"
                        );
                g_free(pin);
                return r;
        }
        g_free(pin);
        a->pinned = false;
        stop_point("detach.hold.after");
        return 0;
}

int release_in_kernel(Tracker *tracker, Attachment *a, Diag *diag) {
        int r;

        if (a->fd < 0 && a->pinned) { /* only the pin holds it */
                char *pin = core_pin_path(tracker, a->id);

                a->fd = tracker->ops->pin_open(tracker->ops, pin);
                g_free(pin);
                if (a->fd < 0)
                        a->fd = -EBADF; /* unpinned by somebody: nothing of ours is left to take off */
        }
        stop_point("detach.call.before");
        r = detach_in_kernel(tracker, a, diag);
        if (r < 0)
                return r;
        stop_point("detach.call.after");
        r = drop_pin(tracker, a, diag);
        if (r < 0)
                return r;
        core_close(tracker, &a->fd);
        return 0;
}

static int write_intents(Tracker *tracker, const GPtrArray *attachments, Diag *diag) {
        for (guint i = 0; i < attachments->len; i++) {
                const Attachment *a = attachments->pdata[i];

                if (has_record(a) && attachment_is_in_force(a))
                        record_write_intent(tracker->lines, INTENT_DETACH, a, 0);
        }
        return changes_write(tracker, diag);
}

static void finish(Tracker *tracker, Attachment *a, ReleaseMode mode) {
        if (mode == RELEASE_HOLD_OFF && has_record(a) && a->state != ATTACHMENT_DEFUNCT) {
                if (a->state == ATTACHMENT_HELD_OFF)
                        return;
                attachment_set_state(a, ATTACHMENT_HELD_OFF, "detached by the operator");
                record_write_attachment(tracker->lines, a, -1);
                record_write_commit(tracker->lines, a->id);
                core_emit_attachment(tracker, TRACKER_ATTACHMENT_CHANGED, a);
                return;
        }
        if (has_record(a))
                record_write_detached(tracker->lines, a->id);
        core_emit_attachment(tracker, TRACKER_ATTACHMENT_REMOVED, a);
        core_remove_attachment(tracker, a);
}

int release_attachments(
        Tracker *tracker,
        const GPtrArray *attachments,
        ReleaseMode mode,
        Diag *diag
) {
        int result, r;

        if (tracker->read_only)
                return diag_fail(
                        diag, -EROFS, "the state is of an unknown version: nothing is changed"
                );
        result = write_intents(tracker, attachments, diag);
        if (result < 0)
                return result;
        stop_point("detach.intent.after");
        for (guint i = 0; i < attachments->len; i++) {
                Attachment *a = attachments->pdata[i];

                /* what is held off has nothing there, but another may by now */
                r = attachment_is_in_force(a) ? release_in_kernel(tracker, a, diag) : 0;
                if (r < 0) {
                        result = result < 0 ? result : r;
                        if (has_record(a)) { /* the intent is given up, it stays */
                                record_write_attachment(tracker->lines, a, -1);
                                record_write_commit(tracker->lines, a->id);
                        }
                        continue;
                }
                finish(tracker, a, mode);
        }
        r = changes_write(tracker, diag);
        stop_point("detach.commit.after");
        return result < 0 ? result : r;
}

int release_attachment(Tracker *tracker, Attachment *attachment, ReleaseMode mode, Diag *diag) {
        GPtrArray *one = g_ptr_array_new();
        int r;

        g_ptr_array_add(one, attachment);
        r = release_attachments(tracker, one, mode, diag);
        g_ptr_array_unref(one);
        return r;
}

void forget_attachment(Tracker *tracker, Attachment *attachment) {
        core_close(tracker, &attachment->fd);
}
