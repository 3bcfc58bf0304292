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

/* Far more than any honest unit file needs; the kernel itself would follow 40. */
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

/* One way through the tree, over all links in it. */
typedef struct Walk {
        const char *path; /* as the caller named it */
        TrustFlags flags;
        int links; /* followed so far */
        Diag *diag;
} Walk;

static int open_component(int parent, const char *name, bool last, TrustFlags flags) {
        int how = O_CLOEXEC | O_NOFOLLOW;
        int fd;

        how |= !last || (flags & TRUST_PATH_ONLY) ? O_PATH : O_RDONLY | O_NONBLOCK | O_NOCTTY;
        fd = openat(parent, name, how);
        if (fd < 0 &&
            errno == ELOOP) /* a link: O_PATH opens the link itself, so that it can be judged */
                fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* Judges one opened component: 1 if it is a link to follow, 0 if the walk can go on. */
static int judge(const Walk *walk, int fd, const char *done, bool last) {
        struct stat st;
        int r = trust_check_fd(fd, done, walk->diag);

        if (r < 0)
                return r;
        if (fstat(fd, &st) < 0)
                return diag_errno(walk->diag, -errno, "cannot look at '%s'", done);
        if (S_ISLNK(st.st_mode)) {
                if (!last)
                        return diag_fail(
                                walk->diag, -ELOOP,
                                "'%s' is a symbolic link in the way of the file", done
                        );
                return 1;
        }
        if (!S_ISDIR(st.st_mode) && (!last || (walk->flags & TRUST_DIRECTORY)))
                return diag_fail(walk->diag, -ENOTDIR, "'%s' is not a directory", done);
        return 0;
}

static int walk_path(Walk *walk, const char *path, int *ret_fd);

static int follow(Walk *walk, int fd, const char *done, int *ret_fd) {
        _cleanup_free_ char *target = NULL, *directory = NULL;
        int r;

        if (!(walk->flags & TRUST_FINAL_LINK))
                return diag_fail(
                        walk->diag, -ELOOP, "'%s' is a symbolic link, name its target instead", done
                );
        if (walk->links >= LINKS_MAX)
                return diag_fail(
                        walk->diag, -ELOOP, "'%s' leads through too many symbolic links", walk->path
                );
        directory = strndup(done, (size_t)(strrchr(done, '/') - done));
        if (!directory)
                return -ENOMEM;
        r = link_target(fd, directory, &target);
        if (r < 0)
                return diag_errno(walk->diag, r, "cannot read symbolic link '%s'", done);
        walk->links++;
        return walk_path(walk, target, ret_fd);
}

/* The next component to go into, or NULL; *ret_last if none comes behind it. "." and doubled slashes go nowhere. */
static char *next_component(char **rest, bool *ret_last) {
        char *name, *more = NULL;

        do
                name = strsep(rest, "/");
        while (name && (!*name || strcmp(name, ".") == 0));
        if (name && *rest)
                for (more = *rest; *more == '/' || (*more == '.' && (!more[1] || more[1] == '/'));)
                        more++;
        *ret_last = !more || !*more;
        return name;
}

/* The directory every walk begins in; it must be trusted like any other. */
static int open_root(const Walk *walk) {
        _cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        if (fd < 0)
                return diag_errno(walk->diag, -errno, "cannot open '/'");
        r = trust_check_fd(fd, "/", walk->diag);
        return r < 0 ? r : TAKE_FD(fd);
}

static int walk_path(Walk *walk, const char *path, int *ret_fd) {
        _cleanup_free_ char *copy = strdup(path), *done = malloc(strlen(path) + 2);
        _cleanup_close_ int at = -EBADF;
        size_t filled = 0;
        char *rest = copy;
        bool last = false;

        if (!copy || !done)
                return -ENOMEM;
        if (path[0] != '/')
                return diag_fail(walk->diag, -EINVAL, "path '%s' is not absolute", path);
        at = open_root(walk);
        if (at < 0)
                return at;
        while (!last) {
                const char *name = next_component(&rest, &last);
                _cleanup_close_ int next = -EBADF;
                int r;

                if (!name) /* the path was "/" alone */
                        name = ".";
                if (strcmp(name, "..") == 0 && walk->links == 0)
                        return diag_fail(walk->diag, -EINVAL, "path '%s' has a '..' in it", path);
                done[filled++] = '/';
                filled = (size_t)(stpcpy(done + filled, name) - done);
                next = open_component(at, name, last, walk->flags);
                if (next < 0)
                        return last ? diag_errno(walk->diag, next, "cannot open '%s'", done)
                                    : diag_errno(
                                              walk->diag, next, "cannot open '%s' at '%s'", path,
                                              done
                                      );
                r = judge(walk, next, done, last);
                if (r < 0)
                        return r;
                if (r > 0)
                        return follow(walk, next, done, ret_fd);
                (void)fd_close(at);
                at = TAKE_FD(next);
        }
        at = fd_above_stdio(TAKE_FD(at));
        if (at < 0)
                return at;
        *ret_fd = TAKE_FD(at);
        return 0;
}

int trust_open(const char *path, TrustFlags flags, int *ret_fd, Diag *diag) {
        Walk walk = { .path = path, .flags = flags, .diag = diag };

        return walk_path(&walk, path, ret_fd);
}
