/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All links of the system. The kernel does not tell which links a cgroup has; walking all of them and reading what
 * each is bound to is the only way to know. */

#include <stddef.h>

#include "bpf/kernel-ops.h"

/* What each link is bound to, in the order of their ids. Links that vanish meanwhile are left out. The array is the
 * caller's (free()). -EPERM: needs CAP_SYS_ADMIN; -EINVAL: the kernel has no links. */
int link_list(LinkInfo **ret, size_t *ret_n);
