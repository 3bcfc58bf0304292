/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's own knowledge of units: what the source told, what is to be done, who waits for it. What is attached
 * is the tracker's to know. Handlers only write down here and mark a unit dirty; reconcile takes the dirty ones out
 * one by one and acts. */

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <systemd/sd-event.h>

#include "src/track/tracker.h"

typedef struct Unit Unit;
typedef struct UnitTable UnitTable;

/* Somebody who waits for the next reconcile of a unit. done is called exactly once, result being 0 (in force), 1
 * (degraded) or a negative errno (refused); text says why (NULL with 0). It takes over userdata. */
typedef void (*UnitWaiterDone)(Unit *unit, int result, const char *text, void *userdata);

struct Unit {
        UnitTable *table;
        char *name;
        char *cgroup; /* NULL: none now */
        uint64_t cgroup_id;
        char invocation_id[33];
        char left_invocation_id[33]; /* at the cgroup by the manager, as last seen there */
        bool present; /* the cgroup is there */
        bool at_start; /* was there when the daemon first looked */
        bool populated, was_populated;
        bool transient; /* we made the cgroup, and remove it */
        bool hook_seen; /* the start of this invocation was announced by its hook */
        sd_event_source
                *grace; /* while its hook may still come; NULL: not waited for, or no longer */
        bool grace_over;
        bool blocked; /* a required line failed late: nobody may live in it */
        bool wishes; /* its files have [X-BPF] lines (as of the last look) */
        bool dirty;
        ApplyReason reason; /* of the next apply */
        char *error; /* its files cannot be read, or nothing could be tried */
        UnitState noted_state; /* see unit-state.h */
        uint64_t noted_usec;
        char *refusal; /* why its last start was refused, or it was stopped; NULL: it was not */
        uint64_t refusal_usec;
        char *said; /* last message about an apply */
        GHashTable *refusals; /* cgroup -> text: those of this name that are not the unit */
        char **overrides; /* assignments of StartTransient; NULL: none */
        char *fragment; /* as last read */
        char **dropins;
        GArray *waiters;
};

/* dirty_hook is called when the first unit became dirty. */
UnitTable *unit_table_new(void (*dirty_hook)(void *userdata), void *userdata);
UnitTable *unit_table_free(UnitTable *table); /* waiters must be gone */

Unit *unit_table_find(const UnitTable *table, const char *name);
Unit *unit_table_get(UnitTable *table, const char *name); /* makes it if need be */
/* All units, to be released with g_ptr_array_unref(); the units stay the table's. In order of their names. */
GPtrArray *unit_table_list(const UnitTable *table);

/* Marks the unit dirty; the stronger reason wins (start, late, reload, restore). urgent ones come first. */
void unit_mark(Unit *unit, ApplyReason reason, bool urgent);
Unit *unit_table_take_dirty(UnitTable *table); /* NULL: none */
bool unit_table_is_clean(const UnitTable *table);

/* Cgroup of the unit, with a new invocation id if the cgroup is another one than before. */
void unit_set_cgroup(Unit *unit, const char *cgroup, uint64_t cgroup_id);

/* Another invocation in the same cgroup; true if it is another one than before. */
bool unit_set_invocation(Unit *unit, const char *id);

void unit_add_waiter(Unit *unit, UnitWaiterDone done, void *userdata);
void unit_answer_waiters(Unit *unit, int result, const char *text);

/* Takes the text over; NULL: no error. */
void unit_set_error(Unit *unit, char *text);

/* Its start was refused, or it was stopped since it had started without what is required; text is copied. NULL: the
 * next start went well. */
void unit_note_refusal(Unit *unit, const char *text, uint64_t usec);

/* Releases a unit nothing is left to say about: no cgroup, no file, no refusals, no waiters. */
void unit_drop_if_unused(Unit *unit);
