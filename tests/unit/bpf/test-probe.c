/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bpf/probe.h"
#include "tests/unit/check-main.h"

/* The borders of what CVE-2026-72427 names, and spellings of a release. */
START_TEST(releases_that_update_the_wrong_slot)
{
        static const struct {
                const char *release;
                bool right;
        } rows[] = {
                { "5.15.0-100-generic", false },
                { "6.6.144", false },
                { "6.6.145", true },
                { "6.6.200-custom", true },
                { "6.7", false },
                { "6.12.96-amd64", false },
                { "6.12.97", true },
                { "6.13.0", false },
                { "6.17.13", false },
                { "6.18.39", false },
                { "6.18.40", true },
                { "6.18.44", true },
                { "6.19.0", false },
                { "7.0.12", false },
                { "7.1.4", false },
                { "7.1.5", true },
                { "7.1", false },
                { "7.2.12+deb13-amd64", true },
                { "8.0.0-rc1", true },
                { "unknown", false },
                { "", false },
        };

        for (size_t i = 0; i < ELEMENTS(rows); i++)
                ck_assert_msg(
                        probe_release_updates_preorder(rows[i].release) == rows[i].right, "'%s'",
                        rows[i].release
                );
}
END_TEST

START_TEST(every_feature_has_a_name_of_its_own)
{
        for (Feature a = 0; a < _FEATURE_MAX; a++) {
                ck_assert_ptr_nonnull(probe_feature_name(a));
                for (Feature b = 0; b < a; b++)
                        ck_assert_str_ne(probe_feature_name(a), probe_feature_name(b));
        }
        ck_assert_ptr_null(probe_feature_name(_FEATURE_MAX));
}
END_TEST

CHECK_MAIN("bpf/probe", 10, releases_that_update_the_wrong_slot, every_feature_has_a_name_of_its_own)
