/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A state text of anybody's making: reading ends, nothing beyond the bounds is handed out, and what was read as a
 * record can be written and read again as the same record. */

#include <assert.h>
#include <string.h>

#include "serialize/reader.h"
#include "serialize/writer.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "tests/fuzz/fuzz.h"

static void same(const char *a, const char *b) {
        assert(text_equal(a, b));
}

/* Only what the interface gives out is compared: a line may have said it in other escapes. */
static void compare(const Record *a, const Record *b) {
        same(record_key(a), record_key(b));
        same(record_value(a), record_value(b));
        assert(record_n_words(a) == record_n_words(b));
        for (size_t i = 0; i < record_n_words(a); i++)
                same(record_word(a, i), record_word(b, i));
        assert(!record_word(a, record_n_words(a)));
        same(record_field(a, "id"), record_field(b, "id"));
        same(record_field(a, "unit"), record_field(b, "unit"));
}

static void write_again(const Record *record) {
        static const char *const fields[] = { "id", "unit" };
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        const Record *back = NULL;
        const char *text;
        size_t size;

        writer_begin(writer, record_key(record), record_value(record));
        for (size_t i = 0; i < record_n_words(record); i++)
                writer_word(writer, record_word(record, i));
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
                writer_field(writer, fields[i], record_field(record, fields[i]));
        writer_end(writer);
        if (writer_finish(writer, &text, &size) < 0) /* escapes can only make it too long */
                return;
        assert(reader_new(text, size, 0, &reader) == 0);
        assert(reader_next(reader, &back, NULL) == READER_RECORD);
        compare(record, back);
}

static void check_record(const Record *record) {
        uint64_t wide = 7;
        uint32_t narrow = 7;
        bool flag = false;
        char *path = NULL;
        int r;

        assert(strlen(record_line(record)) <= LIMIT_LINE_BYTES);
        assert(record_n_words(record) < LIMIT_RECORD_WORDS);
        r = record_field_u64(record, "id", &wide);
        assert(r == 1 || wide == 7);
        r = record_field_u32(record, "id", &narrow);
        assert(r == 1 || narrow == 7);
        r = record_field_bool(record, "id", &flag);
        assert(r == 1 || !flag);
        r = record_three_word_path(record, &path);
        assert(r == 1 ? path[0] == '/' : !path);
        free(path);
        write_again(record);
}

static void read_all(const uint8_t *data, size_t size, ReaderFlags flags) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        _cleanup_diag_ Diag first = {};
        unsigned version = 0, line = 0;
        int r;

        assert(reader_new((const char *)data, size, flags, &reader) == 0);
        if (reader_header(reader, &version, &first) < 0)
                assert(first.text);
        for (;;) {
                _cleanup_diag_ Diag diag = {};
                const Record *record = NULL;

                r = reader_next(reader, &record, &diag);
                if (r == READER_END)
                        break;
                assert(reader_line(reader) > line);
                line = reader_line(reader);
                if (r == READER_RECORD)
                        check_record(record);
                else if (r < 0)
                        assert(diag.text && !record);
        }
        (void)reader_complete(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size > FUZZ_INPUT_MAX)
                return 0;
        read_all(data, size, 0);
        read_all(data, size, READER_JOURNAL);
        return 0;
}
