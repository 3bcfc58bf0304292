/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "src/base/fd.h"
#include "src/daemon/lease.h"
#include "tests/unit/check-main.h"

/* A FIFO of the test's own. */
static char *make_fifo(char **ret_directory) {
        char *path;

        *ret_directory = g_dir_make_tmp("unitbpf-XXXXXX", NULL);
        path = g_build_filename(*ret_directory, "7", NULL);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        return path;
}

static void remove_fifo(char *path, char *directory) {
        ck_assert_int_eq(g_unlink(path), 0);
        ck_assert_int_eq(g_rmdir(directory), 0);
        g_free(path);
        g_free(directory);
}

START_TEST(a_lease_without_writer_is_lost)
{
        char *directory, *path = make_fifo(&directory);
        int fd = -EBADF;

        ck_assert_int_eq(lease_open(path, &fd), LEASE_LOST);
        ck_assert_int_gt(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
        (void)fd_close(fd);
        remove_fifo(path, directory);
}
END_TEST

START_TEST(a_lease_is_held_over_a_change_of_the_reader_and_ends_with_the_last_copy)
{
        char *directory, *path = make_fifo(&directory);
        struct pollfd item = { .fd = -EBADF };
        int reader, again, writer, copy;

        ck_assert_int_eq(lease_open(path, &reader), LEASE_LOST);
        writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        ck_assert_int_ge(writer, 0);
        /* the process that watches goes, what the holder wrote meanwhile does not matter */
        ck_assert_int_eq(write(writer, "x", 1), 1);
        (void)fd_close(reader);
        ck_assert_int_eq(lease_open(path, &again), LEASE_HELD);
        copy = fd_duplicate(writer);
        (void)fd_close(writer);
        item.fd = again;
        ck_assert_int_eq(poll(&item, 1, 0), 0);
        (void)fd_close(copy);
        ck_assert_int_eq(poll(&item, 1, 1000), 1);
        ck_assert_int_ne(item.revents & POLLHUP, 0);
        (void)fd_close(again);
        remove_fifo(path, directory);
}
END_TEST

START_TEST(anything_but_a_fifo_is_refused)
{
        int fd = -1;

        ck_assert_int_eq(lease_open("/dev/null", &fd), -EINVAL);
        ck_assert_int_eq(lease_open("/no/such/lease", &fd), -ENOENT);
        ck_assert_int_eq(fd, -1);
}
END_TEST

CHECK_MAIN(
        "daemon/lease",
        10,
        a_lease_without_writer_is_lost,
        a_lease_is_held_over_a_change_of_the_reader_and_ends_with_the_last_copy,
        anything_but_a_fifo_is_refused
)
