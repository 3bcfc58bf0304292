/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Maps are structs in data section ".maps" whose members tell by their types what the map is: a number N is
 * written as pointer to an array of N, key and value as pointers to their types. Members this reader does not
 * know are left to libbpf, which has the last word on the object anyway. */

#include "bpf/look/inspect-btf.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/look/value.h"
#include "src/base/cleanup.h"
#include "src/base/limits.h"

#define PIN_BY_NAME     1U
#define INNER_FD_BYTES  4U /* value of a map of maps or programs */
#define MAP_MEMBERS_MAX 64U /* libbpf knows some fifteen */

static int number_member(const TypeInfo *info, const TypeMember *member, uint32_t *ret) {
        return type_info_number(info, member->type, ret);
}

static int size_member(const TypeInfo *info, const TypeMember *member, uint32_t *ret) {
        return type_info_pointed_size(info, member->type, ret);
}

static const struct {
        const char *name;
        int (*read)(const TypeInfo *info, const TypeMember *member, uint32_t *ret);
        size_t offset; /* of the field of InspectMap */
} map_members[] = {
        { "type", number_member, offsetof(InspectMap, type) },
        { "max_entries", number_member, offsetof(InspectMap, max_entries) },
        { "map_flags", number_member, offsetof(InspectMap, flags) },
        { "key_size", number_member, offsetof(InspectMap, key_size) },
        { "value_size", number_member, offsetof(InspectMap, value_size) },
        { "key", size_member, offsetof(InspectMap, key_size) },
        { "value", size_member, offsetof(InspectMap, value_size) },
};

static int map_read_member(InspectMap *map, const TypeInfo *info, const TypeMember *member) {
        uint32_t pinning;
        int r;

        if (strcmp(member->name, "pinning") == 0) {
                r = type_info_number(info, member->type, &pinning);
                if (r < 0)
                        return r;
                map->pinned_by_name = pinning == PIN_BY_NAME;
                return 0;
        }
        if (strcmp(member->name, "values") == 0) {
                map->value_size = INNER_FD_BYTES;
                return 0;
        }
        for (size_t i = 0; i < ELEMENTS(map_members); i++)
                if (strcmp(member->name, map_members[i].name) == 0)
                        return map_members[i].read(
                                info, member, (uint32_t *)((char *)map + map_members[i].offset)
                        );
        return 0;
}

static int read_map(Inspect *inspect, const TypeInfo *info, const TypeMember *variable, Diag *diag) {
        InspectMap *map;
        Type type;
        int r;

        if (inspect->n_maps >= LIMIT_OBJECT_MAPS)
                return diag_fail(
                        diag, -EFBIG, "'%s' has more than %u maps", inspect->name, LIMIT_OBJECT_MAPS
                );
        map = reallocarray(inspect->maps, inspect->n_maps + 1, sizeof *map);
        if (!map)
                return -ENOMEM;
        inspect->maps = map;
        map += inspect->n_maps++;
        *map = (InspectMap){};
        r = inspect_copy_name(inspect, variable->name, &map->name, diag);
        if (r < 0)
                return r;
        r = type_info_resolve(info, variable->type, &type);
        if (r == 0 && (type.kind != BTF_KIND_STRUCT || type.n > MAP_MEMBERS_MAX))
                r = -EBADMSG;
        for (uint32_t i = 0; r == 0 && i < type.n; i++) {
                TypeMember member;

                r = type_info_member(info, &type, i, &member);
                if (r == 0)
                        r = map_read_member(map, info, &member);
        }
        if (r < 0)
                return diag_fail(
                        diag, r, "the definition of map '%s' in '%s' is malformed", map->name,
                        inspect->name
                );
        return 0;
}

static int read_variable(
        Inspect *inspect,
        const TypeInfo *info,
        const char *section,
        const TypeMember *member,
        Diag *diag
) {
        InspectVariable *variable = inspect_add_variable(inspect, diag);
        _cleanup_free_ char *words = NULL;
        int r;

        if (!variable)
                return -errno;
        variable->size = member->size;
        variable->type_id = member->type;
        variable->is_constant = inspect_section_is_constant(section);
        r = inspect_copy_name(inspect, member->name, &variable->name, diag);
        if (r < 0)
                return r;
        r = inspect_copy_name(inspect, section, &variable->section, diag);
        if (r < 0)
                return r;
        r = type_info_words(info, member->type, &words);
        if (r < 0)
                return diag_fail(
                        diag, r, "the type of variable '%s' in '%s' is malformed", variable->name,
                        inspect->name
                );
        return inspect_copy_name(inspect, words, &variable->type, diag);
}

/* One data section, if it is one of those that are shown; the rest (.kconfig, .ksyms) belongs to the kernel. */
static int read_data_section(Inspect *inspect, const TypeInfo *info, const Type *type, Diag *diag) {
        bool maps = strcmp(type->name, ".maps") == 0;

        if (!maps && !inspect_section_is_constant(type->name) &&
            !inspect_section_is_writable(type->name))
                return 0;
        for (uint32_t i = 0; i < type->n; i++) {
                TypeMember variable;
                int r = type_info_variable(info, type, i, &variable);

                if (r < 0)
                        return diag_fail(
                                diag, r, "the type information of '%s' is damaged", inspect->name
                        );
                r = maps ? read_map(inspect, info, &variable, diag)
                         : read_variable(inspect, info, type->name, &variable, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A copy, since values are checked by it when the file is gone. */
static int copy_types(Inspect *inspect, const void *data, size_t size, Diag *diag) {
        int r;

        inspect->type_data = malloc(size ? size : 1);
        if (!inspect->type_data)
                return -ENOMEM;
        memcpy(inspect->type_data, data, size);
        r = type_info_new(inspect->type_data, size, &inspect->types);
        if (r < 0)
                return diag_fail(
                        diag, r, "the type information (BTF) of '%s' is damaged", inspect->name
                );
        return 0;
}

int inspect_read_btf(Inspect *inspect, const void *data, size_t size, Diag *diag) {
        const TypeInfo *info;
        int r = copy_types(inspect, data, size, diag);

        if (r < 0)
                return r;
        info = inspect->types;
        for (uint32_t id = 1; id < type_info_n(info); id++) {
                Type type;

                r = type_info_get(info, id, &type);
                if (r < 0)
                        return r;
                if (type.kind != BTF_KIND_DATASEC)
                        continue;
                r = read_data_section(inspect, info, &type, diag);
                if (r < 0)
                        return r;
        }
        return 0;
}

int inspect_check_value(
        const Inspect *inspect,
        const InspectVariable *variable,
        const char *text,
        Diag *diag
) {
        _cleanup_free_ uint8_t *bytes = malloc(variable->size ? variable->size : 1);

        if (!bytes)
                return -ENOMEM;
        if (!inspect->types)
                return 0; /* what it is shows when it is loaded, and then it is refused */
        return value_to_bytes(inspect->types, variable->type_id, text, bytes, variable->size, diag);
}
