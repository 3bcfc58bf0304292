/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tracker over the model of the kernel, with a state file of its own in a directory of its own. */

#include "bpf/kernel-fake.h"
#include "src/track/tracker.h"

#define FIXTURE_BOOT "0123456789abcdef0123456789abcdef"

typedef struct Fixture {
        KernelFake *fake;
        Tracker *tracker;
        char directory[64];
        char state[96];
        RestoreReport report;
        FdSet *inherited; /* of the next start, borrowed; NULL: nothing comes through */
} Fixture;

/* A model with the cgroup /sys/fs/cgroup and a tracker that has been restored from nothing. */
void fixture_init(Fixture *fixture);
void fixture_done(Fixture *fixture);

/* The daemon dies and starts again: descriptors gone, state file and pins as they were. */
void fixture_crash(Fixture *fixture);

/* Stops as by SIGKILL without starting again; fixture_start() does that. */
void fixture_kill(Fixture *fixture);
void fixture_start(Fixture *fixture);

/* A target for an object that does not exist on disk: identity_inode stands for its version. */
Target *fixture_target(
        TargetSet *set,
        Hook hook,
        const char *path,
        const char *program,
        uint64_t inode
);

/* Applies the targets to a unit at /sys/fs/cgroup/UNIT. */
int fixture_apply(
        Fixture *fixture,
        const char *unit,
        const TargetSet *set,
        ApplyReason reason,
        Diag *diag
);

/* How many programs the model has on that cgroup's own list. */
size_t fixture_attached(Fixture *fixture, const char *cgroup, Hook hook);
