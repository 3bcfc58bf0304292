/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A cgroup by its path: whether it can be trusted, whether somebody is in it, its end. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/base/diag.h"

/* Whether path lies on cgroup v2; its id. -ENOENT, or -EBADF if it is no cgroup v2 directory. */
int cgroup_dir_id(const char *path, uint64_t *ret);

/* The same of a descriptor (O_PATH will do); the path is as this process sees it and belongs to the caller. */
int cgroup_dir_of_fd(int fd, uint64_t *ret_id, char **ret_path);

/* The cgroup a process is in, as it is now; the path is as this process sees it and belongs to the caller. */
int cgroup_dir_of_process(pid_t pid, uint64_t *ret_id, char **ret_path);

/* 0 if the directory is owned by root and not delegated; -EPERM and why in diag if not: another owner of the
 * directory, of cgroup.procs or of cgroup.subtree_control, or one of them writable by others than root. */
int cgroup_dir_check_trust(const char *path, Diag *diag);

/* 1 if there are processes in it or below, 0 if not; -ENOENT if it is gone. */
int cgroup_dir_populated(const char *path);

/* Whether anybody has ever run in the cgroup, told by the processor time it used: the kernel does not tell of one who came
 * and went within some 10 ms. 1, 0, or a negative errno. */
int cgroup_dir_used(const char *path);

/* Kills all processes in it and below. */
int cgroup_dir_kill(const char *path);

/* Removes the cgroup, with nested also the empty ones below it, depth first. -EBUSY while there are processes (or,
 * without nested, children); 0 also if it is gone already. */
int cgroup_dir_remove(const char *path, bool nested);
