/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "serialize/writer.h"
#include "src/base/limits.h"
#include "tests/unit/check-main.h"

static void expect_text(const Writer *writer, const char *text) {
        const char *out;
        size_t size;

        ck_assert_int_eq(writer_finish(writer, &out, &size), 0);
        ck_assert_uint_eq(size, strlen(text));
        ck_assert_str_eq(out, text);
}

static void expect_error(const Writer *writer, int error) {
        const char *out = "untouched";
        size_t size = 4711;

        ck_assert_int_eq(writer_finish(writer, &out, &size), error);
        ck_assert_str_eq(out, "untouched");
        ck_assert_uint_eq(size, 4711);
}

START_TEST(whole_text_looks_as_documented)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();

        writer_header(writer, 1);
        writer_begin(writer, "boot-id", "4b3d");
        writer_end(writer);
        writer_begin_u64(writer, "next-id", UINT64_MAX);
        writer_end(writer);
        writer_begin(writer, "attachment", "7");
        writer_word(writer, "egress");
        writer_word(writer, "multi");
        writer_word(writer, "/sys/fs/cgroup/a b");
        writer_field_u64(writer, "id", 0);
        writer_field(writer, "unit", "\303\274\\.service");
        writer_field(writer, "absent", NULL);
        writer_field(writer, "empty", "");
        writer_field_bool(writer, "covered-from-start", true);
        writer_field_bool(writer, "x", false);
        writer_end(writer);
        writer_raw(writer, "later=1 as it \\was");
        writer_end_of_text(writer);
        expect_text(
                writer,
                "unitbpf-state 1\n"
                "boot-id=4b3d\n"
                "next-id=18446744073709551615\n"
                "attachment=7 egress multi /sys/fs/cgroup/a\\x20b id=0 unit=\\xc3\\xbc\\\\.service"
                " empty= covered-from-start=yes x=no\n"
                "later=1 as it \\was\n"
                "end=2\n"
        );
}
END_TEST

/* T11: nothing to write is nothing written, and no error. */
START_TEST(nothing_written_is_an_empty_text)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();

        expect_text(writer, "");
        ck_assert_ptr_null(writer_free(NULL));
}
END_TEST

START_TEST(words_that_look_like_something_else_are_escaped)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();

        writer_begin(writer, "intent", "a=b");
        writer_word(writer, "unit=x=y");
        writer_word(writer, "/second");
        writer_word(writer, "/third=3");
        writer_word(writer, "Upper=4");
        writer_word(writer, "=");
        writer_field(writer, "path", "/a=b");
        writer_end(writer);
        expect_text(writer, "intent=a=b unit\\x3dx=y \\x2fsecond /third=3 Upper=4 = path=/a=b\n");
}
END_TEST

static const char *const bad_keys[] = { "", "A", "1a", "-a", "a b", "a=b", "a_b", "\303\274" };

START_TEST(bad_keys_are_refused)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();

        for (size_t i = 0; i < ELEMENTS(bad_keys); i++) {
                writer_reset(writer);
                writer_begin(writer, bad_keys[i], "1");
                writer_end(writer);
                expect_error(writer, -EINVAL);
                writer_reset(writer);
                writer_begin(writer, "key", "1");
                writer_field(writer, bad_keys[i], "1");
                writer_end(writer);
                expect_error(writer, -EINVAL);
        }
        writer_reset(writer);
        expect_text(writer, "");
}
END_TEST

typedef void (*Mistake)(Writer *writer);

static void begin_twice(Writer *writer) {
        writer_begin(writer, "a", "1");
        writer_begin(writer, "b", "1");
        writer_end(writer);
}

static void line_left_open(Writer *writer) {
        writer_begin(writer, "a", "1");
}

static void end_without_begin(Writer *writer) {
        writer_end(writer);
}

static void word_without_begin(Writer *writer) {
        writer_word(writer, "a");
}

static void field_without_begin(Writer *writer) {
        writer_field(writer, "a", "1");
}

static void value_null(Writer *writer) {
        writer_begin(writer, "a", NULL);
        writer_end(writer);
}

static void word_empty(Writer *writer) {
        writer_begin(writer, "a", "1");
        writer_word(writer, "");
        writer_end(writer);
}

static void word_behind_field(Writer *writer) {
        writer_begin(writer, "a", "1");
        writer_field(writer, "b", "2");
        writer_word(writer, "c");
        writer_end(writer);
}

static void header_late(Writer *writer) {
        writer_begin(writer, "a", "1");
        writer_end(writer);
        writer_header(writer, 1);
}

static void raw_with_newline(Writer *writer) {
        writer_raw(writer, "a=1\nb=2");
}

static void raw_empty(Writer *writer) {
        writer_raw(writer, "");
}

static void raw_in_a_line(Writer *writer) {
        writer_begin(writer, "a", "1");
        writer_raw(writer, "b=2");
        writer_end(writer);
}

START_TEST(mistakes_of_the_caller_are_kept_as_error)
{
        static const Mistake mistakes[] = {
                begin_twice, line_left_open,   end_without_begin, word_without_begin,
                value_null,  word_empty,       word_behind_field, field_without_begin,
                header_late, raw_with_newline, raw_empty,         raw_in_a_line,
        };

        for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
                _cleanup_(writer_free_ptr) Writer *writer = writer_new();

                mistakes[i](writer);
                expect_error(writer, -EINVAL);
        }
}
END_TEST

START_TEST(first_error_stays_whatever_follows)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        char *huge = calloc(1, LIMIT_LINE_BYTES + 2);

        memset(huge, 'a', LIMIT_LINE_BYTES + 1);
        writer_begin(writer, "a", huge);
        writer_end(writer);
        writer_begin(writer, "B", "1");
        writer_word(writer, "");
        writer_header(writer, 1);
        writer_raw(writer, "a=1");
        expect_error(writer, -E2BIG);
        free(huge);
}
END_TEST

/* A line of exactly the limit is written, one byte more is not; escapes count as they stand. */
START_TEST(line_limit_is_exact)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        char *value = calloc(1, LIMIT_LINE_BYTES + 1);
        const char *out;
        size_t size;

        memset(value, 'v', LIMIT_LINE_BYTES - 2);
        writer_begin(writer, "k", value);
        writer_end(writer);
        ck_assert_int_eq(writer_finish(writer, &out, &size), 0);
        ck_assert_uint_eq(size, LIMIT_LINE_BYTES + 1);
        writer_reset(writer);
        writer_begin(writer, "kk", value);
        writer_end(writer);
        expect_error(writer, -E2BIG);
        writer_reset(writer);
        value[LIMIT_LINE_BYTES / 2] = '\n';
        writer_begin(writer, "k", value);
        writer_end(writer);
        expect_error(writer, -E2BIG);
        writer_reset(writer);
        memset(value, 'v', LIMIT_LINE_BYTES);
        value[1] = '=';
        writer_raw(writer, value);
        ck_assert_int_eq(writer_finish(writer, &out, &size), 0);
        free(value);
}
END_TEST

START_TEST(word_limit_is_exact)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        const char *out;
        size_t size;

        for (unsigned extra = 0; extra <= 1; extra++) {
                writer_reset(writer);
                writer_begin(writer, "k", "");
                for (unsigned i = 1; i < LIMIT_RECORD_WORDS; i++)
                        writer_word(writer, "w");
                if (extra)
                        writer_field(writer, "f", "");
                writer_end(writer);
                ck_assert_int_eq(writer_finish(writer, &out, &size), extra ? -E2BIG : 0);
        }
}
END_TEST

START_TEST(text_limit_is_kept)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        char *line = calloc(1, LIMIT_LINE_BYTES);
        const char *out;
        size_t size;

        memset(line, 'v',
               LIMIT_LINE_BYTES - 1); /* with the newline: a whole fraction of the limit */
        line[1] = '=';
        for (unsigned i = 0; i < LIMIT_STATE_BYTES / LIMIT_LINE_BYTES; i++)
                writer_raw(writer, line);
        ck_assert_int_eq(writer_finish(writer, &out, &size), 0);
        ck_assert_uint_eq(size, LIMIT_STATE_BYTES);
        writer_raw(writer, "a=");
        expect_error(writer, -EFBIG);
        free(line);
}
END_TEST

CHECK_MAIN(
        "serialize/writer",
        30,
        whole_text_looks_as_documented,
        nothing_written_is_an_empty_text,
        words_that_look_like_something_else_are_escaped,
        bad_keys_are_refused,
        mistakes_of_the_caller_are_kept_as_error,
        first_error_stays_whatever_follows,
        line_limit_is_exact,
        word_limit_is_exact,
        text_limit_is_kept
)
