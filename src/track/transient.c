/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/transient.h"

#include <errno.h>

#include "src/track/mechanism.h"

/* What takeover permits is to displace somebody else's program. One of ours stands for a unit or a lease, whose holder
 * would go on believing in it. */
static int check_own(
        const Tracker *tracker,
        const GPtrArray *array,
        const Attachment *a,
        Diag *diag
) {
        for (guint i = 0; i < array->len; i++) {
                const Attachment *other = array->pdata[i];

                if (other->cgroup_id != a->cgroup_id || other->hook != a->hook ||
                    (other->state != ATTACHMENT_ATTACHED && other->state != ATTACHMENT_QUARANTINED))
                        continue;
                return diag_fail(
                        diag, -EBUSY,
                        "program %u of '%s' (attachment %lu of ours) is attached to %s of cgroup %s",
                        other->program ? other->program->id : 0, other->unit ?: "a lease",
                        (unsigned long)other->id, hook_to_string(a->hook), a->path
                );
        }
        return 0;
}

static int check_place(const Tracker *tracker, const Attachment *a, Diag *diag) {
        int r;

        if (a->mode == ATTACH_MULTI || a->adopted)
                return 0;
        r = check_own(tracker, tracker->all, a, diag);
        return r < 0 ? r : check_own(tracker, tracker->quarantine, a, diag);
}

int transient_attachment_new(
        Tracker *tracker,
        const ProgramRequest *request,
        Attachment **ret,
        Diag *diag
) {
        _cleanup_free_ char *path = NULL;
        _cleanup_(attachment_free_ptr) Attachment *a = attachment_new();
        ProgramInfo info;
        int r, fd;

        if (tracker->ops->kind(tracker->ops, request->prog_fd) != FD_KIND_PROGRAM)
                return diag_fail(diag, -EINVAL, "the descriptor is no BPF program");
        r = tracker->ops->prog_info(tracker->ops, request->prog_fd, &info);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at the program");
        r = tracker->ops->prog_fits(
                tracker->ops, request->prog_fd, hook_info(request->hook)->attach_type
        );
        if (r < 0)
                return diag_fail(
                        diag, -EINVAL, "program %u does not fit %s", info.id,
                        hook_to_string(request->hook)
                );
        r = tracker->ops->cgroup_id(tracker->ops, request->cgroup_fd, &a->cgroup_id);
        if (r < 0)
                return diag_errno(diag, r, "the descriptor is no directory of cgroup v2");
        fd = tracker->ops->cgroup_by_id(tracker->ops, a->cgroup_id, &path);
        if (fd < 0)
                return diag_errno(diag, fd, "cannot find cgroup %lu", (unsigned long)a->cgroup_id);
        core_close(tracker, &fd);
        a->hook = request->hook;
        a->mode = request->mode;
        a->via = request->via;
        if (a->via < 0)
                a->via = a->mode == ATTACH_MULTI &&
                                         tracker->ops->has(tracker->ops, FEATURE_CGROUP_LINK)
                                 ? VIA_CGROUP_LINK
                                 : VIA_CGROUP_LEGACY;
        if (!mechanism_of(a->via) || (a->via == VIA_CGROUP_LINK && a->mode != ATTACH_MULTI))
                return diag_fail(
                        diag, -EINVAL, "%s cannot be had by a link", attach_mode_to_string(a->mode)
                );
        a->lease = request->lease;
        a->adopted = request->adopt;
        a->policy = POLICY_WANTED;
        a->since_usec = core_now_usec();
        text_assign(&a->path, path);
        r = check_place(tracker, a, diag);
        if (r < 0)
                return r;
        text_assign(&a->origin, request->origin);
        a->program = core_learn_program(tracker, &info, info.name, NULL, NULL);
        *ret = TAKE_PTR(a);
        return 0;
}
