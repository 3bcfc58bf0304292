/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes lines of the state text into memory. Input is const throughout. The first error is kept, later calls
 * do nothing, and writer_finish() reports it: callers write a record without testing each word.
 *
 * A line is KEY=VALUE of the first word, then words, then key=value fields, one blank between, values escaped
 * by text_escape(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cleanup.h"

typedef struct Writer Writer;

Writer *writer_new(void);
Writer *writer_free(Writer *writer);
DEFINE_CLEANUP(Writer, writer_free);

/* The first line of a state text: "unitbpf-state VERSION". */
void writer_header(Writer *writer, unsigned version);

/* Begins a line with KEY=VALUE. A line not ended before is an error of the caller (-EINVAL is kept). */
void writer_begin(Writer *writer, const char *key, const char *value);
void writer_begin_u64(Writer *writer, const char *key, uint64_t value);

/* A bare word; it must not be empty. */
void writer_word(Writer *writer, const char *word);

/* key=value fields. writer_field() with value NULL writes nothing. Numbers in decimal; booleans yes or no. */
void writer_field(Writer *writer, const char *key, const char *value);
void writer_field_u64(Writer *writer, const char *key, uint64_t value);
void writer_field_bool(Writer *writer, const char *key, bool value);

/* Ends the line. -E2BIG is kept if it became longer than LIMIT_LINE_BYTES. */
void writer_end(Writer *writer);

/* Appends one finished line as it stands (no newline in it); for keys carried over unread. */
void writer_raw(Writer *writer, const char *line);

/* The text so far, valid until the next call; *ret_size without the NUL. Negative: the first error. */
int writer_finish(const Writer *writer, const char **ret, size_t *ret_size);

/* Forgets text and error. */
void writer_reset(Writer *writer);
