/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking without changing: views for lists, the check against the kernel, and the plan in words. */

#include <errno.h>
#include <inttypes.h>

#include "src/track/apply.h"
#include "src/track/changes.h"
#include "src/track/mechanism.h"
#include "src/track/quarantine.h"
#include "src/track/record.h"
#include "src/track/tracker.h"

static bool is_failed_line(const Attachment *a) {
        return a->id == 0;
}

/* The failed line of that number, counted over all units; NULL beyond the last. *ret_n: how many there are. */
static const Attachment *failed_line(const Tracker *tracker, size_t index, size_t *ret_n) {
        size_t n = 0;

        for (guint i = 0; i < tracker->units->len; i++) {
                const TrackedUnit *unit = tracker->units->pdata[i];

                for (guint k = 0; k < unit->attachments->len; k++) {
                        const Attachment *a = unit->attachments->pdata[k];

                        if (is_failed_line(a) && n++ == index)
                                return a;
                }
        }
        *ret_n = n;
        return NULL;
}

size_t tracker_n_attachments(const Tracker *tracker) {
        size_t n_failed = 0;

        (void)failed_line(tracker, SIZE_MAX, &n_failed);
        return tracker->all->len + n_failed + tracker->quarantine->len;
}

bool tracker_get_attachment(const Tracker *tracker, size_t index, AttachmentView *ret) {
        const Attachment *a;
        size_t n_failed = 0;

        if (index < tracker->all->len) {
                core_view(tracker, tracker->all->pdata[index], ret);
                return true;
        }
        index -= tracker->all->len;
        a = failed_line(tracker, index, &n_failed);
        if (!a && index - n_failed < tracker->quarantine->len)
                a = tracker->quarantine->pdata[index - n_failed];
        if (!a)
                return false;
        core_view(tracker, a, ret);
        return true;
}

bool tracker_find_attachment(const Tracker *tracker, uint64_t id, AttachmentView *ret) {
        const Attachment *a = core_find_attachment(tracker, id);

        for (guint i = 0; i < tracker->quarantine->len && !a && id; i++) {
                const Attachment *quarantined = tracker->quarantine->pdata[i];

                if (quarantined->id == id)
                        a = quarantined;
        }
        if (!a)
                return false;
        core_view(tracker, a, ret);
        return true;
}

size_t tracker_n_units(const Tracker *tracker) {
        return tracker->units->len;
}

bool tracker_get_unit(const Tracker *tracker, size_t index, UnitView *ret) {
        if (index >= tracker->units->len)
                return false;
        tracked_unit_view(tracker->units->pdata[index], ret);
        return true;
}

bool tracker_find_unit(const Tracker *tracker, const char *name, UnitView *ret) {
        const TrackedUnit *unit = core_find_unit(tracker, name);

        if (!unit)
                return false;
        tracked_unit_view(unit, ret);
        return true;
}

static void note_change(Tracker *tracker, const Attachment *a) {
        TrackedUnit *unit = a->unit ? core_find_unit(tracker, a->unit) : NULL;

        record_write_attachment(tracker->lines, a, -1);
        core_emit_attachment(tracker, TRACKER_ATTACHMENT_CHANGED, a);
        if (unit) {
                tracked_unit_judge(unit);
                core_emit_unit(tracker, unit);
                changes_unit(tracker, unit);
        }
}

/* What the kernel makes of one attachment; the state it has where that cannot be told. Changes nothing.
 * *ret_there: the program that is found; 0: none. */
static AttachmentState found_state(Tracker *tracker, Attachment *a, uint32_t *ret_there) {
        const Mechanism *mechanism = mechanism_of(a->via);
        MechanismCall call = {
                .ops = tracker->ops,
                .attachment = a,
                .cgroup_fd = -EBADF,
                .prog_fd = -EBADF,
                .old_prog_fd = -EBADF,
        };
        uint32_t there = 0;
        int r;

        *ret_there = 0;
        if (!mechanism || (a->state != ATTACHMENT_ATTACHED && a->state != ATTACHMENT_DRIFTED))
                return a->state;
        if (!mechanism->holds_fd)
                call.cgroup_fd = tracker->ops->cgroup_by_id(tracker->ops, a->cgroup_id, NULL);
        r = !mechanism->holds_fd && call.cgroup_fd < 0 ? call.cgroup_fd
                                                       : mechanism->look(&call, &there);
        core_close(tracker, &call.cgroup_fd);
        if (r == -ENOENT || r == -ESTALE || (r >= 0 && there == 0 && mechanism->holds_fd))
                return ATTACHMENT_DEFUNCT;
        if (r < 0)
                return a->state;
        *ret_there = there;
        return there == (a->program ? a->program->id : 0) ? ATTACHMENT_ATTACHED
                                                          : ATTACHMENT_DRIFTED;
}

/* One attachment against the kernel: 1 if it is not what the record says (and is marked so), 0 if it is. */
static int check_attachment(Tracker *tracker, Attachment *a) {
        uint32_t there, id = a->program ? a->program->id : 0;
        AttachmentState found = found_state(tracker, a, &there);
        char *text;

        if (found == a->state)
                return 0; /* as recorded, not known, or known already */
        if (found == ATTACHMENT_ATTACHED) {
                attachment_set_state(a, found, NULL);
                note_change(tracker, a);
                return 0;
        }
        if (found == ATTACHMENT_DEFUNCT) {
                attachment_set_state(a, found, "detached by force, or its cgroup is gone");
                return 1;
        }
        text = there ? g_strdup_printf("program %u runs instead of %u", there, id)
                     : g_strdup_printf("program %u is not attached any more", id);
        attachment_set_state(a, found, text);
        g_free(text);
        return 1;
}

size_t tracker_count_lost(Tracker *tracker) {
        size_t n = 0;
        uint32_t there;

        for (guint i = 0; i < tracker->all->len; i++) {
                AttachmentState found = found_state(tracker, tracker->all->pdata[i], &there);

                n += found == ATTACHMENT_DRIFTED || found == ATTACHMENT_DEFUNCT;
        }
        return n;
}

int tracker_check(Tracker *tracker) {
        int n = 0;

        for (guint i = 0; i < tracker->all->len && !tracker->read_only; i++) {
                Attachment *a = tracker->all->pdata[i];

                if (check_attachment(tracker, a) == 0)
                        continue;
                n++;
                note_change(tracker, a);
        }
        quarantine_drop(tracker, 0); /* what is dead */
        (void
        )changes_write(tracker, NULL); /* what is only looked at is looked at again after a crash */
        return n;
}

/* Words for the kernel calls of one operation. */
static char *calls_of(const Tracker *tracker, const Operation *operation, const char *cgroup) {
        const char *hook = operation->target ? hook_to_string(operation->target->hook)
                                             : hook_to_string(operation->present->hook);
        const char *program = operation->target
                                      ? operation->target->program ?: operation->target->path
                                      : NULL;
        uint64_t id = operation->present ? operation->present->id : tracker->next_id;
        char *pin = core_pin_path(tracker, id), *text = NULL;
        bool link = operation->via == VIA_CGROUP_LINK;

        switch (operation->kind) {
        case OPERATION_ATTACH:
        case OPERATION_REMAKE:
                text = link ? g_strdup_printf(
                                      "BPF_LINK_CREATE %s on %s (%s)%s", hook, cgroup, program,
                                      pin ? ", BPF_OBJ_PIN" : ""
                              )
                            : g_strdup_printf(
                                      "BPF_PROG_ATTACH %s %s on %s (%s)", hook,
                                      attach_mode_to_string(operation->mode), cgroup, program
                              );
                break;
        case OPERATION_REPLACE:
                text = link ? g_strdup_printf(
                                      "BPF_LINK_UPDATE link %u to %s", operation->present->link_id,
                                      program
                              )
                            : g_strdup_printf(
                                      "BPF_PROG_ATTACH %s %s%s in place of program %u (%s)", hook,
                                      attach_mode_to_string(operation->mode),
                                      operation->mode == ATTACH_MULTI ? " replace" : "",
                                      operation->present->program ? operation->present->program->id
                                                                  : 0,
                                      program
                              );
                break;
        case OPERATION_DETACH:
                text = link ? g_strdup_printf(
                                      "BPF_LINK_DETACH link %u, unlink %s",
                                      operation->present->link_id, pin ?: "-"
                              )
                            : g_strdup_printf("BPF_PROG_DETACH %s on %s", hook, cgroup);
                break;
        case OPERATION_KEEP:
                text = g_strdup("none: in force as wanted");
                break;
        case OPERATION_RETAIN:
        case OPERATION_CONFLICT:
        case OPERATION_FAIL:
        case OPERATION_SKIP:
        case _OPERATION_KIND_MAX:
        case _OPERATION_KIND_INVALID:
                text = g_strdup(operation->reason);
                break;
        }
        g_free(pin);
        return text;
}

static void step_of(
        const Tracker *tracker,
        const PlanContext *context,
        const Operation *operation,
        const char *cgroup,
        PlanStep *ret
) {
        const Target *target = operation->target;
        Hook hook = target ? target->hook : operation->present->hook;
        const HookFacts *facts = hook >= 0 ? &context->input.facts[hook] : NULL;

        *ret = (PlanStep){
                .operation = g_strdup(operation_kind_to_string(operation->kind)),
                .hook = g_strdup(hook_to_string(hook)),
                .call = calls_of(tracker, operation, cgroup),
                .object = target && target->path
                                  ? g_strdup_printf(
                                            "%s%s%s", target->path, target->program ? "#" : "",
                                            target->program ?: ""
                                    )
                                  : NULL,
                .origin = g_strdup(target ? target->origin : operation->present->origin),
                .id = operation->present ? operation->present->id : 0,
                .conflict = operation->kind == OPERATION_CONFLICT ||
                            operation->kind == OPERATION_FAIL ||
                            operation->kind == OPERATION_RETAIN,
        };
        if (facts && facts->known)
                ret->cost = g_strdup_printf(
                        "%u on the list, %u cgroup%s below", facts->n_programs, facts->descendants,
                        facts->descendants == 1 ? "" : "s"
                );
}

/* The attachments of a unit as the kernel has them now: flat copies, so that looking does not change the records. */
static void add_as_found(Tracker *tracker, const TrackedUnit *known, GPtrArray *ret) {
        for (guint i = 0; known && i < known->attachments->len; i++) {
                Attachment *copy = g_memdup2(known->attachments->pdata[i], sizeof *copy);
                uint32_t there;

                copy->state = found_state(tracker, copy, &there);
                g_ptr_array_add(ret, copy);
        }
}

int tracker_plan(
        Tracker *tracker,
        const UnitPlace *place,
        const TargetSet *targets,
        PlanStep **ret,
        size_t *ret_n,
        Diag *diag
) {
        const TrackedUnit *known = core_find_unit(tracker, place->unit);
        TrackedUnit *unit = tracked_unit_new(place->unit);
        PlanContext context;
        PlanStep *steps;

        unit->cgroup_fd = tracker->ops->cgroup_open(tracker->ops, place->cgroup, &unit->cgroup_id);
        if (unit->cgroup_fd < 0) {
                int r = unit->cgroup_fd;

                tracked_unit_free(unit);
                return diag_errno(diag, r, "cannot open cgroup '%s'", place->cgroup);
        }
        add_as_found(tracker, known, unit->attachments);
        plan_context_make(tracker, unit, targets, true, &context);
        steps = g_new0(PlanStep, context.n_operations + 1);
        for (size_t i = 0; i < context.n_operations; i++)
                step_of(tracker, &context, &context.operations[i], place->cgroup, &steps[i]);
        *ret = steps;
        *ret_n = context.n_operations;
        plan_context_done(&context);
        while (unit->attachments->len > 0) /* what the copies point to belongs to the records */
                g_free(g_ptr_array_steal_index(unit->attachments, unit->attachments->len - 1));
        core_close(tracker, &unit->cgroup_fd);
        tracked_unit_free(unit);
        return 0;
}

void plan_steps_free(PlanStep *steps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                g_free(steps[i].operation);
                g_free(steps[i].hook);
                g_free(steps[i].call);
                g_free(steps[i].object);
                g_free(steps[i].origin);
                g_free(steps[i].cost);
        }
        g_free(steps);
}
