/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that come by descriptor instead of from a unit file. */

#include "src/track/core.h"

/* An attachment as the request wants it, checked against the kernel but not yet attached; without id and unit. It
 * belongs to the caller. -EINVAL: the descriptors or the words do not go together; -EBUSY: in override or exclusive mode, a program of
 * ours is there. */
int transient_attachment_new(
        Tracker *tracker,
        const ProgramRequest *request,
        Attachment **ret,
        Diag *diag
);
