/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A state text read into memory, before anything of it is believed: the first phase of restore. */

#include <glib.h>

#include "src/track/record.h"

typedef struct StateRefusal {
        unsigned line;
        char *reason;
} StateRefusal;

typedef struct StateImage {
        unsigned version;
        char *boot_id; /* NULL: none given */
        uint64_t generation;
        uint64_t next_id; /* above every id of the text, of those detached and given up too */
        GPtrArray *
                attachments; /* of AttachmentRecord, in the order of their first line; NULL: was detached */
        GHashTable *by_id; /* id -> AttachmentRecord, borrowed */
        GPtrArray *programs; /* of KnownProgram */
        GPtrArray *units; /* of TrackedUnit, without descriptors; NULL: ended */
        GHashTable *unit_places; /* interned name -> index + 1 */
        GHashTable *intents; /* id -> AttachmentRecord, owned: those not committed */
        GPtrArray *duplicates; /* of AttachmentRecord: ids given twice in a snapshot; first wins */
        GArray *refused; /* of StateRefusal */
        bool truncated; /* a snapshot without its end line, or with a wrong one */
} StateImage;

/* Reads a text. -EPROTONOSUPPORT: its version is not ours (image->version tells; nothing else was read);
 * -EBADMSG: no state text at all. Refused lines do not fail it. */
int state_image_read(const char *text, size_t size, bool is_journal, StateImage **ret, Diag *diag);

/* Whether a journal says nothing that a snapshot of that boot and generation does not: told by its head alone. */
bool state_image_is_superseded(const char *journal, size_t size, const StateImage *snapshot);

StateImage *state_image_free(StateImage *image);
DEFINE_CLEANUP(StateImage, state_image_free);
