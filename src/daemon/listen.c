/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/fd.h"

#define BACKLOG 4096 /* the kernel takes its own maximum if that is less */

int listen_on(const char *path, int type, mode_t mode, int *ret, Diag *diag) {
        _cleanup_close_ int fd = fd_above_stdio(
                socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
        );
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t size = strlen(path);
        int r;

        if (fd < 0)
                return diag_errno(diag, fd, "cannot make a socket");
        if (size >= sizeof address.sun_path)
                return diag_fail(diag, -ENAMETOOLONG, "socket path '%s' is too long", path);
        memcpy(address.sun_path, path, size);
        if (unlink(path) < 0 && errno != ENOENT)
                return diag_errno(diag, -errno, "cannot remove old socket '%s'", path);
        r = bind(fd, (const struct sockaddr *)&address, sizeof address);
        if (r < 0)
                return diag_errno(diag, -errno, "cannot bind '%s'", path);
        /* nobody can connect before listen(), so the mode of the birth does not matter */
        if (chmod(path, mode) < 0)
                return diag_errno(diag, -errno, "cannot set the mode of '%s'", path);
        if (listen(fd, BACKLOG) < 0)
                return diag_errno(diag, -errno, "cannot listen on '%s'", path);
        *ret = TAKE_FD(fd);
        return 0;
}

int listen_peer(int fd, struct ucred *ret) {
        struct ucred peer;
        socklen_t size = sizeof peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        *ret = peer;
        return 0;
}
