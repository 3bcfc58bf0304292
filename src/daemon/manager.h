/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The connection to systemd's own socket, which needs no bus daemon: early in the boot and while that one restarts
 * it works as ever. It ends whenever the manager executes itself anew, and is made again then. Nothing here waits
 * for an answer: the manager may be reading unit files for a second, or be waiting for us. */

#include <systemd/sd-event.h>

#include "src/base/diag.h"
#include "src/daemon/unit-source.h"

#define MANAGER_SOCKET "/run/systemd/private"

typedef struct Manager Manager;

typedef struct ManagerEvents {
        /* Connected, for the first time or again: signals may have been missed. */
        void (*connected)(void *userdata);
        /* All unit files have been read again. */
        void (*reloaded)(void *userdata);
        /* A job of the unit is done: it may have started, stopped, or started once more. */
        void (*job_done)(void *userdata, const char *unit);
        void *userdata;
} ManagerEvents;

/* Begins to connect to the socket at path; it need not be there yet. */
int manager_new(
        sd_event *event,
        const char *path,
        const ManagerEvents *events,
        Manager **ret,
        Diag *diag
);
Manager *manager_free(Manager *manager); /* NULL is allowed */

/* Has the manager make the scope. -ENOTCONN while there is no connection; done is not called then. */
int manager_start_scope(Manager *manager, const UnitScope *scope, UnitScopeDone done, void *userdata);

/* Asks that the unit be stopped; what comes of it is logged. -ENOTCONN while there is no connection. */
int manager_stop_unit(Manager *manager, const char *unit);
