/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units of a plain cgroup v2 tree: below one root, each directory that is named like a unit, belongs to root with
 * all its parents, is not delegated and has a name nobody else in the tree has. */

#include "src/daemon/unit-source.h"

/* root is an existing cgroup v2 directory. The source is released by unit_source_free(). */
int source_cgroup_new(const char *root, const UnitSourceEvents *events, UnitSource **ret);
