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
