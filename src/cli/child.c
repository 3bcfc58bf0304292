/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* clone3() with CLONE_INTO_CGROUP makes the child a member of the cgroup before it runs: there is no moment in which
 * it acts outside. All signals worth passing on are blocked and taken with sigwaitinfo(), so none gets lost between
 * the start of the child and the wait. */

#include "src/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/cli/exit-code.h"
#include "src/cli/screen.h"

static const int passed_on[] = {
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH,
};

static void block_signals(sigset_t *ret_blocked, sigset_t *ret_before) {
        (void)sigemptyset(ret_blocked);
        (void)sigaddset(ret_blocked, SIGCHLD);
        for (size_t i = 0; i < ELEMENTS(passed_on); i++)
                (void)sigaddset(ret_blocked, passed_on[i]);
        (void)sigprocmask(SIG_BLOCK, ret_blocked, ret_before);
}

static pid_t clone_into(int cgroup_fd) {
        struct clone_args arguments = {
                .flags = CLONE_INTO_CGROUP,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t)cgroup_fd,
        };

        return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* In the child. The errno of a failed exec goes to the parent, which speaks for both. */
static _Noreturn void become(char *const *argv, const sigset_t *mask, int report) {
        int error;

        (void)sigprocmask(SIG_SETMASK, mask, NULL);
        (void)execvp(argv[0], argv);
        error = errno;
        (void)fd_write_all(report, &error, sizeof error); /* the exit status says it too */
        _exit(error == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE);
}

/* A terminal's signal goes to its whole foreground group, so the child has it already. */
static bool is_for_both(const siginfo_t *info) {
        return info->si_code == SI_KERNEL;
}

static int exit_status(const siginfo_t *info) {
        return info->si_code == CLD_EXITED ? info->si_status : EXIT_RUN_SIGNAL + info->si_status;
}

/* Waits for the child; returns its exit status. */
static int wait_for(pid_t child, const sigset_t *taken) {
        for (;;) {
                siginfo_t info = {};
                int signal_number = sigwaitinfo(taken, &info);

                if (signal_number == SIGCHLD) {
                        info = (siginfo_t){};
                        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG) < 0)
                                return EXIT_RUN_OWN_FAILURE;
                        if (info.si_pid == child)
                                return exit_status(&info);
                } else if (signal_number > 0 && !is_for_both(&info)) {
                        (void)kill(child, signal_number); /* it may have ended already */
                }
        }
}

static void report_exec(const char *command, int error) {
        screen_error("Failed to execute '%s': %s.", command, strerror(error));
        if (error == ENOENT && !strchr(command, '/'))
                screen_hint("it was looked for in the directories of $PATH.");
}

int child_run(int cgroup_fd, char *const *argv) {
        _cleanup_close_ int report_read = -EBADF, report_write = -EBADF;
        int ends[2], error = 0;
        sigset_t before, taken;
        pid_t child;

        if (pipe2(ends, O_CLOEXEC) < 0) {
                screen_error("Failed to make a pipe: %s.", strerror(errno));
                return EXIT_RUN_OWN_FAILURE;
        }
        report_read = ends[0];
        report_write = ends[1];
        block_signals(&taken, &before);
        child = clone_into(cgroup_fd);
        if (child < 0) {
                screen_error("Failed to start '%s' in its cgroup: %s.", argv[0], strerror(errno));
                return EXIT_RUN_OWN_FAILURE;
        }
        if (child == 0)
                become(argv, &before, report_write);
        report_write = fd_close(report_write);
        if (read(report_read, &error, sizeof error) == sizeof error)
                report_exec(argv[0], error);
        return wait_for(child, &taken);
}
