/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls to unitbpfd. Every failure is reported here, once, as a sentence on stderr with
 * what can be done about it; callers only turn it into an exit status. */

#include <stdbool.h>

#include <glib.h>
#include <systemd/sd-bus.h>

#include "src/base/cleanup.h"
#include "src/cli/invocation.h"

#define CLIENT_PATH      "/org/unitbpf1"
#define CLIENT_INTERFACE "org.unitbpf1.Manager"

typedef struct Client {
        const Invocation *invocation;
        sd_bus *bus;
        const char *destination; /* name on the bus; NULL: the private socket has only one */
} Client;

enum {
        CLIENT_NO_SUCH_UNIT = 1, /* nothing was reported yet */
};

/* Connects. Negative after a report; -ENOENT and -ECONNREFUSED: the daemon does not run. */
int client_open(const Invocation *invocation, Client *ret);

/* As client_open(), but says nothing on failure. */
int client_try(const Invocation *invocation, Client *ret);
void client_done(Client *client);
#define _cleanup_client_ _cleanup_(client_done)

/* Calls a method of the manager with arguments as of sd_bus_message_append(). what completes "Failed to ...:".
 * ret_reply (may be NULL) belongs to the caller. */
int client_call(
        Client *client,
        const char *what,
        sd_bus_message **ret_reply,
        const char *method,
        const char *types,
        ...
);

/* The same with a message made by the caller. */
int client_send(
        Client *client,
        const char *what,
        sd_bus_message *message,
        sd_bus_message **ret_reply
);

/* Calls a method that takes a text (or nothing: NULL) and answers with one value, which belongs to the caller.
 * client_value_quiet() says nothing on failure. */
int client_value(
        Client *client,
        const char *what,
        const char *method,
        const char *argument,
        GVariant **ret
);
int client_value_quiet(Client *client, const char *method, const char *argument, GVariant **ret);

/* The dictionary of a unit. CLIENT_NO_SUCH_UNIT, or negative after a report. */
int client_unit(Client *client, const char *unit, GVariant **ret);

/* Says that there is no such unit, and which one may be meant. */
void client_report_no_unit(Client *client, const char *unit);

/* Says of each argument that is a name and no pattern, but of no unit in rows, that there is no such unit. */
void client_report_unmatched(Client *client, GVariant *rows);

/* Properties of the manager as a dictionary. */
int client_properties(Client *client, GVariant **ret);

/* One property of the manager that is a text; quiet on failure. The text belongs to the caller. */
int client_property_quiet(Client *client, const char *name, char **ret);

/* A unit's full name: the type is added where it is missing. NULL after a report if it cannot be one. The text
 * belongs to the caller. */
char *client_unit_name(const char *word);

/* Says why a call failed: "Failed to WHAT: ...". */
void client_report(const char *what, const sd_bus_error *error, int r);
