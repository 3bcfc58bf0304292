/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What writer, reader and journal of this room must agree on. Private to the room.
 *
 * A line is words with exactly one blank between. The first word is KEY=VALUE. A later word that begins with
 * KEY= is a field, any other one a bare word; bare words come before fields. Words are escaped, so they have no
 * byte outside 0x21..0x7e. One line form is of another make: if the second bare word begins with '/', everything
 * from there on is a path as systemd writes it. The writer therefore escapes the '=' of a bare word that would
 * look like a field, and the leading '/' of a second bare word. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define GRAMMAR_HEADER "unitbpf-state "

/* The end of a journal line: " crc=" and eight hex digits. It does not count for LIMIT_LINE_BYTES. */
#define GRAMMAR_CRC       " crc="
#define GRAMMAR_CRC_BYTES (sizeof(GRAMMAR_CRC) - 1 + 8)

static inline bool grammar_is_header(const char *line, size_t size) {
        return size >= sizeof(GRAMMAR_HEADER) - 1 &&
               memcmp(line, GRAMMAR_HEADER, sizeof(GRAMMAR_HEADER) - 1) == 0;
}

/* Bytes of the key at the beginning of the word: a letter, then letters, digits and dashes, all lower case,
 * up to a '='. 0 if it does not begin with KEY=. */
size_t grammar_key(const char *word, size_t size);

/* Copies a text that is a key as a whole; false, and no use in what was copied, if it is none. */
bool grammar_copy_key(char *out, const char *text, size_t size);

/* Whether lines with this key are records in the sense of end=N. */
bool grammar_is_record(const char *key, size_t size);

/* Writes GRAMMAR_CRC_BYTES bytes without NUL: the end of a journal line that is this so far. */
void grammar_crc(char *out, const char *line, size_t size);
