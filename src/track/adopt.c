/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Adopting: a program that somebody else attached without a link becomes an attachment of a unit, and is in force
 * all the while. Where one program is alone on the list (override, exclusive), and where this kernel has no links, it is
 * exchanged for itself, which the kernel does in one step and refuses if something else came meanwhile. In a multi list
 * a link with the same program is put beside it, and then the foreign one is taken off. */

#include <errno.h>
#include <linux/bpf.h>

#include "src/track/core.h"
#include "src/track/mechanism.h"

/* Where on the cgroup the program is attached. */
typedef struct Found {
        Hook hook;
        AttachMode mode;
} Found;

static int find(const KernelOps *ops, int cgroup_fd, uint32_t prog_id, Found *ret) {
        for (unsigned i = 0; i < _HOOK_MAX; i++) {
                const HookInfo *info = hook_info((Hook)i);
                QueryResult result = {};
                bool found = false;

                if (!info || info->target != HOOK_TARGET_CGROUP ||
                    ops->query(ops, cgroup_fd, info->attach_type, false, &result) < 0)
                        continue;
                for (size_t n = 0; n < result.n_prog_ids; n++)
                        found = found || result.prog_ids[n] == prog_id;
                if (found)
                        *ret = (Found){
                                .hook = (Hook)i,
                                .mode = attach_mode_from_flags(result.attach_flags),
                        };
                query_result_done(&result);
                if (found)
                        return 0;
        }
        return -ENOENT;
}

/* A link of ours may run the same program beside somebody's; anything else of ours is what was found. */
static int check_foreign(
        const Tracker *tracker,
        uint64_t cgroup_id,
        uint32_t prog_id,
        const Found *found,
        Diag *diag
) {
        for (guint i = 0; i < tracker->all->len; i++) {
                const Attachment *a = tracker->all->pdata[i];

                if (a->cgroup_id == cgroup_id && a->hook == found->hook &&
                    a->via == VIA_CGROUP_LEGACY && a->state == ATTACHMENT_ATTACHED && a->program &&
                    a->program->id == prog_id)
                        return diag_fail(
                                diag, -EBUSY, "program %u is ours already, as attachment %lu",
                                prog_id, (unsigned long)a->id
                        );
        }
        if (found->mode < 0)
                return diag_fail(
                        diag, -EOPNOTSUPP, "program %u is attached in a mode that is not known",
                        prog_id
                );
        return 0;
}

/* The link is in force: the foreign attachment goes, or all is as it was. */
static int drop_foreign(Tracker *tracker, const ProgramRequest *request, uint64_t id, Diag *diag) {
        const AttachArguments foreign = {
                .cgroup_fd = request->cgroup_fd,
                .prog_fd = request->prog_fd,
                .replace_prog_fd = -EBADF,
                .attach_type = hook_info(request->hook)->attach_type,
        };
        int r = tracker->ops->prog_detach(tracker->ops, &foreign);

        if (r >= 0)
                return 0;
        /* the error to tell is that of the detach; a link that cannot be let go stays listed */
        (void)tracker_free_attachment(tracker, id, NULL);
        if (r == -ENOENT)
                return diag_fail(
                        diag, -EBUSY,
                        "the program is held by a link, only its owner can give it away"
                );
        return diag_errno(diag, r, "cannot take over from the foreign attachment");
}

static int adopt_found(
        Tracker *tracker,
        const UnitPlace *place,
        ProgramRequest *request,
        uint64_t *ret_id,
        Diag *diag
) {
        uint64_t id;
        int r;

        request->unit = place->unit;
        request->invocation_id = place->invocation_id;
        request->adopt = true;
        request->origin = "adopt";
        request->via = request->mode == ATTACH_MULTI &&
                                       tracker->ops->has(tracker->ops, FEATURE_CGROUP_LINK)
                               ? VIA_CGROUP_LINK
                               : VIA_CGROUP_LEGACY;
        r = tracker_attach_program(tracker, request, &id, diag);
        if (r >= 0 && request->via == VIA_CGROUP_LINK)
                r = drop_foreign(tracker, request, id, diag);
        if (r < 0)
                return r;
        *ret_id = id;
        return 0;
}

static int adopt_from(
        Tracker *tracker,
        const UnitPlace *place,
        int cgroup_fd,
        uint32_t prog_id,
        uint64_t *ret_id,
        Diag *diag
) {
        ProgramRequest request = { .cgroup_fd = cgroup_fd };
        Found found;
        int r = find(tracker->ops, cgroup_fd, prog_id, &found);

        if (r < 0)
                return diag_errno(
                        diag, r, "program %u is not attached to '%s'", prog_id, place->cgroup
                );
        r = check_foreign(tracker, place->cgroup_id, prog_id, &found, diag);
        if (r < 0)
                return r;
        request.hook = found.hook;
        request.mode = found.mode;
        request.prog_fd = tracker->ops->prog_by_id(tracker->ops, prog_id);
        if (request.prog_fd < 0)
                return diag_errno(diag, request.prog_fd, "cannot open program %u", prog_id);
        r = adopt_found(tracker, place, &request, ret_id, diag);
        core_close(tracker, &request.prog_fd);
        return r;
}

int tracker_adopt(
        Tracker *tracker,
        const UnitPlace *place,
        uint32_t prog_id,
        uint64_t *ret_id,
        Diag *diag
) {
        uint64_t cgroup_id;
        int r, cgroup_fd = tracker->ops->cgroup_open(tracker->ops, place->cgroup, &cgroup_id);

        if (cgroup_fd < 0)
                return diag_errno(diag, cgroup_fd, "cannot open cgroup '%s'", place->cgroup);
        if (cgroup_id == place->cgroup_id)
                r = adopt_from(tracker, place, cgroup_fd, prog_id, ret_id, diag);
        else
                r = diag_fail(diag, -ESTALE, "cgroup '%s' is another one by now", place->cgroup);
        core_close(tracker, &cgroup_fd);
        return r;
}
