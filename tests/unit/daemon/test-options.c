/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "src/daemon/options.h"
#include "tests/unit/check-main.h"

START_TEST(options_are_read_and_the_arguments_left_alone)
{
        char *argv[] = { (char[]){ "unitbpfd" },          (char[]){ "--runtime-dir=/r" },
                         (char[]){ "--unit-path=/a:/b" }, (char[]){ "--log-level=debug" },
                         (char[]){ "--state-fd=7" },      NULL };
        Options options;

        ck_assert_int_eq(options_parse(5, argv, &options, NULL), OPTIONS_RUN);
        ck_assert_str_eq(options.runtime_directory, "/r");
        ck_assert_str_eq(options.unit_path[1], "/b");
        ck_assert_int_eq(options.log_level, LOG_DEBUG);
        ck_assert_int_eq(options.state_fd, 7);
        ck_assert_int_lt(options.check_state_fd, 0);
        ck_assert_str_eq(argv[4], "--state-fd=7");
        options_done(&options);
}
END_TEST

START_TEST(without_options_there_are_defaults)
{
        char *argv[] = { (char[]){ "unitbpfd" }, NULL };
        Options options;

        ck_assert_int_eq(options_parse(1, argv, &options, NULL), OPTIONS_RUN);
        ck_assert_str_eq(options.runtime_directory, "/run/unitbpf");
        ck_assert_ptr_null(options.unit_path);
        ck_assert_int_eq(options.log_level, -1);
        options_done(&options);
}
END_TEST

START_TEST(nonsense_is_refused_with_a_reason)
{
        static const char *const bad[] = {
                "--log-level=loud", "--unit-path=a:b", "--runtime-dir=here", "--no-such", "word",
        };

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                _cleanup_diag_ Diag diag = {};
                _cleanup_free_ char *word = strdup(bad[i]);
                char *argv[] = { (char[]){ "unitbpfd" }, word, NULL };
                Options options;

                ck_assert_int_eq(options_parse(2, argv, &options, &diag), -EINVAL);
                ck_assert_ptr_nonnull(diag.text);
        }
}
END_TEST

CHECK_MAIN(
        "daemon/options",
        10,
        options_are_read_and_the_arguments_left_alone,
        without_options_there_are_defaults,
        nonsense_is_refused_with_a_reason
)
