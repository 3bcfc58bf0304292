/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/attach.h"

#include "src/base/stop-point.h"
#include "src/track/apply.h"
#include "src/track/changes.h"
#include "src/track/record.h"
#include "src/track/release.h"

int attach_hold(Tracker *tracker, Attachment *a, Diag *diag) {
        const Mechanism *mechanism = mechanism_of(a->via);
        char *pin;
        int r;

        if (!mechanism->holds_fd || !tracker->pin_directory || a->pinned)
                return 0;
        pin = core_pin_path(tracker, a->id);
        r = tracker->ops->pin(tracker->ops, a->fd, pin);
        if (r >= 0)
                a->pinned = true;
        else
                diag_errno(diag, r, "cannot pin the link at '%s'", pin);
        g_free(pin);
        stop_point("attach.hold.after");
        return r;
}

int attach_and_hold(Tracker *tracker, Attachment *a, const MechanismCall *call, Diag *diag) {
        int fd = -EBADF, r;
        uint32_t link_id = 0;

        stop_point("attach.call.before");
        r = mechanism_of(a->via)->attach(call, &fd, &link_id, diag);
        stop_point("attach.call.after");
        if (r < 0)
                return r;
        a->fd = fd;
        a->link_id = link_id;
        r = attach_hold(tracker, a, diag);
        if (r < 0) {
                (void)release_in_kernel(tracker, a, NULL); /* the pin's error is the one to tell */
                core_close(tracker, &a->fd); /* the last reference, should the detach have failed */
        }
        return r;
}

/* The program is exchanged for itself: from then on the kernel's object is ours to account for. */
static int adopt_in_place(MechanismCall *call, Diag *diag) {
        int r;

        call->old_prog_fd = call->prog_fd;
        r = mechanism_of(call->attachment->via)->replace(call, diag);
        if (r == -ENOLINK)
                return diag_fail(
                        diag, -EBUSY,
                        "the program went away meanwhile, or a link of somebody else holds it"
                );
        if (r == -EOPNOTSUPP)
                return diag_fail(
                        diag, r,
                        "this kernel has neither links nor a replacement within a list, it cannot be had without a gap"
                );
        return r;
}

static bool is_in_place(const Attachment *a) {
        return a->adopted && a->via == VIA_CGROUP_LEGACY;
}

int apply_single(Tracker *tracker, Attachment *a, const ProgramRequest *request, Diag *diag) {
        MechanismCall call = {
                .ops = tracker->ops,
                .attachment = a,
                .cgroup_fd = request->cgroup_fd,
                .prog_fd = request->prog_fd,
                .old_prog_fd = -EBADF,
                .takeover = request->takeover,
        };
        int r;

        record_write_intent(tracker->lines, INTENT_ATTACH, a, 0);
        r = changes_write(tracker, diag);
        if (r < 0)
                return r;
        stop_point("apply.intent.after");
        r = is_in_place(a) ? adopt_in_place(&call, diag) : attach_and_hold(tracker, a, &call, diag);
        if (r < 0) {
                record_write_detached(tracker->lines, a->id);
                (void)changes_write(
                        tracker, NULL
                ); /* without the line restore finds that nothing is there */
                return r;
        }
        attachment_set_state(a, ATTACHMENT_ATTACHED, NULL);
        record_write_attachment(tracker->lines, a, -1);
        record_write_commit(tracker->lines, a->id);
        r = changes_write(tracker, diag);
        stop_point("apply.commit.after");
        if (r < 0 && !is_in_place(a)) /* that one was there before, and protects */
                (void)release_in_kernel(tracker, a, NULL); /* not written means not done */
        return r;
}
