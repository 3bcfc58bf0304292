/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The drop-in that puts the hook before everything else of a unit. */

#include <stdint.h>

#include "src/base/diag.h"
#include "src/generator/coverage.h"

/* Sorted behind every drop-in people write, so that what it puts first stays first. */
#define DROP_IN_NAME "zz-unitbpf.conf"

/* How the hook is to be called. */
typedef struct HookCall {
        HookPolicy policy;
        uint32_t timeout_sec; /* how long it waits */
} HookCall;

/* Its text; the caller's (g_free). unit may be a whole type ("service"). */
char *drop_in_text(const char *unit, HookCall call, const StartLines *lines);

/* Writes DIRECTORY/UNIT.d/zz-unitbpf.conf. */
int drop_in_write(const char *directory, const char *unit, const char *text, Diag *diag);

/* Why this unit must start without unitbpfd; NULL: it need not. Static. */
const char *drop_in_refusal(const char *unit);

/* All that are refused, templates among them; NULL at the end. Static. */
const char *const *drop_in_refused(void);
