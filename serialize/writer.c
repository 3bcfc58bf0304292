/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One growing buffer. Each call makes room for the worst case first (every byte escaped) and then writes without
 * looking back, so a record costs no allocation of its own. */

#include "serialize/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serialize/grammar.h"
#include "src/base/limits.h"
#include "src/base/text.h"

#define U64_DIGITS 20

struct Writer {
        char *text;
        size_t size, room; /* room includes the byte for the NUL */
        size_t line; /* where the open line begins */
        unsigned n_words; /* of the open line; 0: none is open */
        unsigned n_bare;
        bool fields_begun; /* no bare word may follow */
        size_t n_records, n_lines;
        int error;
};

Writer *writer_new(void) {
        return calloc(1, sizeof(Writer));
}

Writer *writer_free(Writer *writer) {
        if (writer) {
                free(writer->text);
                free(writer);
        }
        return NULL;
}

void writer_reset(Writer *writer) {
        *writer = (Writer){ .text = writer->text, .room = writer->room };
}

static bool fail(Writer *writer, int error) {
        if (writer->error == 0)
                writer->error = error;
        return false;
}

/* True if n more bytes and a NUL fit now. */
static bool reserve(Writer *writer, size_t n) {
        size_t room = writer->room ? writer->room : 4096;
        char *grown;

        if (writer->error < 0)
                return false;
        while (room - writer->size <= n)
                room *= 2;
        if (room == writer->room)
                return true;
        grown = realloc(writer->text, room);
        if (!grown)
                return fail(writer, -ENOMEM);
        writer->text = grown;
        writer->room = room;
        return true;
}

/* A text that can be a word at all: NULL is a mistake, and one beyond the limit is refused before memory is asked
 * for it. */
static bool check_text(Writer *writer, const char *text, size_t *ret_size) {
        size_t size;

        if (writer->error < 0)
                return false;
        if (!text)
                return fail(writer, -EINVAL);
        size = strlen(text);
        if (size > LIMIT_LINE_BYTES)
                return fail(writer, -E2BIG);
        *ret_size = size;
        return true;
}

static void put(Writer *writer, const char *bytes, size_t n) {
        memcpy(writer->text + writer->size, bytes, n);
        writer->size += n;
}

static void put_escaped(Writer *writer, const char *text, size_t size) {
        writer->size = (size_t
        )(text_escape_bytes_to(writer->text + writer->size, text, size) - writer->text);
}

static bool count_word(Writer *writer) {
        if (writer->n_words == 0)
                return fail(writer, -EINVAL);
        if (writer->n_words == LIMIT_RECORD_WORDS)
                return fail(writer, -E2BIG);
        writer->n_words++;
        return true;
}

static bool limit_line(Writer *writer) {
        if (writer->size - writer->line > LIMIT_LINE_BYTES)
                return fail(writer, -E2BIG);
        if (writer->size >= LIMIT_STATE_BYTES) /* its newline must fit, too */
                return fail(writer, -EFBIG);
        return true;
}

/* A number as text, without NUL: where it begins in the buffer and how long it is. */
typedef struct Digits {
        char bytes[U64_DIGITS];
        size_t size;
} Digits;

static const char *digits_of(Digits *digits, uint64_t value) {
        char *p = digits->bytes + U64_DIGITS;

        do {
                *--p = (char)('0' + value % 10);
                value /= 10;
        } while (value > 0);
        digits->size = (size_t)(digits->bytes + U64_DIGITS - p);
        return p;
}

void writer_header(Writer *writer, unsigned version) {
        Digits digits;
        const char *text = digits_of(&digits, version);

        if (writer->size > 0 || writer->n_words > 0)
                (void)fail(writer, -EINVAL);
        if (!reserve(writer, sizeof(GRAMMAR_HEADER) + U64_DIGITS + 1))
                return;
        put(writer, GRAMMAR_HEADER, sizeof(GRAMMAR_HEADER) - 1);
        put(writer, text, digits.size);
        put(writer, "\n", 1);
        writer->n_lines++;
}

/* KEY= at the present position, behind a blank if it is a field, with room for a value of so many bytes. */
static bool put_key(Writer *writer, bool is_field, const char *key, size_t room) {
        size_t size;

        if (!check_text(writer, key, &size) || !reserve(writer, size + room + 2))
                return false;
        if (is_field)
                put(writer, " ", 1);
        if (!grammar_copy_key(writer->text + writer->size, key, size))
                return fail(writer, -EINVAL);
        writer->size += size;
        put(writer, "=", 1);
        return true;
}

static void put_pair(Writer *writer, bool is_field, const char *key, const char *value) {
        size_t size;

        if (!check_text(writer, value, &size) || !put_key(writer, is_field, key, size * 4))
                return;
        put_escaped(writer, value, size);
        (void)limit_line(writer);
}

static void put_pair_u64(Writer *writer, bool is_field, const char *key, uint64_t value) {
        Digits digits;
        const char *text = digits_of(&digits, value);

        if (!put_key(writer, is_field, key, digits.size))
                return;
        put(writer, text, digits.size);
        (void)limit_line(writer);
}

static void begin_line(Writer *writer) {
        if (writer->n_words > 0)
                (void)fail(writer, -EINVAL);
        writer->line = writer->size;
}

/* Its first word stands. */
static void line_begun(Writer *writer, const char *key) {
        if (writer->error < 0)
                return;
        writer->n_words = 1;
        writer->n_bare = 0;
        writer->fields_begun = false;
        writer->n_records += grammar_is_record(key, strlen(key));
}

void writer_begin(Writer *writer, const char *key, const char *value) {
        begin_line(writer);
        put_pair(writer, false, key, value);
        line_begun(writer, key);
}

void writer_begin_u64(Writer *writer, const char *key, uint64_t value) {
        begin_line(writer);
        put_pair_u64(writer, false, key, value);
        line_begun(writer, key);
}

void writer_word(Writer *writer, const char *word) {
        size_t size, key;

        if (!check_text(writer, word, &size) || !count_word(writer))
                return;
        if (size == 0 || writer->fields_begun) {
                (void)fail(writer, -EINVAL);
                return;
        }
        if (!reserve(writer, size * 4 + 4))
                return;
        put(writer, " ", 1);
        writer->n_bare++;
        key = grammar_key(word, size);
        if (key > 0) { /* else it would be read as a field */
                put(writer, word, key);
                put(writer, "\\x3d", 4);
                word += key + 1;
                size -= key + 1;
        } else if (writer->n_bare == 2 && word[0] == '/') { /* else as systemd's path */
                put(writer, "\\x2f", 4);
                word++;
                size--;
        }
        put_escaped(writer, word, size);
        (void)limit_line(writer);
}

static bool begin_field(Writer *writer) {
        if (writer->error < 0 || !count_word(writer))
                return false;
        writer->fields_begun = true;
        return true;
}

void writer_field(Writer *writer, const char *key, const char *value) {
        if (value && begin_field(writer))
                put_pair(writer, true, key, value);
}

void writer_field_u64(Writer *writer, const char *key, uint64_t value) {
        if (begin_field(writer))
                put_pair_u64(writer, true, key, value);
}

void writer_field_bool(Writer *writer, const char *key, bool value) {
        writer_field(writer, key, value ? "yes" : "no");
}

void writer_end(Writer *writer) {
        if (writer->n_words == 0)
                (void)fail(writer, -EINVAL);
        if (!reserve(writer, 1))
                return;
        put(writer, "\n", 1);
        writer->n_words = 0;
        writer->n_lines++;
}

void writer_raw(Writer *writer, const char *line) {
        size_t size;

        if (!check_text(writer, line, &size))
                return;
        if (writer->n_words > 0 || grammar_key(line, size) == 0 || memchr(line, '\n', size)) {
                (void)fail(writer, -EINVAL);
                return;
        }
        if (!reserve(writer, size + 1))
                return;
        writer->line = writer->size;
        put(writer, line, size);
        if (!limit_line(writer))
                return;
        put(writer, "\n", 1);
        writer->n_lines++;
        writer->n_records += grammar_is_record(line, grammar_key(line, size));
}

void writer_end_of_text(Writer *writer) {
        writer_begin_u64(writer, "end", writer->n_records);
        writer_end(writer);
}

size_t writer_n_lines(const Writer *writer) {
        return writer->n_lines;
}

int writer_finish(const Writer *writer, const char **ret, size_t *ret_size) {
        if (writer->error < 0)
                return writer->error;
        if (writer->n_words > 0)
                return -EINVAL;
        if (writer->text)
                writer->text[writer->size] = 0;
        *ret = writer->text ? writer->text : "";
        *ret_size = writer->size;
        return 0;
}
