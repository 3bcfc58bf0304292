/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/generator/settings.h"
#include "tests/unit/check-main.h"

static char *root;
static GPtrArray *made;

static void put(const char *name, const char *text) {
        char *path = g_build_filename(root, name, NULL);
        g_autofree char *directory = g_path_get_dirname(path);

        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert(g_file_set_contents(path, text, -1, NULL));
        g_ptr_array_add(made, path);
}

static uint32_t timeout_of_files(void) {
        static const UnitContext context = {};
        g_autofree char *first = g_build_filename(root, "etc", NULL);
        g_autofree char *second = g_build_filename(root, "lib", NULL);
        const char *const directories[] = { first, second, NULL };

        return settings_attach_timeout(&context, directories);
}

static void setup(void) {
        root = g_dir_make_tmp("unitbpf-settings-XXXXXX", NULL);
        ck_assert_ptr_nonnull(root);
        made = g_ptr_array_new_with_free_func(g_free);
}

static void teardown(void) {
        static const char *const directories[] = {
                "etc/unitbpfd.conf.d", "lib/unitbpfd.conf.d", "etc", "lib", "",
        };

        for (guint i = 0; i < made->len; i++)
                (void)g_unlink(made->pdata[i]); /* written twice by some */
        for (size_t i = 0; i < G_N_ELEMENTS(directories); i++) {
                g_autofree char *path = g_build_filename(root, directories[i], NULL);

                (void)g_rmdir(path); /* not made by all */
        }
        ck_assert(!g_file_test(root, G_FILE_TEST_EXISTS));
        g_ptr_array_unref(made);
        g_free(root);
}

START_TEST(nothing_said_is_the_default)
{
        setup();
        ck_assert_uint_eq(timeout_of_files(), LIMIT_ATTACH_TIMEOUT_SEC);
        put("etc/unitbpfd.conf", "[Daemon]\nOnStop=keep\n[Other]\nAttachTimeoutSec=7\n");
        put("lib/unitbpfd.conf", "[Daemon]\nAttachTimeoutSec=8\n"); /* no place for it */
        ck_assert_uint_eq(timeout_of_files(), LIMIT_ATTACH_TIMEOUT_SEC);
        teardown();
}
END_TEST

START_TEST(later_files_win_and_the_first_of_a_name_counts)
{
        setup();
        put("etc/unitbpfd.conf", "[Daemon]\nAttachTimeoutSec=20\n");
        ck_assert_uint_eq(timeout_of_files(), 20);
        put("lib/unitbpfd.conf.d/50.conf", "[Daemon]\nAttachTimeoutSec=30s\n");
        ck_assert_uint_eq(timeout_of_files(), 30);
        put("etc/unitbpfd.conf.d/50.conf", "[Daemon]\nAttachTimeoutSec=40\n");
        ck_assert_uint_eq(timeout_of_files(), 40);
        put("lib/unitbpfd.conf.d/60.conf", "[Daemon]\nAttachTimeoutSec=3600\n");
        put("lib/unitbpfd.conf.d/70.txt", "[Daemon]\nAttachTimeoutSec=1\n");
        ck_assert_uint_eq(timeout_of_files(), 3600);
        teardown();
}
END_TEST

START_TEST(what_is_wrong_leaves_the_last_good_value)
{
        static const char *const wrong[] = { "0", "3601", "-1", "soon", "", "5min", "99999999999" };

        setup();
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autofree char *text = g_strdup_printf(
                        "[Daemon]\nAttachTimeoutSec=15\nAttachTimeoutSec=%s\n", wrong[i]
                );

                put("etc/unitbpfd.conf", text);
                ck_assert_uint_eq(timeout_of_files(), 15);
        }
        teardown();
}
END_TEST

CHECK_MAIN(
        "generator/settings",
        30,
        nothing_said_is_the_default,
        later_files_win_and_the_first_of_a_name_counts,
        what_is_wrong_leaves_the_last_good_value
)
