/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs for attachments: an object is loaded once for each exact version of it (file, variables, reused maps),
 * shared between units only where it has no state of its own, and otherwise once for a unit. */

#include "src/track/core.h"
#include "src/track/plan.h"

typedef struct LoadedProgram {
        int fd; /* -EBADF: not loaded */
        bool borrowed; /* the descriptor is the known program's own */
        KnownProgram *program; /* one reference */
        int error; /* 0, or why it could not be had; diag explains */
        Diag diag;
} LoadedProgram;

/* Which exact version of which object a target means: file identity, variables, maps, and, unless it is shared, the
 * unit. For a pin the id of the program. NULL with an explanation if the pin cannot be opened. Belongs to the
 * caller (g_free). */
char *loader_object_id(const Tracker *tracker, const char *unit, const Target *target, Diag *diag);

/* Gets the programs of all operations that need one (attach, replace, remake); programs[i] belongs to
 * operations[i], zeroed memory of the caller. Failures are in the entries. present: attachments of the unit, whose
 * equal maps are carried into new programs. */
void loader_load(
        Tracker *tracker,
        const Operation *operations,
        size_t n,
        const GPtrArray *present,
        LoadedProgram *programs
);

void loaded_programs_free(Tracker *tracker, LoadedProgram *programs, size_t n);
