/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/limits.h"
#include "tests/unit/check-main.h"
#include "units/ini.h"

/* Each entry as LINE:SECTION:KEY=VALUE, a bad one as LINE:SECTION:!VALUE, with a '|' between them. */
static int note(const IniEntry *entry, void *userdata) {
        GString *out = userdata;

        if (out->len > 0)
                (void)g_string_append_c(out, '|');
        g_string_append_printf(out, "%u:%s:", entry->line, entry->section ? entry->section : "-");
        ck_assert(entry->key || entry->error);
        if (entry->error)
                g_string_append_printf(out, "!%s", entry->value);
        else
                g_string_append_printf(out, "%s=%s", entry->key, entry->value);
        return 0;
}

static char *read_text(const char *text, size_t size) {
        GString *out = g_string_new(NULL);

        ck_assert_int_eq(ini_read(text, size, note, out, NULL), 0);
        return g_string_free(out, FALSE);
}

START_TEST(syntax_is_that_of_systemd)
{
        static const struct {
                const char *what, *text, *entries;
        } rows[] = {
                { "nothing", "", "" },
                { "no newline at the end", "[A]\nk=v", "2:A:k=v" },
                { "blanks around name and value", "[A]\n \tk \t=\t v w \t\n", "2:A:k=v w" },
                { "blanks around a header", "  [A]  \nk=v\n", "2:A:k=v" },
                { "blanks inside a header stay", "[ A ]\nk=v\n", "2: A :k=v" },
                { "second '=' is value", "[A]\nk=a=b\n", "2:A:k=a=b" },
                { "empty value", "[A]\nk=\nl= \n", "2:A:k=|3:A:l=" },
                { "comments", "#c\n;c\n[A]\n  # k=v\n\t;k=v\nk=v#no;comment\n",
                  "6:A:k=v#no;comment" },
                { "the section goes on", "[A]\nk=v\n[B]\nl=w\n[A]\nm=x\n",
                  "2:A:k=v|4:B:l=w|6:A:m=x" },
                { "before any section", "k=v\n", "1:-:k=v" },
                { "continued", "[A]\nk=value 2 \\\n       continued\n",
                  "2:A:k=value 2  continued" },
                { "continued over comments", "[A]\nk=3\\\n# no\n ; no\n   x\nl=w\n",
                  "2:A:k=3 x|6:A:l=w" },
                { "a comment does not continue", "[A]\n# c \\\nk=v\n", "3:A:k=v" },
                { "an empty line ends it", "[A]\nk=a\\\n\nl=b\n", "2:A:k=a|4:A:l=b" },
                { "an escaped backslash does not continue", "[A]\nk=a\\\\\nl=b\n",
                  "2:A:k=a\\\\|3:A:l=b" },
                { "three do", "[A]\nk=a\\\\\\\nb\n", "2:A:k=a\\\\ b" },
                { "a blank behind the backslash", "[A]\nk=a\\ \nl=b\n", "2:A:k=a\\|3:A:l=b" },
                { "continued at the end of file", "[A]\nk=a\\", "2:A:k=a" },
                { "continued into what looks like a header", "[A]\nk=a\\\n[B]\nl=c\n",
                  "2:A:k=a [B]|4:A:l=c" },
                { "a continued name", "[A]\nk\\\n=v\n", "2:A:k=v" },
                { "CR LF", "[A]\r\nk=a\\\r\nb\r\nl=c\r\n", "2:A:k=a b|4:A:l=c" },
                { "CR", "[A]\rk=v\rl=w", "2:A:k=v|3:A:l=w" },
                { "byte order mark", "\xef\xbb\xbf[A]\nk=v\n", "2:A:k=v" },
                { "no '='", "[A]\nwhat\nk=v\n", "2:A:!what|3:A:k=v" },
                { "no name", "[A]\n=v\n", "2:A:!=v" },
                { "header without end", "[A]\n[B\nk=v\n", "2:A:![B|3::k=v" },
                { "header with more behind it", "[A] x\nk=v\n", "1:-:![A] x|2::k=v" },
                { "a lone bracket", "[\nk=v\n", "1:-:![|2::k=v" },
                { "empty header", "[]\nk=v\n", "2::k=v" },
                { "UTF-8", "[A]\nk=\303\274\n", "2:A:k=\303\274" },
                { "not UTF-8", "[A]\nk=\374\nl=w\n", "2:A:!k=\374|3:A:l=w" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                g_autofree char *entries = read_text(rows[i].text, strlen(rows[i].text));

                ck_assert_msg(
                        strcmp(entries, rows[i].entries) == 0, "%s: '%s' instead of '%s'",
                        rows[i].what, entries, rows[i].entries
                );
        }
}
END_TEST

START_TEST(a_nul_byte_is_refused_with_its_line)
{
        static const char text[] = "[A]\r\nk=v\n\0l=w\n";
        GString *out = g_string_new(NULL);
        Diag diag = {};

        ck_assert_int_eq(ini_read(text, sizeof text - 1, note, out, &diag), -EBADMSG);
        ck_assert_uint_eq(out->len, 0);
        ck_assert_ptr_nonnull(strstr(diag.text, "line 3 "));
        diag_done(&diag);
        (void)g_string_free(out, TRUE);
}
END_TEST

static int count(const IniEntry *entry, void *userdata) {
        unsigned *counts = userdata;

        counts[entry->error ? 1 : 0]++;
        return 0;
}

START_TEST(the_longest_line_is_taken_and_a_longer_one_is_an_error)
{
        g_autofree char *fill = g_strnfill(LIMIT_UNIT_LINE_BYTES - 2, 'x');
        g_autofree char *fits = g_strconcat("[A]\nk=", fill, "\nl=w\n", NULL);
        g_autofree char *longer = g_strconcat("[A]\nk=", fill, "x\nl=w\n", NULL);
        g_autofree char *joined = g_strconcat("[A]\nk=", fill, "\\\ny\\\nz\nl=w\n", NULL);
        unsigned counts[2] = {};

        ck_assert_int_eq(ini_read(fits, strlen(fits), count, counts, NULL), 0);
        ck_assert_uint_eq(counts[0], 2);
        ck_assert_uint_eq(counts[1], 0);
        ck_assert_int_eq(ini_read(longer, strlen(longer), count, counts, NULL), 0);
        ck_assert_uint_eq(counts[0], 3);
        ck_assert_uint_eq(counts[1], 1);
        /* the lines that continue a line that is too long belong to it */
        ck_assert_int_eq(ini_read(joined, strlen(joined), count, counts, NULL), 0);
        ck_assert_uint_eq(counts[0], 4);
        ck_assert_uint_eq(counts[1], 2);
}
END_TEST

static int stop_at_second(const IniEntry *entry, void *userdata) {
        unsigned *n = userdata;

        return ++*n == 2 ? 42 : 0;
}

START_TEST(the_handler_can_end_the_reading)
{
        static const char text[] = "a=1\nb=2\nc=3\n";
        unsigned n = 0;

        ck_assert_int_eq(ini_read(text, sizeof text - 1, stop_at_second, &n, NULL), 42);
        ck_assert_uint_eq(n, 2);
}
END_TEST

CHECK_MAIN(
        "units/ini",
        20,
        syntax_is_that_of_systemd,
        a_nul_byte_is_refused_with_its_line,
        the_longest_line_is_taken_and_a_longer_one_is_an_error,
        the_handler_can_end_the_reading
)
