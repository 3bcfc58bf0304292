/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/attachment-state.h"

static const char *const attachment_state_names[_ATTACHMENT_STATE_MAX] = {
        [ATTACHMENT_PENDING] = "pending",         [ATTACHMENT_ATTACHED] = "attached",
        [ATTACHMENT_FAILED] = "failed",           [ATTACHMENT_DRIFTED] = "drifted",
        [ATTACHMENT_QUARANTINED] = "quarantined", [ATTACHMENT_HELD_OFF] = "held-off",
        [ATTACHMENT_DEFUNCT] = "defunct",
};
DEFINE_NAME_TABLE(AttachmentState, attachment_state, attachment_state_names);

#define TO(state) (1U << ATTACHMENT_##state)

static const unsigned followers[_ATTACHMENT_STATE_MAX] = {
        [ATTACHMENT_PENDING] = TO(ATTACHED) | TO(FAILED),
        [ATTACHMENT_ATTACHED] = TO(DRIFTED) | TO(HELD_OFF) | TO(DEFUNCT),
        [ATTACHMENT_FAILED] = TO(PENDING) | TO(ATTACHED),
        [ATTACHMENT_DRIFTED] = TO(ATTACHED) | TO(HELD_OFF) | TO(DEFUNCT),
        [ATTACHMENT_QUARANTINED] = TO(ATTACHED) | TO(DEFUNCT),
        [ATTACHMENT_HELD_OFF] = TO(PENDING),
        [ATTACHMENT_DEFUNCT] = 0,
};

bool attachment_state_may_follow(AttachmentState from, AttachmentState to) {
        if (from == to)
                return true;
        return (followers[from] & (1U << to)) != 0;
}
