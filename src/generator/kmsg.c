/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/fd.h"

#define LINES_MAX 50U
#define LINE_MAX  900U /* the kernel takes little more at once */

static void say(const char *text) {
        char line[LINE_MAX + 64];
        int n = snprintf(line, sizeof line, "<4>unitbpf-generator[%d]: %s\n", (int)getpid(), text);
        _cleanup_close_ int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);

        fd = fd < 0 ? fd : fd_above_stdio(fd);
        if (n < 0)
                return;
        if (fd < 0 || write(fd, line, strlen(line)) < 0)
                (void)fputs(line + 3, stderr); /* by hand, or in a container */
}

void kmsg_warn(const char *format, ...) {
        static unsigned n_lines;
        char text[LINE_MAX];
        va_list arguments;

        if (n_lines++ > LINES_MAX)
                return;
        if (n_lines > LINES_MAX) {
                say("there are more problems, see unitbpfctl verify");
                return;
        }
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments); /* what is too long is cut */
        va_end(arguments);
        for (char *c = text; *c; c++)
                if (*c == '\n')
                        *c = ' ';
        say(text);
}
