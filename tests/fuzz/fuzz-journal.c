/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two things about a journal file. The input as the file itself: opening cuts it to whole lines and leaves them
 * as they are. And the input as instructions: lines appended as it says, the file cut where it says and a byte
 * changed where it says; then no line but the one hit may be missing. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "serialize/journal.h"
#include "serialize/reader.h"
#include "src/base/file.h"
#include "tests/fuzz/fuzz.h"

/* A file of this process alone, on tmpfs where there is one. */
static const char *place(void) {
        static char path[64];

        if (!path[0])
                (void)snprintf(
                        path, sizeof path, "%s/unitbpf-fuzz-journal-%ld",
                        access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid()
                );
        return path;
}

static unsigned count_records(const char *text, size_t size, bool *ret_torn) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        unsigned version, n = 0;

        assert(reader_new(text, size, READER_JOURNAL, &reader) == 0);
        *ret_torn = false;
        if (reader_header(reader, &version, NULL) < 0)
                return 0;
        for (;;) {
                const Record *record;
                int r = reader_next(reader, &record, NULL);

                if (r == READER_END)
                        return n;
                *ret_torn |= r == READER_TORN;
                n += r == READER_RECORD;
        }
}

static void as_file(const char *data, size_t size) {
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_free_ char *text = NULL;
        const char *newline = size ? memrchr(data, '\n', size) : NULL;
        size_t whole = newline ? (size_t)(newline - data) + 1 : 0, left;
        bool torn;

        assert(file_replace(place(), data, size, 0600) == 0);
        assert(journal_open(place(), &journal, NULL) == 0);
        assert(journal_size(journal) == whole);
        assert(journal_read(place(), &text, &left) == 0);
        assert(left == whole && (whole == 0 || memcmp(text, data, whole) == 0));
        (void)count_records(text, left, &torn);
        assert(!torn);
}

/* Appends one line for each piece of the input that has no NUL in it; returns how many. */
static unsigned append_pieces(Journal *journal, const char *data, size_t size) {
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        unsigned n = 0;

        writer_header(writer, 1);
        assert(journal_replace(journal, writer) == 0);
        for (const char *p = data, *end = data + size; p < end && n < 32;) {
                size_t length = strnlen(p, (size_t)(end - p));
                _cleanup_free_ char *piece = strndup(p, length);
                int r;

                writer_reset(writer);
                writer_begin(writer, "intent", piece);
                if (*piece)
                        writer_word(writer, piece);
                writer_field(writer, "path", piece);
                writer_end(writer);
                r = journal_append(journal, writer);
                assert(r == 0 || r == -E2BIG);
                n += r == 0;
                p += length + 1;
        }
        return n;
}

static void as_instructions(const uint8_t *data, size_t size) {
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_free_ char *text = NULL;
        unsigned n, lines = 0;
        size_t length, cut, hit;
        bool torn;

        if (size < 8)
                return;
        assert(file_replace(place(), "", 0, 0600) == 0);
        assert(journal_open(place(), &journal, NULL) == 0);
        n = append_pieces(journal, (const char *)data + 8, size - 8);
        assert(journal_read(place(), &text, &length) == 0);
        assert(length == journal_size(journal));
        assert(count_records(text, length, &torn) == n && !torn);
        /* numbers of three bytes reach everywhere in the largest file */
        cut = 16 + (data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16) % (length - 15);
        for (size_t i = 16; i < cut; i++)
                lines += text[i] == '\n';
        assert(count_records(text, cut, &torn) == lines);
        assert(torn == (text[cut - 1] != '\n'));
        hit = 16 + (data[3] | (size_t)data[4] << 8 | (size_t)data[5] << 16) % (length - 15);
        if (hit == length || data[6] == 0)
                return;
        lines = text[hit] == '\n' && hit + 1 < length ? 2 : 1;
        text[hit] = (char)(text[hit] ^ (char)data[6]);
        assert(count_records(text, length, &torn) == n - lines);
}

static void clean_up(void) {
        (void)unlink(place());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static bool registered;

        if (!registered)
                registered = atexit(clean_up) == 0;
        if (size > FUZZ_INPUT_MAX)
                return 0;
        as_file((const char *)data, size);
        as_instructions(data, size);
        return 0;
}
