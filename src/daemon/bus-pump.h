/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Serves one connection of the bus from the event loop, in place of sd_bus_attach_event(), for two reasons.
 *
 * What a client sends right behind its handshake is read together with it, and sd-bus would look at it only when
 * something more comes: a client that waits for its answer would wait for ever.
 *
 * sd-bus makes room for a whole message as soon as it has seen the head of it, up to 128 MiB. That is a lot to give
 * away to anybody who can connect, so a connection whose message wants more than allowed is given up instead. And who
 * asks without reading the answers makes us keep them, so it is counted what they take. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

typedef struct BusPump BusPump;

/* The connection cannot be served any longer; inside this call the pump must not be freed. */
typedef void (*BusPumpBroken)(void *userdata);

/* Something has been answered that is not read yet; neither must the pump be freed here. */
typedef void (*BusPumpUnread)(void *userdata);

typedef struct BusPumpOptions {
        int64_t priority;
        size_t message_max; /* bytes of one incoming message, roughly; 0: what sd-bus takes, and nothing is counted */
        BusPumpBroken broken;
        BusPumpUnread unread; /* not called if nothing is counted */
        void *userdata;
} BusPumpOptions;

/* The bus must have been started and stays the caller's; it has to outlive the pump. */
int bus_pump_new(sd_event *event, sd_bus *bus, const BusPumpOptions *options, BusPump **ret);

/* NULL is allowed. */
BusPump *bus_pump_free(BusPump *pump);

/* Bytes that answers take which the other side has not read, roughly. */
size_t bus_pump_unread(const BusPump *pump);

/* To be called by a filter of the bus for every message: what was allocated meanwhile may be for its answer. */
void bus_pump_note_message(BusPump *pump);
