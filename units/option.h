/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The option words of a program line. */

#include "src/base/diag.h"

/* Checks the words (NULL at the end, NULL for none): -EINVAL for an unknown, repeated or contradicting one,
 * -EOPNOTSUPP where all are fine but one is not supported by this build. Explained in diag. */
int option_check(char *const *words, Diag *diag);
