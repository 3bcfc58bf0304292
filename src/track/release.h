/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Letting go: detach, drop the holds, close. Nothing else in the tracker detaches. */

#include "src/track/core.h"

typedef enum ReleaseMode {
        RELEASE_FREE, /* the attachment is gone afterwards, its record too */
        RELEASE_HOLD_OFF, /* it is detached, and the record stays as held-off */
} ReleaseMode;

/* Releases all of these (borrowed; freed on success). Tries each even if one fails; the first error is returned and
 * the record of what could not be detached stays (T8). A cgroup that is gone is success. */
int release_attachments(Tracker *tracker, const GPtrArray *attachments, ReleaseMode mode, Diag *diag);

/* One of them. */
int release_attachment(Tracker *tracker, Attachment *attachment, ReleaseMode mode, Diag *diag);

/* Takes off in the kernel what the attachment stands for, drops the pin and closes; writes no lines and leaves the
 * record alone. For an attach that is undone. */
int release_in_kernel(Tracker *tracker, Attachment *attachment, Diag *diag);

/* Closes without detaching. */
void forget_attachment(Tracker *tracker, Attachment *attachment);
