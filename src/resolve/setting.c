/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A variable that reaches no object is a misspelt one, and a program that runs with its default in place of what the
 * administrator wrote is a failure nobody sees; so it becomes an error of its own. */

#include "src/resolve/setting.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "src/base/text.h"

#define USUAL_BPFFS "/sys/fs/bpf"

static bool stem_fits(const Wish *wish, const ObjectFile *object) {
        return wish->kind != WISH_VARIABLE || !wish->object_stem ||
               object_file_has_stem(object, wish->object_stem);
}

static bool object_has(const ObjectFile *object, const Wish *wish) {
        return wish->kind == WISH_VARIABLE ? object_file_variable(object, wish->name) != NULL
                                           : object_file_map(object, wish->name) != NULL;
}

/* Adds the names the object has to choose from. */
static void add_names(GPtrArray *names, const ObjectFile *object, WishKind kind) {
        const Inspect *inspect = object->inspect;

        for (size_t i = 0; kind == WISH_VARIABLE && i < inspect->n_variables; i++)
                g_ptr_array_add(names, inspect->variables[i].name);
        for (size_t i = 0; kind == WISH_MAP && i < inspect->n_maps; i++)
                g_ptr_array_add(names, inspect->maps[i].name);
}

static int refuse_name(const Wish *wish, GPtrArray *names, unsigned n_fitting, Diag *diag) {
        const char *what = wish->kind == WISH_VARIABLE ? "variable" : "map", *nearest;

        if (n_fitting == 0 && wish->object_stem)
                return diag_fail(
                        diag, -ENOENT, "the unit has no object '%s' for variable '%s'",
                        wish->object_stem, wish->name
                );
        if (n_fitting == 0)
                return diag_fail(
                        diag, -ENOENT, "the unit has no object for %s '%s'", what, wish->name
                );
        g_ptr_array_add(names, NULL);
        nearest = text_nearest(wish->name, (const char *const *)names->pdata);
        if (nearest)
                return diag_fail(
                        diag, -ENOENT, "no object has a %s '%s', did you mean '%s'?", what,
                        wish->name, nearest
                );
        return diag_fail(diag, -ENOENT, "no object has a %s '%s'", what, wish->name);
}

int setting_check(const Wish *wish, const GPtrArray *objects, Diag *diag) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        unsigned n_fitting = 0;

        for (guint i = 0; i < objects->len; i++) {
                const ObjectFile *object = g_ptr_array_index(objects, i);

                if (object->is_pin || !stem_fits(wish, object))
                        continue;
                if (object->error.text || object_has(object, wish))
                        return 0;
                n_fitting++;
                add_names(names, object, wish->kind);
        }
        return refuse_name(wish, names, n_fitting, diag);
}

static char *origin_of(const Wish *wish) {
        return g_strdup_printf("%s:%u", wish->file, wish->line);
}

static void set_variable(Target *target, const Wish *wish) {
        TargetVariable *variable = NULL;

        for (size_t i = 0; i < target->n_variables; i++)
                if (strcmp(target->variables[i].name, wish->name) == 0)
                        variable = &target->variables[i];
        if (!variable) {
                target->variables = g_renew(
                        TargetVariable, target->variables, target->n_variables + 1
                );
                variable = &target->variables[target->n_variables++];
                *variable = (TargetVariable){ .name = g_strdup(wish->name) };
        }
        g_free(variable->value);
        g_free(variable->origin);
        variable->value = g_strdup(wish->value);
        variable->origin = origin_of(wish);
}

static void set_map(Target *target, const Wish *wish) {
        TargetMap *map = NULL;

        for (size_t i = 0; i < target->n_maps; i++)
                if (strcmp(target->maps[i].name, wish->name) == 0)
                        map = &target->maps[i];
        if (!map) {
                target->maps = g_renew(TargetMap, target->maps, target->n_maps + 1);
                map = &target->maps[target->n_maps++];
                *map = (TargetMap){ .name = g_strdup(wish->name) };
        }
        g_free(map->path);
        g_free(map->origin);
        map->path = g_strdup(wish->value);
        map->origin = origin_of(wish);
}

/* One pass over the lines: those without a stem, or those with one. */
static void apply_lines(Target *target, const ObjectFile *object, const UnitWish *unit, bool stem) {
        for (guint i = 0; i < unit->wishes->len; i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                if ((wish->kind != WISH_VARIABLE && wish->kind != WISH_MAP) ||
                    stem != (wish->object_stem != NULL) || !stem_fits(wish, object) ||
                    !object_has(object, wish))
                        continue;
                if (wish->kind == WISH_VARIABLE)
                        set_variable(target, wish);
                else
                        set_map(target, wish);
        }
}

/* Maps are pinned on a BPF file system. What lies below its usual place is left to the load, since it may not be
 * mounted where a file is looked at beforehand. */
static int check_pin_path(const char *path, Diag *diag) {
        g_autofree char *directory = g_path_get_dirname(path);
        struct statfs fs;

        if (g_str_has_prefix(path, USUAL_BPFFS "/"))
                return 0;
        while (statfs(directory, &fs) < 0) {
                char *slash = strrchr(directory, '/');

                if (errno != ENOENT || !slash || slash == directory)
                        return 0; /* cannot be seen from here */
                *slash = 0;
        }
        if (fs.f_type == BPF_FS_MAGIC)
                return 0;
        return diag_fail(
                diag, -EINVAL, "'%s' cannot be pinned: '%s' is not on a BPF file system", path,
                directory
        );
}

int setting_apply(Target *target, const ObjectFile *object, const UnitWish *unit, Diag *diag) {
        int r = 0;

        apply_lines(target, object, unit, false);
        apply_lines(target, object, unit, true);
        for (size_t i = 0; r >= 0 && i < target->n_variables; i++) {
                const TargetVariable *variable = &target->variables[i];

                r = inspect_check_value(
                        object->inspect, object_file_variable(object, variable->name),
                        variable->value, diag
                );
                if (r < 0)
                        diag_prefix(diag, "%s: variable '%s'", variable->origin, variable->name);
        }
        for (size_t i = 0; r >= 0 && i < target->n_maps; i++) {
                r = check_pin_path(target->maps[i].path, diag);
                if (r < 0)
                        diag_prefix(
                                diag, "%s: map '%s'", target->maps[i].origin, target->maps[i].name
                        );
        }
        return r;
}
