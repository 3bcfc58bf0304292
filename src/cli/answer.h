/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the daemon answers, in memory: dictionaries (a{sv}) and lists of them (aa{sv}) as GVariant. The offline
 * verbs make the same, so that tables and JSON have one source. A key that is not there is a value not known. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Values by key, for a dictionary; NULL, false or 0 where the key is missing or of another type. Texts live as
 * long as the dictionary; lists belong to the caller (g_free, not the words in it). */
const char *answer_text(GVariant *dict, const char *key);
bool answer_number(GVariant *dict, const char *key, uint64_t *ret);
bool answer_flag(GVariant *dict, const char *key);
const char **answer_list(GVariant *dict, const char *key);

/* The value as people read it: yes/no, decimal numbers, lists with blanks between; NULL where there is none. The
 * text belongs to the caller. */
char *answer_words(GVariant *dict, const char *key);

/* Any value as text, in the same way. */
char *answer_value_words(GVariant *value);

/* The number a value holds, of any integer type; false if it is no number or negative. */
bool answer_value_number(GVariant *value, uint64_t *ret);

/* Dictionaries of a list. Each belongs to the caller (g_variant_unref). */
size_t answer_n(GVariant *rows);
GVariant *answer_row(GVariant *rows, size_t index);

/* A list with those dictionaries whose text under key equals value. */
GVariant *answer_filter(GVariant *rows, const char *key, const char *value);
