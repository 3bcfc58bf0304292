/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files we act on with all our power (unit files, objects, pins) must be under root's control alone: the
 * file and every directory above it owned by root and not writable by group or others. A path is walked one
 * component at a time with O_NOFOLLOW, so what was checked is what is opened. */

#include <stdbool.h>

#include "src/base/diag.h"

typedef enum TrustFlags {
        /* The last component may be a symbolic link (unit file aliases, masks): its target is walked in turn
         * and must be trusted as well. Links anywhere else are refused in any case. */
        TRUST_FINAL_LINK = 1 << 0,
        /* The last component is only opened with O_PATH: pins on bpffs cannot be opened otherwise. */
        TRUST_PATH_ONLY = 1 << 1,
        /* The last component must be a directory. */
        TRUST_DIRECTORY = 1 << 2,
} TrustFlags;

/* Opens path (absolute, no ".." components) read-only if it is trusted, "/" included. *ret_fd then belongs to the
 * caller. -EINVAL (relative or with ".."), -ENOENT, -EPERM (owner or mode, the component is named), -ELOOP (a symbolic link in the way), or
 * another errno of the walk, each explained in diag. */
int trust_open(const char *path, TrustFlags flags, int *ret_fd, Diag *diag);

/* 0 if the open file or directory is owned by root and not writable by group or others, else -EPERM. */
int trust_check_fd(int fd, const char *name, Diag *diag);
