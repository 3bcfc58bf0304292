/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Links between a program and a cgroup. A link descriptor *is* the attachment: with the last descriptor and pin
 * it goes. The kernel forgets the flags of a link and never tells the links of a cgroup; whoever made it must
 * remember. None of these functions retries. */

#include "bpf/kernel-ops.h"

/* BPF_LINK_CREATE. Returns a descriptor of the caller's.
 * -EINVAL: program does not fit, or the kernel has no links; -EPERM: programs in exclusive or override mode are
 * there, or an ancestor has an exclusive one; -E2BIG: 64 already; -EBADF: no cgroup v2 directory; -ENOENT: removed,
 * or the anchor is not there; -ESTALE: other revision than expected. */
int link_create(const LinkArguments *arguments);

/* BPF_LINK_UPDATE: puts the new program in the place of the old one, without a hole. With old_prog_fd other than
 * -EBADF only if that one is there (-EPERM if not). -ENOLINK: defunct; -EINVAL: other program type. Success is no
 * proof of life for some 20 ms after the cgroup was removed. The kernel does not check that the new program fits
 * the hook, nor cgroup storage: the caller asks legacy_fits() and program_has_cgroup_storage() before. */
int link_update(int link_fd, int new_prog_fd, int old_prog_fd);

/* BPF_LINK_DETACH: the link stays as a defunct one. Fine on a link that is defunct already. */
int link_detach(int link_fd);

/* What the kernel says of a link of any type; fields that do not belong to its type are 0. */
int link_info(int link_fd, LinkInfo *ret);
