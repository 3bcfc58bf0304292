/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libbpf makes one array map of each section of variables and sets its contents at load from memory of its own;
 * until then that memory can be written. Where in it a variable lies says the BTF of the section (a DATASEC). The name
 * of such a map ends in the section's name: "count.rodata", or it is that name: ".data.mine". */

#include "bpf/object-variable.h"

#include <errno.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/call.h"
#include "bpf/look/value.h"
#include "src/base/limits.h"
#include "src/base/text.h"

typedef struct Variable {
        struct bpf_map *map;
        uint32_t offset, size, type_id;
} Variable;

static const char *section_of(const struct bpf_map *map) {
        return bpf_map__is_internal(map) ? strchr(bpf_map__name(map), '.') : NULL;
}

static struct bpf_map *find_map(const struct bpf_object *object, const char *section) {
        struct bpf_map *map;

        bpf_object__for_each_map(map, object) if (text_equal(section_of(map), section)) return map;
        return NULL;
}

/* Calls visit with each variable that can be set and its name, until it answers true. */
static void for_each_variable(
        const struct bpf_object *object,
        bool (*visit)(void *userdata, const char *name, const Variable *variable),
        void *userdata
) {
        const struct btf *types = bpf_object__btf(object);

        for (uint32_t id = 1; types && id < btf__type_cnt(types); id++) {
                const struct btf_type *section = btf__type_by_id(types, id);
                struct bpf_map *map;

                if (!btf_is_datasec(section))
                        continue;
                map = find_map(object, btf__name_by_offset(types, section->name_off));
                if (!map || text_equal(section_of(map), ".kconfig"))
                        continue;
                for (unsigned i = 0; i < btf_vlen(section); i++) {
                        const struct btf_var_secinfo *place = &btf_var_secinfos(section)[i];
                        const struct btf_type *type = btf__type_by_id(types, place->type);
                        const Variable variable = { map, place->offset, place->size, type->type };

                        if (btf_is_var(type) &&
                            visit(userdata, btf__name_by_offset(types, type->name_off), &variable))
                                return;
                }
        }
}

typedef struct Search {
        const char *name;
        Variable found;
} Search;

static bool visit_search(void *userdata, const char *name, const Variable *variable) {
        Search *search = userdata;

        if (!text_equal(name, search->name))
                return false;
        search->found = *variable;
        return true;
}

typedef struct Names {
        const char **names;
        size_t n, room;
} Names;

static bool visit_names(void *userdata, const char *name, const Variable *variable) {
        Names *names = userdata;

        if (names->n < names->room)
                names->names[names->n++] = name;
        return names->n == names->room;
}

static int variable_missing(const struct bpf_object *object, const char *name, Diag *diag) {
        _cleanup_free_ const char **candidates = NULL;
        Names names = { .room = LIMIT_OBJECT_VARIABLES };
        const char *nearest;

        candidates = calloc(names.room + 1, sizeof *candidates);
        if (!candidates)
                return -ENOMEM;
        names.names = candidates;
        for_each_variable(object, visit_names, &names);
        nearest = text_nearest(name, candidates);
        if (nearest)
                return diag_fail(
                        diag, -ENOENT, "no variable '%s', did you mean '%s'?", name, nearest
                );
        return diag_fail(diag, -ENOENT, "no variable '%s'", name);
}

static int variable_set(struct bpf_object *object, const TargetVariable *wanted, Diag *diag) {
        Search search = { .name = wanted->name };
        _cleanup_(type_info_free_ptr) TypeInfo *info = NULL;
        _cleanup_free_ uint8_t *contents = NULL;
        const void *initial, *types;
        uint32_t types_size;
        size_t size;
        int r;

        for_each_variable(object, visit_search, &search);
        if (!search.found.map)
                return variable_missing(object, wanted->name, diag);
        initial = bpf_map__initial_value(search.found.map, &size);
        if (!initial || search.found.offset > size ||
            search.found.size > size - search.found.offset)
                return diag_fail(
                        diag, -EBADMSG, "variable '%s' lies outside of its section", wanted->name
                );
        contents = malloc(size);
        if (!contents)
                return -ENOMEM;
        (void)memcpy(contents, initial, size);
        types = btf__raw_data(bpf_object__btf(object), &types_size);
        if (!types)
                return -ENOMEM;
        r = type_info_new(types, types_size, &info);
        if (r >= 0)
                r = value_to_bytes(
                        info, search.found.type_id, wanted->value, contents + search.found.offset,
                        search.found.size, diag
                );
        if (r < 0) {
                diag_prefix(diag, "variable '%s'", wanted->name);
                return r;
        }
        return bpf_map__set_initial_value(search.found.map, contents, size);
}

int object_variables_set(struct bpf_object *object, const LoadRequest *request, Diag *diag) {
        for (size_t i = 0; i < request->n_variables; i++) {
                int r = variable_set(object, &request->variables[i], diag);

                if (r < 0) {
                        if (request->variables[i].origin)
                                diag_prefix(diag, "%s", request->variables[i].origin);
                        return r;
                }
        }
        return 0;
}

bool object_variables_agree(
        const struct bpf_object *object,
        const LoadRequest *request,
        const struct bpf_map *map,
        const void *contents
) {
        size_t size;
        const uint8_t *wanted = bpf_map__initial_value((struct bpf_map *)map, &size);

        for (size_t i = 0; i < request->n_variables; i++) {
                Search search = { .name = request->variables[i].name };

                for_each_variable(object, visit_search, &search);
                if (search.found.map != map)
                        continue;
                if (!wanted ||
                    memcmp(wanted + search.found.offset,
                           (const uint8_t *)contents + search.found.offset, search.found.size) != 0)
                        return false;
        }
        return true;
}

static bool sections_equal(
        const struct btf *a_types,
        const struct btf_type *a,
        const struct btf *b_types,
        const struct btf_type *b
) {
        if (btf_vlen(a) != btf_vlen(b))
                return false;
        for (unsigned i = 0; i < btf_vlen(a); i++) {
                const struct btf_var_secinfo *x = &btf_var_secinfos(a)[i];
                const struct btf_var_secinfo *y = &btf_var_secinfos(b)[i];
                const struct btf_type *s = btf__type_by_id(a_types, x->type);
                const struct btf_type *t = btf__type_by_id(b_types, y->type);

                if (x->offset != y->offset || x->size != y->size || !s || !t ||
                    !text_equal(
                            btf__name_by_offset(a_types, s->name_off),
                            btf__name_by_offset(b_types, t->name_off)
                    ))
                        return false;
        }
        return true;
}

static void types_free(struct btf **types) {
        btf__free(*types);
}

bool object_variables_same_layout(
        const struct bpf_object *object,
        const struct bpf_map *map,
        int map_fd
) {
        const struct btf *ours = bpf_object__btf(object);
        _cleanup_(types_free) struct btf *theirs = NULL;
        struct bpf_map_info info = {};
        const struct btf_type *section;
        int id;

        if (!ours)
                return true;
        if (call_info(map_fd, &info, sizeof info) < 0 || info.btf_id == 0)
                return false;
        theirs = btf__load_from_kernel_by_id(info.btf_id);
        id = btf__find_by_name_kind(ours, section_of(map), BTF_KIND_DATASEC);
        section = theirs ? btf__type_by_id(theirs, info.btf_value_type_id) : NULL;
        return id > 0 && section && btf_is_datasec(section) &&
               sections_equal(ours, btf__type_by_id(ours, (uint32_t)id), theirs, section);
}
