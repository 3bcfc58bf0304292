/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A unit as the tracker knows it: where it lives, and what its last apply left to say. */

#include <glib.h>

#include "src/track/tracker.h"

typedef struct TrackedUnit {
        GRefString *name, *invocation_id, *cgroup;
        uint64_t cgroup_id;
        int cgroup_fd; /* O_PATH, kept open: opening costs more than attaching; -EBADF when gone */
        GPtrArray *attachments; /* of Attachment, owned, in order of ids; failed lines (id 0) last */
        GArray *problems; /* of UnitProblem */
        UnitState state;
        bool held_off, covered_from_start;
        bool dirty; /* its line in the journal says something else */
        uint64_t since_usec;
        uint64_t changed_usec; /* of the last change of state; 0: none since the start */
} TrackedUnit;

TrackedUnit *tracked_unit_new(const char *name);

/* Releases memory; attachments and descriptor must be gone or forgotten. */
TrackedUnit *tracked_unit_free(TrackedUnit *unit);

void tracked_unit_clear_problems(TrackedUnit *unit);
void tracked_unit_add_problem(
        TrackedUnit *unit,
        Policy policy,
        const char *origin,
        const char *text,
        const char *detail
);

/* Works the state out of attachments and problems, and notes when it changes. */
void tracked_unit_judge(TrackedUnit *unit);

/* The same behind a restore, which knows nothing of the problems that were there: the state told stays if it is worse,
 * until the next apply. */
void tracked_unit_judge_restored(TrackedUnit *unit);

void tracked_unit_view(const TrackedUnit *unit, UnitView *ret);
