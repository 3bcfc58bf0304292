/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/track/track-host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "src/base/fd.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"

uint32_t host_program_id(const Host *host, int fd) {
        ProgramInfo info;

        ck_assert_int_eq(host->ops->prog_info(host->ops, fd, &info), 0);
        return info.id;
}

void host_start(Host *host, const char *text, FdSet *fds) {
        char links[96];
        TrackerOptions options = { .ops = host->ops, .pin_directory = links };

        (void)snprintf(links, sizeof links, "%s/links", host->bpffs);
        ck_assert_int_eq(tracker_new(&options, &host->tracker, NULL), 0);
        ck_assert_int_eq(
                tracker_restore(host->tracker, text, text ? strlen(text) : 0, fds, NULL, NULL), 0
        );
}

/* Each test is a process of its own: the mount is its own too. */
void host_begin(Host *host) {
        char path[96];

        *host = (Host){ .ops = kernel_ops_real() };
        ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
        ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        (void)snprintf(host->bpffs, sizeof host->bpffs, "/run/unitbpf-test-track-%d", getpid());
        ck_assert_int_eq(mkdir(host->bpffs, 0700), 0);
        ck_assert_int_eq(mount("bpf", host->bpffs, "bpf", 0, NULL), 0);
        (void)snprintf(path, sizeof path, "%s/links", host->bpffs);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        for (int i = 0; i < OWN_PINS; i++) {
                host->own[i] = kernel_host_program(HOOK);
                (void)snprintf(path, sizeof path, "%s/own%d", host->bpffs, i);
                ck_assert_int_eq(host->ops->pin(host->ops, host->own[i], path), 0);
        }
        host->foreign = kernel_host_program(HOOK);
        host->foreign_id = host_program_id(host, host->foreign);
        kernel_host_make("p");
        kernel_host_make("p/c");
        host->parent = kernel_host_path("p");
        host->cgroup = kernel_host_path("p/c");
        host->parent_fd = host->ops->cgroup_open(host->ops, host->parent, NULL);
        host->cgroup_fd = host->ops->cgroup_open(host->ops, host->cgroup, NULL);
        ck_assert_int_ge(host->cgroup_fd, 0);
        for (int i = 0; i < FULL; i++)
                host->links[i] = -EBADF;
}

void host_end(Host *host) {
        uint32_t ids[OWN_PINS];
        char links[96];

        host->tracker = tracker_free(host->tracker);
        for (int i = 0; i < FULL; i++)
                (void)fd_close(host->links[i]);
        for (int i = 0; i < OWN_PINS; i++) {
                ids[i] = host_program_id(host, host->own[i]);
                (void)fd_close(host->own[i]);
        }
        (void)fd_close(host->foreign);
        (void)fd_close(host->cgroup_fd);
        (void)fd_close(host->parent_fd);
        (void)snprintf(links, sizeof links, "%s/links", host->bpffs);
        ck_assert_msg(rmdir(links) == 0, "pins are left in %s", links);
        ck_assert_int_eq(umount2(host->bpffs, MNT_DETACH), 0);
        ck_assert_int_eq(rmdir(host->bpffs), 0);
        if (access(host->cgroup, F_OK) == 0)
                kernel_host_remove("p/c");
        kernel_host_remove("p");
        kernel_host_end();
        for (int i = 0; i < OWN_PINS; i++)
                kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, ids[i]);
        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, host->foreign_id);
        free(host->parent);
        free(host->cgroup);
}

size_t host_count(const Host *host, int cgroup_fd, uint32_t id) {
        QueryResult query = {};
        size_t n = 0;

        if (host->ops->query(host->ops, cgroup_fd, hook_info(HOOK)->attach_type, false, &query) < 0)
                return 0;
        for (size_t i = 0; i < query.n_prog_ids; i++)
                n += query.prog_ids[i] == id;
        query_result_done(&query);
        return n;
}

#define LINK   VIA_CGROUP_LINK
#define LEGACY VIA_CGROUP_LEGACY

TargetSet *host_wish(const Host *host, AttachMode mode, Via via, bool takeover, int version) {
        TargetSet *set = target_set_new(UNIT);
        Target *target = target_set_add(set);

        target->hook = HOOK;
        target->mode = mode;
        target->via = via;
        target->takeover = takeover;
        target->repair = true;
        target->is_pin = true;
        target->path = text_format("%s/own%d", host->bpffs, version);
        target->origin = strdup("/etc/t.service:1");
        target->fd = open(target->path, O_PATH | O_CLOEXEC);
        ck_assert_int_ge(target->fd, 0);
        return set;
}

int host_apply(Host *host, const TargetSet *set, Diag *diag) {
        const UnitPlace place = { .unit = UNIT,
                                  .invocation_id = "aaaabbbbccccddddeeeeffff00001111",
                                  .cgroup = host->cgroup };

        return tracker_apply(host->tracker, &place, set, APPLY_LATE, diag);
}

void host_attach_foreign(const Host *host, int cgroup_fd, uint32_t flags) {
        const AttachArguments arguments = {
                .cgroup_fd = cgroup_fd,
                .prog_fd = host->foreign,
                .replace_prog_fd = -EBADF,
                .attach_type = hook_info(HOOK)->attach_type,
                .flags = flags,
        };

        ck_assert_int_eq(host->ops->prog_attach(host->ops, &arguments), 0);
}

void host_detach_foreign(const Host *host, int cgroup_fd) {
        const AttachArguments arguments = {
                .cgroup_fd = cgroup_fd,
                .prog_fd = host->foreign,
                .replace_prog_fd = -EBADF,
                .attach_type = hook_info(HOOK)->attach_type,
        };

        if (host_count(host, cgroup_fd, host->foreign_id) > 0)
                (void)host->ops->prog_detach(host->ops, &arguments); /* links go with their fds */
}

static void host_link_foreign(Host *host, int n) {
        for (int i = 0; i < n; i++) {
                host->links[i] = host->ops->link_create(
                        host->ops, host->foreign, host->cgroup_fd, hook_info(HOOK)->attach_type
                );
                ck_assert_int_ge(host->links[i], 0);
        }
}

void host_attach_own(Host *host, AttachMode mode, Via via) {
        _cleanup_(target_set_free_ptr) TargetSet *set = host_wish(host, mode, via, false, 0);

        ck_assert_int_eq(host_apply(host, set, NULL), APPLY_COVERED);
}

void host_prepare(Host *host, Prior prior) {
        switch (prior) {
        case NOTHING:
                return;
        case FOREIGN_EXCLUSIVE:
                host_attach_foreign(host, host->cgroup_fd, 0);
                return;
        case FOREIGN_OVERRIDE:
                host_attach_foreign(host, host->cgroup_fd, BPF_F_ALLOW_OVERRIDE);
                return;
        case FOREIGN_MULTI:
                host_attach_foreign(host, host->cgroup_fd, BPF_F_ALLOW_MULTI);
                return;
        case FOREIGN_LINK:
                host_link_foreign(host, 1);
                return;
        case FOREIGN_FULL:
                host_link_foreign(host, FULL);
                return;
        case PARENT_EXCLUSIVE:
                host_attach_foreign(host, host->parent_fd, 0);
                return;
        case PARENT_OVERRIDE:
                host_attach_foreign(host, host->parent_fd, BPF_F_ALLOW_OVERRIDE);
                return;
        case PARENT_MULTI:
                host_attach_foreign(host, host->parent_fd, BPF_F_ALLOW_MULTI);
                return;
        case DEAD:
                kernel_host_remove("p/c");
                return;
        case OWN_LINK:
                host_attach_own(host, ATTACH_MULTI, LINK);
                return;
        case OWN_LEGACY:
                host_attach_own(host, ATTACH_MULTI, LEGACY);
                return;
        case OWN_OVERRIDE:
                host_attach_own(host, ATTACH_OVERRIDE, LEGACY);
                return;
        case OWN_EXCLUSIVE:
                host_attach_own(host, ATTACH_EXCLUSIVE, LEGACY);
                return;
        }
}
