/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where units come from. A source finds out which units there are and where their cgroups lie, and tells so; it
 * never acts on programs. Its events are calls to the owner, made from its own event handlers or from start() and
 * look(); from within one the owner may ask for invocation() and is_hooked() and nothing else. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "src/base/diag.h"

typedef struct UnitSource UnitSource;

typedef struct UnitSourceEvents {
        /* A cgroup of this unit is there. Told once for each cgroup id. */
        void (*appeared
        )(void *userdata, const char *unit, const char *cgroup, uint64_t cgroup_id, bool populated);
        /* The cgroup is gone. */
        void (*gone)(void *userdata, const char *unit, uint64_t cgroup_id);
        /* Something about being populated has changed, maybe there and back: this is what it is now. */
        void (*populated)(void *userdata, const char *unit, uint64_t cgroup_id, bool populated);
        /* A cgroup named like a unit that is not taken for one, and why; text NULL: that is over. */
        void (*refused)(void *userdata, const char *unit, const char *cgroup, const char *text);
        /* The unit may run under another invocation id now, in the cgroup it had: ops->invocation() tells. */
        void (*invoked)(void *userdata, const char *unit);
        /* The service manager has read all unit files again, or may have while we could not hear of it. */
        void (*files_changed)(void *userdata);
        void *userdata;
} UnitSourceEvents;

/* A scope to be made of one process. */
typedef struct UnitScope {
        const char *name;
        const char *slice; /* NULL or empty: the manager's choice */
        pid_t pid;
} UnitScope;

/* error NULL: it is there, and the process in its cgroup. Called exactly once, later. */
typedef void (*UnitScopeDone)(void *userdata, const char *error);

typedef struct UnitSourceOps {
        const char *name;
        /* Begins to watch and tells all units there are. */
        int (*start)(UnitSource *source, sd_event *event, Diag *diag);
        /* Takes in what is at this cgroup path (below the root) right now, ahead of any event. 0, -ENOENT if there
         * is nothing, or -EPERM if it is not trusted. */
        int (*look)(UnitSource *source, const char *cgroup);
        /* Compares all it knows with what is there. */
        int (*reload)(UnitSource *source);
        /* Ends the unit: kills its processes, or has whoever manages it stop it. -ENOENT if it has no cgroup. */
        int (*kill)(UnitSource *source, const char *unit);
        /* Invocation id (32 hex digits) of the unit in this cgroup as its manager gave it. -ENODATA: none is
         * known. NULL: nobody manages units, ids are ours to make. */
        int (*invocation)(UnitSource *source, const char *cgroup, char ret[static 33]);
        /* Is the start of such a unit announced by its hook, a moment after its cgroup has appeared? NULL: never;
         * what appears runs already. */
        bool (*is_hooked)(UnitSource *source, const char *unit);
        /* Has whoever manages units make the scope; not if this call fails is done called. NULL: cgroups are ours to
         * make. */
        int (*start_scope
        )(UnitSource *source, const UnitScope *scope, UnitScopeDone done, void *userdata);
        UnitSource *(*free)(UnitSource *source);
} UnitSourceOps;

/* What each implementation has as its first member. */
struct UnitSource {
        const UnitSourceOps *ops;
        UnitSourceEvents events;
};

static inline UnitSource *unit_source_free(UnitSource *source) {
        return source ? source->ops->free(source) : NULL;
}
