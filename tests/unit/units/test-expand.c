/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "tests/unit/check-main.h"
#include "units/expand.h"

static void expect(const char *text, const char *unit, ExpandFlags flags, const char *wanted) {
        g_autofree char *out = NULL;
        Diag diag = {};
        int r = expand_value(text, unit, flags, &out, &diag);

        ck_assert_msg(r == 0, "'%s' for %s: %s", text, unit, diag_text(&diag, r));
        ck_assert_msg(
                strcmp(out, wanted) == 0, "'%s' for %s: '%s' instead of '%s'", text, unit, out,
                wanted
        );
        diag_done(&diag);
}

static void expect_error(const char *text, const char *unit, ExpandFlags flags, int error) {
        char *out = NULL;
        Diag diag = {};

        ck_assert_msg(
                expand_value(text, unit, flags, &out, &diag) == error, "'%s' for %s", text, unit
        );
        ck_assert_ptr_null(out);
        ck_assert_ptr_nonnull(diag.text);
        diag_done(&diag);
}

START_TEST(specifiers_stand_for_parts_of_the_name)
{
        static const struct {
                const char *text, *unit, *wanted;
        } rows[] = {
                { "%n %N %p %i", "foo.service", "foo.service foo foo " },
                { "%n %N", "a@b.c.service", "a@b.c.service a@b.c" },
                { "%p|%i", "a-b@c-d.service", "a-b|c-d" },
                { "%P|%I", "a-b\\x2dc@d-e\\x20f.service", "a/b-c|d/e f" },
                { "%j|%J", "a-b\\x2dc.service", "b\\x2dc|b-c" },
                { "%j", "plain.service", "plain" },
                { "%j", "a-.service", "" },
                { "%f", "x@dev-sda\\x2d1.service", "/dev/sda-1" },
                { "%f", "srv-www.mount", "/srv/www" },
                { "%f", "-.mount", "/" },
                { "%i|%f", "x@.service", "|/x" },
                { "%t %S %C %L %E", "x.service", "/run /var/lib /var/cache /var/log /etc" },
                { "%T %V %h %u %U", "x.service", "/tmp /var/tmp /root root 0" },
                { "100%% %%n", "x.service", "100% %n" },
                { "", "x.service", "" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                expect(rows[i].text, rows[i].unit, 0, rows[i].wanted);
}
END_TEST

START_TEST(specifiers_of_the_machine_are_asked_for)
{
        char host[256] = {};
        _cleanup_free_ char *boot = NULL;
        struct utsname names;

        ck_assert_int_eq(gethostname(host, sizeof host - 1), 0);
        expect("%H", "x.service", 0, host);
        host[strcspn(host, ".")] = 0;
        expect("%l", "x.service", 0, host);
        ck_assert_int_eq(uname(&names), 0);
        expect("%v", "x.service", 0, names.release);
        ck_assert_int_eq(file_boot_id(&boot), 0);
        expect("%b", "x.service", 0, boot);
}
END_TEST

START_TEST(what_a_specifier_cannot_stand_for_is_an_error)
{
        expect_error("%z", "x.service", 0, -EINVAL);
        expect_error("a%", "x.service", 0, -EINVAL);
        expect_error("%\001", "x.service", 0, -EINVAL);
        expect_error("%P", "a\\y.service", 0, -EINVAL); /* not escaped as names are */
        expect_error("%f", "x@a-.service", 0, -EINVAL);
        expect_error("%d", "x.service", 0, -EOPNOTSUPP); /* credentials: the manager's */
}
END_TEST

START_TEST(escapes_and_specifiers_do_not_see_each_other)
{
        expect("/a\\x3ab\\x23\\x2c", "x.service", EXPAND_ESCAPES, "/a:b#,");
        expect("\\x25n", "x.service", EXPAND_ESCAPES, "%n");
        expect("%i", "x@a\\x2db.service", EXPAND_ESCAPES, "a\\x2db");
        expect("\\\\%p", "x.service", EXPAND_ESCAPES, "\\x");
        expect("a\\x2db", "x.service", 0, "a\\x2db");
        expect_error("\\%p", "x.service", EXPAND_ESCAPES, -EINVAL);
        expect_error("\\q", "x.service", EXPAND_ESCAPES, -EINVAL);
        expect_error("\\x00", "x.service", EXPAND_ESCAPES, -EINVAL);
        expect_error("a\\", "x.service", EXPAND_ESCAPES, -EINVAL);
}
END_TEST

START_TEST(dots_of_specifiers_become_underscores_where_wanted)
{ expect("/sys/fs/bpf/v1.0/%n", "a.b.service", EXPAND_DOTS_AWAY, "/sys/fs/bpf/v1.0/a_b_service"); }
END_TEST

START_TEST(words_are_quoted_as_in_systemd)
{
        static const struct {
                const char *text, *words;
        } rows[] = {
                { "", "" },
                { "   ", "" },
                { "a  b\tc", "a|b|c" },
                { "\"a b\" 'c d'", "a b|c d" },
                { "x=\"a b\"c", "x=a bc" },
                { "\"it's\" 'say \"x\"'", "it's|say \"x\"" },
                { "a\\x20b \\\"q", "a b|\"q" },
                { "'\\x41'", "A" },
                { "\"\" a", "|a" },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                g_auto(GStrv) words = NULL;
                g_autofree char *joined = NULL;

                ck_assert_int_eq(expand_words(rows[i].text, &words, NULL), 0);
                joined = g_strjoinv("|", words);
                ck_assert_msg(
                        strcmp(joined, rows[i].words) == 0, "'%s': '%s' instead of '%s'",
                        rows[i].text, joined, rows[i].words
                );
        }
}
END_TEST

START_TEST(open_quotes_and_bad_escapes_are_refused)
{
        static const char *const bad[] = { "\"a", "a 'b", "a\\", "\\q", "\\x4", "'\\xzz'" };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                char **words = NULL;

                ck_assert_msg(expand_words(bad[i], &words, NULL) == -EINVAL, "%s", bad[i]);
                ck_assert_ptr_null(words);
        }
}
END_TEST

CHECK_MAIN(
        "units/expand",
        10,
        specifiers_stand_for_parts_of_the_name,
        specifiers_of_the_machine_are_asked_for,
        what_a_specifier_cannot_stand_for_is_an_error,
        escapes_and_specifiers_do_not_see_each_other,
        dots_of_specifiers_become_underscores_where_wanted,
        words_are_quoted_as_in_systemd,
        open_quotes_and_bad_escapes_are_refused
)
