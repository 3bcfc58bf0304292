/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why the kernel said no: an errno of an attach, looked into and put in words. */

#include "src/track/mechanism.h"

/* Records the explanation and returns error. Asks the kernel, changes nothing. */
int explain_attach(const MechanismCall *call, int error, Diag *diag);

/* The nearest ancestor whose list for the hook is in exclusive mode: 1, its path (the caller's) and the program,
 * 0 if there is none. */
int explain_blocker(
        const KernelOps *ops,
        int cgroup_fd,
        Hook hook,
        char **ret_path,
        uint32_t *ret_prog_id
);
