/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cgroup v2 directory of this process, found without a library. */

#include <stddef.h>

/* Path of the process's cgroup inside the hierarchy, from the text of /proc/self/cgroup ("0::/PATH"). *ret is the
 * caller's. -ENOENT: no line of version 2. */
int own_cgroup_parse(const char *text, char **ret);

/* Directory in the file system of a path inside the hierarchy, from the text of /proc/self/mountinfo. *ret is the
 * caller's. -ENOENT: no mount of cgroup v2 shows that path. */
int own_cgroup_directory(const char *mountinfo, const char *cgroup, char **ret);

/* Opens the directory with O_PATH. Negative errno on failure. */
int own_cgroup_open(void);
