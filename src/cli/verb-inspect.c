/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* inspect: what is in an object file, read without the kernel and without privilege. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "bpf/look/inspect.h"
#include "src/base/fd.h"
#include "src/cli/answer.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"
#include "src/cli/table.h"
#include "src/cli/verb.h"

static void insert_text(GVariantDict *dict, const char *key, const char *text) {
        g_autofree char *valid = text ? g_utf8_make_valid(text, -1) : NULL;

        if (valid)
                g_variant_dict_insert(dict, key, "s", valid);
}

static GVariant *program_rows(const Inspect *inspect) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < inspect->n_programs; i++) {
                const InspectProgram *program = &inspect->programs[i];
                GVariantDict dict;

                g_variant_dict_init(&dict, NULL);
                insert_text(&dict, "Name", program->name);
                insert_text(&dict, "Section", program->section);
                insert_text(&dict, "Hook", hook_to_string(program->hook));
                g_variant_dict_insert(&dict, "Instructions", "t", (guint64)program->instructions);
                g_variant_builder_add_value(&builder, g_variant_dict_end(&dict));
        }
        return g_variant_builder_end(&builder);
}

static void insert_map_type(GVariantDict *dict, uint32_t type) {
        g_autofree char *number = g_strdup_printf("%u", type);
        const char *name = map_type_to_string(type);

        insert_text(dict, "Type", name ? name : number);
}

static GVariant *map_rows(const Inspect *inspect) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < inspect->n_maps; i++) {
                const InspectMap *map = &inspect->maps[i];
                GVariantDict dict;

                g_variant_dict_init(&dict, NULL);
                insert_text(&dict, "Name", map->name);
                insert_map_type(&dict, map->type);
                g_variant_dict_insert(&dict, "KeySize", "u", map->key_size);
                g_variant_dict_insert(&dict, "ValueSize", "u", map->value_size);
                g_variant_dict_insert(&dict, "MaxEntries", "u", map->max_entries);
                g_variant_dict_insert(&dict, "Flags", "u", map->flags);
                g_variant_dict_insert(&dict, "PinnedByName", "b", map->pinned_by_name);
                g_variant_builder_add_value(&builder, g_variant_dict_end(&dict));
        }
        return g_variant_builder_end(&builder);
}

static GVariant *variable_rows(const Inspect *inspect) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < inspect->n_variables; i++) {
                const InspectVariable *variable = &inspect->variables[i];
                GVariantDict dict;

                g_variant_dict_init(&dict, NULL);
                insert_text(&dict, "Name", variable->name);
                insert_text(&dict, "Section", variable->section);
                insert_text(&dict, "Type", variable->type);
                g_variant_dict_insert(&dict, "Size", "t", (guint64)variable->size);
                g_variant_dict_insert(&dict, "Constant", "b", variable->is_constant);
                g_variant_builder_add_value(&builder, g_variant_dict_end(&dict));
        }
        return g_variant_builder_end(&builder);
}

static GVariant *object_dict(const Inspect *inspect, const char *path) {
        GVariantDict dict;

        g_variant_dict_init(&dict, NULL);
        insert_text(&dict, "Object", path);
        insert_text(&dict, "License", inspect->license);
        g_variant_dict_insert(&dict, "HasBtf", "b", inspect->has_btf);
        g_variant_dict_insert(&dict, "HasState", "b", inspect->has_state);
        g_variant_dict_insert_value(&dict, "Programs", program_rows(inspect));
        g_variant_dict_insert_value(&dict, "Maps", map_rows(inspect));
        g_variant_dict_insert_value(&dict, "Variables", variable_rows(inspect));
        return g_variant_dict_end(&dict);
}

static const TableColumn program_columns[] = { { "PROGRAM" },
                                               { "SECTION" },
                                               { "HOOK" },
                                               { "INSTRUCTIONS", TABLE_RIGHT } };
static const char *const program_keys[] = { "Name", "Section", "Hook", "Instructions" };
static const TableColumn map_columns[] = {
        { "MAP" },
        { "TYPE" },
        { "KEY", TABLE_RIGHT },
        { "VALUE", TABLE_RIGHT },
        { "ENTRIES", TABLE_RIGHT },
        { "FLAGS", TABLE_RIGHT },
        { "PINNED" },
};
static const char *const map_keys[] = { "Name",       "Type",  "KeySize",     "ValueSize",
                                        "MaxEntries", "Flags", "PinnedByName" };
static const TableColumn variable_columns[] = { { "VARIABLE" },
                                                { "SECTION" },
                                                { "TYPE" },
                                                { "BYTES", TABLE_RIGHT },
                                                { "CONSTANT" } };
static const char *const variable_keys[] = { "Name", "Section", "Type", "Size", "Constant" };

/* What an object has, each kind as a table of its own. */
static const struct {
        const char *key;
        const TableColumn *columns;
        const char *const *keys;
        size_t n;
} parts[] = {
        { "Programs", program_columns, program_keys, ELEMENTS(program_columns) },
        { "Maps", map_columns, map_keys, ELEMENTS(map_columns) },
        { "Variables", variable_columns, variable_keys, ELEMENTS(variable_columns) },
};

#define CELLS_MAX 8U

static void print_part(const Invocation *invocation, GVariant *object, size_t part) {
        g_autoptr(GVariant) rows = g_variant_lookup_value(object, parts[part].key, NULL);
        _cleanup_(table_free_ptr) Table *table = NULL;

        if (!rows || answer_n(rows) == 0)
                return;
        (void)printf("\n");
        table = table_new(invocation, parts[part].columns, parts[part].n);
        for (size_t i = 0; i < answer_n(rows); i++) {
                g_autoptr(GVariant) row = answer_row(rows, i);
                const char *cells[CELLS_MAX];
                char *words[CELLS_MAX] = {};

                for (size_t k = 0; k < parts[part].n; k++)
                        cells[k] = words[k] = answer_words(row, parts[part].keys[k]);
                (void)table_add(table, NULL, cells);
                for (size_t k = 0; k < parts[part].n; k++)
                        g_free(words[k]);
        }
        table_print(table);
}

/* A line that could stand in a unit file, for the first program whose section names a hook. */
static void print_example(const Invocation *invocation, const Inspect *inspect, const char *path) {
        g_autofree char *absolute = g_canonicalize_filename(path, NULL);

        for (size_t i = 0; i < inspect->n_programs; i++) {
                const InspectProgram *program = &inspect->programs[i];
                const HookInfo *info = hook_info(program->hook);

                if (!info || info->target != HOOK_TARGET_CGROUP)
                        continue;
                output_legend(
                        invocation, "In [X-BPF] of a unit file: BPFProgram=%s:%s#%s", info->name,
                        absolute, program->name
                );
                return;
        }
}

static void print_object(const Invocation *invocation, GVariant *object, const Inspect *inspect) {
        screen_label("Object", answer_text(object, "Object"));
        screen_label("License", inspect->license ? inspect->license : "none");
        screen_label("BTF", inspect->has_btf ? "yes" : "no");
        screen_label(
                "State", inspect->has_state ? "yes: each unit gets its own" : "none: units share it"
        );
        for (size_t i = 0; i < ELEMENTS(parts); i++)
                print_part(invocation, object, i);
        print_example(invocation, inspect, answer_text(object, "Object"));
}

static int inspect_path(const char *path, Inspect **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_diag_ Diag diag = {};
        int r;

        if (fd < 0) {
                screen_error("Failed to open '%s': %s.", path, strerror(errno));
                return -EIO;
        }
        r = inspect_fd(fd, path, ret, &diag);
        if (r < 0)
                screen_error("%s", diag_text(&diag, r));
        return r;
}

int verb_inspect(const Invocation *invocation) {
        GVariantBuilder builder;
        g_autoptr(GVariant) rows = NULL;
        int result = EXIT_DONE;
        bool first = true;

        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; i < invocation_n(invocation); i++) {
                const char *path = invocation_argument(invocation, i);
                _cleanup_(inspect_free_ptr) Inspect *inspect = NULL;
                g_autoptr(GVariant) object = NULL;

                if (inspect_path(path, &inspect) < 0) {
                        result = EXIT_FAILED;
                        continue;
                }
                object = g_variant_ref_sink(object_dict(inspect, path));
                g_variant_builder_add_value(&builder, object);
                if (invocation->json != JSON_FORMAT_OFF)
                        continue;
                (void)printf("%s", first ? "" : "\n");
                print_object(invocation, object, inspect);
                first = false;
        }
        rows = g_variant_ref_sink(g_variant_builder_end(&builder));
        (void)output_json(invocation, rows, &schema_object);
        return result;
}
