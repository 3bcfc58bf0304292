/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/apply.h"

#include <errno.h>
#include <inttypes.h>

#include "src/base/log.h"
#include "src/base/stop-point.h"
#include "src/base/text.h"
#include "src/track/attach.h"
#include "src/track/changes.h"
#include "src/track/loader.h"
#include "src/track/mechanism.h"
#include "src/track/quarantine.h"
#include "src/track/record.h"
#include "src/track/release.h"

/* One operation on its way: what was planned, what was loaded, what came of it. */
typedef struct Step {
        const Operation *operation;
        LoadedProgram *loaded;
        Attachment *fresh; /* made by this step */
        bool tried, done, adopted;
        int error;
        Diag diag;
} Step;

typedef struct Apply {
        Tracker *tracker;
        TrackedUnit *unit;
        ApplyReason reason;
        PlanContext plan;
        LoadedProgram *loaded;
        Step *steps;
        bool lost_required; /* a required line is not in force as written */
        Diag *diag;
} Apply;

/* What to do with the failure of one line. */
static void line_failed(
        Apply *apply,
        const Operation *operation,
        const char *text,
        const char *detail,
        bool skipped
) {
        const Target *target = operation->target;
        Attachment *a;

        tracked_unit_add_problem(
                apply->unit, target ? target->policy : POLICY_WANTED,
                target ? target->origin : operation->present->origin, text, detail
        );
        if (skipped) {
                g_array_index(apply->unit->problems, UnitProblem, apply->unit->problems->len - 1)
                        .skipped = true;
                return;
        }
        if (target && target->policy == POLICY_REQUIRED) {
                apply->lost_required = true;
                diag_fail(
                        apply->diag, -EIO, "%s%s%s", target->origin ?: "",
                        target->origin ? ": " : "", text
                );
                diag_detail(apply->diag, detail);
        }
        if (operation->present || !target)
                return; /* the old one is in force and is shown */
        a = attachment_new();
        a->hook = target->hook;
        a->mode = target->mode;
        a->policy = target->policy;
        a->cgroup_id = apply->unit->cgroup_id;
        a->program = known_program_new(0, target->program, target->path, NULL);
        a->since_usec = core_now_usec();
        text_assign(&a->path, apply->unit->cgroup);
        text_assign(&a->origin, target->origin);
        text_assign(&a->invocation_id, apply->unit->invocation_id);
        attachment_set_state(a, ATTACHMENT_FAILED, text);
        a->detail = g_strdup(detail);
        core_add_attachment(apply->tracker, apply->unit, a);
}

/* The kernel does not know the hook at all: an optional line is skipped then. */
static bool hook_is_absent(const Apply *apply, Hook hook) {
        QueryResult query = {};
        int r = apply->tracker->ops->query(
                apply->tracker->ops, apply->unit->cgroup_fd, hook_info(hook)->attach_type, false,
                &query
        );

        query_result_done(&query);
        return r == -EINVAL;
}

static void step_failed(Apply *apply, Step *step, int error, const Diag *diag) {
        const Operation *operation = step->operation;
        bool skipped = operation->target->policy == POLICY_OPTIONAL && !operation->present &&
                       hook_is_absent(apply, operation->target->hook);

        step->error = error;
        line_failed(apply, operation, diag_text(diag, error), diag ? diag->detail : NULL, skipped);
}

static void take_metadata(Attachment *a, const Target *target) {
        text_assign(&a->origin, target->origin);
        a->policy = target->policy;
        a->on_loss = target->on_loss;
        a->repair = target->repair;
}

static Attachment *attachment_for(const Apply *apply, const Step *step) {
        const Operation *operation = step->operation;
        Attachment *a = attachment_new();

        a->id = core_new_id(apply->tracker);
        a->hook = operation->target->hook;
        a->via = operation->via;
        a->mode = operation->mode;
        a->cgroup_id = apply->unit->cgroup_id;
        a->since_usec = core_now_usec();
        a->covered_from_start = apply->reason == APPLY_START;
        a->program = known_program_ref(step->loaded->program);
        text_assign(&a->unit, apply->unit->name);
        text_assign(&a->invocation_id, apply->unit->invocation_id);
        text_assign(&a->path, apply->unit->cgroup);
        take_metadata(a, operation->target);
        return a;
}

/* An intent says what will be true: the present attachment with its new program. */
static void write_replace_intent(Apply *apply, const Step *step) {
        Attachment *a = step->operation->present;
        KnownProgram *old = a->program;

        a->program = step->loaded->program;
        record_write_intent(apply->tracker->lines, INTENT_REPLACE, a, old ? old->id : 0);
        a->program = old;
}

/* What cannot go on, what is adopted, what gets a new attachment. */
static void prepare_step(Apply *apply, Step *step) {
        const Operation *operation = step->operation;
        Attachment *found;

        if (step->loaded->error) {
                step_failed(apply, step, step->loaded->error, &step->loaded->diag);
                return;
        }
        step->tried = true;
        if (operation->kind == OPERATION_REPLACE)
                return;
        found = operation->kind == OPERATION_ATTACH && operation->via == VIA_CGROUP_LINK
                        ? quarantine_take_match(
                                  apply->tracker, apply->unit->cgroup_id, operation->target->hook,
                                  step->loaded->program
                          )
                        : NULL;
        if (found) {
                step->fresh = found;
                step->adopted = true;
                return;
        }
        step->fresh = attachment_for(apply, step);
}

/* An adopted link is in force already: nothing to announce. */
static void write_intent(Apply *apply, const Step *step) {
        if (step->operation->kind == OPERATION_REPLACE)
                write_replace_intent(apply, step);
        else if (!step->adopted)
                record_write_intent(apply->tracker->lines, INTENT_ATTACH, step->fresh, 0);
}

static void run_attach(Apply *apply, Step *step) {
        MechanismCall call = {
                .ops = apply->tracker->ops,
                .attachment = step->fresh,
                .cgroup_fd = apply->unit->cgroup_fd,
                .prog_fd = step->loaded->fd,
                .old_prog_fd = -EBADF,
                .takeover = step->operation->target->takeover,
        };
        int r = attach_and_hold(apply->tracker, step->fresh, &call, &step->diag);

        if (r < 0) {
                step->error = r;
                return;
        }
        step->done = true;
}

/* The program that runs is the old one, equal in tag; its object is the one that the line names. */
static void adopt_program(Apply *apply, Step *step) {
        const KnownProgram *wanted = step->loaded->program;
        KnownProgram *old = step->fresh->program;
        ProgramInfo info = { .id = old->id };

        (void)g_strlcpy(info.tag, old->tag, sizeof info.tag);
        step->fresh->program = core_learn_program(
                apply->tracker, &info, wanted->name, wanted->object, wanted->object_id
        );
        known_program_unref(old);
}

/* A quarantined link that does what the line wants becomes its attachment as it is: nothing is called. */
static void run_adopt(Apply *apply, Step *step) {
        Attachment *a = step->fresh;
        int r;

        if (a->id == 0)
                a->id = core_new_id(apply->tracker);
        r = attach_hold(apply->tracker, a, &step->diag);
        if (r < 0) {
                step->error = r;
                return;
        }
        adopt_program(apply, step);
        text_assign(&a->unit, apply->unit->name);
        text_assign(&a->invocation_id, apply->unit->invocation_id);
        text_assign(&a->path, apply->unit->cgroup);
        take_metadata(a, step->operation->target);
        step->done = true;
}

/* What is exchanged. A link of ours is repaired whatever somebody put under it meanwhile. */
static int expected_program(const Apply *apply, const Attachment *a) {
        const KernelOps *ops = apply->tracker->ops;
        LinkInfo info;

        if (a->state == ATTACHMENT_DRIFTED && a->via == VIA_CGROUP_LINK &&
            ops->link_info(ops, a->fd, &info) >= 0)
                return ops->prog_by_id(ops, info.prog_id);
        return a->program ? ops->prog_by_id(ops, a->program->id) : -EBADF;
}

static void run_replace(Apply *apply, Step *step) {
        Attachment *a = step->operation->present;
        const KernelOps *ops = apply->tracker->ops;
        MechanismCall call = {
                .ops = ops,
                .attachment = a,
                .cgroup_fd = apply->unit->cgroup_fd,
                .prog_fd = step->loaded->fd,
                .old_prog_fd = expected_program(apply, a),
                .takeover = step->operation->target->takeover,
        };
        int r;

        stop_point("replace.call.before");
        r = mechanism_of(a->via)->replace(&call, &step->diag);
        stop_point("replace.call.after");
        if (call.old_prog_fd >= 0)
                core_close(apply->tracker, &call.old_prog_fd);
        if (r < 0) {
                step->error = r;
                return;
        }
        known_program_ref(step->loaded->program); /* first: it may be the same */
        core_release_program(apply->tracker, a->program);
        a->program = step->loaded->program;
        take_metadata(a, step->operation->target);
        attachment_set_state(a, ATTACHMENT_ATTACHED, NULL);
        step->done = true;
}

/* What cannot be exchanged in place is made anew beside the old one, which is freed afterwards: for a moment both
 * run, at no moment none. */
static void run_remake(Apply *apply, Step *step) {
        diag_done(&step->diag);
        step->error = 0;
        step->fresh = attachment_for(apply, step);
        step->fresh->covered_from_start = step->operation->present->covered_from_start;
        step->fresh->mode = step->operation->target->mode;
        record_write_intent(apply->tracker->lines, INTENT_ATTACH, step->fresh, 0);
        step->error = changes_write(apply->tracker, &step->diag);
        if (step->error >= 0)
                run_attach(apply, step);
}

static void run_step(Apply *apply, Step *step) {
        switch (step->operation->kind) {
        case OPERATION_ATTACH:
        case OPERATION_REMAKE:
                if (step->adopted)
                        run_adopt(apply, step);
                else
                        run_attach(apply, step);
                return;
        case OPERATION_REPLACE:
                run_replace(apply, step);
                if (step->error == -EOPNOTSUPP || step->error == -ENOLINK)
                        run_remake(apply, step);
                return;
        case OPERATION_KEEP:
        case OPERATION_RETAIN:
        case OPERATION_CONFLICT:
        case OPERATION_FAIL:
        case OPERATION_SKIP:
        case OPERATION_DETACH:
        case _OPERATION_KIND_MAX:
        case _OPERATION_KIND_INVALID:
                return;
        }
}

static void abandon_step(Apply *apply, Step *step) {
        Tracker *tracker = apply->tracker;

        if (step->fresh && !step->adopted)
                record_write_detached(tracker->lines, step->fresh->id);
        if (step->operation->present)
                record_write_commit(tracker->lines, step->operation->present->id);
        step_failed(apply, step, step->error, &step->diag);
}

/* Enters what was made into the tables and writes its lines. */
static void commit_step(Apply *apply, Step *step) {
        Tracker *tracker = apply->tracker;
        bool is_new = step->fresh != NULL;
        Attachment *a = is_new ? step->fresh : step->operation->present;

        if (!step->done) {
                abandon_step(apply, step);
                return;
        }
        if (is_new) {
                attachment_set_state(a, ATTACHMENT_ATTACHED, NULL);
                core_add_attachment(tracker, apply->unit, a);
        }
        record_write_attachment(tracker->lines, a, -1);
        record_write_commit(tracker->lines, a->id);
        core_emit_attachment(
                tracker, is_new ? TRACKER_ATTACHMENT_NEW : TRACKER_ATTACHMENT_CHANGED, a
        );
}

static bool is_active(const Operation *operation) {
        return operation->kind == OPERATION_ATTACH || operation->kind == OPERATION_REPLACE ||
               operation->kind == OPERATION_REMAKE;
}

/* Operations that need no call: what is kept takes over the words of the new line, what failed is told. */
static void note_passive(Apply *apply, const Operation *operation) {
        Attachment *a = operation->present;

        switch (operation->kind) {
        case OPERATION_KEEP:
                if (a->policy == operation->target->policy &&
                    a->on_loss == operation->target->on_loss &&
                    a->repair == operation->target->repair &&
                    text_equal(a->origin, operation->target->origin))
                        return;
                take_metadata(a, operation->target);
                record_write_attachment(apply->tracker->lines, a, -1);
                return;
        case OPERATION_SKIP:
                line_failed(apply, operation, operation->reason, operation->target->detail, true);
                return;
        case OPERATION_FAIL:
        case OPERATION_CONFLICT:
        case OPERATION_RETAIN:
                if (operation->target)
                        line_failed(
                                apply, operation, operation->reason, operation->target->detail,
                                false
                        );
                return;
        case OPERATION_ATTACH:
        case OPERATION_REPLACE:
        case OPERATION_REMAKE:
        case OPERATION_DETACH:
        case _OPERATION_KIND_MAX:
        case _OPERATION_KIND_INVALID:
                return;
        }
}

/* A start that is refused anyway need not touch the kernel. */
static bool refused_before_start(const Apply *apply) {
        return apply->reason == APPLY_START && apply->lost_required;
}

static int run_steps(Apply *apply) {
        size_t n = apply->plan.n_operations;
        int r;

        for (size_t i = 0; i < n; i++)
                if (is_active(apply->steps[i].operation))
                        prepare_step(apply, &apply->steps[i]);
        if (refused_before_start(apply))
                return 0;
        for (size_t i = 0; i < n; i++)
                if (apply->steps[i].tried)
                        write_intent(apply, &apply->steps[i]);
        r = changes_write(apply->tracker, apply->diag);
        if (r < 0)
                return r;
        stop_point("apply.intent.after");
        for (size_t i = 0; i < n; i++)
                if (apply->steps[i].tried)
                        run_step(apply, &apply->steps[i]);
        for (size_t i = 0; i < n; i++)
                if (apply->steps[i].tried)
                        commit_step(apply, &apply->steps[i]);
        if (apply->reason == APPLY_START && !apply->lost_required &&
            !apply->unit->covered_from_start) {
                apply->unit->covered_from_start = true;
                apply->unit->dirty = true;
        }
        changes_unit(apply->tracker, apply->unit);
        r = changes_write(apply->tracker, apply->diag);
        stop_point("apply.commit.after");
        return r;
}

/* Old ones that were remade, and those no line wants. */
static void run_detaches(Apply *apply) {
        _cleanup_diag_ Diag diag = {};
        GPtrArray *doomed = g_ptr_array_new();
        int r = 0;

        for (size_t i = 0; i < apply->plan.n_operations; i++) {
                const Operation *operation = &apply->plan.operations[i];

                if (operation->kind == OPERATION_DETACH ||
                    (operation->target && operation->present && apply->steps[i].fresh &&
                     apply->steps[i].done))
                        g_ptr_array_add(doomed, operation->present);
        }
        if (doomed->len > 0)
                r = release_attachments(apply->tracker, doomed, RELEASE_FREE, &diag);
        if (r < 0)
                tracked_unit_add_problem(
                        apply->unit, POLICY_WANTED, NULL, diag_text(&diag, r), NULL
                );
        g_ptr_array_unref(doomed);
}

/* A refused start leaves nothing: what this apply attached is taken off again. No intents are needed, since those of
 * the attaches say as much; so this works also where the journal cannot be written. */
static void undo(Apply *apply) {
        Tracker *tracker = apply->tracker;

        for (size_t i = 0; i < apply->plan.n_operations; i++) {
                Attachment *a = apply->steps[i].fresh;

                if (!a || !apply->steps[i].done || release_in_kernel(tracker, a, NULL) < 0)
                        continue; /* what fails stays listed */
                record_write_detached(tracker->lines, a->id);
                core_emit_attachment(tracker, TRACKER_ATTACHMENT_REMOVED, a);
                core_remove_attachment(tracker, a);
        }
        (void)changes_write(tracker, NULL); /* without the lines restore finds them gone */
}

static void drop_failed_lines(TrackedUnit *unit) {
        for (guint i = unit->attachments->len; i > 0; i--) {
                const Attachment *a = unit->attachments->pdata[i - 1];

                if (a->id == 0)
                        g_ptr_array_remove_index(unit->attachments, i - 1);
        }
}

static void drop_prepared(Apply *apply) {
        for (size_t i = 0; i < apply->plan.n_operations; i++) {
                Step *step = &apply->steps[i];

                diag_done(&step->diag);
                if (!step->fresh || step->done)
                        continue;
                if (step->adopted)
                        g_ptr_array_add(apply->tracker->quarantine, step->fresh);
                else {
                        step->fresh->program = core_release_program(
                                apply->tracker, step->fresh->program
                        );
                        attachment_free(step->fresh);
                }
        }
        g_free(apply->steps);
}

static int outcome(const Apply *apply) {
        if (apply->lost_required)
                return APPLY_REFUSED;
        return apply->unit->state == UNIT_COVERED ? APPLY_COVERED : APPLY_DEGRADED;
}

int apply_unit(
        Tracker *tracker,
        TrackedUnit *unit,
        const TargetSet *targets,
        ApplyReason reason,
        Diag *diag
) {
        Apply apply = { .tracker = tracker, .unit = unit, .reason = reason, .diag = diag };
        int r = 0, result;
        size_t n;

        tracked_unit_clear_problems(unit);
        drop_failed_lines(unit);
        plan_context_make(tracker, unit, targets, false, &apply.plan);
        n = apply.plan.n_operations;
        apply.loaded = g_new0(LoadedProgram, n + 1);
        apply.steps = g_new0(Step, n + 1);
        for (size_t i = 0; i < n; i++) {
                apply.steps[i].operation = &apply.plan.operations[i];
                apply.steps[i].loaded = &apply.loaded[i];
                note_passive(&apply, &apply.plan.operations[i]);
        }
        if (!refused_before_start(&apply)) {
                loader_load(tracker, apply.plan.operations, n, apply.plan.present, apply.loaded);
                r = run_steps(&apply);
        }
        if (r < 0)
                tracked_unit_add_problem(unit, POLICY_REQUIRED, NULL, diag_text(diag, r), NULL);
        if (reason == APPLY_START && (apply.lost_required || r < 0))
                undo(&apply);
        else if (r >= 0)
                run_detaches(&apply);
        drop_prepared(&apply);
        loaded_programs_free(tracker, apply.loaded, n);
        plan_context_done(&apply.plan);
        tracked_unit_judge(unit);
        result = r < 0 ? r : outcome(&apply);
        if (result == APPLY_COVERED)
                quarantine_drop(tracker, unit->cgroup_id);
        return result;
}
