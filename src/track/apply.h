/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Brings one unit to what its targets say: plan, load, then intent -> call -> hold -> commit for each operation, new
 * before old. */

#include "src/track/core.h"
#include "src/track/plan.h"

/* Answers APPLY_* or a negative errno; see tracker_apply(). The unit is open at the right cgroup. */
int apply_unit(
        Tracker *tracker,
        TrackedUnit *unit,
        const TargetSet *targets,
        ApplyReason reason,
        Diag *diag
);

/* What the plan is made from. present: the unit's attachments on its present cgroup. all_facts: ask the kernel about
 * every hook concerned (for people); else only about those whose mode could displace somebody. */
typedef struct PlanContext {
        PlanInput input;
        char **object_ids;
        GPtrArray *present;
        Operation *operations;
        size_t n_operations;
} PlanContext;

void plan_context_make(
        Tracker *tracker,
        const TrackedUnit *unit,
        const TargetSet *targets,
        bool all_facts,
        PlanContext *ret
);
void plan_context_done(PlanContext *context);

/* Attaches the program of the request to its cgroup for the attachment: intent, call, pin, commit. On failure nothing
 * of it is left. The attachment (id set, not in the tables) stays the caller's. */
int apply_single(Tracker *tracker, Attachment *attachment, const ProgramRequest *request, Diag *diag);
