/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Attachments without a link: BPF_PROG_ATTACH and BPF_PROG_DETACH on a cgroup. The cgroup itself holds the program,
 * past every descriptor and process. The only way to the modes exclusive (flags 0) and override.
 *
 * In those two modes the kernel detaches whatever is there, whichever program is named: the caller queries first and
 * passes the revision where the kernel has one. */

#include <stdbool.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"

/* Is the target of this attach type a cgroup? The kernel reads the same word as an interface index for others, so
 * everything here asserts it. */
bool legacy_is_cgroup_type(uint32_t attach_type);

/* Attaches, or with BPF_F_REPLACE swaps replace_prog_fd for prog_fd in its place (say UAPI_F_PREORDER again, it is
 * taken from the new flags). In mode exclusive or override it replaces what is there.
 * -EINVAL: does not fit, is attached already (multi), or flags do not go together; -EPERM: other mode here, or an
 * exclusive program above; -E2BIG: 64 already, also for BPF_F_REPLACE; -ENOENT: cgroup removed, or the program to
 * replace or the anchor is not there; -EBADF: no cgroup v2 directory; -ESTALE: other revision. */
int legacy_attach(const AttachArguments *arguments);

/* Detaches prog_fd; flags, replace_prog_fd and anchor are not looked at. -ENOENT: not there. */
int legacy_detach(const AttachArguments *arguments);

/* Does the program fit the hook? Asked with a target that cannot be: nothing is attached. 0 yes, -EINVAL no. */
int legacy_fits(int prog_fd, uint32_t attach_type);
