/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one structure of the process: what it was started with, what it serves, what it knows. Every part is made in
 * daemon_start() and released in daemon_free(); the parts reach each other through it. */

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"
#include "src/daemon/config.h"
#include "src/daemon/options.h"
#include "src/daemon/unit-source.h"
#include "src/daemon/unit-table.h"
#include "src/track/tracker.h"
#include "units/wish.h"

typedef struct BusServer BusServer;
typedef struct BusSystem BusSystem;
typedef struct HookServer HookServer;
typedef struct LeaseTable LeaseTable;
typedef struct Reexec Reexec;
typedef struct Handover Handover;
typedef struct Notify Notify;
typedef struct FdStore FdStore;
typedef struct Report Report;
typedef struct StopJob StopJob;

typedef struct Daemon {
        int argc;
        char **argv;
        Options options;
        Config config;
        sd_event *event;
        const KernelOps *ops;
        Tracker *tracker;
        RestoreReport restore;
        SourceKind source_kind; /* never auto */
        UnitSource *source;
        UnitTable *units;
        BusServer *bus;
        BusSystem *bus_system; /* NULL: not served there */
        HookServer *hook;
        LeaseTable *leases;
        Reexec *reexec;
        Notify *notify;
        FdStore *fd_store;
        Report *report;
        StopJob *stop_job; /* the manager has been asked why we are to end */
        sd_event_source *reconcile; /* armed while a unit is dirty */
        sd_event_source *drift; /* looks at all attachments from time to time */
        sd_event_source *signals[3];
        GPtrArray *reload_calls; /* sd_bus_message of Reload(), answered when all units are clean */
        char *cgroup_root, *bpffs, *binary;
        char *pin_directory; /* NULL: no bpffs, descriptors alone hold */
        char *transient_directory;
        UnitContext unit_context;
        char instance[33];
        uint64_t started_usec; /* CLOCK_REALTIME */
        int lock_fd;
        bool starting; /* the source tells what was there before us */
        bool reloading;
        bool detach; /* at the end: free instead of forget */
} Daemon;

/* Makes and starts everything; with a state descriptor (see options) takes over from the process before. The
 * daemon is half built on failure and wants daemon_free() all the same. */
int daemon_start(Daemon *daemon, Diag *diag);

/* Serves until told to end. Negative: the event loop broke. */
int daemon_run(Daemon *daemon);

/* Lets go of the attachments as configured, then of all else. */
void daemon_free(Daemon *daemon);

/* Reads configuration and unit files again and marks all units. */
void daemon_reload(Daemon *daemon);

/* The same without the configuration. */
void daemon_read_unit_files(Daemon *daemon);

/* Compares all attachments with the kernel now, and has the units reconciled whose own are not as they were. */
void daemon_look_for_drift(Daemon *daemon);

/* All units are reconciled: whoever waited for that goes on. */
void daemon_units_clean(Daemon *daemon);

/* Signals and timers of the process itself. */
int daemon_add_events(Daemon *daemon);

/* Tells the service manager that we serve, and how much. */
void daemon_notify_ready(const Daemon *daemon);

/* Path below the runtime directory; the caller's (g_free). */
char *daemon_runtime_path(const Daemon *daemon, const char *name);
