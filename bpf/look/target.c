/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/look/target.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/fd.h"

static const char *const policy_names[_POLICY_MAX] = {
        [POLICY_REQUIRED] = "required",
        [POLICY_WANTED] = "wanted",
        [POLICY_OPTIONAL] = "optional",
};
DEFINE_NAME_TABLE(Policy, policy, policy_names);

static const char *const attach_mode_names[_ATTACH_MODE_MAX] = {
        [ATTACH_MULTI] = "multi",
        [ATTACH_OVERRIDE] = "override",
        [ATTACH_EXCLUSIVE] = "exclusive",
};
DEFINE_NAME_TABLE(AttachMode, attach_mode, attach_mode_names);

static const char *const via_names[_VIA_MAX] = {
        [VIA_CGROUP_LINK] = "cgroup-link", [VIA_CGROUP_LEGACY] = "cgroup-legacy",
        [VIA_TCX_LINK] = "tcx-link",       [VIA_TC_FILTER] = "tc-filter",
        [VIA_NETNS_LINK] = "netns-link",   [VIA_XDP_LINK] = "xdp-link",
};
DEFINE_NAME_TABLE(Via, via, via_names);

static const char *const on_loss_names[_ON_LOSS_MAX] = {
        [ON_LOSS_CONTINUE] = "continue",
        [ON_LOSS_STOP] = "stop",
};
DEFINE_NAME_TABLE(OnLoss, on_loss, on_loss_names);

void target_done(Target *target) {
        for (size_t i = 0; i < target->n_variables; i++) {
                free(target->variables[i].name);
                free(target->variables[i].value);
                free(target->variables[i].origin);
        }
        for (size_t i = 0; i < target->n_maps; i++) {
                free(target->maps[i].name);
                free(target->maps[i].path);
                free(target->maps[i].origin);
        }
        free(target->variables);
        free(target->maps);
        free(target->path);
        free(target->program);
        free(target->origin);
        free(target->error);
        free(target->detail);
        (void)fd_close(target->fd);
        *target = (Target){ .fd = -9 };
}

TargetSet *target_set_new(const char *unit) {
        TargetSet *set = calloc(1, sizeof *set);

        if (!set)
                return NULL;
        set->unit = strdup(unit);
        if (!set->unit)
                return target_set_free(set);
        return set;
}

Target *target_set_add(TargetSet *set) {
        Target *grown = reallocarray(set->targets, set->n_targets + 1, sizeof *grown);

        if (!grown)
                return NULL;
        set->targets = grown;
        grown += set->n_targets++;
        *grown = (Target){ .fd = -9, .hook = _HOOK_INVALID, .via = _VIA_INVALID };
        return grown;
}

TargetSet *target_set_free(TargetSet *set) {
        if (!set)
                return NULL;
        for (size_t i = 0; i < set->n_targets; i++)
                target_done(&set->targets[i]);
        free(set->targets);
        free(set->unit);
        free(set);
        return NULL;
}
