/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "src/cli/exit-code.h"
#include "src/cli/human.h"
#include "src/cli/screen.h"
#include "src/cli/status.h"
#include "tests/unit/check-main.h"

START_TEST(control_bytes_cannot_steer_the_terminal)
{
        static const char *const pairs[][2] = {
                { "plain ä", "plain ä" },       { "\033[31mred", "\\x1b[31mred" },
                { "a\rb\x7f", "a\\x0db\\x7f" }, { "two\nlines\tok", "two\nlines\tok" },
                { "\xc2\x9b", "\\x9b" },
        };

        for (size_t i = 0; i < ELEMENTS(pairs); i++) {
                g_autofree char *safe = screen_safe(pairs[i][0]);

                ck_assert_str_eq(safe, pairs[i][1]);
        }
        ck_assert_ptr_null(screen_safe(NULL));
}
END_TEST

/* stdout of a test is no terminal. */
static bool colours_with(const char *name, const char *value) {
        (void)unsetenv("SYSTEMD_COLORS");
        (void)unsetenv("NO_COLOR");
        if (name)
                ck_assert_int_eq(setenv(name, value, 1), 0);
        screen_init();
        return screen_has_colours();
}

START_TEST(colours_go_by_the_environment)
{
        ck_assert(!colours_with(NULL, NULL));
        ck_assert_str_eq(screen_colour(COLOUR_BAD), "");
        ck_assert(colours_with("SYSTEMD_COLORS", "1"));
        ck_assert_str_ne(screen_colour(COLOUR_BAD), "");
        ck_assert(colours_with("SYSTEMD_COLORS", "256"));
        ck_assert(!colours_with("SYSTEMD_COLORS", "0"));
        ck_assert(!colours_with("SYSTEMD_COLORS", "auto-16"));
        ck_assert(!colours_with("NO_COLOR", "1"));
}
END_TEST

START_TEST(every_state_has_a_bullet)
{
        static const char *const states[] = {
                "covered",  "degraded", "failed",      "inactive", "pending",
                "attached", "drifted",  "quarantined", "held-off", "defunct",
        };

        for (size_t i = 0; i < ELEMENTS(states); i++)
                ck_assert_str_ne(screen_bullet(states[i]), " ");
        ck_assert_str_eq(screen_bullet("other"), " ");
        ck_assert_str_eq(screen_bullet(NULL), " ");
}
END_TEST

START_TEST(times_have_two_units_at_most)
{
        static const struct {
                uint64_t seconds;
                const char *text;
        } rows[] = {
                { 0, "0s ago" },        { 59, "59s ago" },         { 60, "1min ago" },
                { 61, "1min 1s ago" },  { 3600, "1h ago" },        { 7505, "2h 5min ago" },
                { 86400, "1 day ago" }, { 90000, "1 day 1h ago" }, { 172800, "2 days ago" },
                { 86460, "1 day ago" },
        };
        uint64_t now = 1000000ULL * 1000000ULL;

        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                g_autofree char *ago = human_ago(now - rows[i].seconds * 1000000ULL, now);

                ck_assert_str_eq(ago, rows[i].text);
        }
        {
                g_autofree char *ahead = human_ago(now + 3000000ULL, now);

                ck_assert_str_eq(ahead, "in 3s");
        }
}
END_TEST

static int code_of(const char *text) {
        g_autoptr(GVariant) dict = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);

        return status_exit_code(dict);
}

START_TEST(exit_status_follows_the_state)
{
        ck_assert_int_eq(code_of("{'State': <'covered'>}"), EXIT_DONE);
        ck_assert_int_eq(code_of("{'State': <'degraded'>}"), EXIT_FAILED);
        ck_assert_int_eq(code_of("{'State': <'failed'>}"), EXIT_FAILED);
        ck_assert_int_eq(code_of("{'State': <'inactive'>}"), EXIT_NOT_ACTIVE);
        ck_assert_int_eq(code_of("{'State': <'some-new-word'>}"), EXIT_FAILED);
        ck_assert_int_eq(code_of("@a{sv} {}"), EXIT_FAILED);
}
END_TEST

CHECK_MAIN(
        "cli/screen",
        10,
        control_bytes_cannot_steer_the_terminal,
        colours_go_by_the_environment,
        every_state_has_a_bullet,
        times_have_two_units_at_most,
        exit_status_follows_the_state
)
