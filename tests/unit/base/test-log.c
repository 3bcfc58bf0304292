/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/log.h"
#include "tests/unit/check-main.h"

static int seen_level = -1;
static const char *seen_unit;
static char seen[8192];
static int n_seen;

static void catch_message(int level, const LogFields *fields, const char *text) {
        ck_assert_ptr_nonnull(fields);
        seen_level = level;
        seen_unit = fields->unit;
        (void)snprintf(seen, sizeof seen, "%s", text);
        n_seen++;
        errno = EDOM;
}

START_TEST(levels_have_names_both_ways)
{
        for (int level = LOG_EMERG; level <= LOG_DEBUG; level++) {
                char digit[] = { (char)('0' + level), 0 };

                ck_assert_int_eq(log_level_from_string(log_level_to_string(level)), level);
                ck_assert_int_eq(log_level_from_string(digit), level);
        }
        ck_assert_ptr_null(log_level_to_string(-1));
        ck_assert_ptr_null(log_level_to_string(LOG_DEBUG + 1));
        ck_assert_int_eq(log_level_from_string(""), -EINVAL);
        ck_assert_int_eq(log_level_from_string("8"), -EINVAL);
        ck_assert_int_eq(log_level_from_string("70"), -EINVAL);
        ck_assert_int_eq(log_level_from_string("Info"), -EINVAL);
}
END_TEST

START_TEST(only_messages_up_to_the_level_reach_the_sink)
{
        static const LogFields fields = { .unit = "a.service" };

        log_set_sink(catch_message);
        ck_assert_int_eq(log_get_max_level(), LOG_INFO);
        log_debug("no");
        ck_assert_int_eq(n_seen, 0);
        log_info("yes %d", 1);
        ck_assert_int_eq(n_seen, 1);
        ck_assert_int_eq(seen_level, LOG_INFO);
        ck_assert_str_eq(seen, "yes 1");
        ck_assert_ptr_null(seen_unit);
        log_set_max_level(LOG_ERR);
        log_warning("no");
        ck_assert_int_eq(n_seen, 1);
        log_message(LOG_ERR, &fields, "%s", "100%");
        ck_assert_str_eq(seen, "100%");
        ck_assert_str_eq(seen_unit, "a.service");
        log_set_max_level(LOG_INFO);
        log_set_sink(NULL);
}
END_TEST

START_TEST(errno_is_kept_and_a_long_text_is_cut)
{
        char text[6000];

        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = 0;
        log_set_sink(catch_message);
        errno = E2BIG;
        log_error("%s", text);
        ck_assert_int_eq(errno, E2BIG);
        ck_assert_uint_eq(strlen(seen), 4095);
        log_set_sink(NULL);
}
END_TEST

CHECK_MAIN(
        "base/log",
        10,
        levels_have_names_both_ways,
        only_messages_up_to_the_level_reach_the_sink,
        errno_is_kept_and_a_long_text_is_cut
)
