/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A model of the kernel behind the table of kernel operations, for tests without privilege. It answers as the real
 * one was measured to (the same tables of expectations run against both), and adds what a test wants: cgroups made by
 * a call, errors on demand, a log of calls, a crash of the process, and a count of open descriptors.
 *
 * Descriptors of the model are numbers of 1,000,000 and above, never used twice, so that a leak or a use after
 * close shows. Ids of programs, links, maps and cgroups are never used twice either. What is not modelled: sockets
 * that outlive their cgroup, capabilities, the verifier. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"

typedef struct KernelFake KernelFake;

#define KERNEL_FAKE_FD_FIRST 1000000

/* A running kernel with every feature, without cgroups. NULL without memory; running out of it later aborts. */
KernelFake *kernel_fake_new(void);
KernelFake *kernel_fake_free(KernelFake *fake);
DEFINE_CLEANUP(KernelFake, kernel_fake_free);

/* The table to hand to what is tested; valid as long as the model. */
const KernelOps *kernel_fake_ops(KernelFake *fake);

/* -- cgroups -- */

/* Makes a cgroup below the nearest cgroup its path lies in (none: it is a root) and returns its id, 0 if the path is
 * taken. A path may be made again after its removal; it is another cgroup then. */
uint64_t kernel_fake_cgroup_make(KernelFake *fake, const char *path);

/* rmdir: -ENOENT, or -EBUSY with children. What PROG_ATTACH held goes, links become defunct at once (or, if
 * removal lingers, at kernel_fake_settle()). */
int kernel_fake_cgroup_remove(KernelFake *fake, const char *path);

/* With true, links of a removed cgroup look alive and take updates until kernel_fake_settle(), as they really do
 * for some 20 ms. */
void kernel_fake_set_lingering(KernelFake *fake, bool lingering);
void kernel_fake_settle(KernelFake *fake);

/* -- programs -- */

/* A loaded program of the type the hook wants, as if by load(); a descriptor to close. */
int kernel_fake_program_new(KernelFake *fake, const char *name, Hook hook);

typedef enum FakeTrait {
        FAKE_TRAIT_MAPS =
                1 << 0, /* has a map; load() carries it over from a donor of the same name */
        FAKE_TRAIT_STORAGE = 1 << 1, /* uses cgroup storage */
} FakeTrait;

/* Programs of this name that are loaded from now on have these traits. */
void kernel_fake_set_traits(KernelFake *fake, const char *name, unsigned traits);

/* Runs counted by programs of this id, for prog_info(). */
void kernel_fake_set_runs(
        KernelFake *fake,
        uint32_t prog_id,
        uint64_t run_count,
        uint64_t run_time_ns
);

/* -- what goes wrong -- */

/* Makes the nth call from now on (1: the next; 0: every one) of the operation with this name in KernelOps answer
 * error and do nothing. Error 0 takes all orders for the operation back. Several orders are counted each by itself. */
void kernel_fake_fail(KernelFake *fake, const char *operation, int error, unsigned nth);

/* After n more calls that change something, all such calls answer -EIO and do nothing, as if the process had died
 * there, until kernel_fake_crash(). */
void kernel_fake_stop_after(KernelFake *fake, unsigned n);

/* Called after each call that changed something; NULL: no more. */
typedef void (*FakeWatch)(void *userdata);
void kernel_fake_set_watch(KernelFake *fake, FakeWatch watch, void *userdata);

void kernel_fake_set_feature(KernelFake *fake, Feature feature, bool on);

/* The process dies: all its descriptors are closed, so links nobody pinned detach and programs nobody uses go. Pins,
 * legacy attachments and cgroups stay. */
void kernel_fake_crash(KernelFake *fake);

/* -- looking -- */

/* Descriptors that are open now. */
size_t kernel_fake_open_fds(KernelFake *fake);

/* Objects alive, for the proof that nothing is left behind. */
size_t kernel_fake_programs(KernelFake *fake);
size_t kernel_fake_links(KernelFake *fake);
size_t kernel_fake_pins(KernelFake *fake);

/* Calls that change something, in order, with ids in place of descriptors: "link_create prog=3 cgroup=12 type=1
 * -> 0" (0 also where a descriptor came back). NULL at the end; valid until the next call. */
const char *const *kernel_fake_log(KernelFake *fake);
void kernel_fake_log_clear(KernelFake *fake);
