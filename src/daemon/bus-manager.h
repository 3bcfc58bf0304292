/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /org/unitbpf1 and its interface org.unitbpf1.Manager: the table of methods, who may call them, and the properties.
 * What a method does is in bus-read.c, bus-doctor.c, bus-look.c, bus-maps.c and bus-change.c. */

#include "src/daemon/bus-server.h"

#define BUS_PATH              "/org/unitbpf1"
#define BUS_MANAGER_INTERFACE "org.unitbpf1.Manager"

/* Adds the object to a connection not yet started. */
int bus_manager_add(BusConnection *connection);

/* A method: answers the call (or keeps a reference to answer later) and returns 0 or more; a negative errno with
 * diag becomes the answer. A handler that answers with an error of its own returns 0 or more. */
typedef int (*BusMethod)(BusConnection *connection, sd_bus_message *message, Diag *diag);

typedef enum BusAccess {
        BUS_PUBLIC, /* anybody */
        BUS_ROOT, /* root; looks only */
        BUS_CHANGE, /* root; refused while the state is read-only */
        _BUS_ACCESS_MAX,
} BusAccess;

/* Does what a call asks for whose caller may, and answers it. */
int bus_manager_run(BusConnection *connection, sd_bus_message *message);

/* Access of a method by name; _BUS_ACCESS_MAX if there is none of that name. */
BusAccess bus_manager_access(const char *method);

/* bus-read.c */
int bus_list_attachments(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_list_units(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_get_unit(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_hooks(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_subscribe(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_dump(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_plan(BusConnection *connection, sd_bus_message *message, Diag *diag);
/* bus-doctor.c */
int bus_doctor(BusConnection *connection, sd_bus_message *message, Diag *diag);
/* bus-look.c */
int bus_tree(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_effective(BusConnection *connection, sd_bus_message *message, Diag *diag);
/* bus-maps.c */
int bus_maps(BusConnection *connection, sd_bus_message *message, Diag *diag);
/* bus-change.c */
int bus_attach_unit(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_detach_unit(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_detach_attachment(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_detach_all(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_start_transient(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_attach_program(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_adopt(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_reload(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_reexecute(BusConnection *connection, sd_bus_message *message, Diag *diag);
int bus_set_log_level(BusConnection *connection, sd_bus_message *message, Diag *diag);

/* Answers with an array of dictionaries, which append appends one by one (0 or more, or a negative errno). */
typedef int (*BusAppend)(BusConnection *connection, sd_bus_message *reply);
int bus_reply_array(BusConnection *connection, sd_bus_message *message, BusAppend append);

/* Unit by the name a caller gave: complete or without ".service". -ENOENT becomes NoSuchUnit by answering here:
 * then NULL is returned and *ret_answered is what to return. */
Unit *bus_unit_of(
        BusConnection *connection,
        sd_bus_message *message,
        const char *name,
        int *ret_answered
);

/* The same, but the unit must have a cgroup now: if not, *ret_answered is -ESRCH, explained in diag. */
Unit *bus_present_unit_of(
        BusConnection *connection,
        sd_bus_message *message,
        const char *name,
        int *ret_answered,
        Diag *diag
);
