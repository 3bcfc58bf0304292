/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The asking before the deciding: gathers for the pure plan what is wanted, present, and known of the kernel. */

#include <errno.h>

#include "src/track/apply.h"
#include "src/track/explain.h"
#include "src/track/loader.h"

#define DESCENDANTS_COUNT_MAX 100000U

static void hook_facts(
        Tracker *tracker,
        const TrackedUnit *unit,
        Hook hook,
        bool all,
        HookFacts *facts
) {
        QueryResult query = {};
        char *blocker = NULL;
        int r;

        r = tracker->ops->query(
                tracker->ops, unit->cgroup_fd, hook_info(hook)->attach_type, false, &query
        );
        if (r < 0)
                return; /* nothing is foreseen; the attach itself will say what is wrong */
        facts->known = true;
        facts->mode_flags = query.attach_flags;
        facts->n_programs = (unsigned)query.n_prog_ids;
        for (size_t i = 0; i < query.n_prog_ids && !facts->foreign_prog_id; i++)
                if (!core_program_is_ours(tracker, query.prog_ids[i], unit->cgroup_id, hook))
                        facts->foreign_prog_id = query.prog_ids[i];
        query_result_done(&query);
        if (explain_blocker(
                    tracker->ops, unit->cgroup_fd, hook, &blocker, &facts->blocker_prog_id
            ) > 0)
                facts->blocker = blocker;
        if (all) {
                r = tracker->ops->cgroup_descendants(
                        tracker->ops, unit->cgroup_fd, DESCENDANTS_COUNT_MAX
                );
                facts->descendants = r > 0 ? (unsigned)r : 0;
        }
}

static void gather_facts(
        Tracker *tracker,
        const TrackedUnit *unit,
        const TargetSet *targets,
        bool all,
        PlanInput *input
) {
        for (size_t i = 0; i < targets->n_targets; i++) {
                const Target *target = &targets->targets[i];
                bool single = target->mode !=
                              ATTACH_MULTI; /* the kernel would displace what is there */

                if (target->error || hook_info(target->hook)->target != HOOK_TARGET_CGROUP ||
                    input->facts[target->hook].known || (!all && !single))
                        continue;
                hook_facts(tracker, unit, target->hook, all, &input->facts[target->hook]);
        }
}

void plan_context_make(
        Tracker *tracker,
        const TrackedUnit *unit,
        const TargetSet *targets,
        bool all_facts,
        PlanContext *ret
) {
        PlanContext context = {
                .present = g_ptr_array_new(),
                .object_ids = g_new0(char *, targets->n_targets + 1),
        };

        for (guint i = 0; i < unit->attachments->len; i++) {
                Attachment *a = unit->attachments->pdata[i];

                if (a->id && attachment_is_of_files(a) && a->cgroup_id == unit->cgroup_id &&
                    (attachment_is_in_force(a) || a->state == ATTACHMENT_HELD_OFF))
                        g_ptr_array_add(context.present, a);
        }
        for (size_t i = 0; i < targets->n_targets; i++)
                if (!targets->targets[i]
                             .error) /* a pin that cannot be opened is reported by the load */
                        context.object_ids[i] = loader_object_id(
                                tracker, unit->name, &targets->targets[i], NULL
                        );
        context.input = (PlanInput){
                .wanted = targets->targets,
                .n_wanted = targets->n_targets,
                .object_ids = (const char *const *)context.object_ids,
                .present = (Attachment *const *)context.present->pdata,
                .n_present = context.present->len,
                .has_links = tracker->ops->has(tracker->ops, FEATURE_CGROUP_LINK),
        };
        gather_facts(tracker, unit, targets, all_facts, &context.input);
        plan_make(&context.input, &context.operations, &context.n_operations);
        *ret = context;
}

void plan_context_done(PlanContext *context) {
        for (size_t i = 0; i < context->input.n_wanted; i++)
                g_free(context->object_ids[i]);
        for (size_t i = 0; i < _HOOK_MAX; i++)
                free((char *)context->input.facts[i].blocker);
        g_free(context->object_ids);
        g_ptr_array_unref(context->present);
        plan_free(context->operations, context->n_operations);
}
