/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walks over a private copy of the text line by line. Each line is judged alone: bounds first, then (journal) its
 * checksum, then its grammar, so that one bad line costs exactly that line. */

#include "serialize/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serialize/grammar.h"
#include "serialize/record.h"
#include "src/base/limits.h"
#include "src/base/text.h"

struct Reader {
        char *text;
        char *next, *end;
        ReaderFlags flags;
        unsigned line;
        uint64_t n_records;
        bool end_seen;
        bool end_wrong; /* a wrong number, a second end line, or (state text) a line behind it */
        Record record;
};

int reader_new(const char *text, size_t size, ReaderFlags flags, Reader **ret) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;

        if (size > LIMIT_STATE_BYTES)
                return -EFBIG;
        reader = calloc(1, sizeof(Reader));
        if (!reader)
                return -ENOMEM;
        reader->text = malloc(size + 1);
        reader->record.arena = malloc((size < LIMIT_LINE_BYTES ? size : LIMIT_LINE_BYTES) + 1);
        if (!reader->text || !reader->record.arena)
                return -ENOMEM;
        if (size > 0)
                memcpy(reader->text, text, size);
        reader->text[size] = 0;
        reader->next = reader->text;
        reader->end = reader->text + size;
        reader->flags = flags;
        *ret = TAKE_PTR(reader);
        return 0;
}

Reader *reader_free(Reader *reader) {
        if (reader) {
                free(reader->record.arena);
                free(reader->text);
                free(reader);
        }
        return NULL;
}

/* Moves over the next line and its newline. False at the end of text, and then the newline may be missing. */
static bool take_line(Reader *reader, char **ret_line, size_t *ret_size) {
        char *line = reader->next;
        char *newline = line < reader->end ? memchr(line, '\n', (size_t)(reader->end - line))
                                           : NULL;

        if (!newline)
                return false;
        reader->next = newline + 1;
        reader->line++;
        *ret_line = line;
        *ret_size = (size_t)(newline - line);
        return true;
}

int reader_header(Reader *reader, unsigned *ret_version, Diag *diag) {
        uint32_t version = 0;
        char *line;
        size_t size;
        int r = -EBADMSG;

        if (reader->line > 0)
                return diag_fail(diag, -EINVAL, "the header is read first and once");
        if (take_line(reader, &line, &size) && grammar_is_header(line, size)) {
                line[size] = 0;
                if (strlen(line) == size)
                        r = text_to_u32(line + sizeof(GRAMMAR_HEADER) - 1, &version);
        }
        if (r < 0) {
                reader->next = reader->end;
                return diag_fail(diag, -EBADMSG, "line 1: this is no state text");
        }
        *ret_version = version;
        return 0;
}

/* Takes the checksum off the line if it is there and right. */
static bool strip_crc(const char *line, size_t *size) {
        char expected[GRAMMAR_CRC_BYTES];

        if (*size < GRAMMAR_CRC_BYTES)
                return false;
        grammar_crc(expected, line, *size - GRAMMAR_CRC_BYTES);
        if (memcmp(line + *size - GRAMMAR_CRC_BYTES, expected, GRAMMAR_CRC_BYTES) != 0)
                return false;
        *size -= GRAMMAR_CRC_BYTES;
        return true;
}

/* Counts a line that is no end=N, also a malformed one: it was a record when it was written. */
static void count_record(Reader *reader, const char *key, size_t size) {
        if (reader->end_seen && !(reader->flags & READER_JOURNAL))
                reader->end_wrong = true;
        if (!reader->end_seen && grammar_is_record(key, size))
                reader->n_records++;
}

/* Compares end=N with what was counted. -EBADMSG if N is no number; another number is told by reader_complete(). */
static int check_end(Reader *reader, const Record *record) {
        uint64_t n;
        int r = text_to_u64(record->value, &n);

        if (reader->end_seen || r < 0 || n != reader->n_records)
                reader->end_wrong = true;
        reader->end_seen = true;
        return r < 0 ? -EBADMSG : 0;
}

/* Judges one line. 0 and the record in the reader, or -EBADMSG or -E2BIG and the reason. */
static int read_line(Reader *reader, char *line, size_t size, const char **ret_reason) {
        bool journal = reader->flags & READER_JOURNAL;
        int r = -EBADMSG;

        if (size > LIMIT_LINE_BYTES + (journal ? GRAMMAR_CRC_BYTES : 0)) {
                *ret_reason = "too long";
                r = -E2BIG;
        } else if (memchr(line, 0, size))
                *ret_reason = "a NUL byte";
        else if (journal && !strip_crc(line, &size))
                *ret_reason = "checksum wrong or missing";
        else {
                line[size] = 0;
                r = record_parse(&reader->record, line, size, ret_reason);
        }
        if (r < 0 || strcmp(reader->record.key, "end") != 0)
                count_record(reader, line, grammar_key(line, size));
        else {
                r = check_end(reader, &reader->record);
                if (r < 0)
                        *ret_reason = "end= without a number";
        }
        return r;
}

int reader_next(Reader *reader, const Record **ret, Diag *diag) {
        const char *reason = NULL;
        char *line;
        size_t size;
        int r;

        do {
                if (!take_line(reader, &line, &size)) {
                        if (reader->next == reader->end)
                                return READER_END;
                        reader->next = reader->end;
                        reader->line++;
                        reader->end_wrong |= reader->end_seen && !(reader->flags & READER_JOURNAL);
                        return READER_TORN;
                }
        } while (size == 0);
        r = read_line(reader, line, size, &reason);
        if (r < 0)
                return diag_fail(diag, r, "line %u: %s", reader->line, reason);
        *ret = &reader->record;
        return READER_RECORD;
}

unsigned reader_line(const Reader *reader) {
        return reader->line;
}

int reader_complete(const Reader *reader) {
        if (reader->end_wrong)
                return -EBADMSG;
        return reader->end_seen;
}
