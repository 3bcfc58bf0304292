/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/unit/check-main.h"

START_TEST(mount_is_found_and_is_cgroup2)
{
        _cleanup_free_ char *mount = NULL;
        struct statfs fs;

        ck_assert_int_eq(cgroup_mount_find(&mount, NULL), 0);
        ck_assert_int_eq(statfs(mount, &fs), 0);
        ck_assert_int_eq(fs.f_type, CGROUP2_SUPER_MAGIC);
}
END_TEST

START_TEST(open_says_what_else_it_is)
{
        _cleanup_diag_ Diag ordinary = {}, missing = {}, file = {};
        _cleanup_free_ char *procs = kernel_host_path("cgroup.procs");
        uint64_t id = 4711;

        ck_assert_int_eq(cgroup_open("/tmp", &id, &ordinary), -EBADF);
        ck_assert_str_eq(ordinary.text, "'/tmp' is not a cgroup v2 directory");
        ck_assert_int_eq(cgroup_open("/tmp/unitbpf-no-such", &id, &missing), -ENOENT);
        ck_assert_ptr_nonnull(missing.text);
        ck_assert_int_eq(cgroup_open(procs, &id, &file), -ENOTDIR);
        ck_assert_uint_eq(id, 4711);
        kernel_host_end();
}
END_TEST

START_TEST(folder_of_version_1_is_told_apart)
{
        char template[] = "/tmp/unitbpf-v1-XXXXXX";
        _cleanup_diag_ Diag diag = {};

        ck_assert_ptr_nonnull(mkdtemp(template));
        ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
        ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        /* an existing hierarchy, so that none is made */
        if (mount("/sys/fs/cgroup/pids", template, NULL, MS_BIND, NULL) < 0 &&
            mount("cgroup", template, "cgroup", 0, "pids") < 0) {
                (void)rmdir(template);
                (void)fprintf(stderr, "no cgroup v1 here, its folders are not tried\n");
                return;
        }
        ck_assert_int_eq(cgroup_open(template, NULL, &diag), -EBADF);
        ck_assert_ptr_nonnull(strstr(diag.text, "cgroup v1"));
        ck_assert_int_eq(umount(template), 0);
        ck_assert_int_eq(rmdir(template), 0);
}
END_TEST

START_TEST(id_is_the_inode_and_finds_the_path_again)
{
        _cleanup_close_ int fd = -EBADF, again = -EBADF, walked = -EBADF, mount_fd = -EBADF;
        _cleanup_free_ char *path = NULL, *found = NULL, *mount = NULL, *expected = NULL;
        struct stat st;
        uint64_t id;

        kernel_host_make("a");
        kernel_host_make("a/b (deleted)"); /* a name that looks like a removed cgroup's */
        expected = kernel_host_path("a/b (deleted)");
        fd = cgroup_open(expected, &id, NULL);
        ck_assert_int_ge(fd, 3);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(id, st.st_ino);
        again = cgroup_by_id(id, &path);
        ck_assert_int_ge(again, 3);
        ck_assert_str_eq(path, expected);
        ck_assert_int_eq(cgroup_mount_find(&mount, NULL), 0);
        mount_fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        walked = cgroup_by_walk(mount_fd, id, &found);
        ck_assert_int_ge(walked, 3);
        ck_assert_str_eq(found, expected);
        ck_assert_int_eq(fcntl(walked, F_GETFL) & O_PATH, O_PATH);
        kernel_host_remove("a/b (deleted)");
        ck_assert_int_eq(cgroup_by_walk(mount_fd, id, NULL), -ESTALE);
        ck_assert_int_eq(cgroup_by_id(id, NULL), -ESTALE);
        free(TAKE_PTR(path));
        ck_assert_int_eq(cgroup_path(fd, &path), 0);
        ck_assert_str_eq(path, expected);
        kernel_host_remove("a");
        kernel_host_end();
}
END_TEST

START_TEST(parent_ends_at_the_top_of_the_mount)
{
        _cleanup_free_ char *mount = NULL;
        _cleanup_close_ int top = -EBADF, own = cgroup_open(kernel_host_cgroup(), NULL, NULL),
                            above = -EBADF;
        uint64_t a, b;

        ck_assert_int_eq(cgroup_mount_find(&mount, NULL), 0);
        top = cgroup_open(mount, &a, NULL);
        above = cgroup_parent(own);
        ck_assert_int_ge(above, 3);
        ck_assert_int_eq(cgroup_id(above, &b), 0);
        ck_assert_uint_eq(a, b);
        ck_assert_int_eq(cgroup_parent(top), -ENOENT);
        kernel_host_end();
}
END_TEST

/* A second mount below the first one: ".." of its top leads to a cgroup2 directory all the same. */
START_TEST(parent_does_not_leave_a_bind_mount)
{
        _cleanup_free_ char *outer = NULL, *inner = NULL;
        _cleanup_close_ int fd = -EBADF;

        kernel_host_make("outer");
        kernel_host_make("inner");
        outer = kernel_host_path("outer");
        inner = kernel_host_path("inner");
        ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
        ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        ck_assert_int_eq(mount(inner, outer, NULL, MS_BIND, NULL), 0);
        fd = cgroup_open(outer, NULL, NULL);
        ck_assert_int_eq(cgroup_parent(fd), -ENOENT);
        fd = fd_close(fd);
        ck_assert_int_eq(umount(outer), 0);
        kernel_host_remove("outer");
        kernel_host_remove("inner");
        kernel_host_end();
}
END_TEST

static void wait_populated(int cgroup, int wanted) {
        time_t end = time(NULL) + 5;

        while (cgroup_populated(cgroup) != wanted && time(NULL) < end)
                (void)usleep(2000);
        ck_assert_int_eq(cgroup_populated(cgroup), wanted);
}

START_TEST(populated_follows_processes_and_kill_ends_them)
{
        _cleanup_close_ int cgroup = -EBADF, child = -EBADF;
        _cleanup_free_ char *path = NULL, *procs = NULL, *text = NULL, *deep = NULL;
        int status;
        pid_t pid;

        kernel_host_make("a");
        kernel_host_make("a/b");
        path = kernel_host_path("a");
        deep = kernel_host_path("a/b");
        procs = kernel_host_path("a/b/cgroup.procs");
        cgroup = cgroup_open(path, NULL, NULL);
        child = cgroup_open(deep, NULL, NULL);
        ck_assert_int_eq(cgroup_populated(cgroup), 0);
        pid = fork();
        if (pid == 0)
                for (;;)
                        (void)pause();
        text = text_format("%d", pid);
        ck_assert_int_eq(file_write(procs, text), 0);
        wait_populated(cgroup, 1);
        ck_assert_int_eq(cgroup_populated(child), 1);
        ck_assert_int_eq(cgroup_kill(cgroup), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        wait_populated(cgroup, 0);
        kernel_host_remove("a/b");
        kernel_host_remove("a");
        ck_assert_int_eq(cgroup_populated(cgroup), -ENOENT);
        ck_assert_int_eq(cgroup_kill(cgroup), -ENOENT);
        kernel_host_end();
}
END_TEST

START_TEST(descendants_are_counted_at_any_depth_up_to_the_bound)
{
        static const char *const names[] = { "a", "a/b", "a/b/c", "a/d" };
        _cleanup_close_ int cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL);

        for (size_t i = 0; i < ELEMENTS(names); i++)
                kernel_host_make(names[i]);
        ck_assert_int_eq(cgroup_descendants(cgroup, 100), 4);
        ck_assert_int_eq(cgroup_descendants(cgroup, 3), 3);
        for (size_t i = ELEMENTS(names); i-- > 0;)
                kernel_host_remove(names[i]);
        ck_assert_int_eq(cgroup_descendants(cgroup, 100), 0);
        kernel_host_end();
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                mount_is_found_and_is_cgroup2,
                open_says_what_else_it_is,
                folder_of_version_1_is_told_apart,
                id_is_the_inode_and_finds_the_path_again,
                parent_ends_at_the_top_of_the_mount,
                parent_does_not_leave_a_bind_mount,
                populated_follows_processes_and_kill_ends_them,
                descendants_are_counted_at_any_depth_up_to_the_bound,
        };

        kernel_host_require();
        return check_main("integration/bpf/cgroup", tests, ELEMENTS(tests), 60);
}
