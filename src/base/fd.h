/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* File descriptors: close-on-exec from birth, never 0..2 (in several fields of the bpf() attributes 0
 * means "none"), and -EBADF where there is none. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/cleanup.h"

/* Closes fd if it is one, keeps errno, and returns -EBADF for assignment. */
int fd_close(int fd);

static inline void fd_close_ptr(int *fd) {
        (void)fd_close(*fd);
}

#define _cleanup_close_ _cleanup_(fd_close_ptr)

/* Moves fd to a number of 3 or more. Owns fd in any case: on failure it is closed and a negative errno
 * returned; otherwise returns the number to use from now on, close-on-exec set. May be wrapped around the system call
 * that makes the descriptor: for -1 the errno of that call is returned. */
int fd_above_stdio(int fd);

/* As fd_above_stdio() for one that was made close-on-exec, which costs no call then. */
int fd_off_stdio(int fd);

/* Another descriptor of the same open file, 3 or more, close-on-exec. Negative errno on failure. */
int fd_duplicate(int fd);

/* Sets or clears close-on-exec. Only daemon/reexec.c may clear it. */
int fd_set_cloexec(int fd, bool cloexec);

/* 1 if close-on-exec is set, 0 if not, negative errno for a number that is no descriptor. */
int fd_get_cloexec(int fd);

/* Writes all of the buffer, also over short writes and EINTR. */
int fd_write_all(int fd, const void *buffer, size_t size);

/* Reads to the end of file, from the present position. The buffer gets a NUL behind the last byte and
 * belongs to the caller. -EFBIG if there are more than max bytes; nothing is returned then. */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size);

/* What /proc/self/fd says of it: FD_KIND_*. */
typedef enum FdKind {
        FD_KIND_OTHER,
        FD_KIND_PROGRAM,
        FD_KIND_MAP,
        FD_KIND_LINK,
        _FD_KIND_MAX,
        _FD_KIND_INVALID = -22,
} FdKind;

/* Kind of descriptor, told apart by the name of its anonymous inode and without a failing call; negative
 * errno for a number that is no descriptor. */
FdKind fd_kind(int fd);
/* fd_kind() of n descriptors, one answer each. The way to where they are listed is walked once, which halves the
 * cost of each. */
void fd_kinds(const int *fds, size_t n, FdKind *ret);
const char *fd_kind_to_string(FdKind kind);
