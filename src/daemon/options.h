/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of unitbpfd. What it says wins over the configuration files. */

#include "src/base/diag.h"

typedef struct Options {
        char *config; /* configuration file; NULL: the installed one */
        char *source; /* NULL: from the configuration */
        char *cgroup_root;
        char *runtime_directory; /* never NULL after options_parse() */
        char *bpffs;
        char **unit_path; /* NULL: from the configuration, else the default */
        int log_level; /* -1: from the configuration */
        int check_state_fd, state_fd; /* internal, -EBADF where not given */
        char *exec_path; /* binary for a re-exec; NULL: that of this process */
} Options;

enum {
        OPTIONS_RUN = 0, /* go on */
        OPTIONS_DONE = 1, /* --version was answered */
};

/* Reads the command line; argv is not changed. OPTIONS_*, or -EINVAL explained in diag. --help prints and exits. */
int options_parse(int argc, char *const *argv, Options *ret, Diag *diag);

/* Releases what it holds. */
void options_done(Options *options);
