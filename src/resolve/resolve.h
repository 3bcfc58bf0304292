/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Wishes to typed targets: each word is looked up, each object opened (once, trusted) and looked into, each error
 * gets its FILE:LINE. It asks nothing of the BPF kernel interface and changes nothing. */

#include "bpf/look/target.h"
#include "units/wish.h"

typedef struct ResolveOptions {
        bool trust; /* objects must be under root's control alone; verify as a plain user turns it off */
} ResolveOptions;

/* Makes the targets of a unit. A wish that cannot be met becomes a target with error (and its hook, path, policy
 * as far as they were understood), so the number of problems is the number of targets with error. Negative only
 * without memory. The set belongs to the caller. */
int resolve_unit(const UnitWish *wish, const ResolveOptions *options, TargetSet **ret);
