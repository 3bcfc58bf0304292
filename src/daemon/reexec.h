/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Replacing the process by a new image without letting go of anything. The new binary is asked first, in a child, whether
 * it can take the state over; only if it says yes is the process replaced. The original descriptors of links and
 * sockets are passed on: their close-on-exec flag is cleared last and set again if the exec fails, so that in every
 * outcome this process or the new one holds all of them. */

#include "src/daemon/daemon.h"

int reexec_new(Daemon *daemon, Reexec **ret);
Reexec *reexec_free(Reexec *reexec);

/* Begins. message is the call to answer if it comes to nothing (referenced here). -EALREADY: one is under way;
 * other errors: it cannot even begin; explained in diag, the message is not answered then. */
int reexec_begin(Reexec *reexec, sd_bus_message *message, Diag *diag);

/* The units are all reconciled: goes on if it waited for that. */
void reexec_units_clean(Reexec *reexec);

/* Text and descriptors handed over by the process before. *ret_text is the caller's (free()). Closes fd. */
int reexec_read_state(int fd, char **ret_text, size_t *ret_size, Diag *diag);
