/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Variables of an object that is open but not loaded. */

#include <stdbool.h>

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"

struct bpf_map;
struct bpf_object;

/* Sets all variables of the request. -ENOENT: there is none of that name; -EINVAL and -ERANGE as value_to_bytes(). */
int object_variables_set(struct bpf_object *object, const LoadRequest *request, Diag *diag);

/* Would the variables of map, which holds a section of object, live on well in another map of these contents (size bytes,
 * those of the section)? Yes if those set by the request have their wanted values there already. */
bool object_variables_agree(
        const struct bpf_object *object,
        const LoadRequest *request,
        const struct bpf_map *map,
        const void *contents
);

/* Do the variables of the section this map holds have the same names and places in the map map_fd? Where the object has
 * no type information, the sizes alone must do, and they were compared before. */
bool object_variables_same_layout(
        const struct bpf_object *object,
        const struct bpf_map *map,
        int map_fd
);
