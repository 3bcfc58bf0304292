/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/attachment-state.h"
#include "tests/unit/check-main.h"

START_TEST(names_go_both_ways)
{
        for (int i = 0; i < _ATTACHMENT_STATE_MAX; i++) {
                ck_assert_ptr_nonnull(attachment_state_to_string((AttachmentState)i));
                ck_assert_int_eq(
                        attachment_state_from_string(attachment_state_to_string((AttachmentState)i)
                        ),
                        i
                );
        }
        ck_assert_int_lt(attachment_state_from_string("somewhere"), 0);
}
END_TEST

START_TEST(only_known_transitions_are_allowed)
{
        static const struct {
                AttachmentState from, to;
        } allowed[] = {
                { ATTACHMENT_PENDING, ATTACHMENT_ATTACHED },
                { ATTACHMENT_PENDING, ATTACHMENT_FAILED },
                { ATTACHMENT_ATTACHED, ATTACHMENT_DRIFTED },
                { ATTACHMENT_ATTACHED, ATTACHMENT_HELD_OFF },
                { ATTACHMENT_ATTACHED, ATTACHMENT_DEFUNCT },
                { ATTACHMENT_FAILED, ATTACHMENT_PENDING },
                { ATTACHMENT_FAILED, ATTACHMENT_ATTACHED },
                { ATTACHMENT_DRIFTED, ATTACHMENT_ATTACHED },
                { ATTACHMENT_DRIFTED, ATTACHMENT_HELD_OFF },
                { ATTACHMENT_DRIFTED, ATTACHMENT_DEFUNCT },
                { ATTACHMENT_QUARANTINED, ATTACHMENT_ATTACHED },
                { ATTACHMENT_QUARANTINED, ATTACHMENT_DEFUNCT },
                { ATTACHMENT_HELD_OFF, ATTACHMENT_PENDING },
        };
        unsigned n = 0;

        for (int from = 0; from < _ATTACHMENT_STATE_MAX; from++)
                for (int to = 0; to < _ATTACHMENT_STATE_MAX; to++)
                        n += attachment_state_may_follow(
                                (AttachmentState)from, (AttachmentState)to
                        );
        for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
                ck_assert(attachment_state_may_follow(allowed[i].from, allowed[i].to));
        /* those, and staying what one is */
        ck_assert_uint_eq(n, sizeof allowed / sizeof allowed[0] + _ATTACHMENT_STATE_MAX);
}
END_TEST

CHECK_MAIN("track/attachment-state", 10, names_go_both_ways, only_known_transitions_are_allowed)
