/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Drop-ins in the service manager's order. For each name of the unit and each directory of the search path come
 * NAME.d, for instances that of the template, and those of ever shorter prefixes; last of all TYPE.d. Among files
 * of one name the first found wins, whatever is left is applied in the order of the names of the files. */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/limits.h"
#include "units/unit-file.h"
#include "units/unit-name.h"

char *unit_dropins_shorter_name(const char *name) {
        _cleanup_free_ char *prefix = unit_name_prefix(name);
        size_t size = strlen(prefix);

        if (size > 0 && prefix[size - 1] == '-') /* one only: a--.service goes to a-.service */
                size--;
        while (size > 0 && prefix[size - 1] != '-')
                size--;
        if (size <= 1) /* no dash, or nothing in front of it */
                return NULL;
        return g_strdup_printf("%.*s%s", (int)size, prefix, name + strlen(prefix));
}

static void add_directory(GPtrArray *directories, const char *base, const char *name) {
        g_autofree char *path = g_strdup_printf("%s/%s.d", base, name);
        struct stat st;

        if (stat(path, &st) >= 0 && S_ISDIR(st.st_mode) &&
            !unit_file_strings_contain(directories, path))
                g_ptr_array_add(directories, g_steal_pointer(&path));
}

static void add_directories(GPtrArray *directories, const char *base, const char *name) {
        _cleanup_free_ char *template = unit_name_template(name);
        g_autofree char *shorter = unit_dropins_shorter_name(name);

        add_directory(directories, base, name);
        if (template)
                add_directories(directories, base, template);
        if (shorter)
                add_directories(directories, base, shorter);
}

static GPtrArray *find_directories(const UnitContext *context, const GPtrArray *names) {
        GPtrArray *directories = g_ptr_array_new_with_free_func(g_free);
        const char *type = strrchr(g_ptr_array_index(names, 0), '.') + 1;

        for (guint i = 0; i < names->len; i++)
                for (char **p = context->search_path; *p; p++)
                        add_directories(directories, *p, g_ptr_array_index(names, i));
        for (char **p = context->search_path; *p; p++)
                add_directory(directories, *p, type);
        return directories;
}

static int list_directory(const char *path, GHashTable *files, Diag *diag) {
        DIR *directory = opendir(path);
        struct dirent *entry;

        if (!directory)
                return errno == ENOENT ? 0 : diag_errno(diag, -errno, "cannot list '%s'", path);
        while ((entry = readdir(directory))) {
                g_autofree char *file = NULL;
                struct stat st;

                if (entry->d_name[0] == '.' || !g_str_has_suffix(entry->d_name, ".conf") ||
                    g_hash_table_contains(files, entry->d_name))
                        continue;
                file = g_build_filename(path, entry->d_name, NULL);
                /* As for the service manager, a link that leads nowhere is not there. */
                if (stat(file, &st) < 0 || S_ISDIR(st.st_mode))
                        continue;
                (void)g_hash_table_insert(files, g_strdup(entry->d_name), g_steal_pointer(&file));
        }
        (void)closedir(directory);
        return 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **sorted_paths(GHashTable *files) {
        guint n;
        g_autofree gpointer *keys = g_hash_table_get_keys_as_array(files, &n);
        char **paths = g_new0(char *, n + 1);

        qsort(keys, n, sizeof *keys, compare_names);
        for (guint i = 0; i < n; i++)
                paths[i] = g_strdup(g_hash_table_lookup(files, keys[i]));
        return paths;
}

int unit_dropins_find(const UnitContext *context, GPtrArray *names, char ***ret, Diag *diag) {
        g_autoptr(GPtrArray) directories = find_directories(context, names);
        g_autoptr(GHashTable)
                files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

        for (guint i = 0; i < directories->len; i++) {
                int r = list_directory(g_ptr_array_index(directories, i), files, diag);

                if (r < 0)
                        return r;
        }
        if (g_hash_table_size(files) > LIMIT_UNIT_DROPINS)
                return diag_fail(
                        diag, -E2BIG, "unit '%s' has more than %u drop-ins",
                        (char *)g_ptr_array_index(names, 0), LIMIT_UNIT_DROPINS
                );
        *ret = sorted_paths(files);
        return 0;
}
