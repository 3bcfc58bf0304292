/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cgroups of version 2. A path is no identity: removed and made again, a cgroup of the same name is another one.
 * So a cgroup is held as an O_PATH descriptor and named by its 64-bit id; the path only informs. */

#include <stdint.h>

#include "src/base/diag.h"

/* Where the cgroup2 file system is mounted, out of the mount table. If it is mounted more than once, a mount of the
 * whole tree comes before one of a part, then /sys/fs/cgroup and /sys/fs/cgroup/unified come first. -ENOENT: not
 * mounted. The path belongs to the caller. */
int cgroup_mount_find(char **ret, Diag *diag);

/* Opens the directory of a cgroup: O_PATH, close-on-exec. -EBADF: it exists, but is no cgroup v2 directory (an
 * ordinary one, or of a v1 controller; diag says which); -ENOTDIR; -ENOENT. ret_id may be NULL. */
int cgroup_open(const char *path, uint64_t *ret_id, Diag *diag);

/* The id of an open cgroup, also of a removed one; it is the inode number, and what link infos say. */
int cgroup_id(int cgroup_fd, uint64_t *ret_id);

/* Opens the cgroup with this id and names its path in the mount cgroup_mount_find() chose. -ESTALE: it is gone
 * (also if the name was made again). Without CAP_DAC_READ_SEARCH the tree is searched, which costs more. A link that
 * names an id which is stale belongs to a dying cgroup: removed, but with sockets that still live.
 * ret_path may be NULL. */
int cgroup_by_id(uint64_t id, char **ret_path);

/* As cgroup_by_id(), by walking the tree below mount_fd (O_RDONLY); the path is the one of the found directory. */
int cgroup_by_walk(int mount_fd, uint64_t id, char **ret_path);

/* Path of an open cgroup, without the " (deleted)" of a removed one. */
int cgroup_path(int cgroup_fd, char **ret_path);

/* 1 alive, 0 removed. */
int cgroup_alive(int cgroup_fd);

/* Opens the parent. -ENOENT: this is the top of the mount (or of the cgroup namespace); -ESTALE: removed. */
int cgroup_parent(int cgroup_fd);

/* How many cgroups are below, at any depth; at most max is answered. */
int cgroup_descendants(int cgroup_fd, unsigned max);

/* 1 if a process is in it or below, 0 if not. -ENOENT: removed, or the root, which has no such file. */
int cgroup_populated(int cgroup_fd);

/* Kills every process in it and below. -EOPNOTSUPP: Linux older than 5.14; -ENOENT: removed. */
int cgroup_kill(int cgroup_fd);
