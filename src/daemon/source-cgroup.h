/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units of a cgroup v2 tree below one root, found by watching its directories. */

#include "src/daemon/unit-source.h"

typedef enum CgroupLayout {
        /* Each directory that is named like a unit, belongs to root with all its parents, is not delegated and has a
         * name nobody else in the tree has. */
        CGROUP_LAYOUT_OWN,
        /* As systemd makes it: slices, which belong to root, have units in them; what lies below a unit that is no
         * slice is that unit's own, so units of user managers are never met. A name that would be taken for
         * something else has '_' in front. The root, -.slice, is left out. */
        CGROUP_LAYOUT_SYSTEMD,
} CgroupLayout;

/* root is an existing cgroup v2 directory. The source is released by unit_source_free(). */
int source_cgroup_new(
        const char *root,
        CgroupLayout layout,
        const UnitSourceEvents *events,
        UnitSource **ret
);
