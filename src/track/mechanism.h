/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mechanisms: how a program is put at, exchanged on, and taken off a hook, one row for each via. They make kernel
 * calls through the table and change nothing of the tracker's memory. */

#include "bpf/kernel-ops.h"
#include "src/track/attachment.h"

typedef struct MechanismCall {
        const KernelOps *ops;
        const Attachment *attachment; /* hook, mode, ids, descriptor of what is there or shall be */
        int cgroup_fd;
        int prog_fd; /* new program; -EBADF for detach and verify */
        int old_prog_fd; /* replace: what is expected there; -EBADF: nothing is */
        bool takeover; /* displacing a foreign program was asked for */
} MechanismCall;

typedef struct Mechanism {
        /* Puts the program there. *ret_fd: descriptor that holds it, -EBADF if the kernel does by itself;
         * *ret_link_id: 0 without link. */
        int (*attach)(const MechanismCall *call, int *ret_fd, uint32_t *ret_link_id, Diag *diag);
        /* Exchanges old_prog_fd for prog_fd in place, without a gap. -EOPNOTSUPP: impossible here, make a new one
         * beside it; -ENOLINK: what was there is gone. */
        int (*replace)(const MechanismCall *call, Diag *diag);
        /* Takes it off and makes sure that it is off. 0 also if it, or its cgroup, is gone already. */
        int (*detach)(const MechanismCall *call, Diag *diag);
        /* What the kernel says: 0 and the program id (0: nothing is there), -ENOENT: the cgroup is gone. */
        int (*look)(const MechanismCall *call, uint32_t *ret_prog_id);
        bool holds_fd; /* has a descriptor that can be pinned */
} Mechanism;

/* NULL for a via this build has no mechanism for. */
const Mechanism *mechanism_of(Via via);
