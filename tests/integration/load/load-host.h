/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Loading for tests: objects out of the build directory, processes inside the cgroup of the test, and the proof that
 * programs and maps vanish with their last descriptor. */

#include "bpf/kernel-ops.h"

/* One program for one hook; all in one object is asked for with an array of them. */
typedef struct LoadWish {
        const char *program;
        Hook hook;
} LoadWish;

/* A variable with its value, or a map with its path. */
typedef struct LoadText {
        const char *name, *value, *origin;
} LoadText;

#define LOAD_MAX 8

typedef struct LoadCase {
        const char *
                object; /* "variables.bpfobj" of the tests, "count.bpf.o" of bpf/progs, or a path */
        LoadWish wishes[LOAD_MAX]; /* up to the first without a name */
        LoadText variables[LOAD_MAX + 1];
        LoadText maps[LOAD_MAX + 1];
        uint32_t donors[LOAD_MAX];
} LoadCase;

/* Runs object_load() with it. */
int load_host_try(const LoadCase *wanted, int *ret_fds, Diag *diag);

/* The same, and it must succeed. */
void load_host_load(const LoadCase *wanted, int *ret_fds);

/* It must fail with this error and say this (a part of the text); nothing may be left open or written to. */
void load_host_refused(const LoadCase *wanted, int error, const char *text);

/* The id of a program, of the map of this name that it uses (0: none), and a descriptor of that map. ".bss" and the like
 * are found whichever object they belong to. */
uint32_t load_host_prog_id(int prog_fd);
uint32_t load_host_map_id(int prog_fd, const char *name);
int load_host_map(int prog_fd, const char *name);

/* Attaches by a link to the cgroup of the test; the link is the caller's. */
int load_host_attach(int prog_fd, Hook hook);

/* Runs function in a process inside the cgroup of the test. What it returns (0..127) is returned. */
int load_host_inside(int (*function)(void *userdata), void *userdata);

/* Closes the programs and waits until they and all their maps are gone from the kernel. */
void load_host_close(int *fds, size_t n);

/* A bpffs of the test's own; the path stays valid until load_host_bpffs_end(), which checks that it is empty. */
const char *load_host_bpffs(void);
void load_host_bpffs_end(void);
