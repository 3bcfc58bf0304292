/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A corner of the running kernel for a test: a cgroup of its own below the root of the mount, small programs, and
 * the proof at the end that nothing is left. */

#include <stdbool.h>
#include <stdint.h>

#include "bpf/look/hook.h"

/* Exits with 77 and says why if the test cannot run here (not root, no cgroup v2, no bpf). */
void kernel_host_require(void);

/* Full path of the cgroup of this process's tests, made at the first call. */
const char *kernel_host_cgroup(void);

/* Makes or removes a cgroup below it ("p/c"). */
void kernel_host_make(const char *name);
void kernel_host_remove(const char *name);
char *kernel_host_path(const char *name);

/* Removes the cgroup of the tests and checks that it is gone. */
void kernel_host_end(void);

/* A program that lets everything pass at this hook. Descriptor of the caller's. */
int kernel_host_program(Hook hook);

/* How many descriptors this process has open. */
unsigned kernel_host_fds(void);

/* Waits up to 5 s until no program or link with this id is left. */
void kernel_host_wait_gone(int command, uint32_t id);
