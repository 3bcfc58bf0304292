/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/stop-point.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/text.h"

static char wanted[64];
static uint64_t countdown;
static const char *log_path;

static void configure(void) {
        const char *value = secure_getenv("UNITBPF_STOP_POINT");
        const char *colon = value ? strrchr(value, ':') : NULL;
        size_t n = !value ? 0 : colon ? (size_t)(colon - value) : strlen(value);

        log_path = secure_getenv("UNITBPF_STOP_POINT_LOG");
        if (n == 0 || n >= sizeof wanted)
                return;
        memcpy(wanted, value, n);
        countdown = 1;
        if (colon)
                (void)text_to_u64(colon + 1, &countdown); /* a bad count leaves 1 */
        if (countdown == 0)
                countdown = 1; /* the test that asked for it must not pass by not being killed */
}

static void note(const char *name) {
        _cleanup_close_ int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        char line[80];
        size_t n = strnlen(name, sizeof line - 1);

        if (fd < 0)
                return;
        memcpy(line, name, n);
        line[n] = '\n';
        (void)fd_write_all(fd, line, n + 1); /* a test's aid, the test sees the missing line */
}

void stop_point(const char *name) {
        static bool configured;

        if (!configured) {
                configure();
                configured = true;
        }
        if (!wanted[0] && !log_path)
                return;
        if (log_path)
                note(name);
        if (countdown > 0 && (wanted[0] == '*' || strcmp(wanted, name) == 0) && --countdown == 0)
                (void)raise(SIGKILL);
}
