/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs on cgroups, as the daemon lists them in the order in which they run. */

#include <glib.h>

#include "src/cli/invocation.h"

/* Cgroups as a tree by their paths, the programs of each below it. */
void program_tree_print(const Invocation *invocation, GVariant *programs);

/* The same programs as a flat table with their cgroups. */
void program_tree_print_list(const Invocation *invocation, GVariant *programs);
