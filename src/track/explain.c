/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/explain.h"

#include <errno.h>

static int path_of(const KernelOps *ops, int cgroup_fd, char **ret) {
        uint64_t id;
        int fd, r = ops->cgroup_id(ops, cgroup_fd, &id);

        if (r < 0)
                return r;
        fd = ops->cgroup_by_id(ops, id, ret);
        if (fd < 0)
                return fd;
        ops->close(ops, fd);
        return 0;
}

/* 1 if this cgroup's own list is in exclusive mode. */
static int is_exclusive(
        const KernelOps *ops,
        int cgroup_fd,
        uint32_t attach_type,
        uint32_t *ret_prog_id
) {
        QueryResult query = {};
        int r = ops->query(ops, cgroup_fd, attach_type, false, &query);

        if (r < 0)
                return r;
        r = query.n_prog_ids > 0 && query.attach_flags == 0;
        if (r > 0)
                *ret_prog_id = query.prog_ids[0];
        query_result_done(&query);
        return r;
}

int explain_blocker(
        const KernelOps *ops,
        int cgroup_fd,
        Hook hook,
        char **ret_path,
        uint32_t *ret_prog_id
) {
        uint32_t attach_type = hook_info(hook)->attach_type;
        int fd = ops->cgroup_parent(ops, cgroup_fd);

        while (fd >= 0) {
                int parent, r = is_exclusive(ops, fd, attach_type, ret_prog_id);

                if (r > 0)
                        r = path_of(ops, fd, ret_path) < 0 ? 0 : 1;
                if (r != 0) {
                        ops->close(ops, fd);
                        return r > 0;
                }
                parent = ops->cgroup_parent(ops, fd);
                ops->close(ops, fd);
                fd = parent;
        }
        return 0;
}

static int explain_permission(const MechanismCall *call, int error, Diag *diag) {
        const char *hook = hook_to_string(call->attachment->hook);
        char *path = NULL;
        uint32_t prog_id = 0;
        QueryResult query = {};

        if (call->ops->query(
                    call->ops, call->cgroup_fd, hook_info(call->attachment->hook)->attach_type,
                    false, &query
            ) >= 0 &&
            query.n_prog_ids > 0 &&
            query.attach_flags != attach_mode_flags(call->attachment->mode)) {
                diag_fail(
                        diag, error,
                        "program %u is attached to %s in %s mode, which does not go with %s",
                        query.prog_ids[0], hook,
                        attach_mode_to_string(attach_mode_from_flags(query.attach_flags))
                                ?: "another",
                        attach_mode_to_string(call->attachment->mode)
                );
                query_result_done(&query);
                return error;
        }
        query_result_done(&query);
        if (explain_blocker(call->ops, call->cgroup_fd, call->attachment->hook, &path, &prog_id) >
            0) {
                diag_fail(
                        diag, error,
                        "cgroup '%s' above has program %u attached to %s in exclusive mode, which forbids any "
                        "below",
                        path, prog_id, hook
                );
                free(path);
                return error;
        }
        return diag_fail(
                diag, error, "not permitted (CAP_NET_ADMIN and CAP_BPF are needed to attach to %s)",
                hook
        );
}

int explain_attach(const MechanismCall *call, int error, Diag *diag) {
        const char *hook = hook_to_string(call->attachment->hook);

        switch (error) {
        case -EPERM:
                return explain_permission(call, error, diag);
        case -E2BIG:
                return diag_fail(
                        diag, error,
                        "the list of %s is full: the kernel takes 64 programs on a cgroup and hook",
                        hook
                );
        case -ENOENT:
                return diag_fail(diag, error, "the cgroup was removed meanwhile");
        case -EBADF:
                return diag_fail(
                        diag, error, "'%s' is no directory of cgroup v2",
                        call->attachment->path ?: "?"
                );
        case -ESTALE:
                return diag_fail(diag, error, "what is attached to %s changed meanwhile", hook);
        case -EINVAL:
                if (call->ops->prog_fits(
                            call->ops, call->prog_fd, hook_info(call->attachment->hook)->attach_type
                    ) < 0)
                        return diag_fail(
                                diag, error,
                                "the program does not fit %s, or this kernel does not have that hook",
                                hook
                        );
                if (call->attachment->via == VIA_CGROUP_LEGACY)
                        return diag_fail(
                                diag, error, "the same program is attached to %s already", hook
                        );
                return diag_errno(diag, error, "cannot attach to %s", hook);
        default:
                return diag_errno(diag, error, "cannot attach to %s", hook);
        }
}
