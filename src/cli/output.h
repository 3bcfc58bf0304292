/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small parts that several verbs print with. */

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "src/cli/invocation.h"
#include "src/cli/schema.h"

/* Prints the rows as JSON if that was asked for; false if it was not. */
bool output_json(const Invocation *invocation, GVariant *rows, const Schema *schema);

/* Does the name match one of the verb's arguments (unit names, completed, or globs)? True without arguments. */
bool output_matches(const Invocation *invocation, const char *name);
bool output_is_glob(const char *word);

/* Rows whose text under key fits -t and the arguments of the verb. The list belongs to the caller. */
GVariant *output_select(const Invocation *invocation, GVariant *rows, const char *key);

/* "3 units", "1 unit". The text belongs to the caller. */
char *output_count(size_t n, const char *noun);

/* Name of the program, or of its object file; "-" if neither is known. The text belongs to the caller. */
char *output_program(GVariant *attachment);

/* How long ago the time under key was; NULL if it is not known. The text belongs to the caller. */
char *output_since(GVariant *dict, const char *key);

/* A line below a table, with an empty line before, unless --no-legend or --quiet was given. */
void output_legend(const Invocation *invocation, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));
