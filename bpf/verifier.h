/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the verifier of the kernel has to say. Its log retells the whole walk through the program; what a reader wants
 * first is the last complaint and the source line it belongs to. */

#include <stdbool.h>
#include <stddef.h>

#include "src/base/diag.h"
#include "src/base/limits.h"

/* One line out of a log: "instruction 4 (count.bpf.c:20 `value = *p;`): R1 invalid mem access 'scalar'". What the log
 * lacks is left out (older kernels do not name the file, objects without BTF have no source lines). Belongs to the
 * caller; NULL if the log has no complaint or without memory. */
char *verifier_condense(const char *log);

/* The size of the buffer for the next attempt: 64 KiB after 0, then eight times more each time, at most
 * LIMIT_VERIFIER_LOG_BYTES. False if that was tried already. */
bool verifier_log_grow(size_t *size);

/* Puts the condensed log into the text and the log into the detail of diag; nothing if there is none. Returns
 * error. */
int verifier_explain(int error, const char *log, Diag *diag);
