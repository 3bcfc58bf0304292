/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which units are to start with the hook, and how strict it has to be: what has [X-BPF] itself, and what lies in a
 * slice that has it. */

#include <glib.h>

#include "src/generator/scan.h"
#include "src/generator/start-lines.h"

typedef enum HookPolicy {
        HOOK_NONE, /* nothing is wanted */
        HOOK_WANTED, /* no line is required */
        HOOK_REQUIRED,
} HookPolicy;

typedef struct Coverage {
        UnitContext context;
        const Scan *scan;
        GHashTable *slices; /* name -> HookPolicy, as far as asked for */
        GHashTable *
                said; /* "FILE:LINE" of what has been complained of: one file may be that of many units */
} Coverage;

void coverage_init(Coverage *coverage, char **search_path, const Scan *scan);
void coverage_done(Coverage *coverage);

/* Names of units, templates and (as "service") whole types that may need the hook, sorted. The array and the names
 * belong to the caller. */
GPtrArray *coverage_candidates(const Coverage *coverage);

/* How strict the hook of a unit or template must be. Its start lines are in *ret_lines, which belong to the caller
 * (start_lines_done()) unless the answer is HOOK_NONE. Files that cannot be read are said, and count as required. */
HookPolicy coverage_of_unit(Coverage *coverage, const char *unit, StartLines *ret_lines);
