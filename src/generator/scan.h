/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The cheap first look at all unit files: which of them mention [X-BPF] at all. Each file is read once and searched,
 * not parsed; on most systems that is all there is to do. */

#include <glib.h>

typedef struct Scan {
        /* Names of units and templates, and drop-in directories without ".d", one of whose files has the section:
         * "foo.service", "foo@.service", "foo-.service", "service". */
        GHashTable *hits;
        /* All services and sockets that have a file or a drop-in directory of their own. */
        GHashTable *known;
} Scan;

/* Looks through the directories, NULL at the end. What cannot be read is said and passed over. */
void scan_run(char *const *directories, Scan *ret);
void scan_done(Scan *scan);
