/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One attachment into the kernel and held there. */

#include "src/track/core.h"
#include "src/track/mechanism.h"

/* Gives a link its pin, unless it has one. Without bpffs the descriptor alone holds it. */
int attach_hold(Tracker *tracker, Attachment *attachment, Diag *diag);

/* Attaches and holds; fills descriptor and link id. On failure nothing of it is left. */
int attach_and_hold(Tracker *tracker, Attachment *attachment, const MechanismCall *call, Diag *diag);
