/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a caller on the system bus may do what only root may do: root may; about everybody else polkit is asked,
 * and where there is none the answer is no. Nothing here waits: the call is kept and goes on, or is refused, when the
 * answers are there. Callers that go meanwhile are forgotten with what they wanted. */

#include <systemd/sd-bus.h>

typedef struct BusAuthority BusAuthority;

#define BUS_ACTION_LOOK   "org.unitbpf1.look"
#define BUS_ACTION_CHANGE "org.unitbpf1.change"

/* The caller may: what it asked for is to be done and answered. */
typedef void (*BusAllowed)(sd_bus_message *message, void *userdata);

/* userdata is that of allowed; the bus stays the caller's and must be told of its end by bus_authority_free(). */
int bus_authority_new(sd_bus *bus, BusAllowed allowed, void *userdata, BusAuthority **ret);
BusAuthority *bus_authority_free(BusAuthority *authority); /* NULL is allowed */

/* Takes a reference to the message, and sees to it that it is answered. -ENOSPC: too many wait already. */
int bus_authority_ask(BusAuthority *authority, sd_bus_message *message, const char *action);
