/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Matching of old and new lines: first those whose very program runs, then equal ones (hook, mode, path#program), the
 * rest pair up in file order per
 * hook and are replaced in place; what is left over is attached or detached. New before old in every case. */

#include "src/track/plan.h"

#include <linux/bpf.h>
#include <string.h>

#include "src/base/limits.h"
#include "src/base/text.h"

static const char *const operation_kind_names[_OPERATION_KIND_MAX] = {
        [OPERATION_KEEP] = "keep",       [OPERATION_ATTACH] = "attach",
        [OPERATION_REPLACE] = "replace", [OPERATION_REMAKE] = "remake",
        [OPERATION_RETAIN] = "retain",   [OPERATION_CONFLICT] = "conflict",
        [OPERATION_FAIL] = "fail",       [OPERATION_SKIP] = "skip",
        [OPERATION_DETACH] = "detach",
};
DEFINE_NAME_TABLE(OperationKind, operation_kind, operation_kind_names);

typedef struct Matching {
        const PlanInput *input;
        int *present_of; /* for each wanted: index of its present one, or -1 */
        bool *taken; /* for each present */
        unsigned added[_HOOK_MAX];
} Matching;

static bool same_line(const Target *target, const Attachment *a) {
        return a->program && target->hook == a->hook && target->mode == a->mode &&
               text_equal(target->path, a->program->object) &&
               (target->is_pin || text_equal(target->program, a->program->name));
}

static bool same_program(const Target *target, const char *object_id, const Attachment *a) {
        return a->program && object_id && text_equal(object_id, a->program->object_id) &&
               (target->is_pin || text_equal(target->program, a->program->name));
}

/* How much alike a line and an attachment must be. */
typedef enum Likeness {
        LIKE_EXACTLY, /* the very program of the line runs there */
        LIKE_LINE, /* hook, mode, path#program */
        LIKE_HOOK,
        LIKE_ANYTHING, /* for lines that failed: what is left may be what they stood for before */
} Likeness;

static bool is_like(const PlanInput *input, size_t i, const Attachment *a, Likeness likeness) {
        const Target *target = &input->wanted[i];

        if (likeness == LIKE_ANYTHING)
                return true;
        if (a->hook != target->hook)
                return false;
        if (likeness == LIKE_EXACTLY)
                return same_line(target, a) && a->state == ATTACHMENT_ATTACHED &&
                       same_program(target, input->object_ids[i], a);
        return likeness == LIKE_HOOK || same_line(target, a);
}

static void match_line(Matching *m, size_t i, Likeness likeness) {
        const PlanInput *input = m->input;

        for (size_t k = 0; k < input->n_present; k++) {
                if (m->taken[k] || !is_like(input, i, input->present[k], likeness))
                        continue;
                m->present_of[i] = (int)k;
                m->taken[k] = true;
                return;
        }
}

static void match(Matching *m, Likeness likeness) {
        for (size_t i = 0; i < m->input->n_wanted; i++) {
                const Target *target = &m->input->wanted[i];
                bool may = likeness == LIKE_ANYTHING ? target->error != NULL : target->hook >= 0;

                if (m->present_of[i] < 0 && may)
                        match_line(m, i, likeness);
        }
}

static Via via_for(const Target *target, const PlanInput *input) {
        if (target->mode != ATTACH_MULTI || target->via == VIA_CGROUP_LEGACY)
                return VIA_CGROUP_LEGACY;
        return input->has_links ? VIA_CGROUP_LINK : VIA_CGROUP_LEGACY;
}

static void refuse(Operation *operation, OperationKind kind, char *reason) {
        operation->kind = kind;
        operation->reason = reason;
}

/* What stands in the way of an attach beside what the list already has; NULL if nothing is known to. */
static char *attach_obstacle(const Operation *operation, const HookFacts *facts, unsigned added) {
        const char *hook = hook_to_string(operation->target->hook);
        AttachMode there = attach_mode_from_flags(facts->mode_flags);

        if (!facts->known)
                return NULL;
        if (facts->blocker)
                return g_strdup_printf(
                        "cgroup '%s' above has program %u attached to %s in exclusive mode, which forbids any below",
                        facts->blocker, facts->blocker_prog_id, hook
                );
        if (operation->mode != ATTACH_MULTI && added > 0)
                return g_strdup_printf(
                        "another line of the unit attaches to %s, and only one program is there in %s mode",
                        hook, attach_mode_to_string(operation->mode)
                );
        if (facts->n_programs == 0)
                return NULL;
        if (operation->mode != there && there >= 0) {
                if (facts->foreign_prog_id)
                        return g_strdup_printf(
                                "program %u of somebody else is attached to %s in %s mode, which does not go with %s",
                                facts->foreign_prog_id, hook, attach_mode_to_string(there),
                                attach_mode_to_string(operation->mode)
                        );
                return g_strdup_printf(
                        "our own programs are attached to %s in %s mode, changing it to %s without a gap is "
                        "impossible: restart the unit",
                        hook, attach_mode_to_string(there), attach_mode_to_string(operation->mode)
                );
        }
        if (operation->mode != ATTACH_MULTI && facts->foreign_prog_id &&
            !operation->target->takeover)
                return g_strdup_printf(
                        "program %u of somebody else is attached to %s in %s mode and would be displaced; "
                        "option takeover permits that",
                        facts->foreign_prog_id, hook, attach_mode_to_string(there)
                );
        if (operation->mode != ATTACH_MULTI && !facts->foreign_prog_id)
                return g_strdup_printf(
                        "our own program of another line is attached to %s, and only one is there in %s mode",
                        hook, attach_mode_to_string(there)
                );
        if (operation->mode == ATTACH_MULTI && facts->n_programs + added >= LIMIT_HOOK_PROGRAMS)
                return g_strdup_printf(
                        "%u programs are attached to %s, the kernel takes no more than %u",
                        facts->n_programs + added, hook, LIMIT_HOOK_PROGRAMS
                );
        return NULL;
}

static void plan_attach(Matching *m, Operation *operation) {
        Hook hook = operation->target->hook;
        char *obstacle;

        operation->kind = OPERATION_ATTACH;
        operation->mode = operation->target->mode;
        operation->via = via_for(operation->target, m->input);
        obstacle = attach_obstacle(operation, &m->input->facts[hook], m->added[hook]);
        if (obstacle)
                refuse(operation, OPERATION_CONFLICT, obstacle);
        else
                m->added[hook]++;
}

/* Our own exclusive or override program is in the way of a line that wants multi: it is replaced where it is, in
 * its mode, since detaching first would leave a gap (L6). The line gets what it wants but the mode. */
static bool keeps_old_mode(const Operation *operation) {
        return operation->target->mode == ATTACH_MULTI && operation->present->mode != ATTACH_MULTI;
}

static bool is_lost(const Attachment *a) {
        return a->state == ATTACHMENT_DRIFTED || a->state == ATTACHMENT_DEFUNCT;
}

static void plan_pair(Matching *m, Operation *operation) {
        const Target *target = operation->target;
        const Attachment *old = operation->present;
        Via via = via_for(target, m->input);

        operation->mode = old->mode;
        operation->via = old->via;
        if (old->state == ATTACHMENT_HELD_OFF) { /* until the next start, whatever the files say */
                operation->kind = OPERATION_KEEP;
                return;
        }
        if (is_lost(old) && !target->repair && same_line(target, old)) { /* shown as it is */
                operation->kind = OPERATION_KEEP;
                return;
        }
        if (old->state == ATTACHMENT_DEFUNCT) {
                operation->kind = OPERATION_REMAKE;
                operation->mode = target->mode;
                operation->via = via;
                return;
        }
        if (old->mode != target->mode && !keeps_old_mode(operation)) {
                refuse(operation, OPERATION_CONFLICT,
                       g_strdup_printf(
                               "attached in %s mode, changing it to %s without a gap is impossible: restart the unit",
                               attach_mode_to_string(old->mode), attach_mode_to_string(target->mode)
                       ));
                return;
        }
        if (old->mode == target->mode && old->via != via) {
                operation->kind = OPERATION_REMAKE;
                operation->via = via;
                return;
        }
        operation->kind = same_program(target, operation->object_id, old) &&
                                          old->state == ATTACHMENT_ATTACHED
                                  ? OPERATION_KEEP
                                  : OPERATION_REPLACE;
}

static void plan_wanted(Matching *m, size_t i, Operation *operation) {
        const Target *target = &m->input->wanted[i];
        int place = m->present_of[i];

        *operation = (Operation){
                .target = target,
                .object_id = m->input->object_ids[i],
                .present = place >= 0 ? m->input->present[place] : NULL,
                .via = _VIA_INVALID,
                .mode = target->mode,
        };
        if (target->error) {
                OperationKind kind = operation->present ? OPERATION_RETAIN
                                     : target->absent && target->policy == POLICY_OPTIONAL
                                             ? OPERATION_SKIP
                                             : OPERATION_FAIL;

                refuse(operation, kind, g_strdup(target->error));
        } else if (hook_info(target->hook)->target != HOOK_TARGET_CGROUP)
                refuse(operation, OPERATION_FAIL,
                       g_strdup_printf(
                               "%s is no hook of cgroups: not supported by this build",
                               hook_to_string(target->hook)
                       ));
        else if (operation->present)
                plan_pair(m, operation);
        else
                plan_attach(m, operation);
}

/* A line whose very hook could not be read may be the new form of any old line: none is let go then. */
static bool any_unreadable(const PlanInput *input) {
        for (size_t i = 0; i < input->n_wanted; i++)
                if (input->wanted[i].error && input->wanted[i].hook < 0)
                        return true;
        return false;
}

static void plan_leftovers(const Matching *m, GArray *operations) {
        bool retain = any_unreadable(m->input);

        for (size_t k = 0; k < m->input->n_present; k++) {
                Attachment *old = m->input->present[k];
                Operation operation = {
                        .kind = retain ? OPERATION_RETAIN : OPERATION_DETACH,
                        .present = old,
                        .via = old->via,
                        .mode = old->mode,
                };

                if (m->taken[k])
                        continue;
                operation.reason = g_strdup(
                        retain ? "kept, since a line of the unit could not be read"
                               : "no line wants it any more"
                );
                g_array_append_val(operations, operation);
        }
}

void plan_make(const PlanInput *input, Operation **ret, size_t *ret_n) {
        GArray *operations = g_array_new(FALSE, TRUE, sizeof(Operation));
        Matching m = {
                .input = input,
                .present_of = g_new(int, input->n_wanted + 1),
                .taken = g_new0(bool, input->n_present + 1),
        };

        for (size_t i = 0; i < input->n_wanted; i++)
                m.present_of[i] = -1;
        match(&m, LIKE_EXACTLY);
        match(&m, LIKE_LINE);
        match(&m, LIKE_HOOK);
        match(&m, LIKE_ANYTHING);
        for (size_t i = 0; i < input->n_wanted; i++) {
                Operation operation;

                plan_wanted(&m, i, &operation);
                g_array_append_val(operations, operation);
        }
        plan_leftovers(&m, operations);
        g_free(m.present_of);
        g_free(m.taken);
        *ret_n = operations->len;
        *ret = (Operation *)(void *)g_array_free(operations, FALSE);
}

void plan_free(Operation *operations, size_t n) {
        for (size_t i = 0; i < n; i++)
                g_free(operations[i].reason);
        g_free(operations);
}
