/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What changed, told to all who want to know: the bus, the fd store, the journal (a line for each attachment that
 * comes, is replaced or goes, so that it shows in the status of its unit) and the status line of our own unit. */

#include "src/daemon/daemon.h"

typedef struct Report Report;

int report_new(Daemon *daemon, Report **ret);
Report *report_free(Report *report); /* NULL is allowed */

/* Writes the lines that are kept for a moment. NULL is allowed. */
void report_flush(Report *report);

/* Fits TrackerEvent; userdata is the Daemon. */
void report_change(
        void *userdata,
        TrackerEventKind kind,
        const AttachmentView *attachment,
        const UnitView *unit
);

/* The numbers of the status line, such as "2 units, 5 attachments, 1 degraded"; the caller's (g_free). */
char *report_numbers(const Daemon *daemon);
