/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "tests/unit/check-main.h"

static int make_file(const char *data, size_t size) {
        int fd = memfd_create("test", MFD_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fd_write_all(fd, data, size), 0);
        ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

START_TEST(close_keeps_errno_and_accepts_no_descriptor)
{
        int fd = make_file("", 0);

        errno = E2BIG;
        ck_assert_int_eq(fd_close(fd), -EBADF);
        ck_assert_int_eq(fd_close(-EBADF), -EBADF);
        ck_assert_int_eq(errno, E2BIG);
        ck_assert_int_eq(fd_get_cloexec(fd), -EBADF);
}
END_TEST

START_TEST(cleanup_attribute_closes_what_was_not_taken)
{
        int left, taken;

        {
                _cleanup_close_ int a = make_file("", 0), b = make_file("", 0);

                left = a;
                taken = TAKE_FD(b);
                ck_assert_int_eq(b, -EBADF);
        }
        ck_assert_int_eq(fd_get_cloexec(left), -EBADF);
        ck_assert_int_eq(fd_get_cloexec(taken), 1);
        (void)fd_close(taken);
}
END_TEST

/* Exit code: 0 as it should be. Its own process, since it gives up the standard descriptors. */
static int use_low_numbers(void) {
        int high;

        (void)close(0);
        if (open("/dev/null", O_RDONLY) != 0)
                return 1;
        high = fd_off_stdio(0);
        if (high < 3 || fd_get_cloexec(high) != 1 || fd_off_stdio(high) != high)
                return 2;
        if (open("/dev/null", O_RDONLY) != 0)
                return 1;
        high = fd_above_stdio(0);
        if (high < 3 || fd_get_cloexec(high) != 1)
                return 2;
        if (fd_get_cloexec(0) != -EBADF)
                return 3;
        if (fd_set_cloexec(high, false) < 0 || fd_above_stdio(high) != high)
                return 4;
        return fd_get_cloexec(high) == 1 ? 0 : 5;
}

START_TEST(low_numbers_are_moved_up)
{
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(use_low_numbers());
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        errno = 0;
        ck_assert_int_eq(fd_above_stdio(-1), -EBADF);
        ck_assert_int_eq(fd_above_stdio(open("/no/such/file", O_RDONLY)), -ENOENT);
        ck_assert_int_eq(fd_above_stdio(19999), -EBADF);
}
END_TEST

START_TEST(duplicate_is_the_same_open_file)
{
        _cleanup_close_ int fd = make_file("abc", 3);
        _cleanup_close_ int copy = fd_duplicate(fd);

        ck_assert_int_ge(copy, 3);
        ck_assert_int_ne(copy, fd);
        ck_assert_int_eq(fd_get_cloexec(copy), 1);
        ck_assert_int_eq(lseek(fd, 2, SEEK_SET), 2);
        ck_assert_int_eq(lseek(copy, 0, SEEK_CUR), 2);
        ck_assert_int_eq(fd_duplicate(-1), -EBADF);
}
END_TEST

START_TEST(cloexec_is_set_and_cleared)
{
        _cleanup_close_ int fd = make_file("", 0);

        ck_assert_int_eq(fd_set_cloexec(fd, false), 0);
        ck_assert_int_eq(fd_get_cloexec(fd), 0);
        ck_assert_int_eq(fd_set_cloexec(fd, true), 0);
        ck_assert_int_eq(fd_get_cloexec(fd), 1);
        ck_assert_int_eq(fd_set_cloexec(-1, true), -EBADF);
}
END_TEST

/* Bounds just below, at and above both the limit and the sizes at which the buffer grows. */
START_TEST(read_all_keeps_its_bound_exactly)
{
        static const size_t sizes[] = { 0, 1, 2, 4093, 4094, 4095, 4096, 4097, 8191, 8192, 20000 };

        for (size_t i = 0; i < ELEMENTS(sizes); i++) {
                _cleanup_free_ char *data = malloc(sizes[i] + 1);
                _cleanup_close_ int fd = -EBADF;

                memset(data, 'x', sizes[i]);
                fd = make_file(data, sizes[i]);
                for (size_t more = 0; more <= 2; more++) {
                        _cleanup_free_ char *text = NULL;
                        size_t size = 4711;
                        int r;

                        if (sizes[i] + more == 0)
                                continue;
                        ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
                        r = fd_read_all(fd, sizes[i] + more - 1, &text, &size);
                        if (more == 0) {
                                ck_assert_int_eq(r, -EFBIG);
                                ck_assert_ptr_null(text);
                                ck_assert_uint_eq(size, 4711);
                                continue;
                        }
                        ck_assert_int_eq(r, 0);
                        ck_assert_uint_eq(size, sizes[i]);
                        ck_assert_mem_eq(text, data, size);
                        ck_assert_int_eq(text[size], 0);
                }
        }
}
END_TEST

START_TEST(write_all_and_read_all_go_through_a_small_pipe)
{
        enum {
                SIZE = 300000
        }; /* more than a pipe holds, so that writes come out short */
        _cleanup_free_ char *data = malloc(SIZE), *text = NULL;
        size_t size;
        int pipes[2], status;
        pid_t pid;

        for (size_t i = 0; i < SIZE; i++)
                data[i] = (char)(i * 7);
        ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                int r = fd_write_all(pipes[1], data, SIZE);

                free(data);
                _exit(r == 0 ? 0 : 1);
        }
        (void)fd_close(pipes[1]);
        ck_assert_int_eq(fd_read_all(pipes[0], SIZE, &text, &size), 0);
        ck_assert_uint_eq(size, SIZE);
        ck_assert_mem_eq(text, data, SIZE);
        (void)fd_close(pipes[0]);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(fd_write_all(-1, data, 1), -EBADF);
        ck_assert_int_eq(fd_read_all(-1, 1, &text, &size), -EBADF);
}
END_TEST

START_TEST(kind_of_an_ordinary_descriptor_is_other)
{
        _cleanup_close_ int fd = make_file("", 0);
        const int many[] = { fd, -1, 0, 19999, fd };
        FdKind kinds[ELEMENTS(many)];

        ck_assert_int_eq(fd_kind(fd), FD_KIND_OTHER);
        ck_assert_int_eq((int)fd_kind(-1), -EBADF);
        ck_assert_int_eq((int)fd_kind(19999), -EBADF);
        fd_kinds(many, ELEMENTS(many), kinds);
        for (size_t i = 0; i < ELEMENTS(many); i++)
                ck_assert_int_eq((int)kinds[i], (int)fd_kind(many[i]));
        for (int kind = 0; kind < _FD_KIND_MAX; kind++)
                ck_assert_ptr_nonnull(fd_kind_to_string((FdKind)kind));
        ck_assert_ptr_null(fd_kind_to_string(_FD_KIND_MAX));
        ck_assert_ptr_null(fd_kind_to_string(_FD_KIND_INVALID));
}
END_TEST

CHECK_MAIN(
        "base/fd",
        20,
        close_keeps_errno_and_accepts_no_descriptor,
        cleanup_attribute_closes_what_was_not_taken,
        low_numbers_are_moved_up,
        duplicate_is_the_same_open_file,
        cloexec_is_set_and_cleared,
        read_all_keeps_its_bound_exactly,
        write_all_and_read_all_go_through_a_small_pipe,
        kind_of_an_ordinary_descriptor_is_other
)
