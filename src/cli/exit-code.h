/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Exit statuses of unitbpfctl. Verbs return one of these; run returns that of its command too. */

typedef enum ExitCode {
        EXIT_DONE = 0,
        EXIT_FAILED = 1, /* also: status of a degraded or failed unit */
        EXIT_USAGE = 2,
        EXIT_NOT_ACTIVE = 3, /* status: known, but not active */
        EXIT_NO_UNIT = 4, /* status: no such unit */
        EXIT_RUN_OWN_FAILURE = 125, /* run: the command was not started, by our fault */
        EXIT_RUN_NOT_EXECUTABLE = 126, /* run: the command was found, but cannot be executed */
        EXIT_RUN_NOT_FOUND = 127, /* run: there is no such command */
        EXIT_RUN_SIGNAL = 128, /* run: plus the number of the signal that killed the command */
} ExitCode;
