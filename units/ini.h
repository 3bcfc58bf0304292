/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The syntax of systemd.syntax(7): sections, assignments, comments, continued lines. No meaning. */

#include <stddef.h>

#include "src/base/diag.h"

/* One assignment, or one line that is none. The texts live as long as the handler's call. */
typedef struct IniEntry {
        const char *section; /* NULL before the first section header; "" after a broken one */
        const char *key; /* NULL where error is set and no '=' was found */
        const char *value; /* the whole line where key is NULL */
        const char *error; /* why the line cannot be used; NULL for a good one */
        unsigned line; /* the first physical line of it, from 1 */
} IniEntry;

/* Anything but 0 ends the reading and becomes the result of ini_read(). */
typedef int (*IniHandler)(const IniEntry *entry, void *userdata);

/* Calls the handler for each assignment and each bad line of all sections, in order. Bad lines are the handler's
 * business, since a section that is not ours is not ours to judge. -EBADMSG for a text with a NUL byte in it:
 * that is no text file. */
int ini_read(const char *text, size_t size, IniHandler handler, void *userdata, Diag *diag);
