/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Only root can make what is trusted; without root all but the plain refusals is left out, and that is said. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/trust.h"
#include "tests/unit/check-main.h"

#define NOBODY 65534

/* /run is root's alone, unlike /tmp, which everybody may write to */
static char base[] = "/run/unitbpf-trust-XXXXXX";

static char *at(const char *name) {
        static char paths[4][256];
        static unsigned turn;
        char *path = paths[turn++ % 4];

        (void)snprintf(path, sizeof paths[0], "%s/%s", base, name);
        return path;
}

static void make_file(const char *name, const char *text) {
        ck_assert_int_eq(file_replace(at(name), text, strlen(text), 0644), 0);
}

static void remove_tree(void) {
        static const char *const names[] = {
                "dir/sub/file", "dir/sub/back", "dir/sub",  "dir/file", "dir/link", "dir",
                "link",         "link2",        "linkdir",  "loop-a",   "loop-b",   "fifo",
                "null",         "dangling",     "relative", "file",     "climb",    "chain0",
                "chain1",       "chain2",       "chain3",   "chain4",   "chain5",   "chain6",
                "chain7",       "chain8",       "chain9",
        };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                (void)remove(at(names[i]));
        ck_assert_int_eq(rmdir(base), 0);
        (void)strcpy(base + strlen(base) - 6, "XXXXXX");
}

static bool make_tree(void) {
        if (geteuid() != 0) {
                (void)printf("not root: nothing trusted can be made, left out\n");
                return false;
        }
        ck_assert_ptr_nonnull(mkdtemp(base));
        ck_assert_int_eq(mkdir(at("dir"), 0755), 0);
        ck_assert_int_eq(mkdir(at("dir/sub"), 0755), 0);
        make_file("file", "top");
        make_file("dir/file", "in dir");
        make_file("dir/sub/file", "in sub");
        return true;
}

static int try_open(const char *path, TrustFlags flags, const char *named) {
        _cleanup_diag_ Diag diag = {};
        int fd = -4711;
        int r = trust_open(path, flags, &fd, &diag);

        if (r < 0) {
                ck_assert_int_eq(fd, -4711);
                ck_assert_msg(diag.text && (!named || strstr(diag.text, named)), "%s", diag.text);
                ck_assert_int_eq(trust_open(path, flags, &fd, NULL), r);
                return r;
        }
        ck_assert_int_ge(fd, 3);
        ck_assert_int_eq(fd_get_cloexec(fd), 1);
        (void)fd_close(fd);
        return 0;
}

static void expect_text(const char *path, TrustFlags flags, const char *expected) {
        _cleanup_free_ char *text = NULL;
        _cleanup_diag_ Diag diag = {};
        _cleanup_close_ int fd = -EBADF;
        int r = trust_open(path, flags, &fd, &diag);

        ck_assert_msg(r == 0, "%s: %s", path, diag_text(&diag, r));
        ck_assert_int_eq(fd_read_all(fd, 100, &text, NULL), 0);
        ck_assert_str_eq(text, expected);
}

START_TEST(trusted_file_is_opened_for_reading)
{
        if (!make_tree())
                return;
        expect_text(at("file"), 0, "top");
        expect_text(at("dir/sub/file"), TRUST_FINAL_LINK, "in sub");
        expect_text(at("/dir//./sub///file"), 0, "in sub");
        ck_assert_int_eq(try_open(at("none"), 0, "none"), -ENOENT);
        ck_assert_int_eq(try_open(at("none/file"), 0, "none"), -ENOENT);
        remove_tree();
}
END_TEST

START_TEST(relative_paths_and_dot_dot_are_refused)
{
        ck_assert_int_eq(try_open("etc/passwd", 0, "etc/passwd"), -EINVAL);
        ck_assert_int_eq(try_open("", 0, NULL), -EINVAL);
        ck_assert_int_eq(try_open("./etc", 0, NULL), -EINVAL);
        if (!make_tree())
                return;
        ck_assert_int_eq(try_open(at("dir/../file"), 0, ".."), -EINVAL);
        ck_assert_int_eq(try_open(at("dir/.."), TRUST_DIRECTORY, ".."), -EINVAL);
        remove_tree();
}
END_TEST

START_TEST(directory_is_opened_so_that_it_can_be_listed)
{
        static const char *const names[] = { "dir", "dir/", "dir/.", "dir/sub/./" };

        if (!make_tree())
                return;
        for (size_t i = 0; i < ELEMENTS(names); i++)
                for (int flags = 0; flags <= 1; flags++) {
                        _cleanup_close_ int fd = -EBADF;

                        ck_assert_int_eq(
                                trust_open(at(names[i]), flags ? TRUST_DIRECTORY : 0, &fd, NULL), 0
                        );
                        ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, 0);
                        ck_assert_int_eq(faccessat(fd, "file", F_OK, 0), 0);
                }
        ck_assert_int_eq(try_open("/", TRUST_DIRECTORY, NULL), 0);
        ck_assert_int_eq(try_open(at("file"), TRUST_DIRECTORY, "file"), -ENOTDIR);
        ck_assert_int_eq(try_open(at("file/x"), 0, "file"), -ENOTDIR);
        remove_tree();
}
END_TEST

START_TEST(path_only_opens_without_reading)
{
        _cleanup_close_ int fd = -EBADF;

        if (!make_tree())
                return;
        ck_assert_int_eq(trust_open(at("dir/file"), TRUST_PATH_ONLY, &fd, NULL), 0);
        ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
        remove_tree();
}
END_TEST

START_TEST(foreign_owner_anywhere_on_the_way_is_refused)
{
        static const char *const names[] = { "dir", "dir/sub", "dir/sub/file" };

        if (!make_tree())
                return;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                ck_assert_int_eq(chown(at(names[i]), NOBODY, 0), 0);
                ck_assert_int_eq(try_open(at("dir/sub/file"), 0, names[i]), -EPERM);
                ck_assert_int_eq(
                        chown(at(names[i]), 0, NOBODY), 0
                ); /* a group alone can do nothing */
                ck_assert_int_eq(try_open(at("dir/sub/file"), 0, NULL), 0);
        }
        remove_tree();
}
END_TEST

START_TEST(writable_by_others_anywhere_on_the_way_is_refused)
{
        static const char *const names[] = { "dir", "dir/sub", "dir/sub/file" };
        static const mode_t modes[] = { 0775, 0757, 0777, 01777 };

        if (!make_tree())
                return;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                for (size_t k = 0; k < ELEMENTS(modes); k++) {
                        ck_assert_int_eq(chmod(at(names[i]), modes[k]), 0);
                        ck_assert_int_eq(try_open(at("dir/sub/file"), 0, names[i]), -EPERM);
                }
                ck_assert_int_eq(chmod(at(names[i]), 0755), 0);
        }
        ck_assert_int_eq(try_open(at("dir/sub/file"), 0, NULL), 0);
        remove_tree();
}
END_TEST

START_TEST(link_in_the_middle_is_refused_in_any_case)
{
        if (!make_tree())
                return;
        ck_assert_int_eq(symlink(at("dir"), at("linkdir")), 0);
        ck_assert_int_eq(try_open(at("linkdir/file"), 0, "linkdir"), -ELOOP);
        ck_assert_int_eq(try_open(at("linkdir/file"), TRUST_FINAL_LINK, "linkdir"), -ELOOP);
        ck_assert_int_eq(symlink(at("linkdir/file"), at("link")), 0);
        ck_assert_int_eq(try_open(at("link"), TRUST_FINAL_LINK, "linkdir"), -ELOOP);
        ck_assert_int_eq(try_open(at("linkdir"), TRUST_DIRECTORY, "linkdir"), -ELOOP);
        ck_assert_int_eq(try_open(at("linkdir"), TRUST_DIRECTORY | TRUST_FINAL_LINK, NULL), 0);
        remove_tree();
}
END_TEST

START_TEST(final_link_is_followed_only_when_asked)
{
        if (!make_tree())
                return;
        ck_assert_int_eq(symlink("dir/file", at("link")), 0);
        ck_assert_int_eq(symlink("../file", at("dir/link")), 0);
        ck_assert_int_eq(symlink("sub/../../link", at("dir/sub/back")), 0);
        ck_assert_int_eq(symlink("nowhere", at("dangling")), 0);
        ck_assert_int_eq(try_open(at("link"), 0, "link"), -ELOOP);
        ck_assert_int_eq(try_open(at("link"), TRUST_PATH_ONLY, "link"), -ELOOP);
        expect_text(at("link"), TRUST_FINAL_LINK, "in dir");
        expect_text(at("dir/link"), TRUST_FINAL_LINK, "top");
        ck_assert_int_eq(
                try_open(at("link"), TRUST_FINAL_LINK | TRUST_DIRECTORY, "dir/file"), -ENOTDIR
        );
        ck_assert_int_eq(try_open(at("dangling"), TRUST_FINAL_LINK, "nowhere"), -ENOENT);
        ck_assert_int_eq(try_open(at("dir/sub/back"), TRUST_FINAL_LINK, "sub"), -ENOENT);
        remove_tree();
}
END_TEST

START_TEST(link_of_another_owner_or_to_a_foreign_file_is_refused)
{
        if (!make_tree())
                return;
        ck_assert_int_eq(symlink("dir/file", at("link")), 0);
        ck_assert_int_eq(lchown(at("link"), NOBODY, 0), 0);
        ck_assert_int_eq(try_open(at("link"), TRUST_FINAL_LINK, "link"), -EPERM);
        ck_assert_int_eq(lchown(at("link"), 0, 0), 0);
        ck_assert_int_eq(chown(at("dir"), NOBODY, 0), 0);
        ck_assert_int_eq(try_open(at("link"), TRUST_FINAL_LINK, "dir"), -EPERM);
        remove_tree();
}
END_TEST

START_TEST(loops_and_long_chains_of_links_end)
{
        char name[] = "chain0", next[] = "chain0";

        if (!make_tree())
                return;
        ck_assert_int_eq(symlink("loop-b", at("loop-a")), 0);
        ck_assert_int_eq(symlink("loop-a", at("loop-b")), 0);
        ck_assert_int_eq(try_open(at("loop-a"), TRUST_FINAL_LINK, "loop-a"), -ELOOP);
        for (char i = 0; i < 9; i++) { /* chain0 -> ... -> chain9, a file: nine links */
                name[5] = (char)('0' + i);
                next[5] = (char)('1' + i);
                ck_assert_int_eq(symlink(next, at(name)), 0);
        }
        make_file("chain9", "end");
        ck_assert_int_eq(try_open(at("chain0"), TRUST_FINAL_LINK, "chain0"), -ELOOP);
        expect_text(at("chain1"), TRUST_FINAL_LINK, "end");
        remove_tree();
}
END_TEST

/* A mask is a link to /dev/null, which everybody may write to: that is no reason to refuse it. */
START_TEST(mask_is_trusted_and_a_fifo_does_not_block)
{
        if (!make_tree())
                return;
        ck_assert_int_eq(symlink("/dev/null", at("null")), 0);
        expect_text(at("null"), TRUST_FINAL_LINK, "");
        ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
        ck_assert_int_eq(try_open(at("fifo"), 0, NULL), 0);
        remove_tree();
}
END_TEST

/* Exit code: 0 as it should be, else the number of the step that was not. */
static int judge_root(void) {
        Diag diag = {};
        int fd = -EBADF;

        if (chown(base, NOBODY, 0) < 0 || chroot(base) < 0 || chdir("/") < 0)
                return 1;
        if (trust_open("/dir/file", 0, &fd, &diag) != -EPERM)
                return 2;
        if (strcmp(diag.text, "'/' is owned by uid 65534, not by root") != 0)
                return 3;
        diag_done(&diag);
        if (trust_open("/", TRUST_DIRECTORY, &fd, NULL) != -EPERM)
                return 4;
        if (chown("/", 0, 0) < 0 || trust_open("/dir/file", 0, &fd, NULL) != 0)
                return 5;
        (void)fd_close(fd);
        return 0;
}

/* In another root, made for a child alone: who owns "/" can put anything anywhere. */
START_TEST(root_directory_is_judged_like_any_other)
{
        int status;
        pid_t pid;

        if (!make_tree())
                return;
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(judge_root());
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        remove_tree();
}
END_TEST

CHECK_MAIN(
        "base/trust",
        20,
        trusted_file_is_opened_for_reading,
        relative_paths_and_dot_dot_are_refused,
        directory_is_opened_so_that_it_can_be_listed,
        path_only_opens_without_reading,
        foreign_owner_anywhere_on_the_way_is_refused,
        writable_by_others_anywhere_on_the_way_is_refused,
        link_in_the_middle_is_refused_in_any_case,
        final_link_is_followed_only_when_asked,
        link_of_another_owner_or_to_a_foreign_file_is_refused,
        loops_and_long_chains_of_links_end,
        mask_is_trusted_and_a_fifo_does_not_block,
        root_directory_is_judged_like_any_other
)
