/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where unit files are, highest precedence first, and the fragment of a unit among them. A link to another unit's
 * file on the search path is another name of that unit; a link to a file elsewhere is that file; a link to nothing
 * masks the unit. */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/limits.h"
#include "units/unit-file.h"
#include "units/unit-name.h"

/* More names in a row than any honest unit has. */
#define ALIASES_MAX 16

static const char *const search_path[] = {
        "/etc/unitbpf/system",           "/run/unitbpf/system",
        "/usr/lib/unitbpf/system",       "/etc/systemd/system.control",
        "/run/systemd/system.control",   "/run/systemd/transient",
        "/run/systemd/generator.early",  "/etc/systemd/system",
        "/etc/systemd/system.attached",  "/run/systemd/system",
        "/run/systemd/system.attached",  "/run/systemd/generator",
        "/usr/local/lib/systemd/system", "/lib/systemd/system",
        "/usr/lib/systemd/system",       "/run/systemd/generator.late",
};

char **unit_search_path_default(void) {
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

        for (size_t i = 0; i < G_N_ELEMENTS(search_path); i++) {
                g_autofree char *real = unit_file_real_path(search_path[i]);

                /* where /lib is /usr/lib the same directory follows under its real name */
                if (strcmp(real, search_path[i]) == 0)
                        g_ptr_array_add(paths, g_steal_pointer(&real));
        }
        g_ptr_array_add(paths, NULL);
        return (char **)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

typedef struct Search {
        const UnitContext *context;
        GPtrArray *names; /* of the unit: as asked for, then what links led to */
        UnitPaths *paths;
        Diag *diag;
} Search;

/* Judges DIRECTORY/NAME for a unit called wanted: 1 if it is the fragment or the mask, or if it is another name,
 * which is then in *ret_alias; 0 if it is not there. */
static int search_entry(
        Search *search,
        const char *directory,
        const char *name,
        const char *wanted,
        char **ret_alias
) {
        g_autofree char *path = g_build_filename(directory, name, NULL), *target = NULL;
        struct stat st;
        int r;

        if (lstat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : diag_errno(search->diag, -errno, "cannot look at '%s'", path);
        if (S_ISLNK(st.st_mode)) {
                r = unit_file_read_link(search->context, directory, name, &target, search->diag);
                if (r < 0)
                        return r;
                r = unit_file_alias(search->context, wanted, target, ret_alias, search->diag);
                if (r < 0)
                        return r;
                if (*ret_alias)
                        return 1;
                if (stat(path, &st) < 0)
                        return 0; /* leads nowhere: as if it were not there */
        }
        if (S_ISDIR(st.st_mode))
                return 0;
        search->paths->masked = unit_file_is_null(&st);
        search->paths->fragment = target && !search->paths->masked ? TAKE_PTR(target)
                                                                   : TAKE_PTR(path);
        return 1;
}

static int search_directories(
        Search *search,
        const char *name,
        const char *wanted,
        char **ret_alias
) {
        int r = 0;

        for (char **p = search->context->search_path; r == 0 && *p; p++)
                r = search_entry(search, *p, name, wanted, ret_alias);
        return r;
}

/* Finds the fragment of the last of the names, which may turn out to be another name of the next. */
static int search_fragment(Search *search) {
        for (unsigned i = 0; i < ALIASES_MAX; i++) {
                const char *wanted = g_ptr_array_index(search->names, search->names->len - 1);
                _cleanup_free_ char *template = unit_name_template(wanted);
                g_autofree char *alias = NULL;
                int r;

                r = search_directories(search, wanted, wanted, &alias);
                if (r == 0 && template)
                        r = search_directories(search, template, wanted, &alias);
                if (r < 0)
                        return r;
                if (!alias)
                        return 0;
                if (unit_file_strings_contain(search->names, alias))
                        break;
                g_ptr_array_add(search->names, TAKE_PTR(alias));
        }
        return diag_fail(
                search->diag, -ELOOP, "unit '%s' is another name of itself",
                (char *)g_ptr_array_index(search->names, 0)
        );
}

/* The name that links led to is the main one: its drop-ins go before those of the others. */
static void put_last_name_first(GPtrArray *names) {
        char *name = g_ptr_array_steal_index(names, names->len - 1);

        g_ptr_array_insert(names, 0, name);
}

void unit_paths_done(UnitPaths *paths) {
        g_free(paths->fragment);
        g_strfreev(paths->dropins);
        *paths = (UnitPaths){};
}

int unit_paths_find(const UnitContext *context, const char *unit, UnitPaths *ret, Diag *diag) {
        _cleanup_(unit_paths_done) UnitPaths paths = {};
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        Search search = { context, names, &paths, diag };
        int r;

        if ((int)unit_name_kind(unit) < 0)
                return diag_fail(diag, -EINVAL, "'%s' is not the name of a unit", unit);
        g_ptr_array_add(names, g_strdup(unit));
        r = search_fragment(&search);
        if (r < 0)
                return r;
        put_last_name_first(names);
        if (!paths.masked) {
                r = unit_file_add_aliases(context, names, diag);
                if (r < 0)
                        return r;
                r = unit_dropins_find(context, names, &paths.dropins, diag);
                if (r < 0)
                        return r;
        }
        *ret = paths;
        paths = (UnitPaths){};
        return 0;
}

/* The unit an entry of a search directory belongs to; NULL if it is none of its own. */
static char *unit_of_entry(const UnitContext *context, const char *directory, const char *entry) {
        _cleanup_free_ char *prefix = NULL;
        g_autofree char *name = g_strdup(entry), *target = NULL, *alias = NULL;
        _cleanup_diag_ Diag ignored = {};
        UnitContext plain = { .search_path = context->search_path };
        bool is_dropin = g_str_has_suffix(entry, ".d");

        if (is_dropin)
                name[strlen(name) - 2] = 0;
        if ((int)unit_name_kind(name) < 0 || unit_name_kind(name) == UNIT_NAME_TEMPLATE)
                return NULL;
        prefix = unit_name_prefix(name);
        if (is_dropin && prefix[1] && g_str_has_suffix(prefix, "-"))
                return NULL; /* for all units that begin so */
        if (!is_dropin && unit_file_read_link(&plain, directory, entry, &target, &ignored) >= 0 &&
            unit_file_alias(&plain, name, target, &alias, &ignored) >= 0 && alias)
                return g_steal_pointer(&alias);
        return g_steal_pointer(&name);
}

static int list_directory(
        const UnitContext *context,
        const char *path,
        GHashTable *names,
        Diag *diag
) {
        DIR *directory = opendir(path);
        struct dirent *entry;
        int r = 0;

        if (!directory)
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : diag_errno(diag, -errno, "cannot list '%s'", path);
        while (r >= 0 && (entry = readdir(directory))) {
                char *name = unit_of_entry(context, path, entry->d_name);

                if (name)
                        (void)g_hash_table_add(names, name);
                if (g_hash_table_size(names) > LIMIT_UNITS)
                        r = diag_fail(diag, -E2BIG, "there are more than %u units", LIMIT_UNITS);
        }
        (void)closedir(directory);
        return r;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int unit_list(const UnitContext *context, char ***ret, Diag *diag) {
        g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autofree gpointer *keys = NULL;
        guint n;
        int r;

        for (char **p = context->search_path; *p; p++) {
                r = list_directory(context, *p, names, diag);
                if (r < 0)
                        return r;
        }
        keys = g_hash_table_get_keys_as_array(names, &n);
        qsort(keys, n, sizeof *keys, compare_names);
        *ret = g_strdupv((char **)keys);
        return 0;
}
