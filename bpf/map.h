/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Maps as the tracker and its tools use them: made, filled, read, and shown to people. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"

typedef struct MapOptions {
        const char *name; /* made fit for the kernel; NULL: none */
        uint32_t type, key_size, value_size, max_entries, flags;
} MapOptions;

typedef struct MapInfo {
        uint32_t id, type, key_size, value_size, max_entries, flags;
        char name[KERNEL_NAME_MAX];
} MapInfo;

/* One entry in words, by the type information of the map where it has some, else "hex:" and the bytes. Values of per-CPU
 * maps list each CPU, integers with their sum in front. */
typedef struct MapEntry {
        char *key, *value;
} MapEntry;

typedef struct MapDump {
        MapEntry *entries;
        size_t n;
        bool complete; /* false: there are more than LIMIT_MAP_DUMP_ENTRIES, or too long ones */
        bool readable; /* false: maps of this type (ring buffers, queues...) cannot be looked through */
} MapDump;

/* Makes a name the kernel takes: the first 15 bytes, all but letters, digits, '_' and '.' made '_'. out has
 * KERNEL_NAME_MAX bytes. */
void map_name_fit(const char *text, char *out);

/* Returns a descriptor of the caller's. */
int map_create(const MapOptions *options);

/* -EINVAL: the descriptor is no map. */
int map_info(int map_fd, MapInfo *ret);

/* flags: BPF_ANY, BPF_NOEXIST (-EEXIST), BPF_EXIST (-ENOENT). -E2BIG: full. */
int map_update(int map_fd, const void *key, const void *value, uint64_t flags);

/* ret has the bytes of map_value_bytes(). -ENOENT: no such key. */
int map_lookup(int map_fd, const void *key, void *ret);

/* -ENOENT: no such key; -EINVAL: entries of this type cannot go. */
int map_delete(int map_fd, const void *key);

/* The key behind key (NULL: the first one). -ENOENT: that was the last. */
int map_next_key(int map_fd, const void *key, void *ret_next);

/* Bytes a lookup writes: for per-CPU maps one value, rounded up to 8, for each possible CPU. Negative errno if the number
 * of CPUs cannot be found out. */
int64_t map_value_bytes(const MapInfo *info);

/* How many entries there are; at most max is answered. Arrays are always full. -EOPNOTSUPP: cannot be looked through. */
int64_t map_count(int map_fd, uint32_t max);

/* Where the map is pinned at or below a directory of bpffs; the first place found, belongs to the caller. -ENOENT:
 * nowhere there; -EMEDIUMTYPE: not on bpffs. */
int map_find_pin(uint32_t map_id, const char *directory, char **ret_path);

/* All entries in the kernel's order. What changes meanwhile may be in it or not. */
int map_dump(int map_fd, MapDump *ret, Diag *diag);

void map_dump_done(MapDump *dump);
