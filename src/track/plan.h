/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The plan: what is wanted and what is present, compared, gives an ordered list of operations. Pure: it asks
 * nothing, changes nothing, and the same input gives the same plan. What the kernel had to be asked for stands in
 * the input as facts. */

#include <stdbool.h>
#include <stddef.h>

#include "bpf/look/target.h"
#include "src/track/attachment.h"

/* What is known of one hook of the cgroup before anything is done. */
typedef struct HookFacts {
        bool known; /* the kernel was asked; else the rest is empty and nothing is foreseen */
        uint32_t mode_flags; /* of the list, if it is not empty */
        unsigned n_programs; /* on the cgroup's own list */
        uint32_t foreign_prog_id; /* first program on it that is not ours; 0: none */
        const char *blocker; /* path of the nearest ancestor in exclusive mode; NULL: none */
        uint32_t blocker_prog_id;
        unsigned descendants; /* cgroups below, whose arrays are made anew by each attach */
} HookFacts;

typedef struct PlanInput {
        const Target *wanted;
        const char *const *object_ids; /* for each wanted one; NULL where it could not be told */
        size_t n_wanted;
        Attachment *const *present; /* in the order of their ids */
        size_t n_present;
        HookFacts facts[_HOOK_MAX];
        bool has_links; /* this kernel has cgroup links */
} PlanInput;

typedef enum OperationKind {
        OPERATION_KEEP, /* in force as wanted */
        OPERATION_ATTACH, /* new */
        OPERATION_REPLACE, /* other program, same attachment, no gap */
        OPERATION_REMAKE, /* attach a new one beside the old, then free the old */
        OPERATION_RETAIN, /* the line failed, the old stays in force */
        OPERATION_CONFLICT, /* cannot be done as things are; reason says why; an old one stays in force */
        OPERATION_FAIL, /* the line failed and nothing is in force for it */
        OPERATION_SKIP, /* optional and absent */
        OPERATION_DETACH, /* no line wants it any more */
        _OPERATION_KIND_MAX,
        _OPERATION_KIND_INVALID = -22,
} OperationKind;
DECLARE_NAME_TABLE(OperationKind, operation_kind);

typedef struct Operation {
        OperationKind kind;
        const Target *target; /* NULL for OPERATION_DETACH and for what is kept without a line */
        const char *object_id;
        Attachment *present; /* what is there; NULL for a new one */
        Via via;
        AttachMode mode;
        char *reason; /* why, for people; NULL where nothing is to be said */
} Operation;

/* Makes the plan: operations on lines in file order, then the detaches. The array belongs to the caller. */
void plan_make(const PlanInput *input, Operation **ret, size_t *ret_n);
void plan_free(Operation *operations, size_t n);
