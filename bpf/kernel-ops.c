/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/kernel-ops.h"

#include <errno.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "bpf/legacy.h"
#include "bpf/link.h"
#include "bpf/object.h"
#include "bpf/probe.h"
#include "bpf/program.h"
#include "bpf/query.h"

static int real_link_create(const KernelOps *ops, int prog_fd, int cgroup_fd, uint32_t attach_type) {
        return link_create(&(LinkArguments){
                .cgroup_fd = cgroup_fd,
                .prog_fd = prog_fd,
                .attach_type = attach_type,
        });
}

static int real_link_create_with(const KernelOps *ops, const LinkArguments *arguments) {
        return link_create(arguments);
}

static int real_link_update(const KernelOps *ops, int link_fd, int new_prog_fd, int old_prog_fd) {
        return link_update(link_fd, new_prog_fd, old_prog_fd);
}

static int real_link_detach(const KernelOps *ops, int link_fd) {
        return link_detach(link_fd);
}

static int real_prog_attach(const KernelOps *ops, const AttachArguments *arguments) {
        return legacy_attach(arguments);
}

static int real_prog_detach(const KernelOps *ops, const AttachArguments *arguments) {
        return legacy_detach(arguments);
}

static int real_pin(const KernelOps *ops, int fd, const char *path) {
        return bpffs_pin(fd, path);
}

static int real_unpin(const KernelOps *ops, const char *path) {
        return bpffs_unpin(path);
}

static int real_load(const KernelOps *ops, const LoadRequest *request, int *ret_fds, Diag *diag) {
        return object_load(request, ret_fds, diag);
}

static int real_pin_open(const KernelOps *ops, const char *path) {
        return bpffs_pin_open(path);
}

static int real_pin_open_at(const KernelOps *ops, int path_fd) {
        return bpffs_pin_open_at(path_fd);
}

static FdKind real_kind(const KernelOps *ops, int fd) {
        return fd_kind(fd);
}

static void real_kinds(const KernelOps *ops, const int *fds, size_t n, FdKind *ret) {
        fd_kinds(fds, n, ret);
}

static int real_link_info(const KernelOps *ops, int link_fd, LinkInfo *ret) {
        return link_info(link_fd, ret);
}

static int real_prog_info(const KernelOps *ops, int prog_fd, ProgramInfo *ret) {
        return program_info(prog_fd, ret);
}

static int real_prog_by_id(const KernelOps *ops, uint32_t id) {
        return call_fd_by_id(BPF_PROG_GET_FD_BY_ID, id);
}

static int real_link_by_id(const KernelOps *ops, uint32_t id) {
        return call_fd_by_id(BPF_LINK_GET_FD_BY_ID, id);
}

static int real_prog_fits(const KernelOps *ops, int prog_fd, uint32_t attach_type) {
        return legacy_fits(prog_fd, attach_type);
}

static int real_prog_has_cgroup_storage(const KernelOps *ops, int prog_fd) {
        return program_has_cgroup_storage(prog_fd);
}

static int real_query(
        const KernelOps *ops,
        int cgroup_fd,
        uint32_t attach_type,
        bool effective,
        QueryResult *ret
) {
        return query_cgroup(cgroup_fd, attach_type, effective, ret);
}

static int real_cgroup_open(const KernelOps *ops, const char *path, uint64_t *ret_id) {
        return cgroup_open(path, ret_id, NULL);
}

static int real_cgroup_by_id(const KernelOps *ops, uint64_t id, char **ret_path) {
        return cgroup_by_id(id, ret_path);
}

static int real_cgroup_parent(const KernelOps *ops, int cgroup_fd) {
        return cgroup_parent(cgroup_fd);
}

static int real_cgroup_id(const KernelOps *ops, int cgroup_fd, uint64_t *ret_id) {
        return cgroup_id(cgroup_fd, ret_id);
}

static int real_cgroup_alive(const KernelOps *ops, int cgroup_fd) {
        return cgroup_alive(cgroup_fd);
}

static int real_cgroup_descendants(const KernelOps *ops, int cgroup_fd, unsigned max) {
        return cgroup_descendants(cgroup_fd, max);
}

static bool real_has(const KernelOps *ops, Feature feature) {
        return probe_feature(feature);
}

static int real_pins_list(const KernelOps *ops, const char *directory, char ***ret) {
        return bpffs_pins_list(directory, ret);
}

static int real_close(const KernelOps *ops, int fd) {
        return fd_close(fd);
}

const KernelOps *kernel_ops_real(void) {
        static const KernelOps real = {
                .link_create = real_link_create,
                .link_create_with = real_link_create_with,
                .link_update = real_link_update,
                .link_detach = real_link_detach,
                .prog_attach = real_prog_attach,
                .prog_detach = real_prog_detach,
                .pin = real_pin,
                .unpin = real_unpin,
                .load = real_load,
                .pin_open = real_pin_open,
                .pin_open_at = real_pin_open_at,
                .kind = real_kind,
                .kinds = real_kinds,
                .link_info = real_link_info,
                .prog_info = real_prog_info,
                .prog_by_id = real_prog_by_id,
                .link_by_id = real_link_by_id,
                .prog_fits = real_prog_fits,
                .prog_has_cgroup_storage = real_prog_has_cgroup_storage,
                .query = real_query,
                .cgroup_open = real_cgroup_open,
                .cgroup_by_id = real_cgroup_by_id,
                .cgroup_parent = real_cgroup_parent,
                .cgroup_id = real_cgroup_id,
                .cgroup_alive = real_cgroup_alive,
                .cgroup_descendants = real_cgroup_descendants,
                .has = real_has,
                .pins_list = real_pins_list,
                .close = real_close,
        };

        return &real;
}
