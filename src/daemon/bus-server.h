/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The private bus socket: no bus daemon between, so every connection is a little bus of its own, and who is at the
 * other end is known from SO_PEERCRED. Connections are bounded, for each user and in all, with room kept for root;
 * those that do not finish their handshake, or do not read what they are sent, are closed. */

#include <stdbool.h>

#include "src/daemon/bus-pump.h"
#include "src/daemon/daemon.h"

typedef struct BusConnection {
        BusSystem *system; /* set for the connection to the system bus: its callers are many */
        BusServer *server;
        Daemon *daemon;
        sd_bus *bus;
        BusPump *pump;
        sd_event_source *timeout; /* of the handshake */
        uid_t uid;
        uint64_t heard_usec; /* CLOCK_MONOTONIC of the last message; 0: none yet */
        bool subscribed;
        bool dead; /* to be released by the next sweep */
} BusConnection;

/* listen_fd as for hook_server_new(). */
int bus_server_new(Daemon *daemon, int listen_fd, BusServer **ret, Diag *diag);
BusServer *bus_server_free(BusServer *server);

/* A connection to the system bus, empty yet, the server's; its signals go to all. */
BusConnection *bus_server_add_system(BusServer *server, BusSystem *system);

/* Descriptors for a re-exec: the listening socket, named "bus". */
void bus_server_each_fd(
        const BusServer *server,
        void (*each)(int fd, const char *name, void *userdata),
        void *userdata
);

/* Leaves who connects from now on in the queue, or serves them again. */
void bus_server_pause(BusServer *server, bool pause);

/* Whether root has just connected or said something, so that more is to be expected; one connection aside. */
bool bus_server_is_talking(const BusServer *server, const sd_bus *except);

/* Something has changed: a signal to those who subscribed, later. Fits TrackerEvent; userdata is the Daemon. */
void bus_server_note(
        void *userdata,
        TrackerEventKind kind,
        const AttachmentView *attachment,
        const UnitView *unit
);

/* The same for a unit that only the daemon knows of. */
void bus_server_note_unit(BusServer *server, const char *unit);

/* Calls each for every live subscribed connection. */
void bus_server_each_subscriber(
        BusServer *server,
        void (*each)(BusConnection *connection, void *userdata),
        void *userdata
);

/* The connection is to be closed, since it is broken or does not read. */
void bus_connection_drop(BusConnection *connection);
