/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads lines of the state text. Everything is bounded (LIMIT_*), nothing of the text is trusted. A malformed
 * line is refused with its number and the next call goes on behind it; what a key means is the caller's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/diag.h"

typedef struct Reader Reader;
typedef struct Record Record;

/* Reads from a copy of the text. flags: READER_JOURNAL for a text whose lines carry crc=HEX. */
typedef enum ReaderFlags {
        READER_JOURNAL = 1 << 0,
} ReaderFlags;

/* -EFBIG beyond LIMIT_STATE_BYTES. */
int reader_new(const char *text, size_t size, ReaderFlags flags, Reader **ret);
Reader *reader_free(Reader *reader);
DEFINE_CLEANUP(Reader, reader_free);

/* Reads the header line, which has no crc in a journal either. 0 and the version; -EBADMSG if it is no state text
 * (also an empty one), which ends the reading; -EINVAL if lines were read before. */
int reader_header(Reader *reader, unsigned *ret_version, Diag *diag);

enum {
        READER_END = 0, /* no more lines */
        READER_RECORD = 1, /* *ret is a record, valid until the next call */
        READER_TORN =
                2, /* last line incomplete (journal: a line cut short at the end); nothing follows */
};

/* Next record: READER_*, or -EBADMSG for a malformed line (diag names line number and reason; go on calling),
 * or -E2BIG for a line too long (go on calling). Blank lines are skipped. */
int reader_next(Reader *reader, const Record **ret, Diag *diag);

/* Line number of the last line read, from 1. */
unsigned reader_line(const Reader *reader);

/* Whether the text ended with end=N and N equals the number of records counted before it: records are all lines
 * behind the header whose key is not one of boot-id, generation, next-id, end; malformed lines count, blank ones
 * do not. 1 yes, 0 no end line, -EBADMSG wrong number, a second end line or a line behind it. In a journal lines
 * may follow: there it speaks of the part written at once. Meaningful after READER_END. */
int reader_complete(const Reader *reader);

/* The record read. */
const char *record_key(const Record *record); /* before the first '=' */
const char *record_value(const Record *record); /* first word's value, unescaped */
size_t record_n_words(const Record *record); /* bare words behind the first */
const char *record_word(const Record *record, size_t i); /* unescaped; NULL beyond the last */
const char *record_field(
        const Record *record,
        const char *key
); /* unescaped value; NULL if absent; first wins */
const char *record_line(const Record *record); /* the whole line as it stood, without crc */

/* What is malformed: no KEY=VALUE at the beginning, a byte outside 0x21..0x7e in a word, two blanks in a row or one
 * at an end, a bad escape, a bare word behind a field, more than LIMIT_RECORD_WORDS words. */

/* Fields as numbers: 1 and the value, 0 if the field is absent (*ret alone), -EINVAL or -ERANGE if malformed. */
int record_field_u64(const Record *record, const char *key, uint64_t *ret);
int record_field_u32(const Record *record, const char *key, uint32_t *ret);
int record_field_bool(const Record *record, const char *key, bool *ret);

/* The three-word form that systemd writes: the value is FD, the first bare word TYPE, and everything behind it up
 * to the end of the line, C escapes undone, is PATH, recognised by its leading '/'. 1 and the path (the caller's)
 * if the record has that form, 0 if not, -EBADMSG if the escapes are bad. In that form n_words counts TYPE only
 * and there are no fields. */
int record_three_word_path(const Record *record, char **ret);
