/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/mechanism.h"

#include <errno.h>
#include <linux/bpf.h>

#include "src/track/explain.h"

static uint32_t type_of(const MechanismCall *call) {
        const HookInfo *info = hook_info(call->attachment->hook);

        g_assert(
                info && info->target == HOOK_TARGET_CGROUP
        ); /* the kernel reads the same word as an ifindex */
        return info->attach_type;
}

/* cgroup-link */

static int link_attach(const MechanismCall *call, int *ret_fd, uint32_t *ret_link_id, Diag *diag) {
        LinkInfo info;
        int fd = call->ops->link_create(call->ops, call->prog_fd, call->cgroup_fd, type_of(call)),
            r;

        if (fd < 0)
                return explain_attach(call, fd, diag);
        r = call->ops->link_info(call->ops, fd, &info);
        if (r < 0) {
                call->ops->close(call->ops, fd); /* the last reference: detached again */
                return diag_errno(diag, r, "cannot look at the new link");
        }
        *ret_fd = fd;
        *ret_link_id = info.id;
        return 0;
}

/* The kernel checks neither expected attach type nor cgroup storage when a link's program is exchanged: such an
 * exchange would run a program in a place or with memory it was not made for. */
static int link_may_update(const MechanismCall *call, Diag *diag) {
        int r = call->ops->prog_fits(call->ops, call->prog_fd, type_of(call));

        if (r < 0)
                return explain_attach(call, -EINVAL, diag);
        r = call->ops->prog_has_cgroup_storage(call->ops, call->prog_fd);
        if (r == 0 && call->old_prog_fd >= 0)
                r = call->ops->prog_has_cgroup_storage(call->ops, call->old_prog_fd);
        if (r < 0)
                return diag_errno(diag, r, "cannot look at the maps of the program");
        return r > 0 ? -EOPNOTSUPP : 0;
}

static int link_replace(const MechanismCall *call, Diag *diag) {
        LinkInfo info;
        int r = call->ops->link_info(call->ops, call->attachment->fd, &info);

        if (r < 0)
                return diag_errno(diag, r, "cannot look at link %u", call->attachment->link_id);
        if (info.cgroup_id !=
            call->attachment->cgroup_id) /* success of an update would be no proof of life */
                return -ENOLINK;
        r = link_may_update(call, diag);
        if (r < 0)
                return r;
        r = call->ops->link_update(
                call->ops, call->attachment->fd, call->prog_fd, call->old_prog_fd
        );
        if (r == -EINVAL)
                return -EOPNOTSUPP;
        if (r == -EPERM)
                return diag_fail(
                        diag, r, "link %u has program %u now, which somebody else put there",
                        info.id, info.prog_id
                );
        if (r < 0 && r != -ENOLINK)
                return diag_errno(diag, r, "cannot exchange the program of link %u", info.id);
        return r;
}

static int link_detach(const MechanismCall *call, Diag *diag) {
        LinkInfo info;
        int r;

        if (call->attachment->fd < 0)
                return 0; /* no descriptor and no pin is left: so is no link of ours */
        r = call->ops->link_detach(call->ops, call->attachment->fd);
        if (r < 0 && r != -ENOLINK && r != -EOPNOTSUPP && r != -EINVAL)
                return diag_errno(diag, r, "cannot detach link %u", call->attachment->link_id);
        if (r == -EOPNOTSUPP || r == -EINVAL)
                return 0; /* no LINK_DETACH before 5.9: closing the last reference does it */
        r = call->ops->link_info(call->ops, call->attachment->fd, &info);
        if (r >= 0 && info.cgroup_id != 0) /* where it cannot be read, the call's word stands */
                return diag_fail(
                        diag, -EBUSY, "link %u is still attached after its detach", info.id
                );
        return 0;
}

static int link_look(const MechanismCall *call, uint32_t *ret_prog_id) {
        LinkInfo info;
        int r = call->ops->link_info(call->ops, call->attachment->fd, &info);

        if (r < 0)
                return r;
        if (info.cgroup_id == 0)
                *ret_prog_id = 0;
        else
                *ret_prog_id = info.prog_id;
        return 0;
}

/* cgroup-legacy */

static int program_id_of(const KernelOps *ops, int prog_fd, uint32_t *ret) {
        ProgramInfo info;
        int r = ops->prog_info(ops, prog_fd, &info);

        if (r >= 0)
                *ret = info.id;
        return r;
}

static bool query_has(const QueryResult *query, uint32_t prog_id) {
        for (size_t i = 0; i < query->n_prog_ids; i++)
                if (query->prog_ids[i] == prog_id)
                        return true;
        return false;
}

/* In the modes that hold one program the kernel would displace or remove whatever is there: ask first, and name the
 * revision of the answer in the call where the kernel has revisions. expected_id 0: nothing may be there. */
static int check_single(
        const MechanismCall *call,
        uint32_t expected_id,
        AttachArguments *arguments,
        Diag *diag
) {
        QueryResult query = {};
        int r = call->ops->query(call->ops, call->cgroup_fd, type_of(call), false, &query);

        if (r < 0)
                return diag_errno(
                        diag, r, "cannot ask what is attached to %s",
                        hook_to_string(call->attachment->hook)
                );
        arguments->expected_revision = query.revision;
        if (query.n_prog_ids > 0 && query.prog_ids[0] != expected_id && !call->takeover)
                r = diag_fail(
                        diag, -EBUSY, "program %u of somebody else is attached to %s of cgroup %s",
                        query.prog_ids[0], hook_to_string(call->attachment->hook),
                        call->attachment->path ?: "?"
                );
        query_result_done(&query);
        return r;
}

static AttachArguments legacy_arguments(const MechanismCall *call) {
        return (AttachArguments){
                .cgroup_fd = call->cgroup_fd,
                .prog_fd = call->prog_fd,
                .replace_prog_fd = -EBADF,
                .attach_type = type_of(call),
                .flags = attach_mode_flags(call->attachment->mode),
        };
}

static int legacy_attach(const MechanismCall *call, int *ret_fd, uint32_t *ret_link_id, Diag *diag) {
        AttachArguments arguments = legacy_arguments(call);
        int r;

        if (call->attachment->mode != ATTACH_MULTI) {
                r = check_single(call, 0, &arguments, diag);
                if (r < 0)
                        return r;
        }
        r = call->ops->prog_attach(call->ops, &arguments);
        if (r < 0)
                return explain_attach(call, r, diag);
        *ret_fd = -EBADF;
        *ret_link_id = 0;
        return 0;
}

static int legacy_replace(const MechanismCall *call, Diag *diag) {
        AttachArguments arguments = legacy_arguments(call);
        uint32_t old_id = 0;
        int r;

        if (call->old_prog_fd < 0)
                return -ENOLINK;
        if (call->attachment->mode == ATTACH_MULTI) {
                if (!call->ops->has(call->ops, FEATURE_REPLACE))
                        return -EOPNOTSUPP;
                arguments.flags |= BPF_F_REPLACE;
                arguments.replace_prog_fd = call->old_prog_fd;
        } else {
                r = program_id_of(call->ops, call->old_prog_fd, &old_id);
                if (r >= 0)
                        r = check_single(call, old_id, &arguments, diag);
                if (r < 0)
                        return r;
        }
        r = call->ops->prog_attach(call->ops, &arguments);
        if (r == -ENOENT && call->ops->cgroup_alive(call->ops, call->cgroup_fd) > 0)
                return -ENOLINK; /* somebody took ours off: a new one is needed */
        if (r < 0)
                return explain_attach(call, r, diag);
        return 0;
}

static int legacy_look(const MechanismCall *call, uint32_t *ret_prog_id) {
        uint32_t wanted = call->attachment->program ? call->attachment->program->id : 0;
        QueryResult query = {};
        int r = call->ops->query(call->ops, call->cgroup_fd, type_of(call), false, &query);

        if (r < 0)
                return r;
        *ret_prog_id = 0;
        if (query_has(&query, wanted))
                *ret_prog_id = wanted;
        else if (query.n_prog_ids > 0 && call->attachment->mode != ATTACH_MULTI)
                *ret_prog_id = query.prog_ids[0];
        query_result_done(&query);
        return 0;
}

/* How often the program stands on the list, which a link of ours may have put there too. */
static int legacy_count(const MechanismCall *call, uint32_t prog_id, size_t *ret) {
        QueryResult query = {};
        size_t n = 0;
        int r = call->ops->query(call->ops, call->cgroup_fd, type_of(call), false, &query);

        if (r < 0)
                return r;
        for (size_t i = 0; i < query.n_prog_ids; i++)
                n += query.prog_ids[i] == prog_id;
        query_result_done(&query);
        *ret = n;
        return 0;
}

static int legacy_call_detach(const MechanismCall *call, uint32_t ours, Diag *diag) {
        AttachArguments arguments = legacy_arguments(call);
        int prog_fd = call->ops->prog_by_id(call->ops, ours), r = 0;

        if (prog_fd < 0)
                return diag_errno(diag, prog_fd, "cannot open program %u", ours);
        arguments.prog_fd = prog_fd;
        arguments.flags = 0;
        if (call->attachment->mode != ATTACH_MULTI)
                r = check_single(call, ours, &arguments, diag);
        if (r >= 0) {
                r = call->ops->prog_detach(call->ops, &arguments);
                if (r < 0 && r != -ENOENT)
                        diag_errno(diag, r, "cannot detach program %u", ours);
        }
        call->ops->close(call->ops, prog_fd);
        return r;
}

static int legacy_detach(const MechanismCall *call, Diag *diag) {
        uint32_t ours = call->attachment->program ? call->attachment->program->id : 0;
        size_t before = 0, after = 0;
        int r;

        if (call->cgroup_fd < 0)
                return 0; /* the kernel dropped it with the cgroup */
        r = legacy_count(call, ours, &before);
        if (r == -ENOENT || (r >= 0 && before == 0))
                return 0; /* gone, or somebody else's by now, which is not ours to take off */
        if (r < 0)
                return diag_errno(diag, r, "cannot ask what is attached");
        r = legacy_call_detach(call, ours, diag);
        if (r == -ENOENT)
                return 0; /* gone meanwhile, or it is a link that has the program there */
        if (r < 0)
                return r;
        if (legacy_count(call, ours, &after) >= 0 && after >= before)
                return diag_fail(
                        diag, -EBUSY, "program %u is still attached after its detach", ours
                );
        return 0;
}

static const Mechanism mechanisms[_VIA_MAX] = {
        [VIA_CGROUP_LINK] = {
                .attach = link_attach,
                .replace = link_replace,
                .detach = link_detach,
                .look = link_look,
                .holds_fd = true,
        },
        [VIA_CGROUP_LEGACY] = {
                .attach = legacy_attach,
                .replace = legacy_replace,
                .detach = legacy_detach,
                .look = legacy_look,
        },
};

const Mechanism *mechanism_of(Via via) {
        if (via < 0 || via >= _VIA_MAX || !mechanisms[via].attach)
                return NULL;
        return &mechanisms[via];
}
