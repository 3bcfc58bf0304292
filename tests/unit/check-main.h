/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* main() of a Check test program: each file lists its test functions once, in CHECK_MAIN. */

#include <stdlib.h>

#include <check.h>

static inline int check_main(const char *name, const TTest *const *tests, size_t n, double timeout) {
        Suite *suite = suite_create(name);
        TCase *tcase = tcase_create(name);
        SRunner *runner;
        int failed;

        tcase_set_timeout(tcase, timeout);
        for (size_t i = 0; i < n; i++)
                tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define CHECK_MAIN(name, timeout, ...)                                                   \
        int main(void) {                                                                 \
                const TTest *const tests[] = { __VA_ARGS__ };                            \
                return check_main(name, tests, sizeof tests / sizeof tests[0], timeout); \
        }
