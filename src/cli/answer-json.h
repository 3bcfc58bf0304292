/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Answers as JSON, by the schema of their kind. */

#include <stdbool.h>

#include <glib.h>

#include "src/cli/schema.h"

/* A list of dictionaries as an array of objects, one dictionary as an object; without a newline at the end. The
 * text belongs to the caller. */
char *answer_json_array(GVariant *rows, const Schema *schema, bool pretty);
char *answer_json_object(GVariant *dict, const Schema *schema, bool pretty);

/* As answer_json_object(), with event=WORD in front: one line of monitor. */
char *answer_json_event(const char *event, GVariant *dict, const Schema *schema);
