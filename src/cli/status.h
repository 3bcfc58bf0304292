/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The blocks that status prints, and the exit status a unit stands for. */

#include <stdbool.h>

#include <glib.h>

/* EXIT_DONE for a covered unit, EXIT_FAILED for a degraded or failed one, EXIT_NOT_ACTIVE for an inactive one. A
 * state this tool does not know is a failure: it never claims more than it knows. */
int status_exit_code(GVariant *unit);

/* A unit with its attachments, problems and hints; full: with details such as verifier logs. */
void status_print_unit(GVariant *unit, GVariant *attachments, bool full);

/* The daemon and sums over its attachments. */
void status_print_manager(GVariant *manager, GVariant *attachments);
