/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The journal file: a state text to which lines are appended, each ending in " crc=HEX" (CRC-32 of all bytes of
 * the line before that blank, 8 hex digits). One write(2) per append call, so a crash leaves whole lines and at
 * most one torn one at the end. It lives on a tmpfs and is read only within the same boot: no fsync. */

#include <stddef.h>
#include <stdint.h>

#include "serialize/writer.h"
#include "src/base/diag.h"

typedef struct Journal Journal;

/* Opens or creates the file (mode 0600) for appending; a torn tail is cut off. The directory must exist. -ELOOP for
 * a symbolic link, -EINVAL for what is no regular file. A new file is empty: begin it with journal_replace(). */
int journal_open(const char *path, Journal **ret, Diag *diag);
Journal *journal_free(Journal *journal); /* closes; the file stays */
DEFINE_CLEANUP(Journal, journal_free);

/* Appends all lines of the writer in one write, a crc on each. On failure nothing of them is in the file (a short
 * write is cut off again). -EFBIG beyond LIMIT_STATE_BYTES. -EINVAL if an empty file would begin without a header,
 * or a header would stand in the middle. */
int journal_append(Journal *journal, const Writer *lines);

/* Replaces the file as a whole by these lines (header included), a crc on each but the header: written beside it,
 * renamed over it, and appended to from then on. On failure the old file stays in force. -EINVAL
 * without a header. */
int journal_replace(Journal *journal, const Writer *lines);

/* Bytes in the file now. */
size_t journal_size(const Journal *journal);

/* Reads a whole journal file for reader_new(..., READER_JOURNAL). -ENOENT if there is none. */
int journal_read(const char *path, char **ret, size_t *ret_size);
