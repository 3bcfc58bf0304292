/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is attached to a cgroup at a hook. The kernel tells program ids in list order and the mode of the list; it
 * tells neither links nor flags of single programs. */

#include <stdbool.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"

/* effective: the whole run order with what ancestors contribute, mode and revision are 0 then.
 * -EINVAL: the kernel does not know the hook; -ENOENT: cgroup removed; -EBADF: no cgroup v2 directory;
 * -EPERM: needs CAP_NET_ADMIN; -EBUSY: the list grew faster than we could ask. */
int query_cgroup(int cgroup_fd, uint32_t attach_type, bool effective, QueryResult *ret);
