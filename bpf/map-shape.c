/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/map-shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "bpf/call.h"
#include "bpf/look/hook.h"
#include "src/base/text.h"

/* The ring of a ring buffer is a power of two of pages. */
static uint32_t ring_size(uint32_t wanted) {
        uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);

        while (size < wanted && size <= UINT32_MAX / 2)
                size *= 2;
        return size < wanted ? wanted : size;
}

static uint32_t wanted_entries(const struct bpf_map *map) {
        uint32_t entries = bpf_map__max_entries(map);

        if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
                return ring_size(entries);
        if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY && entries == 0)
                return (uint32_t)libbpf_num_possible_cpus();
        return entries;
}

MapShape map_shape_wanted(const struct bpf_map *map) {
        return (MapShape){
                .type = bpf_map__type(map),
                .key_size = bpf_map__key_size(map),
                .value_size = bpf_map__value_size(map),
                .max_entries = wanted_entries(map),
                .flags = bpf_map__map_flags(map),
                .extra = bpf_map__map_extra(map),
        };
}

int map_shape_of_fd(int map_fd, MapShape *ret) {
        struct bpf_map_info info = {};
        int r = call_info(map_fd, &info, sizeof info);

        if (r < 0)
                return r;
        *ret = (MapShape){
                .type = info.type,
                .key_size = info.key_size,
                .value_size = info.value_size,
                .max_entries = info.max_entries,
                .flags = info.map_flags,
                .extra = info.map_extra,
        };
        return 0;
}

bool map_shape_equal(const MapShape *a, const MapShape *b) {
        return a->type == b->type && a->key_size == b->key_size && a->value_size == b->value_size &&
               a->max_entries == b->max_entries && a->flags == b->flags && a->extra == b->extra;
}

/* Appends "NAME is A, not B" to text, which it takes over. */
static char *add_difference(char *text, const char *name, uint64_t there, uint64_t wanted) {
        char *longer;

        if (!text || there == wanted)
                return text;
        longer = text_format(
                "%s%s%s is %" PRIu64 ", not %" PRIu64, text, *text ? ", " : "", name, there, wanted
        );
        free(text);
        return longer;
}

static const char *type_name(uint32_t type) {
        return map_type_to_string(type) ?: "of an unknown type";
}

char *map_shape_difference(const MapShape *there, const MapShape *wanted) {
        char *text = there->type == wanted->type
                             ? text_format("%s", "")
                             : text_format(
                                       "it is %s, not %s", type_name(there->type),
                                       type_name(wanted->type)
                               );

        text = add_difference(text, "the key size", there->key_size, wanted->key_size);
        text = add_difference(text, "the value size", there->value_size, wanted->value_size);
        text = add_difference(text, "max_entries", there->max_entries, wanted->max_entries);
        text = add_difference(text, "flags", there->flags, wanted->flags);
        return add_difference(text, "map_extra", there->extra, wanted->extra);
}
