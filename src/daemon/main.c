/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/daemon/daemon.h"
#include "src/daemon/handover.h"
#include "src/daemon/log-journal.h"
#include "src/daemon/options.h"
#include "src/daemon/reexec.h"

#define EXIT_USAGE 2

/* Path of this binary, to find the upgraded one at the same place later. */
static char *own_binary(void) {
        char path[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

        if (n < 0)
                return NULL;
        path[n] = 0;
        /* replaced between exec and now */
        if (g_str_has_suffix(path, " (deleted)") && access(path, F_OK) < 0)
                path[n - (ssize_t)strlen(" (deleted)")] = 0;
        return g_strdup(path);
}

/* The child of a re-exec: says whether this binary can take the state over. */
static int check_state(int fd) {
        _cleanup_diag_ Diag diag = {};
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = reexec_read_state(fd, &text, &size, &diag);

        if (r >= 0)
                r = handover_check(text, size, &diag);
        if (r < 0) {
                log_error("%s", diag_text(&diag, r));
                return EXIT_FAILURE;
        }
        return puts(HANDOVER_ACCEPTED) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* All signals that are events are blocked from the beginning, so that none is lost before the loop runs. */
static void block_signals(void) {
        static const int blocked[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTS(blocked); i++)
                (void)sigaddset(&set, blocked[i]);
        (void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail with these arguments */
        (void)signal(SIGPIPE, SIG_IGN);
}

/* A descriptor for each attachment and each unit: as many as we may have. Before 5.11 the memory of programs and
 * maps counts as locked, and exhaustion shows as EPERM. Both are tried and go without saying if refused. */
static void raise_limits(void) {
        static const int limits[] = { RLIMIT_NOFILE, RLIMIT_MEMLOCK };

        for (size_t i = 0; i < ELEMENTS(limits); i++) {
                struct rlimit limit;

                if (getrlimit((__rlimit_resource_t)limits[i], &limit) < 0)
                        continue;
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit((__rlimit_resource_t)limits[i], &limit);
        }
}

static int run(Daemon *daemon) {
        _cleanup_diag_ Diag diag = {};
        int r = daemon_start(daemon, &diag);

        if (r < 0) {
                log_error("%s", diag_text(&diag, r));
                return EXIT_FAILURE;
        }
        r = daemon_run(daemon);
        if (r < 0) {
                log_error("The event loop failed: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        _cleanup_diag_ Diag diag = {};
        Daemon daemon = { .argc = argc, .argv = argv };
        int r = options_parse(argc, argv, &daemon.options, &diag);

        if (r < 0) {
                (void)fprintf(stderr, "unitbpfd: %s\n", diag_text(&diag, r));
                return EXIT_USAGE;
        }
        if (r == OPTIONS_DONE)
                r = EXIT_SUCCESS;
        else if (daemon.options.check_state_fd >= 0)
                r = check_state(daemon.options.check_state_fd);
        else if (geteuid() != 0) {
                (void)fputs("unitbpfd: must be run by root\n", stderr);
                r = EXIT_FAILURE;
        } else {
                (void)umask(022);
                block_signals();
                raise_limits();
                log_journal_use();
                daemon.binary = daemon.options.exec_path ? g_strdup(daemon.options.exec_path)
                                                         : own_binary();
                r = run(&daemon);
                daemon_free(&daemon);
        }
        options_done(&daemon.options);
        return r;
}
