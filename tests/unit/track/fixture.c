/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/track/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#define PINS "/sys/fs/bpf/unitbpf/links"

void fixture_start(Fixture *f) {
        TrackerOptions options = {
                .ops = kernel_fake_ops(f->fake),
                .pin_directory = PINS,
                .state_path = f->state,
                .boot_id = FIXTURE_BOOT,
        };

        ck_assert_int_eq(tracker_new(&options, &f->tracker, NULL), 0);
        ck_assert_int_eq(tracker_restore(f->tracker, NULL, 0, f->inherited, &f->report, NULL), 0);
}

void fixture_init(Fixture *f) {
        *f = (Fixture){ .fake = kernel_fake_new() };
        (void)strcpy(f->directory, "/tmp/unitbpf-track-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(f->directory));
        (void)snprintf(f->state, sizeof f->state, "%s/state", f->directory);
        ck_assert_uint_ne(kernel_fake_cgroup_make(f->fake, "/sys/fs/cgroup"), 0);
        fixture_start(f);
}

void fixture_kill(Fixture *f) {
        f->tracker = tracker_forget(f->tracker); /* closes and writes nothing, as dying does */
        kernel_fake_crash(f->fake);
}

void fixture_crash(Fixture *f) {
        fixture_kill(f);
        fixture_start(f);
}

void fixture_done(Fixture *f) {
        static const char *const suffixes[] = { "", ".new", ".old", ".bad" };

        f->tracker = tracker_free(f->tracker);
        ck_assert_uint_eq(kernel_fake_open_fds(f->fake), 0);
        for (size_t i = 0; i < ELEMENTS(suffixes); i++) {
                char path[128];

                (void)snprintf(path, sizeof path, "%s%s", f->state, suffixes[i]);
                (void)unlink(path);
        }
        ck_assert_int_eq(rmdir(f->directory), 0);
        f->fake = kernel_fake_free(f->fake);
}

/* A file for each version: the model tells programs apart by the file they come from. */
static int version_fd(uint64_t version) {
        static int files[16];
        int fd;

        ck_assert_uint_lt(version, ELEMENTS(files));
        if (files[version] == 0)
                files[version] = memfd_create("object", MFD_CLOEXEC);
        fd = fd_duplicate(files[version]);
        ck_assert_int_ge(fd, 0);
        return fd;
}

Target *fixture_target(
        TargetSet *set,
        Hook hook,
        const char *path,
        const char *program,
        uint64_t inode
) {
        Target *target = target_set_add(set);
        char origin[64];

        (void)snprintf(origin, sizeof origin, "/etc/x.service:%zu", set->n_targets);
        target->hook = hook;
        target->path = strdup(path);
        target->program = strdup(program);
        target->fd = version_fd(inode);
        target->identity = (FileIdentity){ .device = 1, .inode = inode, .size = 100 };
        target->origin = strdup(origin);
        return target;
}

int fixture_apply(
        Fixture *f,
        const char *unit,
        const TargetSet *set,
        ApplyReason reason,
        Diag *diag
) {
        char path[256];
        UnitPlace place = { .unit = unit,
                            .invocation_id = "aaaabbbbccccddddeeeeffff00001111",
                            .cgroup = path };

        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", unit);
        return tracker_apply(f->tracker, &place, set, reason, diag);
}

size_t fixture_attached(Fixture *f, const char *cgroup, Hook hook) {
        const KernelOps *ops = kernel_fake_ops(f->fake);
        QueryResult query = {};
        uint64_t id;
        size_t n;
        int fd = ops->cgroup_open(ops, cgroup, &id);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(ops->query(ops, fd, hook_info(hook)->attach_type, false, &query), 0);
        n = query.n_prog_ids;
        query_result_done(&query);
        ops->close(ops, fd);
        return n;
}
