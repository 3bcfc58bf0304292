/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/daemon/handover.h"
#include "tests/unit/check-main.h"

#define STATE                                                         \
        "unitbpf-state 1\nboot-id=0123456789abcdef0123456789abcdef\n" \
        "generation=17\nnext-id=13\nunit=a.service cgroup-id=7\nend=1\n"

static const HandoverSocket both[] = { { 5, "bus" }, { 6, "hook" } };

START_TEST(joined_and_split_again_is_the_same)
{
        g_autofree char *text = NULL, *state = NULL;
        g_autoptr(GArray) sockets = NULL;
        size_t size, state_size;

        ck_assert_int_eq(handover_join(STATE, strlen(STATE), both, 2, &text, &size), 0);
        ck_assert_ptr_nonnull(strstr(text, "\nsocket=5 bus\nsocket=6 hook\nend=3\n"));
        ck_assert_int_eq(handover_split(text, size, &state, &state_size, &sockets, NULL), 0);
        ck_assert_str_eq(state, STATE);
        ck_assert_uint_eq(state_size, strlen(STATE));
        ck_assert_uint_eq(sockets->len, 2);
        ck_assert_int_eq(g_array_index(sockets, HandoverSocket, 1).fd, 6);
        ck_assert_str_eq(g_array_index(sockets, HandoverSocket, 1).name, "hook");
        ck_assert_int_eq(handover_check(text, size, NULL), 0);
}
END_TEST

START_TEST(a_text_without_end_is_refused_everywhere)
{
        static const char *const bad[] = { "",      "end",     "end=",
                                           "end=1", "end=x\n", "unitbpf-state 1\n" };
        char *text;
        size_t size;

        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                ck_assert_int_eq(
                        handover_join(bad[i], strlen(bad[i]), both, 2, &text, &size), -EBADMSG
                );
                ck_assert_int_lt(handover_check(bad[i], strlen(bad[i]), NULL), 0);
        }
        /* cut at every byte */
        for (size_t n = 0; n < strlen(STATE); n++)
                ck_assert_msg(handover_check(STATE, n, NULL) < 0, "cut at %zu is taken", n);
}
END_TEST

START_TEST(bad_sockets_and_counts_are_refused)
{
        static const char *const bad[] = {
                "unitbpf-state 1\nsocket=2 bus\nend=1\n",
                "unitbpf-state 1\nsocket=x bus\nend=1\n",
                "unitbpf-state 1\nsocket=5\nend=1\n",
                "unitbpf-state 1\nsocket=5 a b\nend=1\n",
                "unitbpf-state 1\nsocket=5 bus\nend=0\n",
                "unitbpf-state 1\nsocket=5 abcdefghijklmnopqrstuvwxyz0123456789\nend=1\n",
        };

        for (size_t i = 0; i < ELEMENTS(bad); i++)
                ck_assert_msg(handover_check(bad[i], strlen(bad[i]), NULL) < 0, "%s", bad[i]);
}
END_TEST

START_TEST(another_version_is_told_apart_from_a_broken_text)
{
        static const char text[] = "unitbpf-state 2\nend=0\n";
        _cleanup_diag_ Diag diag = {};

        ck_assert_int_eq(handover_check(text, strlen(text), &diag), -EPROTONOSUPPORT);
        ck_assert_ptr_nonnull(strstr(diag.text, "version 2"));
}
END_TEST

CHECK_MAIN(
        "daemon/handover",
        10,
        joined_and_split_again_is_the_same,
        a_text_without_end_is_refused_everywhere,
        bad_sockets_and_counts_are_refused,
        another_version_is_told_apart_from_a_broken_text
)
