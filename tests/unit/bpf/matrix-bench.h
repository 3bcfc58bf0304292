/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shorthand of the tables: programs are letters, lists are words of them, "ab/2" is the list a, b in mode 2. */

#include <check.h>

#include "bpf/uapi.h"
#include "src/base/cleanup.h"
#include "tests/unit/bpf/matrix.h"

#define BENCH_PROGRAMS 12 /* a .. l */

typedef struct Bench {
        MatrixHost *host;
        const KernelOps *ops;
        int programs[BENCH_PROGRAMS];
        uint32_t ids[BENCH_PROGRAMS];
} Bench;

#define SOCK_CREATE ((uint32_t)BPF_CGROUP_INET_SOCK_CREATE)
#define OVERRIDE    ((uint32_t)BPF_F_ALLOW_OVERRIDE)
#define MULTI       ((uint32_t)BPF_F_ALLOW_MULTI)
#define REPLACE     ((uint32_t)BPF_F_REPLACE)

/* A call that attaches. */
typedef struct Step {
        bool link;
        char program; /* letter; 0: nothing is done */
        uint32_t flags;
        char replace; /* letter; 'x': a closed descriptor; 0: none */
        char anchor; /* letter: that program; '^': the link there is, else a closed descriptor; 'x': none has it */
        int revision; /* 1: the right one, -1: a wrong one */
} Step;

/* Loads the first n programs for sock_create. */
Bench bench_start(MatrixHost *host, size_t n);
/* Gives the programs back. */
void bench_end(Bench *bench);

int bench_program(const Bench *bench, char letter);
/* A number that was a descriptor and is none any more. */
int bench_closed(const Bench *bench);

/* Makes the cgroup and opens it. */
int bench_cgroup(Bench *bench, const char *name);
void bench_cgroup_end(Bench *bench, int fd, const char *name);

/* Does the step; a link descriptor, 0, or the error. link_fd: a link to anchor at, -EBADF for none. */
int bench_step(Bench *bench, int cgroup, const Step *step, int link_fd);

/* Creates a link and notes its id. */
int bench_link(Bench *bench, int cgroup, char letter);
int bench_attach(Bench *bench, int cgroup, char letter, uint32_t flags);
int bench_detach(Bench *bench, int cgroup, char letter);

/* The list as a word, with "/MODE" behind it unless effective. Not for freeing, overwritten by the next call. */
const char *bench_list(const Bench *bench, int cgroup, bool effective);
uint64_t bench_revision(const Bench *bench, int cgroup);

/* Gives a descriptor back; fine for 0 and negative numbers. */
void bench_close(const Bench *bench, int fd);

/* Result of a call as a word: "ok" or the name of the error. */
const char *bench_word(int r);
