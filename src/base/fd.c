/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fd_close(int fd) {
        if (fd >= 0) {
                int saved = errno;

                (void)close(fd); /* the descriptor is gone whatever close() answers */
                errno = saved;
        }
        return -EBADF;
}

int fd_duplicate(int fd) {
        int r = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        return r < 0 ? -errno : r;
}

int fd_above_stdio(int fd) {
        int r;

        if (fd < 0) /* straight from a system call that failed, or none at all */
                return fd == -1 && errno > 0 ? -errno : -EBADF;
        if (fd >= 3) {
                r = fd_set_cloexec(fd, true);
                if (r < 0) {
                        (void)fd_close(fd);
                        return r;
                }
                return fd;
        }
        r = fd_duplicate(fd);
        (void)fd_close(fd);
        return r;
}

int fd_off_stdio(int fd) {
        return fd >= 3 ? fd : fd_above_stdio(fd);
}

int fd_get_cloexec(int fd) {
        int flags = fcntl(fd, F_GETFD);

        if (flags < 0)
                return -errno;
        return (flags & FD_CLOEXEC) != 0;
}

int fd_set_cloexec(int fd, bool cloexec) {
        int flags = fcntl(fd, F_GETFD);
        int wanted;

        if (flags < 0)
                return -errno;
        wanted = cloexec ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
        if (wanted != flags && fcntl(fd, F_SETFD, wanted) < 0)
                return -errno;
        return 0;
}

int fd_write_all(int fd, const void *buffer, size_t size) {
        const char *p = buffer;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        return -EIO;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

int fd_read_all(int fd, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *buffer = NULL;
        size_t size = 0, room = 0;

        for (;;) {
                ssize_t n;

                if (room - size < 2) {
                        size_t larger = room ? room * 2 : 4096;
                        char *grown;

                        if (larger > max + 2)
                                larger = max + 2;
                        if (larger <= size + 1)
                                return -EFBIG;
                        grown = realloc(buffer, larger);
                        if (!grown)
                                return -ENOMEM;
                        buffer = grown;
                        room = larger;
                }
                n = read(fd, buffer + size, room - size - 1);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                size += (size_t)n;
                if (size > max)
                        return -EFBIG;
        }
        buffer[size] = 0;
        *ret = TAKE_PTR(buffer);
        if (ret_size)
                *ret_size = size;
        return 0;
}

static const char *const fd_kind_names[_FD_KIND_MAX] = {
        [FD_KIND_OTHER] = "other",
        [FD_KIND_PROGRAM] = "program",
        [FD_KIND_MAP] = "map",
        [FD_KIND_LINK] = "link",
};

const char *fd_kind_to_string(FdKind kind) {
        return (unsigned)kind < _FD_KIND_MAX ? fd_kind_names[kind] : NULL;
}

static FdKind kind_of_name(const char *name) {
        if (strcmp(name, "anon_inode:bpf-prog") == 0)
                return FD_KIND_PROGRAM;
        if (strcmp(name, "anon_inode:bpf-map") == 0)
                return FD_KIND_MAP;
        /* the one name when made by BPF_LINK_CREATE, the other when opened by id or from a pin */
        if (strcmp(name, "anon_inode:bpf_link") == 0 || strcmp(name, "anon_inode:bpf-link") == 0)
                return FD_KIND_LINK;
        return FD_KIND_OTHER;
}

/* path: below the folder, or absolute. */
static FdKind kind_at(int folder, const char *path) {
        char name[64];
        ssize_t n = readlinkat(folder, path, name, sizeof name - 1);

        if (n < 0)
                return errno == ENOENT ? (FdKind)-EBADF : (FdKind)-errno;
        name[n] = 0;
        return kind_of_name(name);
}

FdKind fd_kind(int fd) {
        char path[32];

        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        return kind_at(AT_FDCWD, path);
}

/* The digits of a number of 0 or more, at the end of the buffer. */
static const char *digits_of(char buffer[16], int fd) {
        char *p = buffer + 15;

        *p = 0;
        do {
                *--p = (char)('0' + fd % 10);
                fd /= 10;
        } while (fd > 0);
        return p;
}

void fd_kinds(const int *fds, size_t n, FdKind *ret) {
        _cleanup_close_ int folder = fd_above_stdio(
                open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)
        );
        char buffer[16];

        for (size_t i = 0; i < n; i++)
                ret[i] = folder >= 0 && fds[i] >= 0 ? kind_at(folder, digits_of(buffer, fds[i]))
                                                    : fd_kind(fds[i]);
}
