/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* States of an attachment and which may follow which. */

#include <stdbool.h>

#include "src/base/name-table.h"

typedef enum AttachmentState {
        ATTACHMENT_PENDING, /* wanted, not yet in the kernel */
        ATTACHMENT_ATTACHED, /* in force, held, committed */
        ATTACHMENT_FAILED, /* wanted, refused; error says why */
        ATTACHMENT_DRIFTED, /* was in force, the kernel says otherwise now */
        ATTACHMENT_QUARANTINED, /* something that may protect, but that the state text does not account for */
        ATTACHMENT_HELD_OFF, /* detached by the operator */
        ATTACHMENT_DEFUNCT, /* its cgroup is gone; only the object is left */
        _ATTACHMENT_STATE_MAX,
        _ATTACHMENT_STATE_INVALID = -22,
} AttachmentState;

/* pending attached failed drifted quarantined held-off defunct */
DECLARE_NAME_TABLE(AttachmentState, attachment_state);

/* Whether the one may become the other; a state may always stay what it is. */
bool attachment_state_may_follow(AttachmentState from, AttachmentState to);
