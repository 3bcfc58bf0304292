/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tracker's memory: tables of units, attachments and programs, and nothing that decides. Only files of this
 * room see inside. */

#include <glib.h>

#include "serialize/journal.h"
#include "src/track/attachment.h"
#include "src/track/tracked-unit.h"
#include "src/track/tracker.h"

struct Tracker {
        const KernelOps *ops;
        char *pin_directory, *state_path, *boot_id;
        TrackerEvent event;
        void *userdata;

        Journal *journal; /* NULL: none is kept */
        Writer *lines; /* changes not yet written */
        unsigned lines_written; /* since the last compaction */
        bool lines_lost; /* the journal could not be written and must be written anew */
        uint64_t generation, next_id;

        GPtrArray *units; /* of TrackedUnit, owned, in the order they were met */
        GHashTable *units_by_name; /* interned name -> TrackedUnit */
        GPtrArray *all; /* of Attachment with an id, in the order of ids, borrowed */
        GPtrArray *leases; /* of Attachment without a unit file, owned */
        GPtrArray *quarantine; /* of Attachment, owned */
        GHashTable *programs; /* id -> KnownProgram, one reference */
        GHashTable *programs_by_object; /* "object-id#name" -> KnownProgram, borrowed */

        GPtrArray *messages; /* of restore, ends with NULL */
        bool read_only, restored;
};

/* Units. */
TrackedUnit *core_find_unit(const Tracker *tracker, const char *name);
TrackedUnit *core_add_unit(Tracker *tracker, const char *name);
void core_remove_unit(
        Tracker *tracker,
        TrackedUnit *unit
); /* frees it; its attachments must be gone */
void core_close_unit(Tracker *tracker, TrackedUnit *unit); /* closes its cgroup descriptor */

/* Attachments. core_add_attachment() enters one into its unit (or the leases, without unit) and the index, and owns
 * it; core_remove_attachment() takes it out of both and frees it. An attachment of id 0 is in no index. */
uint64_t core_new_id(Tracker *tracker);
void core_add_attachment(Tracker *tracker, TrackedUnit *unit, Attachment *attachment);
void core_remove_attachment(Tracker *tracker, Attachment *attachment);
Attachment *core_find_attachment(const Tracker *tracker, uint64_t id);

/* Programs. core_learn_program() answers the known program of that id, made if needed (the caller gets one
 * reference), and writes its line when it is new. */
KnownProgram *core_learn_program(
        Tracker *tracker,
        const ProgramInfo *info,
        const char *name,
        const char *object,
        const char *object_id
);
void core_add_program(Tracker *tracker, KnownProgram *program); /* takes the reference */
/* Gives one reference back; with the last one besides the table's the program is forgotten. Always NULL. */
KnownProgram *core_release_program(Tracker *tracker, KnownProgram *program);
/* Forgets all that no attachment uses: a text names every program there was since it was written anew. */
void core_forget_unused_programs(Tracker *tracker);
KnownProgram *core_find_program(const Tracker *tracker, uint32_t id);
/* The known program of an id that the kernel named, made with nothing but the id if it is not known; the caller gets
 * one reference. NULL for id 0. */
KnownProgram *core_program_of_id(Tracker *tracker, uint32_t id);
KnownProgram *core_find_program_of_object(
        const Tracker *tracker,
        const char *object_id,
        const char *name
);
bool core_program_is_ours(const Tracker *tracker, uint32_t id, uint64_t cgroup_id, Hook hook);
/* Whether an attachment in force stands for the link. */
bool core_link_is_tracked(const Tracker *tracker, uint32_t link_id);

/* Whether an attachment (still) has something in the kernel. */
bool attachment_is_in_force(const Attachment *attachment);

/* Path of the pin for an id; NULL where nothing is pinned. Belongs to the caller (g_free). */
char *core_pin_path(const Tracker *tracker, uint64_t id);

/* Events. */
void core_emit_attachment(Tracker *tracker, TrackerEventKind kind, const Attachment *attachment);
void core_emit_unit(Tracker *tracker, const TrackedUnit *unit);
void core_view(const Tracker *tracker, const Attachment *attachment, AttachmentView *ret);

/* Closes a descriptor of the kernel table and leaves -EBADF. */
void core_close(const Tracker *tracker, int *fd);

uint64_t core_now_usec(void);
