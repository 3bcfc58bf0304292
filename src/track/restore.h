/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Second and third phase of restore, once the texts are read: verify each record against the kernel, then settle
 * what was begun and not committed. */

#include "serialize/fdset.h"
#include "src/track/core.h"
#include "src/track/state-image.h"

/* A link among the inherited descriptors, and what the kernel says of it. */
typedef struct InheritedLink {
        int fd;
        LinkInfo info;
} InheritedLink;

typedef struct Restore {
        Tracker *tracker;
        StateImage *image; /* the one that is believed: of the highest generation */
        FdSet *inherited; /* NULL: none */
        GHashTable *fds_by_link; /* link id -> InheritedLink */
        GHashTable *pins; /* pin number -> itself, those not claimed yet */
        RestoreReport *report;
} Restore;

/* Keeps a line for tracker_restore_messages(). */
void restore_say(Tracker *tracker, const char *format, ...) _printf_(2, 3);

/* The unit of a record: as its own line told, else made from what the record says of it. */
TrackedUnit *restore_unit_of(Restore *restore, const Attachment *attachment);

/* Enters every record of the image that the kernel confirms. */
void restore_verify(Restore *restore);

/* Finishes or undoes every open intent by what the kernel says. */
void restore_settle(Restore *restore);

/* What nobody claimed goes into quarantine. */
void restore_leftovers(Restore *restore);
