/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/tracked-unit.h"

#include "src/track/attachment.h"
#include "src/track/core.h"

static const char *const unit_state_names[_UNIT_STATE_MAX] = {
        [UNIT_INACTIVE] = "inactive",
        [UNIT_COVERED] = "covered",
        [UNIT_DEGRADED] = "degraded",
        [UNIT_FAILED] = "failed",
};
DEFINE_NAME_TABLE(UnitState, unit_state, unit_state_names);

static void problem_done(void *p) {
        UnitProblem *problem = p;

        g_free(problem->origin);
        g_free(problem->text);
        g_free(problem->detail);
}

static void free_attachment(void *attachment) {
        attachment_free(attachment);
}

TrackedUnit *tracked_unit_new(const char *name) {
        TrackedUnit *unit = g_new0(TrackedUnit, 1);

        unit->name = text_intern(name);
        unit->cgroup_fd = -EBADF;
        unit->attachments = g_ptr_array_new_with_free_func(free_attachment);
        unit->problems = g_array_new(FALSE, TRUE, sizeof(UnitProblem));
        g_array_set_clear_func(unit->problems, problem_done);
        return unit;
}

TrackedUnit *tracked_unit_free(TrackedUnit *unit) {
        if (!unit)
                return NULL;
        text_release(&unit->name);
        text_release(&unit->invocation_id);
        text_release(&unit->cgroup);
        g_ptr_array_unref(unit->attachments);
        g_array_unref(unit->problems);
        g_free(unit);
        return NULL;
}

void tracked_unit_clear_problems(TrackedUnit *unit) {
        g_array_set_size(unit->problems, 0);
}

void tracked_unit_add_problem(
        TrackedUnit *unit,
        Policy policy,
        const char *origin,
        const char *text,
        const char *detail
) {
        UnitProblem problem = {
                .policy = policy,
                .origin = g_strdup(origin),
                .text = g_strdup(text),
                .detail = g_strdup(detail),
        };

        g_array_append_val(unit->problems, problem);
}

static UnitState worse(UnitState a, UnitState b) {
        return a > b ? a : b;
}

static UnitState judged_state(const TrackedUnit *unit) {
        UnitState state = unit->held_off ? UNIT_DEGRADED : UNIT_COVERED;

        for (guint i = 0; i < unit->problems->len; i++) {
                const UnitProblem *problem = &g_array_index(unit->problems, UnitProblem, i);

                if (!problem->skipped)
                        state = worse(state, UNIT_DEGRADED);
        }
        for (guint i = 0; i < unit->attachments->len; i++) {
                const Attachment *a = unit->attachments->pdata[i];

                if (a->state == ATTACHMENT_ATTACHED || a->cgroup_id != unit->cgroup_id)
                        continue; /* what is left on a former cgroup says nothing of this one */
                if (a->state == ATTACHMENT_HELD_OFF || a->policy != POLICY_REQUIRED)
                        state = worse(state, UNIT_DEGRADED);
                else
                        state = worse(state, UNIT_FAILED);
        }
        return state;
}

static void set_state(TrackedUnit *unit, UnitState state) {
        if (unit->state == state)
                return;
        if (unit->state != UNIT_INACTIVE)
                unit->changed_usec = core_now_usec();
        /* covered since the start is what a line says that says nothing of it */
        if (unit->state != UNIT_INACTIVE || state != UNIT_COVERED)
                unit->dirty = true;
        unit->state = state;
}

void tracked_unit_judge(TrackedUnit *unit) {
        set_state(unit, judged_state(unit));
}

void tracked_unit_judge_restored(TrackedUnit *unit) {
        set_state(unit, worse(unit->state, judged_state(unit)));
}

/* The flag tells of the start; what was taken off and put back since then, or came with a reload, has a gap before it. */
static bool is_covered_from_start(const TrackedUnit *unit) {
        if (!unit->covered_from_start || unit->held_off)
                return false;
        for (guint i = 0; i < unit->attachments->len; i++) {
                const Attachment *a = unit->attachments->pdata[i];

                if (attachment_is_in_force(a) && a->cgroup_id == unit->cgroup_id &&
                    !a->covered_from_start)
                        return false;
        }
        return true;
}

static size_t count_adopted(const TrackedUnit *unit) {
        size_t n = 0;

        for (guint i = 0; i < unit->attachments->len; i++)
                n += ((const Attachment *)unit->attachments->pdata[i])->adopted;
        return n;
}

void tracked_unit_view(const TrackedUnit *unit, UnitView *ret) {
        *ret = (UnitView){
                .unit = unit->name,
                .invocation_id = unit->invocation_id,
                .cgroup = unit->cgroup,
                .cgroup_id = unit->cgroup_id,
                .state = unit->state,
                .held_off = unit->held_off,
                .covered_from_start = is_covered_from_start(unit),
                .n_attachments = unit->attachments->len,
                .n_adopted = count_adopted(unit),
                .problems = unit->problems->len ? &g_array_index(unit->problems, UnitProblem, 0)
                                                : NULL,
                .n_problems = unit->problems->len,
                .since_usec = unit->since_usec,
                .state_since_usec = unit->changed_usec ? unit->changed_usec : unit->since_usec,
        };
}
