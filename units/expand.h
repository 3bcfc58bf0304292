/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the text of a value to what it stands for: specifiers, escapes, quoted words. */

#include "src/base/diag.h"

/* What a specifier stands for in files of this unit. *ret belongs to the caller (g_free). -EINVAL: unknown, or
 * it cannot be had for this unit; -EOPNOTSUPP: the service manager knows it, a unit file reader cannot. */
int specifier_resolve(char specifier, const char *unit, char **ret, Diag *diag);

typedef enum ExpandFlags {
        EXPAND_ESCAPES = 1 << 0, /* undo C escapes as well */
        EXPAND_DOTS_AWAY = 1 << 1, /* '.' out of a specifier becomes '_': names on bpffs have none */
} ExpandFlags;

/* Expands specifiers, and escapes if wanted: each in what was written, not in what the other made of it. *ret
 * belongs to the caller (g_free). */
int expand_value(const char *text, const char *unit, ExpandFlags flags, char **ret, Diag *diag);

/* Splits at blanks into words, with the quotes and escapes of systemd.syntax(7) undone. *ret ends with NULL and
 * belongs to the caller (g_strfreev). */
int expand_words(const char *text, char ***ret, Diag *diag);
