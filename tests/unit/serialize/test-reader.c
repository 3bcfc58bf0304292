/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "serialize/reader.h"
#include "serialize/writer.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

#define HEADER "unitbpf-state 1\n"

static Reader *open_bytes(const char *text, size_t size) {
        Reader *reader = NULL;
        unsigned version = 0;

        ck_assert_int_eq(reader_new(text, size, 0, &reader), 0);
        ck_assert_int_eq(reader_header(reader, &version, NULL), 0);
        ck_assert_uint_eq(version, 1);
        return reader;
}

static Reader *open_text(const char *text) {
        return open_bytes(text, strlen(text));
}

static const Record *expect_record(Reader *reader) {
        const Record *record = NULL;
        Diag diag = {};
        int r = reader_next(reader, &record, &diag);

        ck_assert_msg(r == READER_RECORD, "%d %s", r, diag_text(&diag, 0));
        return record;
}

START_TEST(example_is_read_as_documented)
{
        _cleanup_(reader_free_ptr) Reader *reader = open_text(
                HEADER
                "boot-id=4b3d\n\n"
                "attachment=7 egress multi /sys/fs/cgroup/a\\x20b id=12 unit=n\\\\.service empty=\n"
                "end=1\n"
        );
        const Record *record = expect_record(reader);
        uint64_t id = 0;

        ck_assert_str_eq(record_key(record), "boot-id");
        ck_assert_str_eq(record_value(record), "4b3d");
        ck_assert_uint_eq(reader_line(reader), 2);
        record = expect_record(reader);
        ck_assert_uint_eq(reader_line(reader), 4);
        ck_assert_str_eq(record_key(record), "attachment");
        ck_assert_str_eq(record_value(record), "7");
        ck_assert_uint_eq(record_n_words(record), 3);
        ck_assert_str_eq(record_word(record, 0), "egress");
        ck_assert_str_eq(record_word(record, 1), "multi");
        ck_assert_str_eq(record_word(record, 2), "/sys/fs/cgroup/a b");
        ck_assert_ptr_null(record_word(record, 3));
        ck_assert_int_eq(record_field_u64(record, "id", &id), 1);
        ck_assert_uint_eq(id, 12);
        ck_assert_str_eq(record_field(record, "unit"), "n\\.service");
        ck_assert_str_eq(record_field(record, "empty"), "");
        ck_assert_ptr_null(record_field(record, "emptyy"));
        ck_assert_str_eq(
                record_line(record),
                "attachment=7 egress multi /sys/fs/cgroup/a\\x20b id=12 unit=n\\\\.service empty="
        );
        ck_assert_str_eq(record_key(expect_record(reader)), "end");
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
        ck_assert_int_eq(reader_complete(reader), 1);
}
END_TEST

/* Any byte but NUL survives in each place of a line, alone and at the beginning of a longer text. */
START_TEST(every_byte_round_trips_in_every_place)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        const char *text;
        size_t size;

        writer_header(writer, 1);
        for (int c = 1; c < 256; c++)
                for (int more = 0; more <= 1; more++) {
                        char value[] = { (char)c, more ? (char)(255 - c) : 0, 0 };

                        writer_begin(writer, "key", value);
                        writer_word(writer, value);
                        writer_word(writer, value);
                        writer_word(writer, value);
                        writer_field(writer, "field", value);
                        writer_end(writer);
                }
        ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
        reader = open_bytes(text, size);
        for (int c = 1; c < 256; c++)
                for (int more = 0; more <= 1; more++) {
                        char value[] = { (char)c, more ? (char)(255 - c) : 0, 0 };
                        const Record *record = expect_record(reader);
                        char *path;

                        ck_assert_str_eq(record_value(record), value);
                        ck_assert_uint_eq(record_n_words(record), 3);
                        for (size_t i = 0; i < 3; i++)
                                ck_assert_str_eq(record_word(record, i), value);
                        ck_assert_str_eq(record_field(record, "field"), value);
                        ck_assert_int_eq(record_three_word_path(record, &path), 0);
                }
}
END_TEST

START_TEST(words_that_look_like_fields_or_paths_round_trip)
{
        static const char *const words[] = {
                "unit=x", "/a=b", "a=", "=", "A=1", "\\x3d", "/", "-=-"
        };
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        const char *text;
        size_t size;

        writer_header(writer, 1);
        for (size_t i = 0; i < ELEMENTS(words); i++) {
                writer_begin(writer, "key", words[i]);
                for (size_t k = 0; k < ELEMENTS(words); k++)
                        writer_word(writer, words[(i + k) % ELEMENTS(words)]);
                writer_end(writer);
        }
        ck_assert_int_eq(writer_finish(writer, &text, &size), 0);
        reader = open_bytes(text, size);
        for (size_t i = 0; i < ELEMENTS(words); i++) {
                const Record *record = expect_record(reader);

                ck_assert_str_eq(record_value(record), words[i]);
                ck_assert_uint_eq(record_n_words(record), ELEMENTS(words));
                for (size_t k = 0; k < ELEMENTS(words); k++)
                        ck_assert_str_eq(record_word(record, k), words[(i + k) % ELEMENTS(words)]);
        }
}
END_TEST

START_TEST(first_of_two_equal_fields_wins)
{
        _cleanup_(reader_free_ptr) Reader *reader = open_text(HEADER "a=1 x=first x=second\n");

        ck_assert_str_eq(record_field(expect_record(reader), "x"), "first");
}
END_TEST

/* T-b: a malformed number is an error, never a success with nothing in it. */
START_TEST(numbers_and_booleans_are_strict)
{
        _cleanup_(reader_free_ptr) Reader *reader = open_text(
                HEADER
                "a=1 big=4294967296 huge=18446744073709551616 minus=-1 blank= yes=yes no=no n=7\n"
        );
        const Record *record = expect_record(reader);
        uint64_t wide = 42;
        uint32_t narrow = 42;
        bool flag = true;

        ck_assert_int_eq(record_field_u64(record, "absent", &wide), 0);
        ck_assert_int_eq(record_field_u64(record, "huge", &wide), -ERANGE);
        ck_assert_int_eq(record_field_u64(record, "minus", &wide), -EINVAL);
        ck_assert_int_eq(record_field_u64(record, "blank", &wide), -EINVAL);
        ck_assert_uint_eq(wide, 42);
        ck_assert_int_eq(record_field_u64(record, "big", &wide), 1);
        ck_assert(wide == UINT64_C(4294967296));
        ck_assert_int_eq(record_field_u32(record, "absent", &narrow), 0);
        ck_assert_int_eq(record_field_u32(record, "big", &narrow), -ERANGE);
        ck_assert_int_eq(record_field_u32(record, "yes", &narrow), -EINVAL);
        ck_assert_uint_eq(narrow, 42);
        ck_assert_int_eq(record_field_u32(record, "n", &narrow), 1);
        ck_assert_uint_eq(narrow, 7);
        ck_assert_int_eq(record_field_bool(record, "absent", &flag), 0);
        ck_assert_int_eq(record_field_bool(record, "big", &flag), -EINVAL);
        ck_assert(flag);
        ck_assert_int_eq(record_field_bool(record, "no", &flag), 1);
        ck_assert(!flag);
        ck_assert_int_eq(record_field_bool(record, "yes", &flag), 1);
        ck_assert(flag);
}
END_TEST

/* T12, T14: fd, type, and the rest of the line is the path with its escapes undone. */
START_TEST(three_word_form_of_systemd_is_read)
{
        _cleanup_(reader_free_ptr) Reader *reader = open_text(
                HEADER
                "attachment=8 egress /sys/fs/cgroup/with blanks\\x20and\\303\\274\\tescapes id=3\n"
                "attachment=9 ingress /\n"
                "attachment=9 ingress /bad\\q\n"
                "attachment=9 ingress multi /four\n"
                "attachment=9 /type\n"
                "attachment=9 ingress unit=x\n"
        );
        const Record *record = expect_record(reader);
        char *path = NULL;

        ck_assert_int_eq(record_three_word_path(record, &path), 1);
        ck_assert_str_eq(path, "/sys/fs/cgroup/with blanks and\303\274\tescapes id=3");
        free(path);
        path = NULL;
        ck_assert_str_eq(record_value(record), "8");
        ck_assert_uint_eq(record_n_words(record), 1);
        ck_assert_str_eq(record_word(record, 0), "egress");
        ck_assert_ptr_null(record_field(record, "id"));
        ck_assert_int_eq(record_three_word_path(expect_record(reader), &path), 1);
        ck_assert_str_eq(path, "/");
        free(path);
        path = NULL;
        ck_assert_int_eq(record_three_word_path(expect_record(reader), &path), -EBADMSG);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(record_three_word_path(expect_record(reader), &path), 0);
        ck_assert_ptr_null(path);
}
END_TEST

static const struct {
        const char *line;
        size_t size;
        const char *reason;
} malformed[] = {
#define LINE(text, why) \
        { text, sizeof(text) - 1, why }
        LINE("attachment", "KEY=VALUE"),
        LINE("=7 egress", "KEY=VALUE"),
        LINE("Attachment=7", "KEY=VALUE"),
        LINE("att\\x61=7", "KEY=VALUE"),
        LINE("unitbpf-state 1", "KEY=VALUE"),
        LINE("a=1  b=2", "empty word"),
        LINE(" a=1", "empty word"),
        LINE("a=1 ", "empty word"),
        LINE(" ", "empty word"),
        LINE("a=\\", "bad escape"),
        LINE("a=1 w\\n", "bad escape"),
        LINE("a=1 f=\\x4", "bad escape"),
        LINE("a=1 f=\\x00", "bad escape"),
        LINE("a=1 f=\\101", "bad escape"),
        LINE("a=1\r", "must be escaped"),
        LINE("a=1\tb", "must be escaped"),
        LINE("a=1 f=\303\274", "must be escaped"),
        LINE("a=1 f=\177", "must be escaped"),
        LINE("a=1 f=2 word", "bare word"),
        LINE("a=1 f=\0", "NUL"),
        LINE("\0a=1", "NUL"),
        LINE("a=1 egress /path\0behind", "NUL"),
        LINE("end=x", "end="),
#undef LINE
};

START_TEST(malformed_line_is_named_and_costs_only_itself)
{
        for (size_t i = 0; i < ELEMENTS(malformed); i++) {
                _cleanup_(reader_free_ptr) Reader *reader = NULL;
                _cleanup_diag_ Diag diag = {};
                const Record *record = NULL;
                char text[256] = HEADER "before=1\n";
                size_t size = strlen(text);

                memcpy(text + size, malformed[i].line, malformed[i].size);
                size += malformed[i].size;
                size = (size_t)(stpcpy(text + size, "\nbehind=2\n") - text);
                reader = open_bytes(text, size);
                ck_assert_str_eq(record_key(expect_record(reader)), "before");
                ck_assert_int_eq(reader_next(reader, &record, &diag), -EBADMSG);
                ck_assert_ptr_null(record);
                ck_assert_msg(
                        strncmp(diag.text, "line 3: ", 8) == 0 &&
                                strstr(diag.text, malformed[i].reason),
                        "%s: %s", malformed[i].line, diag.text
                );
                ck_assert_uint_eq(reader_line(reader), 3);
                ck_assert_str_eq(record_key(expect_record(reader)), "behind");
                ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
        }
}
END_TEST

static const char *const bad_headers[] = {
        "",
        "\n",
        "unitbpf-state 1",
        "unitbpf-state \n",
        "unitbpf-state\n",
        "unitbpf-state 01\n",
        "unitbpf-state -1\n",
        "unitbpf-state 1 \n",
        "unitbpf-state 4294967296\n",
        "Unitbpf-state 1\n",
        "\nunitbpf-state 1\n",
        "attachment=7 egress /x\n",
};

START_TEST(text_without_header_ends_the_reading)
{
        _cleanup_(reader_free_ptr) Reader *with_nul = NULL;
        const Record *record = NULL;
        unsigned version = 42;

        for (size_t i = 0; i < ELEMENTS(bad_headers); i++) {
                _cleanup_(reader_free_ptr) Reader *reader = NULL;
                _cleanup_diag_ Diag diag = {};
                _cleanup_free_ char *text = text_format("%sa=1\n", bad_headers[i]);

                if (!strchr(bad_headers[i], '\n'))
                        text[strlen(bad_headers[i])] = 0;
                ck_assert_int_eq(reader_new(text, strlen(text), 0, &reader), 0);
                ck_assert_int_eq(reader_header(reader, &version, &diag), -EBADMSG);
                ck_assert_ptr_nonnull(diag.text);
                ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
                ck_assert_int_eq(reader_complete(reader), 0);
        }
        ck_assert_int_eq(reader_new("unitbpf-state 1\0\n", 17, 0, &with_nul), 0);
        ck_assert_int_eq(reader_header(with_nul, &version, NULL), -EBADMSG);
        ck_assert_uint_eq(version, 42);
        ck_assert_ptr_null(record);
}
END_TEST

START_TEST(header_is_read_first_and_its_version_is_told)
{
        static const char text[] = "unitbpf-state 4294967295\na=1\n";
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        unsigned version = 0;

        ck_assert_int_eq(reader_new(text, strlen(text), 0, &reader), 0);
        ck_assert_int_eq(reader_header(reader, &version, NULL), 0);
        ck_assert_uint_eq(version, UINT32_MAX);
        ck_assert_int_eq(reader_header(reader, &version, NULL), -EINVAL);
        ck_assert_str_eq(record_key(expect_record(reader)), "a");
}
END_TEST

static const struct {
        const char *text;
        int complete;
} endings[] = {
        { HEADER "end=0\n", 1 },
        { HEADER "boot-id=x\ngeneration=1\nnext-id=2\nend=0\n", 1 },
        { HEADER "a=1\nb=2\nend=2\n", 1 },
        { HEADER "a=1\nmal formed\nend=2\n", 1 },
        { HEADER "a=1\n\nend=1\n\n", 1 },
        { HEADER "a=1\n", 0 },
        { HEADER "", 0 },
        { HEADER "a=1\nend=1", 0 },
        { HEADER "a=1\nend=2\n", -EBADMSG },
        { HEADER "a=1\nend=0\n", -EBADMSG },
        { HEADER "a=1\nend=\n", -EBADMSG },
        { HEADER "a=1\nend=01\n", -EBADMSG },
        { HEADER "a=1\nend=1\nb=2\n", -EBADMSG },
        { HEADER "a=1\nend=1\nnext-id=2\n", -EBADMSG },
        { HEADER "a=1\nend=1\nend=1\n", -EBADMSG },
        { HEADER "a=1\nend=1\ntorn", -EBADMSG },
};

START_TEST(end_line_tells_whether_all_is_there)
{
        for (size_t i = 0; i < ELEMENTS(endings); i++) {
                _cleanup_(reader_free_ptr) Reader *reader = open_text(endings[i].text);
                const Record *record;

                while (reader_next(reader, &record, NULL) != READER_END)
                        ;
                ck_assert_msg(
                        reader_complete(reader) == endings[i].complete, "%s: %d", endings[i].text,
                        reader_complete(reader)
                );
        }
}
END_TEST

START_TEST(last_line_without_newline_is_torn)
{
        _cleanup_(reader_free_ptr) Reader *reader = open_text(HEADER "a=1\nb=2");
        const Record *record = NULL;

        (void)expect_record(reader);
        record = NULL;
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_TORN);
        ck_assert_uint_eq(reader_line(reader), 3);
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
        ck_assert_ptr_null(record);
}
END_TEST

static char *long_line(size_t size, const char *behind) {
        size_t header = strlen(HEADER);
        char *text = malloc(header + size + strlen(behind) + 1);

        memcpy(text, HEADER "k=", header + 2);
        memset(text + header + 2, 'v', size - 2);
        (void)stpcpy(text + header + size, behind);
        return text;
}

START_TEST(line_limit_is_exact_and_costs_only_the_line)
{
        for (unsigned extra = 0; extra <= 1; extra++) {
                _cleanup_free_ char *text = long_line(LIMIT_LINE_BYTES + extra, "\na=1\nend=2\n");
                _cleanup_(reader_free_ptr) Reader *reader = open_text(text);
                const Record *record;
                int r = reader_next(reader, &record, NULL);

                ck_assert_int_eq(r, extra ? -E2BIG : READER_RECORD);
                if (!extra)
                        ck_assert_uint_eq(strlen(record_value(record)), LIMIT_LINE_BYTES - 2);
                ck_assert_str_eq(record_key(expect_record(reader)), "a");
                (void)expect_record(reader);
                ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
                ck_assert_int_eq(reader_complete(reader), 1);
        }
}
END_TEST

START_TEST(word_limit_is_exact)
{
        for (unsigned extra = 0; extra <= 1; extra++) {
                _cleanup_(reader_free_ptr) Reader *reader = NULL;
                char text[1024] = HEADER "k=1", *p = text + strlen(text);
                const Record *record;

                for (unsigned i = 1; i < LIMIT_RECORD_WORDS + extra; i++)
                        p = stpcpy(p, i % 2 && i < LIMIT_RECORD_WORDS / 2 ? " w" : " W");
                (void)stpcpy(p, "\n");
                reader = open_text(text);
                ck_assert_int_eq(
                        reader_next(reader, &record, NULL), extra ? -EBADMSG : READER_RECORD
                );
                if (!extra)
                        ck_assert_uint_eq(record_n_words(record), LIMIT_RECORD_WORDS - 1);
        }
}
END_TEST

START_TEST(text_beyond_the_limit_is_refused)
{
        Reader *reader = NULL;

        /* the size is judged before a byte is read */
        ck_assert_int_eq(reader_new("", (size_t)LIMIT_STATE_BYTES + 1, 0, &reader), -EFBIG);
        ck_assert_ptr_null(reader);
        ck_assert_int_eq(reader_new(NULL, 0, 0, &reader), 0);
        ck_assert_ptr_null(reader_free(reader));
        ck_assert_ptr_null(reader_free(NULL));
}
END_TEST

static int read_one(const char *text, Diag *diag) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        const Record *record;
        unsigned version;

        ck_assert_int_eq(reader_new(text, strlen(text), READER_JOURNAL, &reader), 0);
        ck_assert_int_eq(reader_header(reader, &version, NULL), 0);
        return reader_next(reader, &record, diag);
}

START_TEST(checksum_must_be_written_as_we_write_it)
{
        static const char line[] = "intent=0 attach";
        static const char digits[] = "69608e52", upper[] = "69608E52"; /* of that line */
        const struct {
                const char *before, *crc, *behind;
        } wrong[] = {
                { "", "", "" },           { " crc=", "", "" },         { " crc=", upper, "" },
                { " crc=", digits, " " }, { "  crc=", digits, "" },    { " crc=0x", digits, "" },
                { " crc=0", digits, "" }, { " crc=", digits + 1, "" }, { " CRC=", digits, "" },
                { "crc=", digits, "" },
        };
        char text[128];

        (void)snprintf(text, sizeof text, HEADER "%s crc=%s\n", line, digits);
        ck_assert_int_eq(read_one(text, NULL), READER_RECORD);
        for (size_t i = 0; i < ELEMENTS(wrong); i++) {
                _cleanup_diag_ Diag diag = {};

                (void)snprintf(
                        text, sizeof text, HEADER "%s%s%s%s\n", line, wrong[i].before, wrong[i].crc,
                        wrong[i].behind
                );
                ck_assert_int_eq(read_one(text, &diag), -EBADMSG);
                ck_assert_str_eq(diag.text, "line 2: checksum wrong or missing");
        }
}
END_TEST

/* What one text says goes unchanged into the next one: keys nobody knows are carried over. */
START_TEST(unread_lines_are_carried_over)
{
        static const char text[] = HEADER "future=1 w\\x20d /x y=\\\\\nthree=1 x /a b  c\\040d\n";
        _cleanup_(reader_free_ptr) Reader *reader = open_text(text);
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        const char *out;
        size_t size;

        writer_header(writer, 1);
        writer_raw(writer, record_line(expect_record(reader)));
        writer_raw(writer, record_line(expect_record(reader)));
        ck_assert_int_eq(writer_finish(writer, &out, &size), 0);
        ck_assert_str_eq(out, text);
}
END_TEST

CHECK_MAIN(
        "serialize/reader",
        30,
        example_is_read_as_documented,
        every_byte_round_trips_in_every_place,
        words_that_look_like_fields_or_paths_round_trip,
        first_of_two_equal_fields_wins,
        numbers_and_booleans_are_strict,
        three_word_form_of_systemd_is_read,
        malformed_line_is_named_and_costs_only_itself,
        text_without_header_ends_the_reading,
        header_is_read_first_and_its_version_is_told,
        end_line_tells_whether_all_is_there,
        last_line_without_newline_is_torn,
        line_limit_is_exact_and_costs_only_the_line,
        word_limit_is_exact,
        text_beyond_the_limit_is_refused,
        checksum_must_be_written_as_we_write_it,
        unread_lines_are_carried_over
)
