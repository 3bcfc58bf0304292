/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The size of the file as we left it is kept beside the descriptor. If an append fails half way the file is cut back
 * to it, at once or, if even that fails, before the next append: nobody ever writes behind half a line. */

#include "serialize/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serialize/grammar.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/stop-point.h"
#include "src/base/text.h"

struct Journal {
        char *path;
        int fd;
        size_t size; /* whole lines in the file */
        bool ragged; /* bytes behind size may be in the file */
        char *scratch; /* lines with their checksums */
        size_t room;
};

Journal *journal_free(Journal *journal) {
        if (journal) {
                (void)fd_close(journal->fd);
                free(journal->path);
                free(journal->scratch);
                free(journal);
        }
        return NULL;
}

/* Bytes up to and with the last newline. */
static int whole_lines(int fd, size_t size, size_t *ret) {
        char block[4096];

        while (size > 0) {
                size_t n = size < sizeof block ? size : sizeof block;
                ssize_t got = pread(fd, block, n, (off_t)(size - n));
                const char *newline;

                if (got < 0)
                        return -errno;
                if ((size_t)got != n) /* somebody cuts the file while we look */
                        return -EIO;
                newline = memrchr(block, '\n', n);
                if (newline) {
                        *ret = size - n + (size_t)(newline - block) + 1;
                        return 0;
                }
                size -= n;
        }
        *ret = 0;
        return 0;
}

/* Cuts off everything behind the last whole line. */
static int cut_torn_tail(Journal *journal, Diag *diag) {
        struct stat st;
        int r;

        if (fstat(journal->fd, &st) < 0)
                return diag_errno(diag, -errno, "cannot look at journal '%s'", journal->path);
        if (!S_ISREG(st.st_mode))
                return diag_fail(diag, -EINVAL, "journal '%s' is no regular file", journal->path);
        r = whole_lines(journal->fd, (size_t)st.st_size, &journal->size);
        if (r < 0)
                return diag_errno(diag, r, "cannot read journal '%s'", journal->path);
        if (journal->size < (size_t)st.st_size && ftruncate(journal->fd, (off_t)journal->size) < 0)
                return diag_errno(
                        diag, -errno, "cannot cut the torn end of journal '%s'", journal->path
                );
        return 0;
}

int journal_open(const char *path, Journal **ret, Diag *diag) {
        _cleanup_(journal_free_ptr) Journal *journal = calloc(1, sizeof(Journal));
        int r;

        if (!journal)
                return -ENOMEM;
        journal->fd = -EBADF;
        journal->path = strdup(path);
        if (!journal->path)
                return -ENOMEM;
        journal->fd = open(
                path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK,
                0600
        );
        if (journal->fd < 0)
                return diag_errno(diag, -errno, "cannot open journal '%s'", path);
        journal->fd = fd_above_stdio(journal->fd);
        if (journal->fd < 0)
                return journal->fd;
        r = cut_torn_tail(journal, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return 0;
}

static int scratch_reserve(Journal *journal, size_t n) {
        size_t room = journal->room ? journal->room : 4096;
        char *grown;

        while (room < n)
                room *= 2;
        if (room == journal->room)
                return 0;
        grown = realloc(journal->scratch, room);
        if (!grown)
                return -ENOMEM;
        journal->scratch = grown;
        journal->room = room;
        return 0;
}

/* Fills the scratch buffer with the lines and their checksums. A header must stand at the beginning of the file,
 * first says whether that is here, and nowhere else: without it nobody could read the file back. */
static int add_checksums(Journal *journal, const Writer *lines, bool first, size_t *ret_size) {
        const char *text, *end, *next;
        size_t size;
        char *out;
        int r = writer_finish(lines, &text, &size);

        if (r < 0)
                return r;
        if (size > 0 && grammar_is_header(text, size) != first)
                return -EINVAL;
        r = scratch_reserve(journal, size + writer_n_lines(lines) * GRAMMAR_CRC_BYTES);
        if (r < 0)
                return r;
        out = journal->scratch;
        end = text + size;
        for (const char *line = text; line < end; line = next) {
                size_t n = (size_t)((const char *)memchr(line, '\n', (size_t)(end - line)) - line);

                memcpy(out, line, n);
                out += n;
                if (!first || line != text) {
                        grammar_crc(out, line, n);
                        out += GRAMMAR_CRC_BYTES;
                }
                *out++ = '\n';
                next = line + n + 1;
        }
        *ret_size = (size_t)(out - journal->scratch);
        return 0;
}

/* Takes back what a failed write left behind the last whole line. */
static int cut_back(Journal *journal) {
        if (!journal->ragged)
                return 0;
        if (ftruncate(journal->fd, (off_t)journal->size) < 0)
                return -errno;
        journal->ragged = false;
        return 0;
}

/* One write call; a short one (no space, a limit on the file size) is a failure. */
static int write_once(int fd, const char *data, size_t size) {
        ssize_t n;

        do
                n = write(fd, data, size);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -ENOSPC;
}

int journal_append(Journal *journal, const Writer *lines) {
        size_t size;
        int r = add_checksums(journal, lines, journal->size == 0, &size);

        if (r < 0)
                return r;
        if (size == 0)
                return 0;
        if (size > LIMIT_STATE_BYTES || journal->size > LIMIT_STATE_BYTES - size)
                return -EFBIG;
        r = cut_back(journal);
        if (r < 0)
                return r;
        stop_point("journal.append.before");
        r = write_once(journal->fd, journal->scratch, size);
        if (r < 0) {
                journal->ragged = true;
                (void)cut_back(journal); /* else before the next append; the first error counts */
                return r;
        }
        stop_point("journal.append.after");
        journal->size += size;
        return 0;
}

/* Writes the scratch buffer to the file and puts it in the place of path. */
static int write_and_rename(Journal *journal, int fd, const char *temporary, size_t size) {
        int r = fd_write_all(fd, journal->scratch, size);

        if (r < 0)
                return r;
        stop_point("journal.replace.written");
        if (rename(temporary, journal->path) < 0)
                return -errno;
        stop_point("journal.replace.renamed");
        return 0;
}

int journal_replace(Journal *journal, const Writer *lines) {
        _cleanup_free_ char *temporary = text_format("%s.new", journal->path);
        _cleanup_close_ int fd = -EBADF;
        size_t size;
        int r;

        if (!temporary)
                return -ENOMEM;
        r = add_checksums(journal, lines, true, &size);
        if (r < 0)
                return r;
        if (size == 0)
                return -EINVAL;
        if (size > LIMIT_STATE_BYTES)
                return -EFBIG;
        stop_point("journal.replace.before");
        (void)unlink(temporary); /* a leftover of a crash in the middle */
        fd = open(temporary, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        fd = fd_above_stdio(fd);
        if (fd >= 0)
                r = write_and_rename(journal, fd, temporary, size);
        else
                r = fd;
        if (r < 0) {
                (void)unlink(temporary); /* the old file is in force; the first error counts */
                return r;
        }
        (void)fd_close(journal->fd);
        journal->fd = TAKE_FD(fd);
        journal->size = size;
        journal->ragged = false;
        return 0;
}

size_t journal_size(const Journal *journal) {
        return journal->size;
}

int journal_read(const char *path, char **ret, size_t *ret_size) {
        return file_read(path, LIMIT_STATE_BYTES, ret, ret_size);
}
