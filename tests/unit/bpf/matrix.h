/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the kernel answers to attachments on cgroups, as tables. They run against the real kernel (integration) and
 * against the model of it (unit), so that the two cannot drift apart. */

#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"

#define MATRIX_NOTED_MAX 4096

typedef struct MatrixHost MatrixHost;

/* Where the tables run. */
struct MatrixHost {
        const KernelOps *ops;
        /* A cgroup by its path below that of the test ("p/c"); parents come first. */
        void (*cgroup_make)(MatrixHost *host, const char *name);
        void (*cgroup_remove)(MatrixHost *host, const char *name);
        /* Full path of it; belongs to the caller. */
        char *(*cgroup_path)(MatrixHost *host, const char *name);
        /* A loaded program for this hook that lets everything pass. */
        int (*program_new)(MatrixHost *host, const char *name, Hook hook);
        /* Waits until what was set going by a removal has happened. */
        void (*wait)(MatrixHost *host);
        /* Everything made, to prove that it is gone: negative numbers are links. */
        int64_t noted[MATRIX_NOTED_MAX];
        size_t n_noted;
};

/* Checks that all noted programs and links are gone, waiting up to 5 s. */
void matrix_prove_clean(MatrixHost *host);

/* One function each, named after what it shows; they leave no cgroup, link or program behind. */
#define MATRIX_TESTS(X)                        \
        X(second_operation_on_the_same_cgroup) \
        X(child_after_parent)                  \
        X(parent_after_child)                  \
        X(three_levels)                        \
        X(preorder_runs_first)                 \
        X(replacing_keeps_the_slot)            \
        X(replacing_takes_the_new_flags)       \
        X(detach_in_each_mode)                 \
        X(detach_checks_the_revision)          \
        X(link_life)                           \
        X(link_update_answers)                 \
        X(link_update_ignores_expected_type)   \
        X(last_reference_of_a_link_detaches)   \
        X(removed_cgroup)                      \
        X(recreated_cgroup_is_another)         \
        X(sixty_four_and_no_more)              \
        X(query_effective_and_revision)        \
        X(wrong_descriptors)                   \
        X(program_fits_its_hook_only)          \
        X(cgroup_lookups)

#define MATRIX_DECLARE(name) void matrix_##name(MatrixHost *host);
MATRIX_TESTS(MATRIX_DECLARE)
