/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/units/unit-tree.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>
#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"

static char *unit_tree_root;
static char *unit_tree_search_path[4];
UnitContext unit_tree_context = { .search_path = unit_tree_search_path };

char *unit_tree_path(const char *path) {
        return g_strconcat(unit_tree_root, "/", path, NULL);
}

void unit_tree_file(const char *path, const char *text) {
        g_autofree char *full = unit_tree_path(path), *directory = g_path_get_dirname(full);

        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert(g_file_set_contents(full, text, -1, NULL));
}

void unit_tree_link(const char *path, const char *target) {
        g_autofree char *full = unit_tree_path(path), *directory = g_path_get_dirname(full);

        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert_int_eq(symlink(target, full), 0);
}

/* Takes over the name of an empty directory. */
void unit_tree_setup_in(char *directory) {
        static const char *const names[] = { "etc", "run", "lib" };

        unit_tree_root = directory;
        ck_assert_ptr_nonnull(unit_tree_root);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                unit_tree_search_path[i] = unit_tree_path(names[i]);
                ck_assert_int_eq(mkdir(unit_tree_search_path[i], 0755), 0);
        }
}

void unit_tree_setup(void) {
        unit_tree_setup_in(g_dir_make_tmp("unitbpf-wish-XXXXXX", NULL));
}

static void remove_tree(const char *path) {
        GDir *directory = g_dir_open(path, 0, NULL);
        const char *name;

        while (directory && (name = g_dir_read_name(directory))) {
                g_autofree char *full = g_build_filename(path, name, NULL);

                if (g_file_test(full, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
                        remove_tree(full);
                else
                        (void)unlink(full);
        }
        if (directory)
                g_dir_close(directory);
        ck_assert_int_eq(rmdir(path), 0);
}

void unit_tree_teardown(void) {
        remove_tree(unit_tree_root);
        for (size_t i = 0; i < 3; i++)
                g_clear_pointer(&unit_tree_search_path[i], g_free);
        g_clear_pointer(&unit_tree_root, g_free);
}

UnitWish *unit_tree_read(const char *unit, const char *const *overrides) {
        UnitWish *wish = NULL;
        Diag diag = {};
        int r = unit_wish_read(&unit_tree_context, unit, overrides, &wish, &diag);

        ck_assert_msg(r == 0, "%s: %s", unit, diag_text(&diag, r));
        diag_done(&diag);
        return wish;
}

/* All wishes as one line each: programs as PATH, variables as NAME=VALUE, failures as !ERROR. */
char *unit_tree_summary(const UnitWish *unit) {
        GString *out = g_string_new(NULL);

        for (guint i = 0; i < unit->wishes->len; i++) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i);

                if (out->len > 0)
                        (void)g_string_append_c(out, ' ');
                if (wish->kind == WISH_PROGRAM)
                        g_string_append_printf(out, "%s:%s", wish->hook, wish->path);
                else if (wish->kind == WISH_FAILED)
                        g_string_append_printf(out, "!%s:%u", wish->key, wish->line);
                else
                        g_string_append_printf(out, "%s=%s", wish->name, wish->value);
        }
        return g_string_free(out, FALSE);
}

void unit_tree_expect(const char *unit, const char *wanted) {
        _cleanup_(unit_wish_free_ptr) UnitWish *wish = unit_tree_read(unit, NULL);
        g_autofree char *text = unit_tree_summary(wish);

        ck_assert_msg(strcmp(text, wanted) == 0, "%s: '%s' instead of '%s'", unit, text, wanted);
}

__attribute__((unused)) static void keep(void) {
        unit_tree_link("", "");
        unit_tree_expect("", "");
}

void unit_tree_expect_failure(const char *unit, int error, const char *why) {
        UnitWish *wish = NULL;
        Diag diag = {};
        int r = unit_wish_read(&unit_tree_context, unit, NULL, &wish, &diag);

        ck_assert_ptr_null(wish);
        ck_assert_msg(r == error, "%s: %d instead of %d", unit, r, error);
        ck_assert_msg(strstr(diag_text(&diag, r), why), "%s: %s", unit, diag_text(&diag, r));
        diag_done(&diag);
}
