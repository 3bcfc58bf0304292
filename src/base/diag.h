/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What went wrong, in words for people, beside the errno that says it to the program. A function that can
 * explain itself takes a Diag (NULL is allowed and means "do not bother"); the first explanation is kept,
 * since the first error is the cause. */

#include "src/base/cleanup.h"

typedef struct Diag {
        char *text; /* one line without newline; NULL while nothing was said */
        char *detail; /* many lines, such as a whole verifier log; often NULL */
} Diag;

/* Records the text unless there is one, and returns error (a negative errno), so that a caller can write
 * return diag_fail(diag, -EINVAL, ...). Without memory the text is lost, the error is not. */
int diag_fail(Diag *diag, int error, const char *format, ...) _printf_(3, 4);

/* As diag_fail(), with ": STRERROR" put behind the text. */
int diag_errno(Diag *diag, int error, const char *format, ...) _printf_(3, 4);

/* Gives the diagnostic its detail unless it has one. Copies. */
void diag_detail(Diag *diag, const char *detail);

/* Puts "CONTEXT: " in front of a text already recorded. */
void diag_prefix(Diag *diag, const char *format, ...) _printf_(2, 3);

/* The recorded text, else strerror of error (either sign). Never NULL, not owned by the caller. */
const char *diag_text(const Diag *diag, int error);

/* Releases what it holds and leaves it empty. */
void diag_done(Diag *diag);

#define _cleanup_diag_ _cleanup_(diag_done)
