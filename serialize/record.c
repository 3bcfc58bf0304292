/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The line is copied once into the arena, and there each word is ended with a NUL over its blank and unescaped in
 * place: no word costs an allocation. */

#include "serialize/record.h"

#include <errno.h>
#include <string.h>

#include "serialize/grammar.h"
#include "src/base/text.h"

static int refuse(const char **ret_reason, const char *reason) {
        *ret_reason = reason;
        return -EBADMSG;
}

/* End of the word at p, or NULL if a byte in it should have been escaped. */
static char *word_end(char *p, const char *end, bool *ret_escaped) {
        bool escaped = false;

        for (; p < end && *p != ' '; p++) {
                if (*p <= ' ' || *p >= 0x7f)
                        return NULL;
                escaped |= *p == '\\';
        }
        *ret_escaped = escaped;
        return p;
}

/* Sorts one word, already ended with a NUL, into the record. */
static int place_word(
        Record *record,
        char *word,
        size_t size,
        bool escaped,
        const char **ret_reason
) {
        size_t key = grammar_key(word, size);
        char *value = key > 0 ? word + key + 1 : word;

        if (escaped && text_unescape_to(value, value, size - (size_t)(value - word)) < 0)
                return refuse(ret_reason, "bad escape");
        if (!record->key) {
                if (key == 0)
                        return refuse(ret_reason, "it does not begin with KEY=VALUE");
                word[key] = 0;
                record->key = word;
                record->value = value;
                return 0;
        }
        if (key == 0) {
                if (record->n_fields > 0)
                        return refuse(ret_reason, "a bare word behind a field");
                record->words[record->n_words++] = value;
                return 0;
        }
        word[key] = 0;
        record->fields[record->n_fields].key = word;
        record->fields[record->n_fields++].value = value;
        return 0;
}

static void record_clear(Record *record) {
        record->key = record->value = record->path = NULL;
        record->n_words = record->n_fields = 0;
}

int record_parse(Record *record, const char *line, size_t size, const char **ret_reason) {
        char *p = record->arena, *end = p + size;

        record_clear(record);
        record->line = line;
        memcpy(p, line, size + 1);
        for (;;) {
                bool escaped, last;
                char *stop;
                int r;

                if (record->key && record->n_words == 1 && record->n_fields == 0 && *p == '/') {
                        record->path = line + (p - record->arena);
                        return 0;
                }
                stop = word_end(p, end, &escaped);
                if (!stop)
                        return refuse(ret_reason, "a byte that must be escaped");
                if (stop == p)
                        return refuse(ret_reason, "an empty word");
                if (1 + record->n_words + record->n_fields == LIMIT_RECORD_WORDS && record->key)
                        return refuse(ret_reason, "too many words");
                last = stop == end;
                *stop = 0;
                r = place_word(record, p, (size_t)(stop - p), escaped, ret_reason);
                if (r < 0)
                        return r;
                if (last)
                        return 0;
                p = stop + 1;
        }
}

const char *record_key(const Record *record) {
        return record->key;
}

const char *record_value(const Record *record) {
        return record->value;
}

size_t record_n_words(const Record *record) {
        return record->n_words;
}

const char *record_word(const Record *record, size_t i) {
        return i < record->n_words ? record->words[i] : NULL;
}

const char *record_field(const Record *record, const char *key) {
        for (size_t i = 0; i < record->n_fields; i++)
                /* most keys differ in the first byte, which spares the call */
                if (record->fields[i].key[0] == key[0] && strcmp(record->fields[i].key, key) == 0)
                        return record->fields[i].value;
        return NULL;
}

const char *record_line(const Record *record) {
        return record->line;
}

int record_field_u64(const Record *record, const char *key, uint64_t *ret) {
        const char *value = record_field(record, key);
        int r;

        if (!value)
                return 0;
        r = text_to_u64(value, ret);
        return r < 0 ? r : 1;
}

int record_field_u32(const Record *record, const char *key, uint32_t *ret) {
        const char *value = record_field(record, key);
        int r;

        if (!value)
                return 0;
        r = text_to_u32(value, ret);
        return r < 0 ? r : 1;
}

int record_field_bool(const Record *record, const char *key, bool *ret) {
        const char *value = record_field(record, key);
        int r;

        if (!value)
                return 0;
        r = text_to_bool(value);
        if (r < 0)
                return r;
        *ret = r > 0;
        return 1;
}

int record_three_word_path(const Record *record, char **ret) {
        int r;

        if (!record->path)
                return 0;
        r = text_unescape_c(record->path, strlen(record->path), ret);
        if (r < 0)
                return r == -EINVAL ? -EBADMSG : r;
        return 1;
}
