/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <unistd.h>

#include "serialize/fdset.h"
#include "src/base/fd.h"
#include "tests/unit/check-main.h"

static int make_fd(void) {
        int fd = fd_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));

        ck_assert_int_ge(fd, 3);
        return fd;
}

static bool is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(empty_set_has_nothing)
{
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();

        ck_assert_uint_eq(fdset_size(set), 0);
        ck_assert_int_eq(fdset_next(set, -1), -1);
        ck_assert_int_eq(fdset_take(set, 3), -ENOENT);
        ck_assert_int_eq(fdset_take(set, -1), -ENOENT);
        ck_assert(!fdset_contains(set, -1));
        ck_assert(!fdset_contains(set, INT_MAX));
        ck_assert_int_eq(fdset_next(set, INT_MAX), -1);
        ck_assert_ptr_null(fdset_free(NULL));
}
END_TEST

/* The giving side: the set goes away, the descriptors stay with their owner, flags untouched. */
START_TEST(borrowed_descriptor_stays_its_owners)
{
        FdSet *set = fdset_new();
        int a = make_fd(), b = make_fd();

        ck_assert_int_eq(fdset_borrow(set, a), 0);
        ck_assert_int_eq(fdset_borrow(set, b), 0);
        ck_assert_uint_eq(fdset_size(set), 2);
        ck_assert_int_eq(fdset_take(set, b), b);
        (void)fdset_free(set);
        ck_assert(is_open(a) && is_open(b));
        ck_assert_int_eq(fd_get_cloexec(a), 1);
        (void)fd_close(a);
        (void)fd_close(b);
}
END_TEST

START_TEST(what_nobody_claimed_is_closed_with_the_set)
{
        FdSet *set = fdset_new();
        int taken = make_fd(), left = make_fd();

        ck_assert_int_eq(fdset_adopt(set, taken), 0);
        ck_assert_int_eq(fdset_adopt(set, left), 0);
        ck_assert_int_eq(fdset_take(set, taken), taken);
        ck_assert(!fdset_contains(set, taken));
        (void)fdset_free(set);
        ck_assert(is_open(taken));
        ck_assert(!is_open(left));
        (void)fd_close(taken);
}
END_TEST

/* T14: a descriptor is taken once; the second claim gets nothing. */
START_TEST(descriptor_is_taken_once)
{
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        _cleanup_close_ int fd = make_fd();

        ck_assert_int_eq(fdset_adopt(set, fd), 0);
        ck_assert_int_eq(fdset_take(set, fd), fd);
        ck_assert_int_eq(fdset_take(set, fd), -ENOENT);
        ck_assert_uint_eq(fdset_size(set), 0);
        /* borrowed after it was owned: no longer closed by the set */
        ck_assert_int_eq(fdset_borrow(set, fd), 0);
        set = fdset_free(set);
        ck_assert(is_open(fd));
}
END_TEST

START_TEST(bad_and_known_descriptors_are_refused)
{
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        int fd = make_fd();

        ck_assert_int_eq(fdset_borrow(set, -1), -EBADF);
        ck_assert_int_eq(fdset_borrow(set, 2), -EBADF);
        ck_assert_int_eq(fdset_adopt(set, 0), -EBADF);
        ck_assert_int_eq(fdset_adopt(set, INT_MAX), -EBADF);
        ck_assert_int_eq(fdset_adopt(set, fd), 0);
        ck_assert_int_eq(fdset_adopt(set, fd), -EEXIST);
        ck_assert_int_eq(fdset_borrow(set, fd), -EEXIST);
        ck_assert_uint_eq(fdset_size(set), 1);
        set = fdset_free(set);
        ck_assert(!is_open(fd));
}
END_TEST

START_TEST(descriptors_come_in_ascending_order)
{
        static const int numbers[] = { 700, 64, 63, 65, 127, 128, 400 };
        static const int ordered[] = { 63, 64, 65, 127, 128, 400, 700, -1 };
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        int fd = make_fd(), after = -1;

        for (size_t i = 0; i < ELEMENTS(numbers); i++) {
                ck_assert_int_eq(dup3(fd, numbers[i], O_CLOEXEC), numbers[i]);
                ck_assert_int_eq(fdset_adopt(set, numbers[i]), 0);
        }
        for (size_t i = 0; i < ELEMENTS(ordered); i++) {
                after = fdset_next(set, after);
                ck_assert_int_eq(after, ordered[i]);
        }
        ck_assert_int_eq(fdset_next(set, 128), 400);
        ck_assert_int_eq(fdset_next(set, 129), 400);
        set = fdset_free(set);
        for (size_t i = 0; i < ELEMENTS(numbers); i++)
                ck_assert(!is_open(numbers[i]));
        (void)fd_close(fd);
}
END_TEST

START_TEST(inherited_descriptors_are_adopted)
{
        _cleanup_(fdset_free_ptr) FdSet *set = fdset_new();
        int own = make_fd(), inherited = make_fd(), kept = make_fd(), known = make_fd();
        int keep[] = { kept, -1 };

        /* whatever the test runner leaves open is none of this test */
        ck_assert_int_eq(fdset_adopt_inherited(set, NULL), 0);
        for (int fd = fdset_next(set, -1); fd >= 0; fd = fdset_next(set, fd))
                (void)fdset_take(set, fd);
        ck_assert_uint_eq(fdset_size(set), 0);

        ck_assert_int_eq(fd_set_cloexec(inherited, false), 0);
        ck_assert_int_eq(fd_set_cloexec(kept, false), 0);
        ck_assert_int_eq(fd_set_cloexec(known, false), 0);
        ck_assert_int_eq(fdset_borrow(set, known), 0);
        ck_assert_int_eq(fdset_adopt_inherited(set, keep), 0);
        ck_assert_uint_eq(fdset_size(set), 2);
        ck_assert(fdset_contains(set, inherited));
        ck_assert(!fdset_contains(set, own) && !fdset_contains(set, kept));
        ck_assert_int_eq(fd_get_cloexec(inherited), 1);
        ck_assert_int_eq(fd_get_cloexec(known), 1);
        ck_assert_int_eq(fd_get_cloexec(kept), 0);
        /* once more finds nothing new, and nothing of its own */
        ck_assert_int_eq(fdset_adopt_inherited(set, keep), 0);
        ck_assert_uint_eq(fdset_size(set), 2);
        set = fdset_free(set);
        ck_assert(!is_open(inherited));
        ck_assert(is_open(own) && is_open(kept) && is_open(known));
        (void)fd_close(own);
        (void)fd_close(kept);
        (void)fd_close(known);
}
END_TEST

START_TEST(thousands_are_adopted_and_all_closed)
{
        struct rlimit limit;
        FdSet *set = fdset_new();
        size_t n = 0;
        int first;

        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        first = make_fd();
        ck_assert_int_eq(fdset_adopt(set, first), 0);
        while (n < 8000) {
                int fd = fcntl(first, F_DUPFD_CLOEXEC, 3);

                if (fd < 0)
                        break;
                ck_assert_int_eq(fdset_adopt(set, fd), 0);
                n++;
        }
        ck_assert_uint_eq(fdset_size(set), n + 1);
        for (int fd = fdset_next(set, -1); fd >= 0 && n > 4000; fd = fdset_next(set, fd), n--)
                (void)fd_close(fdset_take(set, fd));
        (void)fdset_free(set);
        /* the lowest free number is the first again: none is left open */
        ck_assert_int_eq(make_fd(), first);
        (void)fd_close(first);
}
END_TEST

CHECK_MAIN(
        "serialize/fdset",
        30,
        empty_set_has_nothing,
        borrowed_descriptor_stays_its_owners,
        what_nobody_claimed_is_closed_with_the_set,
        descriptor_is_taken_once,
        bad_and_known_descriptors_are_refused,
        descriptors_come_in_ascending_order,
        inherited_descriptors_are_adopted,
        thousands_are_adopted_and_all_closed
)
