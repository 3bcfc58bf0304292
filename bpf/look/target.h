/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Typed targets: what the unit files of one unit want, after every word has been understood and before the
 * kernel was asked. Resolve makes them out of wishes, track compares them with what is attached. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/look/hook.h"
#include "src/base/name-table.h"

typedef enum Policy {
        POLICY_REQUIRED,
        POLICY_WANTED,
        POLICY_OPTIONAL,
        _POLICY_MAX,
        _POLICY_INVALID = -22,
} Policy;

typedef enum AttachMode {
        ATTACH_MULTI,
        ATTACH_OVERRIDE,
        ATTACH_EXCLUSIVE,
        _ATTACH_MODE_MAX,
        _ATTACH_MODE_INVALID = -22,
} AttachMode;

/* Mechanism that holds an attachment in the kernel. */
typedef enum Via {
        VIA_CGROUP_LINK,
        VIA_CGROUP_LEGACY,
        VIA_TCX_LINK,
        VIA_TC_FILTER,
        VIA_NETNS_LINK,
        VIA_XDP_LINK,
        _VIA_MAX,
        _VIA_INVALID = -22, /* in a target: chosen by the rules */
} Via;

typedef enum OnLoss {
        ON_LOSS_CONTINUE,
        ON_LOSS_STOP,
        _ON_LOSS_MAX,
        _ON_LOSS_INVALID = -22,
} OnLoss;

DECLARE_NAME_TABLE(Policy, policy); /* required wanted optional */
DECLARE_NAME_TABLE(AttachMode, attach_mode); /* multi override exclusive */
DECLARE_NAME_TABLE(Via, via); /* cgroup-link cgroup-legacy tcx-link tc-filter ... */
DECLARE_NAME_TABLE(OnLoss, on_loss); /* continue stop */

/* Which file an open descriptor is, finer than its path. */
typedef struct FileIdentity {
        uint64_t device, inode, size;
        int64_t mtime_ns, ctime_ns;
} FileIdentity;

/* NAME=VALUE that is set in the object before it is loaded. Bytes are made by the loader, which knows the type. */
typedef struct TargetVariable {
        char *name;
        char *value; /* as written after specifiers: integer, true/false, text, hex:... */
        char *origin; /* FILE:LINE */
} TargetVariable;

/* Map of the object that is reused from, or made and pinned at, a path of bpffs. */
typedef struct TargetMap {
        char *name;
        char *path;
        char *origin;
} TargetMap;

typedef struct Target {
        Hook hook; /* _HOOK_INVALID only where error is set */
        AttachMode mode;
        Via via; /* _VIA_INVALID: by the rules */
        Policy policy;
        bool shared, fresh_maps, takeover;
        bool repair;
        OnLoss on_loss;
        char *path; /* of the object or pin; NULL only where error is set */
        char *program; /* name in the object; NULL for a pin */
        bool is_pin; /* path lies on bpffs and names a pinned program */
        bool has_state; /* the object has maps or writable variables */
        bool absent; /* with error: the object or kernel feature is not there (optional lines are skipped) */
        int fd; /* the object as it was opened and checked (O_PATH for a pin); -EBADF with error */
        FileIdentity identity;
        TargetVariable *variables; /* those that concern this object */
        size_t n_variables;
        TargetMap *maps;
        size_t n_maps;
        char *origin; /* FILE:LINE */
        char *error; /* a failed line: why; NULL for a good one */
        char *detail; /* more of it, such as several lines; often NULL */
} Target;

typedef struct TargetSet {
        char *unit;
        Target *targets; /* in file order, failed lines included */
        size_t n_targets;
} TargetSet;

/* Releases what the target holds (its fd too), not the struct itself. */
void target_done(Target *target);

TargetSet *target_set_new(const char *unit);
/* Appends an empty target (fd -EBADF, hook and via invalid) and returns it, valid until the next call. */
Target *target_set_add(TargetSet *set);
TargetSet *target_set_free(TargetSet *set);

#include "src/base/cleanup.h"
DEFINE_CLEANUP(TargetSet, target_set_free);
