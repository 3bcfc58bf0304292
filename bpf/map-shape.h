/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What must be equal before one map can stand in for another. */

#include <stdbool.h>
#include <stdint.h>

struct bpf_map;

typedef struct MapShape {
        uint32_t type, key_size, value_size, max_entries, flags;
        uint64_t extra;
} MapShape;

/* As the map of an open object will be made: libbpf rounds the sizes of some types at that time. */
MapShape map_shape_wanted(const struct bpf_map *map);

/* As it is in the kernel. */
int map_shape_of_fd(int map_fd, MapShape *ret);

bool map_shape_equal(const MapShape *a, const MapShape *b);

/* All differences in words, "max_entries is 10, not 20"; belongs to the caller, NULL without memory. */
char *map_shape_difference(const MapShape *there, const MapShape *wanted);
