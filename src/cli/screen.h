/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the output goes to: whether it may have colours and beyond-ASCII marks, the pager, and the messages beside it. */

#include <stdbool.h>

#include "src/base/cleanup.h"
#include "src/cli/invocation.h"

typedef enum Colour {
        COLOUR_PLAIN,
        COLOUR_GOOD, /* green */
        COLOUR_WARN, /* yellow */
        COLOUR_BAD, /* red */
        COLOUR_DIM, /* grey */
        COLOUR_STRONG, /* bold */
        _COLOUR_MAX,
} Colour;

/* Looks at the terminal and the environment (SYSTEMD_COLORS, NO_COLOR, TERM, locale), once, before the pager. */
void screen_init(void);

/* Escape sequence of a colour and the one that ends it; empty texts where colours are off. Static. */
const char *screen_colour(Colour colour);
const char *screen_plain(void);
bool screen_has_colours(void);
bool screen_is_terminal(void); /* stdout was one before the pager */

/* The bullet for a state of a unit or attachment, and its colour. Static. */
const char *screen_bullet(const char *state);
Colour screen_state_colour(const char *state);

/* Starts the pager if stdout is a terminal; all that is printed goes through it until screen_end(). */
void screen_pager(void);

/* Flushes, ends the pager and waits for it. -EIO if the output could not be written. */
int screen_end(void);

/* A text that may come from a program or file: control bytes but newline and tab become \xNN, so that it
 * cannot steer the terminal. The result belongs to the caller; NULL for NULL. */
char *screen_safe(const char *text);

/* printf() to stdout with every text made safe beforehand by the caller; a line "LABEL: VALUE" of a status
 * block, the label right-aligned; nothing if value is NULL. */
void screen_label(const char *label, const char *value);

/* "Failed to ..." and other errors, and what can be done about them, on stderr. */
void screen_error(const char *format, ...) _printf_(1, 2);
void screen_hint(const char *format, ...) _printf_(1, 2);
