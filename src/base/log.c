/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg", [LOG_ALERT] = "alert",     [LOG_CRIT] = "crit",
        [LOG_ERR] = "err",     [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice",
        [LOG_INFO] = "info",   [LOG_DEBUG] = "debug",
};

static void sink_stderr(int level, const LogFields *fields, const char *text);

static LogSink current_sink = sink_stderr;
static int max_level = LOG_INFO;

static void sink_stderr(int level, const LogFields *fields, const char *text) {
        /* the priority prefix of sd-daemon(3) would only disturb people who read a terminal */
        (void)fprintf(stderr, "%s%s\n", level <= LOG_ERR ? "error: " : "", text);
}

void log_set_sink(LogSink sink) {
        current_sink = sink ? sink : sink_stderr;
}

void log_set_max_level(int level) {
        max_level = level;
}

int log_get_max_level(void) {
        return max_level;
}

int log_level_from_string(const char *name) {
        for (size_t i = 0; i < ELEMENTS(level_names); i++)
                if (strcmp(level_names[i], name) == 0 || (name[0] == (char)('0' + i) && !name[1]))
                        return (int)i;
        return -EINVAL;
}

const char *log_level_to_string(int level) {
        return level >= 0 && (size_t)level < ELEMENTS(level_names) ? level_names[level] : NULL;
}

void log_message(int level, const LogFields *fields, const char *format, ...) {
        static const LogFields none = {};
        char text[4096];
        va_list arguments;
        int saved = errno;

        if (level > max_level)
                return;
        va_start(arguments, format);
        (void
        )vsnprintf(text, sizeof text, format, arguments); /* cut when longer: it is a log line */
        va_end(arguments);
        current_sink(level, fields ? fields : &none, text);
        errno = saved;
}
