/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One line taken apart. Private to the room; others use the record_*() functions of reader.h. */

#include <stddef.h>

#include "serialize/reader.h"
#include "src/base/limits.h"

struct Record {
        const char *line; /* the reader's */
        char *arena; /* room for the longest line and a NUL; the words below point into it */
        const char *key;
        const char *value;
        const char *path; /* in the three-word form: the rest of line, still escaped; else NULL */
        size_t n_words;
        size_t n_fields;
        const char *words[LIMIT_RECORD_WORDS];
        struct {
                const char *key;
                const char *value;
        } fields[LIMIT_RECORD_WORDS];
};

/* Takes the line (size bytes, a NUL behind them, none within) apart. It must stay as it is while the record is
 * used. -EBADMSG and the reason in words if it is malformed. */
int record_parse(Record *record, const char *line, size_t size, const char **ret_reason);
