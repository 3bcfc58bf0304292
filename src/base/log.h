/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Logging. Levels are those of syslog(3). What is logged goes to a sink: stderr until another one is set
 * (the daemon sets the journal). Rooms below daemon and cli log at LOG_DEBUG only and return errors. */

#include <stdarg.h>
#include <stdint.h>
#include <syslog.h>

#include "src/base/cleanup.h"

/* Structured fields of a message; unset ones are NULL or 0. */
typedef struct LogFields {
        const char *unit;
        const char *hook;
        const char *message_id; /* 32 hex digits */
        uint64_t attachment_id;
        uint32_t prog_id;
        uint32_t link_id;
} LogFields;

typedef void (*LogSink)(int level, const LogFields *fields, const char *text);

void log_set_sink(LogSink sink);
void log_set_max_level(int level);
int log_get_max_level(void);

/* "debug" .. "emerg" or a number 0..7; -EINVAL otherwise. */
int log_level_from_string(const char *name);
const char *log_level_to_string(int level);

void log_message(int level, const LogFields *fields, const char *format, ...) _printf_(3, 4);

#define log_debug(...)   log_message(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...)    log_message(LOG_INFO, NULL, __VA_ARGS__)
#define log_notice(...)  log_message(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_warning(...) log_message(LOG_WARNING, NULL, __VA_ARGS__)
#define log_error(...)   log_message(LOG_ERR, NULL, __VA_ARGS__)
