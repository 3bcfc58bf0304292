/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The system bus: the same objects as on the private socket, under the name org.unitbpf1. It may come after us, go
 * and come back; whenever it is there we are on it. All its callers share one connection, so who asks is found out
 * for each call that is not for everybody (bus-authority.h), and signals go to whoever listens. */

#include "src/daemon/bus-manager.h"

#define BUS_NAME "org.unitbpf1"

/* Begins to connect to the address. The server releases the connection when it breaks and tells
 * bus_system_lost(). */
int bus_system_new(Daemon *daemon, const char *address, BusSystem **ret);
BusSystem *bus_system_free(BusSystem *system); /* NULL is allowed; before the server */

/* The connection is being released: tries again a little later. */
void bus_system_lost(BusSystem *system);

/* A method that is not for everybody; the answer comes when it is known who asks. */
int bus_system_ask(BusSystem *system, sd_bus_message *message, BusAccess access);
