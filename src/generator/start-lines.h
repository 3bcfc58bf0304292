/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of a unit say of how it starts: only the few keys a drop-in of ours has to know. */

#include <stdbool.h>

#include <glib.h>

#include "src/base/diag.h"
#include "units/wish.h"

typedef struct StartLines {
        GPtrArray *
                commands; /* ExecCondition= of a service, ExecStartPre= of a socket, as written, in order */
        char *slice; /* Slice= as written; NULL: not said */
        bool unknown; /* the files cannot be read */
        bool own_view; /* it may not see the hook or its socket: RootDirectory= TemporaryFileSystem= and kin */
} StartLines;

/* Reads the files in the order in which they apply; an empty assignment resets, as everywhere. */
int start_lines_read(
        const UnitContext *context,
        const char *unit,
        const UnitPaths *paths,
        StartLines *ret,
        Diag *diag
);
void start_lines_done(StartLines *lines);
