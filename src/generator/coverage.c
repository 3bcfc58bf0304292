/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/generator/kmsg.h"
#include "units/expand.h"
#include "units/unit-file.h"
#include "units/unit-name.h"

/* Stands for any instance where files of a template are read. */
#define ANY_INSTANCE "unitbpf"

void coverage_init(Coverage *coverage, char **search_path, const Scan *scan) {
        *coverage = (Coverage){
                .context = { .search_path = search_path, .trust = true },
                .scan = scan,
                .slices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        };
}

void coverage_done(Coverage *coverage) {
        g_clear_pointer(&coverage->slices, g_hash_table_unref);
        g_clear_pointer(&coverage->said, g_hash_table_unref);
}

static bool is_slice(const char *name) {
        return strcmp(name, "slice") == 0 || g_str_has_suffix(name, ".slice");
}

static bool any_slice_is_hit(const Coverage *coverage) {
        GHashTableIter iter;
        void *name;

        g_hash_table_iter_init(&iter, coverage->scan->hits);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                if (is_slice(name))
                        return true;
        return false;
}

/* Is one of the names under which drop-ins of this unit stand a hit: its own, its template's, a shorter prefix's or
 * that of its type? */
static bool is_hit(const Coverage *coverage, const char *unit) {
        GHashTable *hits = coverage->scan->hits;
        _cleanup_free_ char *template = unit_name_template(unit);
        const char *names[] = { unit, template };

        for (size_t i = 0; i < ELEMENTS(names) && names[i]; i++) {
                g_autofree char *shorter = g_strdup(names[i]);

                while (shorter) {
                        g_autofree char *next = NULL;

                        if (g_hash_table_contains(hits, shorter))
                                return true;
                        next = unit_dropins_shorter_name(shorter);
                        g_free(shorter);
                        shorter = g_steal_pointer(&next);
                }
        }
        return g_hash_table_contains(hits, strrchr(unit, '.') + 1);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

GPtrArray *coverage_candidates(const Coverage *coverage) {
        static const char *const types[] = { "service", "socket" };
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        bool all = any_slice_is_hit(coverage);
        GHashTableIter iter;
        void *name;

        for (size_t i = 0; i < ELEMENTS(types); i++)
                if (g_hash_table_contains(coverage->scan->hits, types[i]))
                        g_ptr_array_add(names, g_strdup(types[i]));
        g_hash_table_iter_init(&iter, coverage->scan->known);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                if (all || is_hit(coverage, name))
                        g_ptr_array_add(names, g_strdup(name));
        g_ptr_array_sort(names, compare_names);
        return names;
}

/* The name files of the unit are read under: a template has no instance of its own. */
static char *name_for_reading(const char *unit) {
        return unit_name_kind(unit) == UNIT_NAME_TEMPLATE
                       ? unit_name_of_instance(unit, ANY_INSTANCE)
                       : strdup(unit);
}

static HookPolicy policy_of_wish(const UnitWish *unit, const Wish *wish) {
        const char *word = unit->policy ? unit->policy : "required";

        if (wish->kind != WISH_PROGRAM && wish->kind != WISH_FAILED)
                return HOOK_NONE;
        for (char **option = wish->options; option && *option; option++)
                if (strcmp(*option, "required") == 0 || strcmp(*option, "wanted") == 0 ||
                    strcmp(*option, "optional") == 0)
                        word = *option;
        return strcmp(word, "required") == 0 ? HOOK_REQUIRED : HOOK_WANTED;
}

static void complain_once(const Coverage *coverage, const Wish *wish) {
        g_autofree char *place = g_strdup_printf("%s:%u", wish->file, wish->line);

        if (wish->error && !g_hash_table_contains(coverage->said, place)) {
                kmsg_warn("%s: %s", place, wish->error);
                (void)g_hash_table_add(coverage->said, g_steal_pointer(&place));
        }
}

static HookPolicy policy_of_lines(const Coverage *coverage, const UnitWish *unit) {
        HookPolicy policy = HOOK_NONE;

        for (guint i = 0; i < unit->wishes->len; i++) {
                complain_once(coverage, unit->wishes->pdata[i]);
                policy = MAX(policy, policy_of_wish(unit, unit->wishes->pdata[i]));
        }
        return policy;
}

/* What the files of one unit say for itself. */
static HookPolicy policy_of_files(
        const Coverage *coverage,
        const char *unit,
        const UnitPaths *paths
) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = NULL;
        _cleanup_free_ char *name = name_for_reading(unit);
        _cleanup_diag_ Diag diag = {};
        int r = unit_wish_read_paths(&coverage->context, name, paths, &wish, &diag);

        if (r < 0) {
                kmsg_warn("%s: %s, its start depends on unitbpfd", unit, diag_text(&diag, r));
                return HOOK_REQUIRED;
        }
        return policy_of_lines(coverage, wish);
}

static HookPolicy policy_of_one_slice(Coverage *coverage, const char *slice) {
        _cleanup_(unit_paths_done) UnitPaths paths = {};
        _cleanup_diag_ Diag diag = {};
        HookPolicy policy = HOOK_NONE;
        void *known;
        int r;

        if (g_hash_table_lookup_extended(coverage->slices, slice, NULL, &known))
                return (HookPolicy)GPOINTER_TO_INT(known);
        r = unit_paths_find(&coverage->context, slice, &paths, &diag);
        if (r < 0)
                kmsg_warn("%s: %s", slice, diag_text(&diag, r));
        else if (!paths.masked)
                policy = policy_of_files(coverage, slice, &paths);
        g_hash_table_insert(coverage->slices, g_strdup(slice), GINT_TO_POINTER((int)policy));
        return policy;
}

/* "a-b.slice" lies in "a.slice". */
static HookPolicy policy_of_slices(Coverage *coverage, const char *slice) {
        g_autofree char *name = g_strdup(slice);
        HookPolicy policy = HOOK_NONE;
        char *dash;

        for (;;) {
                policy = MAX(policy, policy_of_one_slice(coverage, name));
                name[strlen(name) - strlen(".slice")] = 0;
                dash = strrchr(name, '-');
                if (!dash || dash == name)
                        return policy;
                (void
                )strcpy(dash, ".slice"); /* shorter than what stood there: at least "-x.slice" */
        }
}

/* The slice of a unit that does not say: that of its template, or system.slice. */
static char *default_slice(const char *unit) {
        _cleanup_free_ char *prefix = unit_name_prefix(unit);
        _cleanup_free_ char *escaped = NULL;

        if (unit_name_kind(unit) == UNIT_NAME_PLAIN)
                return g_strdup("system.slice");
        escaped = unit_name_escape(prefix);
        return g_strdup_printf("system-%s.slice", escaped);
}

static char *slice_of(const char *unit, const StartLines *lines) {
        _cleanup_free_ char *name = name_for_reading(unit);
        _cleanup_diag_ Diag diag = {};
        char *slice;
        int r;

        if (!lines->slice)
                return default_slice(unit);
        r = expand_value(lines->slice, name, 0, &slice, &diag);
        if (r < 0) {
                kmsg_warn("%s: Slice=%s: %s", unit, lines->slice, diag_text(&diag, r));
                return default_slice(unit);
        }
        return slice;
}

HookPolicy coverage_of_unit(Coverage *coverage, const char *unit, StartLines *ret_lines) {
        _cleanup_(start_lines_done) StartLines lines = {};
        _cleanup_(unit_paths_done) UnitPaths paths = {};
        _cleanup_diag_ Diag diag = {};
        g_autofree char *slice = NULL;
        HookPolicy policy = HOOK_NONE;
        int r = unit_paths_find(&coverage->context, unit, &paths, &diag);

        if (r >= 0 && paths.masked)
                return HOOK_NONE;
        if (r >= 0)
                r = start_lines_read(&coverage->context, unit, &paths, &lines, &diag);
        if (r < 0) {
                if (!is_hit(coverage, unit))
                        return HOOK_NONE;
                /* what is in there cannot be told, only that it has the section: the default is required */
                kmsg_warn("%s: %s, its start depends on unitbpfd", unit, diag_text(&diag, r));
                *ret_lines = (StartLines){ .commands = g_ptr_array_new(), .unknown = true };
                return HOOK_REQUIRED;
        }
        if (is_hit(coverage, unit))
                policy = policy_of_files(coverage, unit, &paths);
        slice = slice_of(unit, &lines);
        if (any_slice_is_hit(coverage) && g_str_has_suffix(slice, ".slice"))
                policy = MAX(policy, policy_of_slices(coverage, slice));
        if (policy == HOOK_NONE)
                return HOOK_NONE;
        *ret_lines = lines;
        lines = (StartLines){};
        return policy;
}
