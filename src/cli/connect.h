/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way to unitbpfd: its private socket, the system bus of this machine, or that of another one (-H, -M). */

#include <systemd/sd-bus.h>

#include "src/cli/invocation.h"

/* Connects; says nothing on failure. The bus is the caller's. *ret_destination is the name to send to, NULL on the
 * private socket; static. Of this machine: root takes the private socket and, if nobody serves it, the system bus;
 * others the system bus, where polkit may give them more, and the private socket if unitbpfd is not there. An own
 * runtime directory means its private socket and nothing else. */
int connect_bus(const Invocation *invocation, sd_bus **ret, const char **ret_destination);

/* Says on stderr why that failed, and what can be done about it. */
void connect_report(const Invocation *invocation, int error);
