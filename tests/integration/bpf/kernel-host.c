/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/bpf/kernel-host.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "src/base/fd.h"
#include "src/base/text.h"

#define EXIT_SKIP 77

static char *own;

void kernel_host_require(void) {
        _cleanup_free_ char *mount = NULL;
        _cleanup_close_ int program = -EBADF;

        if (cgroup_mount_find(&mount, NULL) < 0) {
                (void)fprintf(stderr, "skipped: cgroup v2 is not mounted\n");
                exit(EXIT_SKIP);
        }
        program = call_load_return(BPF_PROG_TYPE_CGROUP_SKB, 0, 1);
        if (program < 0) {
                (void)fprintf(stderr, "skipped: cannot load programs: %s\n", strerror(-program));
                exit(EXIT_SKIP);
        }
}

const char *kernel_host_cgroup(void) {
        _cleanup_free_ char *mount = NULL;

        if (own)
                return own;
        ck_assert_int_eq(cgroup_mount_find(&mount, NULL), 0);
        own = text_format("%s/unitbpf-test-kernel-%d", mount, getpid());
        ck_assert_ptr_nonnull(own);
        ck_assert_msg(mkdir(own, 0755) == 0, "mkdir %s: %s", own, strerror(errno));
        return own;
}

char *kernel_host_path(const char *name) {
        return text_format("%s/%s", kernel_host_cgroup(), name);
}

void kernel_host_make(const char *name) {
        _cleanup_free_ char *path = kernel_host_path(name);

        ck_assert_msg(mkdir(path, 0755) == 0, "mkdir %s: %s", path, strerror(errno));
}

void kernel_host_remove(const char *name) {
        _cleanup_free_ char *path = kernel_host_path(name);

        ck_assert_msg(rmdir(path) == 0, "rmdir %s: %s", path, strerror(errno));
}

void kernel_host_end(void) {
        if (!own)
                return;
        ck_assert_msg(rmdir(own) == 0, "rmdir %s: %s", own, strerror(errno));
        ck_assert_int_ne(access(own, F_OK), 0);
        free(own);
        own = NULL;
}

int kernel_host_program(Hook hook) {
        const HookInfo *info = hook_info(hook);
        uint32_t expected = info->expected == HOOK_EXPECTED_NO ? 0 : info->attach_type;

        return call_load_return(info->prog_type, expected, 1);
}

unsigned kernel_host_fds(void) {
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        ck_assert_ptr_nonnull(directory);
        while (readdir(directory))
                n++;
        (void)closedir(directory);
        return n - 3; /* ".", ".." and the directory itself */
}

void kernel_host_wait_gone(int command, uint32_t id) {
        time_t end = time(NULL) + 5;
        int fd = call_fd_by_id(command, id);

        while (fd >= 0 && time(NULL) < end) {
                (void)fd_close(fd);
                (void)usleep(2000);
                fd = call_fd_by_id(command, id);
        }
        ck_assert_int_eq(fd, -ENOENT);
}
