/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directive table: what each line of [X-BPF] means. */

#include "units/wish.h"

/* One assignment and where it stands. */
typedef struct DirectiveLine {
        const char *key, *value;
        const char *file;
        unsigned line;
} DirectiveLine;

/* Applies the line to unit: adds wishes, resets a list, changes a setting. What is not understood becomes a
 * WISH_FAILED, keys that begin with "X-" become nothing. */
void directive_apply(UnitWish *unit, const DirectiveLine *line);

/* Adds a WISH_FAILED for this line. */
void directive_fail(UnitWish *unit, const DirectiveLine *line, const char *error);
