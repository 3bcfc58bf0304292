/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serialize/journal.h"
#include "serialize/reader.h"
#include "src/base/checksum.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

#define HEADER "unitbpf-state 1\n"

/* A directory of the test's own, which is also proved empty of everything but the journal at its end. */
typedef struct Place {
        char folder[64];
        char path[80];
        char beside[80]; /* the file a replacement is written to */
} Place;

static void place_init(Place *place) {
        (void)strcpy(place->folder, "/tmp/unitbpf-journal-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(place->folder));
        (void)snprintf(place->path, sizeof place->path, "%s/state", place->folder);
        (void)snprintf(place->beside, sizeof place->beside, "%s/state.new", place->folder);
}

static void place_done(Place *place) {
        (void)unlink(place->path);
        ck_assert_int_eq(rmdir(place->folder), 0);
}

static void put_file(const char *path, const char *text, size_t size) {
        ck_assert_int_eq(file_replace(path, text, size, 0600), 0);
}

static char *get_file(const char *path) {
        size_t size;
        char *text;

        ck_assert_int_eq(journal_read(path, &text, &size), 0);
        ck_assert_uint_eq(strlen(text), size);
        return text;
}

static Journal *open_journal(const char *path) {
        _cleanup_diag_ Diag diag = {};
        Journal *journal = NULL;
        int r = journal_open(path, &journal, &diag);

        ck_assert_msg(r == 0, "%s", diag_text(&diag, r));
        return journal;
}

static Writer *write_lines(bool header, unsigned first, unsigned n) {
        Writer *writer = writer_new();

        if (header)
                writer_header(writer, 1);
        for (unsigned i = first; i < first + n; i++) {
                writer_begin_u64(writer, "intent", i);
                writer_word(writer, "attach");
                writer_field(writer, "path", "/a b");
                writer_end(writer);
        }
        return writer;
}

static int append(Journal *journal, unsigned first, unsigned n) {
        _cleanup_(writer_free_ptr) Writer *writer = write_lines(false, first, n);

        return journal_append(journal, writer);
}

static int replace(Journal *journal, unsigned first, unsigned n) {
        _cleanup_(writer_free_ptr) Writer *writer = write_lines(true, first, n);

        return journal_replace(journal, writer);
}

/* What a reader gets out of a text: how many records, and how the reading ended. */
typedef struct Reading {
        unsigned n_records;
        unsigned n_bad;
        unsigned first_bad; /* line number */
        bool torn;
        bool header;
} Reading;

static Reading read_text(const char *text, size_t size) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        Reading reading = {};
        unsigned version;

        ck_assert_int_eq(reader_new(text, size, READER_JOURNAL, &reader), 0);
        reading.header = reader_header(reader, &version, NULL) == 0;
        for (;;) {
                const Record *record = NULL;
                int r = reader_next(reader, &record, NULL);

                if (r == READER_END)
                        return reading;
                if (r == READER_TORN)
                        reading.torn = true;
                else if (r < 0) {
                        if (reading.n_bad++ == 0)
                                reading.first_bad = reader_line(reader);
                } else {
                        uint64_t id;

                        ck_assert_int_eq(text_to_u64(record_value(record), &id), 0);
                        ck_assert_str_eq(record_key(record), "intent");
                        ck_assert_uint_eq(record_n_words(record), 1);
                        ck_assert_str_eq(record_field(record, "path"), "/a b");
                        ck_assert_ptr_null(record_field(record, "crc"));
                        if (reading.n_bad == 0)
                                ck_assert_uint_eq(id, reading.n_records);
                        reading.n_records++;
                }
        }
}

static Reading read_file(const char *path) {
        _cleanup_free_ char *text = get_file(path);

        return read_text(text, strlen(text));
}

START_TEST(new_journal_is_private_and_empty)
{
        Place place;
        Journal *journal;
        struct stat st;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_uint_eq(journal_size(journal), 0);
        ck_assert_int_eq(stat(place.path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        ck_assert_ptr_null(journal_free(journal));
        ck_assert_ptr_null(journal_free(NULL));
        place_done(&place);
}
END_TEST

START_TEST(lines_look_as_documented)
{
        _cleanup_free_ char *text = NULL, *expected = NULL;
        static const char line[] = "intent=0 attach path=/a\\x20b";
        Place place;
        _cleanup_(journal_free_ptr) Journal *journal = NULL;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 1), 0);
        text = get_file(place.path);
        expected = text_format(
                HEADER "%s crc=%08x\n", line, checksum_crc32(0, line, sizeof line - 1)
        );
        ck_assert_str_eq(text, expected);
        ck_assert_uint_eq(journal_size(journal), strlen(text));
        place_done(&place);
}
END_TEST

START_TEST(appended_lines_follow_over_reopening)
{
        Place place;
        Journal *journal;
        Reading reading;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 3), 0);
        ck_assert_int_eq(append(journal, 3, 2), 0);
        ck_assert_int_eq(append(journal, 5, 0), 0); /* T11: nothing is nothing, and no error */
        (void)journal_free(journal);
        journal = open_journal(place.path);
        ck_assert_int_eq(append(journal, 5, 1), 0);
        reading = read_file(place.path);
        ck_assert_uint_eq(reading.n_records, 6);
        ck_assert(reading.header && !reading.torn && reading.n_bad == 0);
        ck_assert_int_eq(replace(journal, 0, 1), 0);
        ck_assert_int_eq(append(journal, 1, 1), 0);
        ck_assert_uint_eq(read_file(place.path).n_records, 2);
        (void)journal_free(journal);
        place_done(&place);
}
END_TEST

/* A crash may cut the file anywhere. All whole lines are read, at most the last one is lost, and it is never taken
 * for a bad one; opening cuts the rest off, and appending goes on behind the whole lines. */
START_TEST(file_cut_at_any_byte_loses_at_most_the_last_line)
{
        _cleanup_free_ char *text = NULL;
        Journal *journal;
        Place place;
        size_t size;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 2), 0);
        ck_assert_int_eq(append(journal, 2, 3), 0);
        (void)journal_free(journal);
        text = get_file(place.path);
        size = strlen(text);
        for (size_t cut = strlen(HEADER); cut <= size; cut++) {
                unsigned whole = 0;
                Reading reading;

                for (size_t i = strlen(HEADER); i < cut; i++)
                        whole += text[i] == '\n';
                reading = read_text(text, cut);
                ck_assert(reading.header);
                ck_assert_uint_eq(reading.n_records, whole);
                ck_assert_uint_eq(reading.n_bad, 0);
                ck_assert(reading.torn == (text[cut - 1] != '\n'));
                put_file(place.path, text, cut);
                journal = open_journal(place.path);
                ck_assert_int_eq(append(journal, whole, 1), 0);
                (void)journal_free(journal);
                reading = read_file(place.path);
                ck_assert_uint_eq(reading.n_records, whole + 1);
                ck_assert(!reading.torn && reading.n_bad == 0);
        }
        /* a header cut short is no header, and nothing is left to begin behind */
        for (size_t cut = 0; cut < strlen(HEADER); cut++) {
                ck_assert(!read_text(text, cut).header);
                put_file(place.path, text, cut);
                journal = open_journal(place.path);
                ck_assert_uint_eq(journal_size(journal), 0);
                (void)journal_free(journal);
        }
        place_done(&place);
}
END_TEST

/* Any one byte changed in the middle: that line is reported with its number and the rest is read. A newline made or
 * lost concerns two lines at most. */
START_TEST(bad_byte_is_reported_and_the_rest_is_read)
{
        _cleanup_free_ char *text = NULL;
        Journal *journal;
        Place place;
        size_t size;
        unsigned line = 2;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 4), 0);
        (void)journal_free(journal);
        text = get_file(place.path);
        size = strlen(text);
        for (size_t i = strlen(HEADER); i < size - 1; i++) {
                char kept = text[i];

                for (unsigned bit = 0; bit < 8; bit++) {
                        Reading reading;

                        text[i] = (char)(kept ^ (char)(1U << bit));
                        reading = read_text(text, size);
                        ck_assert_uint_ge(reading.n_bad, 1);
                        ck_assert_uint_le(reading.n_bad, 2);
                        ck_assert_uint_eq(reading.first_bad, line);
                        ck_assert_uint_eq(reading.n_records, kept == '\n' ? 2 : 3);
                        ck_assert(!reading.torn);
                }
                text[i] = kept;
                line += kept == '\n';
        }
        place_done(&place);
}
END_TEST

START_TEST(longest_line_of_the_writer_can_be_journaled)
{
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        _cleanup_free_ char *value = calloc(1, LIMIT_LINE_BYTES), *text = NULL;
        const Record *record;
        unsigned version;
        Place place;

        place_init(&place);
        journal = open_journal(place.path);
        memset(value, 'v', LIMIT_LINE_BYTES - 2);
        writer_header(writer, 1);
        writer_begin(writer, "k", value);
        writer_end(writer);
        ck_assert_int_eq(journal_replace(journal, writer), 0);
        text = get_file(place.path);
        ck_assert_int_eq(reader_new(text, strlen(text), READER_JOURNAL, &reader), 0);
        ck_assert_int_eq(reader_header(reader, &version, NULL), 0);
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_RECORD);
        ck_assert_str_eq(record_value(record), value);
        ck_assert_uint_eq(strlen(record_line(record)), LIMIT_LINE_BYTES);
        place_done(&place);
}
END_TEST

START_TEST(end_line_in_a_journal_speaks_of_what_was_written_at_once)
{
        _cleanup_(writer_free_ptr) Writer *writer = write_lines(true, 0, 2);
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        _cleanup_free_ char *text = NULL;
        const Record *record;
        unsigned version;
        Place place;

        place_init(&place);
        journal = open_journal(place.path);
        writer_end_of_text(writer);
        ck_assert_int_eq(journal_replace(journal, writer), 0);
        ck_assert_int_eq(append(journal, 2, 1), 0);
        text = get_file(place.path);
        ck_assert_int_eq(reader_new(text, strlen(text), READER_JOURNAL, &reader), 0);
        ck_assert_int_eq(reader_header(reader, &version, NULL), 0);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(reader_next(reader, &record, NULL), READER_RECORD);
        ck_assert_int_eq(reader_next(reader, &record, NULL), READER_END);
        ck_assert_int_eq(reader_complete(reader), 1);
        place_done(&place);
}
END_TEST

START_TEST(file_without_header_cannot_come_about)
{
        _cleanup_(writer_free_ptr) Writer *header = write_lines(true, 0, 1), *empty = writer_new();
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        Place place;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(append(journal, 0, 1), -EINVAL);
        ck_assert_int_eq(journal_replace(journal, empty), -EINVAL);
        ck_assert_uint_eq(journal_size(journal), 0);
        ck_assert_int_eq(journal_append(journal, header), 0); /* the first lines of an empty file */
        ck_assert_int_eq(journal_append(journal, header), -EINVAL);
        ck_assert_uint_eq(read_file(place.path).n_records, 1);
        place_done(&place);
}
END_TEST

START_TEST(error_of_the_writer_keeps_the_file)
{
        _cleanup_(writer_free_ptr) Writer *broken = write_lines(true, 0, 1);
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        Place place;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 2), 0);
        writer_begin(broken, "a", "left open");
        ck_assert_int_eq(journal_append(journal, broken), -EINVAL);
        ck_assert_int_eq(journal_replace(journal, broken), -EINVAL);
        ck_assert_uint_eq(read_file(place.path).n_records, 2);
        place_done(&place);
}
END_TEST

/* Lets files grow to this size and no further: the write that crosses it comes out short. */
static void limit_files(size_t size) {
        struct rlimit limit;

        (void)signal(SIGXFSZ, SIG_IGN);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = size ? size : limit.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(short_write_is_taken_back_whole)
{
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        size_t before;
        Place place;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 2), 0);
        before = journal_size(journal);
        /* room for each number of bytes of the two lines but all: from no byte to all but one */
        for (size_t room = 0; room < 70; room++) {
                struct stat st;
                int r;

                limit_files(before + room);
                r = append(journal, 2, 2);
                limit_files(0);
                ck_assert_int_lt(r, 0);
                ck_assert_int_eq(stat(place.path, &st), 0);
                ck_assert_uint_eq((size_t)st.st_size, before);
                ck_assert_uint_eq(journal_size(journal), before);
        }
        ck_assert_int_eq(append(journal, 2, 1), 0);
        ck_assert_uint_eq(read_file(place.path).n_records, 3);
        place_done(&place);
}
END_TEST

START_TEST(failed_replacement_leaves_the_old_file_in_force)
{
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        Place place;
        int r;

        place_init(&place);
        journal = open_journal(place.path);
        ck_assert_int_eq(replace(journal, 0, 4), 0);
        limit_files(40);
        r = replace(journal, 0, 3);
        limit_files(0);
        ck_assert_int_lt(r, 0);
        ck_assert_int_eq(access(place.beside, F_OK), -1);
        /* a directory in the way cannot be unlinked */
        ck_assert_int_eq(mkdir(place.beside, 0700), 0);
        ck_assert_int_eq(replace(journal, 0, 3), -EEXIST);
        ck_assert_int_eq(rmdir(place.beside), 0);
        ck_assert_int_eq(append(journal, 4, 1), 0);
        ck_assert_uint_eq(read_file(place.path).n_records, 5);
        /* a leftover of a crash is */
        put_file(place.beside, "half", 4);
        ck_assert_int_eq(replace(journal, 0, 3), 0);
        ck_assert_uint_eq(read_file(place.path).n_records, 3);
        place_done(&place);
}
END_TEST

START_TEST(journal_beyond_the_limit_is_refused)
{
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        Place place;

        place_init(&place);
        put_file(place.path, HEADER "\n", strlen(HEADER) + 1);
        ck_assert_int_eq(truncate(place.path, LIMIT_STATE_BYTES - 20), 0);
        {
                _cleanup_close_ int fd = open(place.path, O_WRONLY | O_CLOEXEC);

                ck_assert_int_eq(pwrite(fd, "\n", 1, LIMIT_STATE_BYTES - 21), 1);
        }
        journal = open_journal(place.path);
        ck_assert_uint_eq(journal_size(journal), LIMIT_STATE_BYTES - 20);
        ck_assert_int_eq(append(journal, 0, 1), -EFBIG);
        ck_assert_uint_eq(journal_size(journal), LIMIT_STATE_BYTES - 20);
        ck_assert_int_eq(truncate(place.path, (off_t)LIMIT_STATE_BYTES + 1), 0);
        ck_assert_int_eq(journal_read(place.path, &text, &size), -EFBIG);
        ck_assert_int_eq(replace(journal, 0, 2), 0); /* the way out */
        ck_assert_uint_eq(read_file(place.path).n_records, 2);
        place_done(&place);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
        Journal *journal = NULL;
        Diag diag = {};
        char *text = NULL;
        size_t size;
        Place place;

        place_init(&place);
        ck_assert_int_eq(journal_read(place.path, &text, &size), -ENOENT);
        ck_assert_int_eq(symlink("/dev/null", place.path), 0);
        ck_assert_int_eq(journal_open(place.path, &journal, &diag), -ELOOP);
        ck_assert_ptr_nonnull(diag.text);
        diag_done(&diag);
        ck_assert_int_eq(unlink(place.path), 0);
        ck_assert_int_eq(mkfifo(place.path, 0600), 0);
        ck_assert_int_eq(journal_open(place.path, &journal, &diag), -EINVAL);
        ck_assert_ptr_nonnull(diag.text);
        diag_done(&diag);
        ck_assert_int_eq(journal_open("/nonexistent/state", &journal, &diag), -ENOENT);
        diag_done(&diag);
        ck_assert_ptr_null(journal);
        ck_assert_ptr_null(text);
        place_done(&place);
}
END_TEST

/* What children do; the result is their exit code. */
typedef int (*Deed)(const char *path, const char *stop);

/* Two lines, then one appended, then five in their place; killed somewhere on the way. */
static int be_killed(const char *path, const char *stop) {
        Journal *journal = open_journal(path);

        ck_assert_int_eq(setenv("UNITBPF_STOP_POINT", stop, 1), 0);
        return append(journal, 2, 1) == 0 && replace(journal, 0, 5) == 0 ? 1 : 2;
}

static int append_one_more(const char *path, const char *stop) {
        Journal *journal = open_journal(path);
        int r = append(journal, read_file(path).n_records, 1);

        (void)journal_free(journal);
        return r < 0;
}

/* The stop points read their settings once for a process, so all that passes one is done in children. */
static int in_child(Deed deed, const char *path, const char *stop) {
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(deed(path, stop));
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return status;
}

static const struct {
        const char *name;
        unsigned n_records; /* found afterwards */
        bool beside; /* a half-made replacement is left */
} stops[] = {
        { "journal.append.before", 2, false },   { "journal.append.after", 3, false },
        { "journal.replace.before", 3, false },  { "journal.replace.written", 3, true },
        { "journal.replace.renamed", 5, false },
};

START_TEST(killed_anywhere_the_journal_is_old_or_new)
{
        static const char first[] = "intent=0 attach path=/a\\x20b";
        static const char second[] = "intent=1 attach path=/a\\x20b";
        _cleanup_free_ char *begin = text_format(
                HEADER "%s crc=%08x\n%s crc=%08x\n", first,
                checksum_crc32(0, first, sizeof first - 1), second,
                checksum_crc32(0, second, sizeof second - 1)
        );
        Place place;

        place_init(&place);
        for (size_t i = 0; i < ELEMENTS(stops); i++) {
                Reading reading;
                int status;

                put_file(place.path, begin, strlen(begin));
                status = in_child(be_killed, place.path, stops[i].name);
                ck_assert_msg(
                        WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s", stops[i].name
                );
                reading = read_file(place.path);
                ck_assert_uint_eq(reading.n_records, stops[i].n_records);
                ck_assert(!reading.torn && reading.n_bad == 0);
                ck_assert_int_eq(access(place.beside, F_OK) == 0, stops[i].beside);
                ck_assert_int_eq(in_child(append_one_more, place.path, NULL), 0);
                ck_assert_uint_eq(read_file(place.path).n_records, stops[i].n_records + 1);
                (void)unlink(place.beside);
        }
        place_done(&place);
}
END_TEST

CHECK_MAIN(
        "serialize/journal",
        60,
        killed_anywhere_the_journal_is_old_or_new,
        new_journal_is_private_and_empty,
        lines_look_as_documented,
        appended_lines_follow_over_reopening,
        file_cut_at_any_byte_loses_at_most_the_last_line,
        bad_byte_is_reported_and_the_rest_is_read,
        longest_line_of_the_writer_can_be_journaled,
        end_line_in_a_journal_speaks_of_what_was_written_at_once,
        file_without_header_cannot_come_about,
        error_of_the_writer_keeps_the_file,
        short_write_is_taken_back_whole,
        failed_replacement_leaves_the_old_file_in_force,
        journal_beyond_the_limit_is_refused,
        what_is_no_file_is_refused
)
