/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/text.h"

/* As many links as the kernel itself would follow is far more than any honest unit file needs. */
#define LINKS_MAX 8

int trust_check_fd(int fd, const char *name, Diag *diag) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", name);
        if (st.st_uid != 0)
                return diag_fail(
                        diag, -EPERM, "'%s' is owned by uid %u, not by root", name,
                        (unsigned)st.st_uid
                );
        if (!S_ISLNK(st.st_mode) && !S_ISCHR(st.st_mode) && (st.st_mode & 022))
                return diag_fail(
                        diag, -EPERM, "'%s' is writable by %s (mode %04o)", name,
                        st.st_mode & 002 ? "others" : "its group", (unsigned)st.st_mode & 07777
                );
        return 0;
}

/* Target of the link at fd, made absolute against the directory it stands in. */
static int link_target(int fd, const char *directory, char **ret) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(fd, "", target, sizeof target - 1);

        if (n < 0)
                return -errno;
        target[n] = 0;
        *ret = target[0] == '/' ? strdup(target) : text_format("%s/%s", directory, target);
        return *ret ? 0 : -ENOMEM;
}

static int open_component(int parent, const char *name, bool last, TrustFlags flags) {
        int how = O_CLOEXEC | O_NOFOLLOW;
        int fd;

        if (!last || (flags & TRUST_DIRECTORY))
                how |= O_PATH;
        else
                how |= flags & TRUST_PATH_ONLY ? O_PATH : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        fd = openat(parent, name, how);
        if (fd < 0 &&
            errno == ELOOP) /* a link: O_PATH opens the link itself, so that it can be judged */
                fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

static int walk(const char *path, TrustFlags flags, int links, int *ret_fd, Diag *diag);

static int follow(
        int fd,
        const char *path,
        const char *done,
        TrustFlags flags,
        int links,
        int *ret_fd,
        Diag *diag
) {
        _cleanup_free_ char *target = NULL, *directory = NULL;
        char *slash;
        int r;

        if (!(flags & TRUST_FINAL_LINK))
                return diag_fail(
                        diag, -ELOOP, "'%s' is a symbolic link, name its target instead", done
                );
        if (links >= LINKS_MAX)
                return diag_fail(diag, -ELOOP, "'%s' leads through too many symbolic links", path);
        directory = strdup(done);
        if (!directory)
                return -ENOMEM;
        slash = strrchr(directory, '/');
        *slash = 0;
        r = link_target(fd, directory, &target);
        if (r < 0)
                return diag_errno(diag, r, "cannot read symbolic link '%s'", done);
        return walk(target, flags, links + 1, ret_fd, diag);
}

/* Judges one opened component: 1 if it is a link, 0 if the walk can go on. */
static int judge(int fd, const char *done, bool last, TrustFlags flags, Diag *diag) {
        struct stat st;
        int r = trust_check_fd(fd, done, diag);

        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at '%s'", done);
        if (S_ISLNK(st.st_mode)) {
                if (!last)
                        return diag_fail(
                                diag, -ELOOP, "'%s' is a symbolic link in the way of the file", done
                        );
                return 1;
        }
        if (!S_ISDIR(st.st_mode) && (!last || (flags & TRUST_DIRECTORY)))
                return diag_fail(diag, -ENOTDIR, "'%s' is not a directory", done);
        return 0;
}

static int walk(const char *path, TrustFlags flags, int links, int *ret_fd, Diag *diag) {
        _cleanup_close_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ char *copy = strdup(path), *done = malloc(strlen(path) + 2);
        size_t filled = 0;
        char *rest = copy, *name;

        if (!copy || !done)
                return -ENOMEM;
        if (at < 0)
                return -errno;
        if (path[0] != '/')
                return diag_fail(diag, -EINVAL, "path '%s' is not absolute", path);
        while ((name = strsep(&rest, "/"))) {
                bool last = !rest || rest[strspn(rest, "/")] == 0;
                _cleanup_close_ int next = -EBADF;
                int r;

                if (!*name)
                        continue;
                if (strcmp(name, ".") == 0)
                        continue;
                if (strcmp(name, "..") == 0 && links == 0)
                        return diag_fail(diag, -EINVAL, "path '%s' has a '..' in it", path);
                done[filled++] = '/';
                filled = (size_t)(stpcpy(done + filled, name) - done);
                next = open_component(at, name, last, flags);
                if (next < 0)
                        return diag_errno(diag, next, "cannot open '%s'", done);
                r = judge(next, done, last, flags, diag);
                if (r < 0)
                        return r;
                if (r > 0)
                        return follow(next, path, done, flags, links, ret_fd, diag);
                (void)fd_close(at);
                at = TAKE_FD(next);
                if (last)
                        break;
        }
        at = fd_above_stdio(TAKE_FD(at));
        if (at < 0)
                return at;
        *ret_fd = TAKE_FD(at);
        return 0;
}

int trust_open(const char *path, TrustFlags flags, int *ret_fd, Diag *diag) {
        return walk(path, flags, 0, ret_fd, diag);
}
