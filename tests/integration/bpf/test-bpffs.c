/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf/bpffs.h"
#include "bpf/call.h"
#include "bpf/cgroup.h"
#include "bpf/link.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/unit/check-main.h"

/* Each test gets a mount namespace and a tmpfs of its own, with places to find or mount bpffs at. */

static char place[] = "/tmp/unitbpf-bpffs-XXXXXX";
static char warnings[8][300];
static size_t n_warnings;

static void remember(void *userdata, const char *text) {
        ck_assert_uint_lt(n_warnings, ELEMENTS(warnings));
        (void)snprintf(warnings[n_warnings++], sizeof *warnings, "%s", text);
}

static bool was_warned(const char *part) {
        for (size_t i = 0; i < n_warnings; i++)
                if (strstr(warnings[i], part))
                        return true;
        return false;
}

static const char *at(const char *name) {
        static char paths[8][128];
        static unsigned i;
        char *path = paths[i++ % 8];

        (void)snprintf(path, sizeof *paths, "%s/%s", place, name);
        return path;
}

static void begin(void) {
        ck_assert_ptr_nonnull(mkdtemp(place));
        ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
        ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        ck_assert_int_eq(mount("test", place, "tmpfs", 0, "mode=0755"), 0);
}

static void end(void) {
        _cleanup_free_ char *table = NULL;

        ck_assert_int_eq(umount2(place, MNT_DETACH), 0);
        ck_assert_int_eq(rmdir(place), 0);
        ck_assert_int_eq(file_read("/proc/self/mountinfo", 1U << 20, &table, NULL), 0);
        ck_assert_ptr_null(strstr(table, place));
}

static int prepare(const char *root, char **ret, Diag *diag) {
        BpffsOptions options = {
                .root = root,
                .default_root = at("default"),
                .fallback_root = at("run/fallback"),
                .warn = remember,
        };

        n_warnings = 0;
        return bpffs_prepare(&options, ret, diag);
}

static void mount_bpf(const char *path, const char *options) {
        (void)mkdir(path, 0755);
        ck_assert_int_eq(mount("bpf", path, "bpf", MS_NOSUID | MS_NOEXEC, options), 0);
}

static void check_ready(const char *root) {
        _cleanup_free_ char *links = bpffs_links_path(root),
                            *ours = text_format("%s/unitbpf", root);
        struct statfs fs;
        struct stat st;

        ck_assert_int_eq(statfs(links, &fs), 0);
        ck_assert_uint_eq((uint32_t)fs.f_type, 0xcafe4a11);
        ck_assert_int_eq(stat(links, &st), 0);
        ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
        ck_assert_int_eq(stat(ours, &st), 0);
        ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
}

static unsigned mounts_on(const char *path) {
        _cleanup_free_ char *table = NULL, *word = text_format(" / %s ", path);
        unsigned n = 0;

        ck_assert_int_eq(file_read("/proc/self/mountinfo", 1U << 20, &table, NULL), 0);
        for (const char *p = strstr(table, word); p; p = strstr(p + 1, word))
                n++;
        return n;
}

START_TEST(default_root_is_mounted_where_nothing_is) /* F3, F4, F6, F8 */
{
        _cleanup_free_ char *root = NULL, *again = NULL;
        struct stat st;

        begin();
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0); /* not even the directory is there */
        ck_assert_str_eq(root, at("default"));
        check_ready(root);
        ck_assert_int_eq(stat(at("default"), &st), 0);
        ck_assert(was_warned("pid 1")); /* F-n5: made in this namespace only */
        ck_assert_uint_eq(n_warnings, 1);
        ck_assert_int_eq(prepare(NULL, &again, NULL), 0);
        ck_assert_uint_eq(mounts_on(root), 1);
        end();
}
END_TEST

START_TEST(mounted_default_root_is_used) /* F4 */
{
        _cleanup_free_ char *root = NULL;

        begin();
        mount_bpf(at("default"), "mode=0700");
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0);
        check_ready(root);
        ck_assert_uint_eq(mounts_on(root), 1);
        end();
}
END_TEST

START_TEST(foreign_mount_at_the_default_root_leads_to_the_fallback) /* F4 */
{
        _cleanup_free_ char *root = NULL, *again = NULL;
        _cleanup_diag_ Diag diag = {};

        begin();
        ck_assert_int_eq(mkdir(at("default"), 0755), 0);
        ck_assert_int_eq(mkdir(at("empty"), 0755), 0);
        /* an empty directory of the same file system: only the mount table can tell it is a mount */
        ck_assert_int_eq(mount(at("empty"), at("default"), NULL, MS_BIND, NULL), 0);
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0);
        ck_assert_str_eq(root, at("run/fallback"));
        check_ready(root);
        ck_assert(was_warned("different file system"));
        ck_assert_int_eq(umount(at("run/fallback")), 0);
        ck_assert_int_eq(mount("t", at("run/fallback"), "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(prepare(NULL, &again, &diag), -EMEDIUMTYPE);
        ck_assert_ptr_null(again);
        ck_assert_ptr_nonnull(strstr(diag.text, "different file system"));
        end();
}
END_TEST

START_TEST(custom_root_is_mounted_with_a_warning_or_used) /* F5 */
{
        _cleanup_free_ char *root = NULL, *again = NULL, *foreign = NULL;
        _cleanup_diag_ Diag diag = {};

        begin();
        ck_assert_int_eq(prepare(at("deep/custom"), &root, NULL), 0); /* parents are made */
        ck_assert_str_eq(root, at("deep/custom"));
        check_ready(root);
        ck_assert(was_warned("mounted a BPF file system"));
        ck_assert_int_eq(prepare(at("deep/custom"), &again, NULL), 0);
        ck_assert(!was_warned("mounted a BPF file system"));
        ck_assert_int_eq(mkdir(at("other"), 0755), 0);
        ck_assert_int_eq(mount("t", at("other"), "tmpfs", 0, NULL), 0);
        ck_assert_int_eq(prepare(at("other"), &foreign, &diag), -EMEDIUMTYPE);
        ck_assert_ptr_null(foreign);
        end();
}
END_TEST

START_TEST(custom_root_equal_to_the_default_is_the_default) /* F5 */
{
        _cleanup_free_ char *root = NULL, *slash = text_format("%s/", at("default"));

        begin();
        free(slash);
        slash = text_format("%s/", at("default"));
        ck_assert_int_eq(prepare(slash, &root, NULL), 0);
        ck_assert_str_eq(root, at("default"));
        ck_assert(!was_warned("mounted a BPF file system"));
        end();
}
END_TEST

START_TEST(root_that_is_no_directory_is_an_error) /* F6 */
{
        _cleanup_free_ char *root = NULL;
        _cleanup_diag_ Diag diag = {};

        begin();
        ck_assert_int_eq(file_replace(at("default"), "", 0, 0644), 0);
        ck_assert_int_eq(prepare(NULL, &root, &diag), -ENOTDIR);
        ck_assert_ptr_nonnull(strstr(diag.text, "not a directory"));
        ck_assert_int_eq(prepare("relative", &root, NULL), -EINVAL);
        ck_assert_ptr_null(root);
        end();
}
END_TEST

START_TEST(stacked_mounts_are_an_error_only_if_they_differ) /* F7, F-n6 */
{
        _cleanup_free_ char *root = NULL, *same = NULL;
        _cleanup_diag_ Diag diag = {};

        begin();
        mount_bpf(at("default"), NULL);
        ck_assert_int_eq(mkdir(at("default/xdp"), 0755), 0);
        mount_bpf(at("default/xdp"), NULL); /* a mount below does not count */
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0);
        ck_assert_int_eq(mount(at("default"), at("default"), NULL, MS_BIND, NULL), 0);
        ck_assert_uint_eq(mounts_on(at("default")), 2);
        ck_assert_int_eq(prepare(NULL, &same, NULL), 0);
        mount_bpf(at("default"), NULL);
        free(TAKE_PTR(same));
        ck_assert_int_eq(prepare(NULL, &same, &diag), -ENOTUNIQ);
        ck_assert_ptr_nonnull(strstr(diag.text, "several"));
        end();
}
END_TEST

START_TEST(report_tells_instance_options_and_pid_1) /* F-n5, F-n7 */
{
        _cleanup_(bpffs_report_done) BpffsReport report = {};
        _cleanup_free_ char *root = NULL;
        struct stat st;

        begin();
        ck_assert_int_eq(mkdir(at("default"), 0755), 0);
        ck_assert_int_eq(bpffs_examine(at("default"), &report), -EMEDIUMTYPE);
        ck_assert_int_eq(mount("bpf", at("default"), "bpf", 0, "mode=0707"), 0);
        ck_assert_int_eq(bpffs_examine(at("default"), &report), 0);
        ck_assert_int_eq(stat(at("default"), &st), 0);
        ck_assert_uint_eq(report.device, st.st_dev);
        ck_assert(report.pid1_known);
        ck_assert(report.pid1_differs);
        ck_assert(report.lacks_nosuid);
        ck_assert(report.lacks_noexec);
        ck_assert(!report.delegates);
        ck_assert_uint_eq(report.mode, 01707); /* the kernel adds the sticky bit */
        ck_assert_ptr_nonnull(strstr(report.options, "mode=707"));
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0);
        ck_assert(was_warned("without nosuid noexec"));
        ck_assert(was_warned("everybody may make names"));
        end();
}
END_TEST

START_TEST(directory_made_by_somebody_else_is_refused)
{
        _cleanup_free_ char *root = NULL;
        _cleanup_diag_ Diag diag = {};

        begin();
        mount_bpf(at("default"), "mode=1777");
        ck_assert_int_eq(mkdir(at("default/unitbpf"), 0700), 0);
        ck_assert_int_eq(chown(at("default/unitbpf"), 65534, 65534), 0);
        ck_assert_int_eq(prepare(NULL, &root, &diag), -EPERM);
        ck_assert_ptr_nonnull(strstr(diag.text, "uid 65534"));
        ck_assert_int_eq(chown(at("default/unitbpf"), 0, 0), 0);
        ck_assert_int_eq(chmod(at("default/unitbpf"), 0777), 0);
        ck_assert_int_eq(prepare(NULL, &root, NULL), -EPERM);
        ck_assert_ptr_null(root);
        end();
}
END_TEST

/* Pins a link, which then lives without a descriptor, and takes it away again. */
START_TEST(pins_hold_links_and_are_listed)
{
        _cleanup_close_ int cgroup = cgroup_open(kernel_host_cgroup(), NULL, NULL),
                            program = -EBADF, link = -EBADF, path_fd = -EBADF, again = -EBADF;
        _cleanup_free_ char *root = NULL, *links = NULL, *pin = NULL, *dot = NULL, *missing = NULL,
                            *deep = NULL;
        char **names;
        LinkInfo info, found;
        FdKind kind;

        begin();
        ck_assert_int_eq(prepare(NULL, &root, NULL), 0);
        links = bpffs_links_path(root);
        pin = text_format("%s/7", links);
        dot = text_format("%s/7.a", links);
        deep = text_format("%s/deep", links);
        missing = text_format("%s/no/7", links);
        program = kernel_host_program(HOOK_EGRESS);
        link = link_create(&(LinkArguments){
                .cgroup_fd = cgroup,
                .prog_fd = program,
                .attach_type = BPF_CGROUP_INET_EGRESS,
        });
        ck_assert_int_ge(link, 3);
        ck_assert_int_eq(bpffs_pin(link, pin), 0);
        ck_assert_int_eq(bpffs_pin(link, pin), -EEXIST);
        ck_assert_int_eq(bpffs_pin(link, dot), -EPERM);
        ck_assert_int_eq(bpffs_pin(link, missing), -ENOENT);
        ck_assert_int_eq(bpffs_pin(link, at("plain")), -EPERM);
        ck_assert_int_eq(mkdir(deep, 0700), 0);
        ck_assert_int_eq(bpffs_pins_list(links, &names), 0);
        ck_assert_str_eq(names[0], "7");
        ck_assert_ptr_null(names[1]);
        (void)bpffs_names_free(names);
        ck_assert_int_eq(bpffs_pins_list(place, &names), -EMEDIUMTYPE);
        ck_assert_int_eq(bpffs_contains(pin), 1);
        ck_assert_int_eq(bpffs_contains(dot), 1);
        ck_assert_int_eq(bpffs_contains(place), 0);

        ck_assert_int_eq(link_info(link, &info), 0);
        link = fd_close(link);
        link = bpffs_pin_open(pin);
        ck_assert_int_eq(fd_kind(link), FD_KIND_LINK);
        fd_kinds(&link, 1, &kind);
        ck_assert_int_eq(kind, FD_KIND_LINK);
        ck_assert_int_eq(link_info(link, &found), 0);
        ck_assert_uint_eq(found.id, info.id);
        path_fd = open(pin, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        ck_assert_int_ge(path_fd, 0);
        again = bpffs_pin_open_at(path_fd);
        ck_assert_int_ge(again, 3);
        ck_assert_int_eq(link_info(again, &found), 0);
        ck_assert_uint_eq(found.id, info.id);
        again = fd_close(again);
        path_fd = fd_close(path_fd);
        link = fd_close(link);

        ck_assert_int_eq(file_replace(at("plain"), "", 0, 0644), 0);
        ck_assert_int_eq(bpffs_unpin(at("plain")), -EPERM); /* no pin of ours to take away */
        ck_assert_int_eq(access(at("plain"), F_OK), 0);
        ck_assert_int_eq(bpffs_unpin(deep), -EISDIR);
        ck_assert_int_eq(bpffs_unpin(pin), 0);
        ck_assert_int_eq(bpffs_unpin(pin), -ENOENT);
        kernel_host_wait_gone(BPF_LINK_GET_FD_BY_ID, info.id);
        program = fd_close(program);
        kernel_host_wait_gone(BPF_PROG_GET_FD_BY_ID, info.prog_id);
        end();
        kernel_host_end();
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                default_root_is_mounted_where_nothing_is,
                mounted_default_root_is_used,
                foreign_mount_at_the_default_root_leads_to_the_fallback,
                custom_root_is_mounted_with_a_warning_or_used,
                custom_root_equal_to_the_default_is_the_default,
                root_that_is_no_directory_is_an_error,
                stacked_mounts_are_an_error_only_if_they_differ,
                report_tells_instance_options_and_pid_1,
                directory_made_by_somebody_else_is_refused,
                pins_hold_links_and_are_listed,
        };

        kernel_host_require();
        return check_main("integration/bpf/bpffs", tests, ELEMENTS(tests), 60);
}
