/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/base/stop-point.h"
#include "tests/unit/check-main.h"

/* Passes a, b, a, c and exits with 42, if it gets so far. Settings are read once for a process, so each walk has
 * its own. */
static int walk(const char *wanted, const char *log) {
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if ((wanted && setenv("UNITBPF_STOP_POINT", wanted, 1) < 0) ||
                    (log && setenv("UNITBPF_STOP_POINT_LOG", log, 1) < 0))
                        _exit(1);
                stop_point("a");
                stop_point("b");
                stop_point("a");
                stop_point("c");
                _exit(42);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return status;
}

static const struct {
        const char *wanted;
        const char *passed; /* names logged */
        bool killed;
} walks[] = {
        { NULL, "a\nb\na\nc\n", false },
        { "", "a\nb\na\nc\n", false },
        { "d", "a\nb\na\nc\n", false },
        { "a", "a\n", true },
        { "a:1", "a\n", true },
        { "a:2", "a\nb\na\n", true },
        { "a:3", "a\nb\na\nc\n", false },
        { "a:x", "a\n", true }, /* a bad count is 1 */
        { "a:0", "a\n", true },
        { "c", "a\nb\na\nc\n", true },
        { "*", "a\n", true },
        { "*:2", "a\nb\n", true },
        { "*:4", "a\nb\na\nc\n", true },
        { "*:5", "a\nb\na\nc\n", false },
};

START_TEST(process_is_killed_exactly_at_the_wanted_point)
{
        char log[] = "/tmp/unitbpf-stop-point-XXXXXX";
        int fd = mkstemp(log);

        ck_assert_int_ge(fd, 0);
        (void)close(fd);
        for (size_t i = 0; i < ELEMENTS(walks); i++) {
                _cleanup_free_ char *passed = NULL;
                int status;

                ck_assert_int_eq(truncate(log, 0), 0);
                status = walk(walks[i].wanted, log);
                ck_assert_msg(
                        walks[i].killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                        : WIFEXITED(status) && WEXITSTATUS(status) == 42,
                        "%s: %d", walks[i].wanted, status
                );
                ck_assert_int_eq(file_read(log, 100, &passed, NULL), 0);
                ck_assert_msg(strcmp(passed, walks[i].passed) == 0, "%s", walks[i].wanted);
        }
        (void)unlink(log);
}
END_TEST

START_TEST(without_settings_nothing_happens)
{
        ck_assert_int_eq(WEXITSTATUS(walk(NULL, NULL)), 42);
        ck_assert_int_eq(WEXITSTATUS(walk(NULL, "/nonexistent/log")), 42);
}
END_TEST

CHECK_MAIN(
        "base/stop-point",
        20,
        process_is_killed_exactly_at_the_wanted_point,
        without_settings_nothing_happens
)
