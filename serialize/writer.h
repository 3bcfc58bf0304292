/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes lines of the state text into memory. Input is const throughout. The first error is kept, later calls
 * do nothing, and writer_finish() reports it: callers write a record without testing each word.
 *
 * A line is KEY=VALUE of the first word, then words, then key=value fields, one blank between, values escaped
 * by text_escape(). Whatever goes in comes out of the reader unchanged: a bare word that looks like a field, or
 * like the path of systemd's form, is escaped so that it is read as the word it is. Keys are a lower case letter,
 * then lower case letters, digits and dashes. Errors kept: -EINVAL (mistake of the caller), -E2BIG (line over
 * LIMIT_LINE_BYTES or LIMIT_RECORD_WORDS), -EFBIG (text over LIMIT_STATE_BYTES), -ENOMEM. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cleanup.h"

typedef struct Writer Writer;

Writer *writer_new(void);
Writer *writer_free(Writer *writer);
DEFINE_CLEANUP(Writer, writer_free);

/* The first line of a state text: "unitbpf-state VERSION". Nothing may stand before it. */
void writer_header(Writer *writer, unsigned version);

/* Begins a line with KEY=VALUE; the value may be empty, not NULL. A line not ended before is an error of the caller (-EINVAL is kept). */
void writer_begin(Writer *writer, const char *key, const char *value);
void writer_begin_u64(Writer *writer, const char *key, uint64_t value);

/* A bare word; it must not be empty, nor come behind a field. */
void writer_word(Writer *writer, const char *word);

/* key=value fields. writer_field() with value NULL writes nothing. Numbers in decimal; booleans yes or no. */
void writer_field(Writer *writer, const char *key, const char *value);
void writer_field_u64(Writer *writer, const char *key, uint64_t value);
void writer_field_bool(Writer *writer, const char *key, bool value);

/* Ends the line. -E2BIG is kept if it became longer than LIMIT_LINE_BYTES. */
void writer_end(Writer *writer);

/* Appends one finished line as it stands (it begins with KEY=, no newline in it); for keys carried over unread. */
void writer_raw(Writer *writer, const char *line);

/* Writes the last line of a state text, end=N with N the records since writer_new() or writer_reset(), counted as
 * reader_complete() does. */
void writer_end_of_text(Writer *writer);

/* The text so far, valid until the next call; *ret_size without the NUL. Negative: the first error. */
int writer_finish(const Writer *writer, const char **ret, size_t *ret_size);

/* Lines that are finished, the header among them. */
size_t writer_n_lines(const Writer *writer);

/* Forgets text and error. */
void writer_reset(Writer *writer);
