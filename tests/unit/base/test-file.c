/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "tests/unit/check-main.h"

static char folder[] = "/tmp/unitbpf-file-XXXXXX";
static char path[64];

static void begin(void) {
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/file", folder);
}

static void end(void) {
        (void)unlink(path);
        ck_assert_int_eq(rmdir(folder), 0);
        (void)strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

START_TEST(replaced_file_is_read_back_with_every_byte)
{
        _cleanup_free_ char *text = NULL;
        char all[256];
        struct stat st;
        size_t size;

        begin();
        for (int i = 0; i < 256; i++)
                all[i] = (char)i;
        ck_assert_int_eq(file_replace(path, "older and longer", 16, 0644), 0);
        ck_assert_int_eq(file_replace(path, all, sizeof all, 0600), 0);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        ck_assert_int_eq(file_read(path, 256, &text, &size), 0);
        ck_assert_uint_eq(size, 256);
        ck_assert_mem_eq(text, all, 256);
        ck_assert_int_eq(file_read(path, 255, &text, &size), -EFBIG);
        end(); /* an empty folder: no temporary file is left */
}
END_TEST

START_TEST(failed_replacement_leaves_nothing_beside)
{
        begin();
        ck_assert_int_eq(mkdir(path, 0700), 0);
        ck_assert_int_eq(file_replace(path, "x", 1, 0600), -EISDIR);
        ck_assert_int_eq(rmdir(path), 0);
        ck_assert_int_eq(file_replace("/nonexistent/file", "x", 1, 0600), -ENOENT);
        end();
}
END_TEST

START_TEST(line_loses_one_newline_only)
{
        static const char *const texts[][2] = {
                { "", "" }, { "\n", "" }, { "a", "a" }, { "a\n", "a" }, { "a\n\n", "a\n" },
        };

        begin();
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                _cleanup_free_ char *line = NULL;

                ck_assert_int_eq(file_replace(path, texts[i][0], strlen(texts[i][0]), 0600), 0);
                ck_assert_int_eq(file_read_line(path, &line), 0);
                ck_assert_str_eq(line, texts[i][1]);
        }
        end();
}
END_TEST

START_TEST(write_needs_an_existing_file)
{
        _cleanup_free_ char *line = NULL;

        begin();
        ck_assert_int_eq(file_write(path, "1"), -ENOENT);
        ck_assert_int_eq(file_replace(path, "0", 1, 0600), 0);
        ck_assert_int_eq(file_write(path, "1"), 0);
        ck_assert_int_eq(file_read_line(path, &line), 0);
        ck_assert_str_eq(line, "1");
        end();
}
END_TEST

START_TEST(directories_are_made_with_their_parents)
{
        char deep[80], slash[90], blocked[80];

        begin();
        (void)snprintf(deep, sizeof deep, "%s/a/b", folder);
        (void)snprintf(slash, sizeof slash, "%s//c//", deep);
        (void)snprintf(blocked, sizeof blocked, "%s/file/x", folder);
        ck_assert_int_eq(file_make_directories(deep, 0700), 0);
        ck_assert_int_eq(file_make_directories(deep, 0700), 0);
        ck_assert_int_eq(file_make_directories(slash, 0700), 0);
        ck_assert_int_eq(file_replace(path, "", 0, 0600), 0);
        ck_assert_int_eq(file_make_directories(path, 0700), -ENOTDIR);
        ck_assert_int_eq(file_make_directories(blocked, 0700), -ENOTDIR);
        ck_assert_int_eq(file_make_directories("/", 0700), 0);
        ck_assert_int_eq(file_make_directories("", 0700), -ENOENT);
        ck_assert_int_eq(rmdir(slash), 0);
        ck_assert_int_eq(rmdir(deep), 0);
        *strrchr(deep, '/') = 0;
        ck_assert_int_eq(rmdir(deep), 0);
        end();
}
END_TEST

START_TEST(boot_id_is_32_hex_digits_and_stays)
{
        _cleanup_free_ char *a = NULL, *b = NULL;

        ck_assert_int_eq(file_boot_id(&a), 0);
        ck_assert_int_eq(file_boot_id(&b), 0);
        ck_assert_str_eq(a, b);
        ck_assert_uint_eq(strlen(a), 32);
        for (const char *p = a; *p; p++)
                ck_assert(isxdigit((unsigned char)*p));
}
END_TEST

CHECK_MAIN(
        "base/file",
        20,
        replaced_file_is_read_back_with_every_byte,
        failed_replacement_leaves_nothing_beside,
        line_loses_one_newline_only,
        write_needs_an_existing_file,
        directories_are_made_with_their_parents,
        boot_id_is_32_hex_digits_and_stays
)
