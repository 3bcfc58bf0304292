/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes what changes into the journal: lines gather in the tracker's writer and go out in one append. */

#include "src/track/core.h"

/* Adds the unit's line to what gathers, if it says something new. */
void changes_unit(Tracker *tracker, TrackedUnit *unit);

/* Appends what has gathered. On failure the lines are dropped and the error is returned. */
int changes_write(Tracker *tracker, Diag *diag);

/* Writes the journal anew when it has become much longer than what it says. */
int changes_compact_if_due(Tracker *tracker, Diag *diag);
int changes_compact(Tracker *tracker, Diag *diag);

/* The whole state as lines: for compaction (fds NULL) and for snapshots (numbers written, descriptors borrowed). */
int changes_write_all(const Tracker *tracker, Writer *writer, FdSet *fds);
