/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-system.h"

#include <errno.h>
#include <string.h>

#include "src/base/log.h"
#include "src/daemon/bus-authority.h"
#include "src/daemon/bus-error.h"
#include "src/daemon/bus-objects.h"
#include "src/daemon/priority.h"

#define RETRY_USEC (1000U * 1000U)

struct BusSystem {
        Daemon *daemon;
        char *address;
        sd_event_source *retry;
        BusConnection *connection; /* the server's; NULL: none now */
        BusAuthority *authority;
        bool refused; /* the name, and said so */
};

static void on_allowed(sd_bus_message *message, void *userdata) {
        BusSystem *system = userdata;

        if (system->connection)
                (void)bus_manager_run(system->connection, message); /* it answers by itself */
}

int bus_system_ask(BusSystem *system, sd_bus_message *message, BusAccess access) {
        int r = bus_authority_ask(
                system->authority, message,
                access == BUS_CHANGE ? BUS_ACTION_CHANGE : BUS_ACTION_LOOK
        );

        if (r == -ENOSPC)
                return bus_error_reply(
                        message, BUS_ERROR_LIMITS_EXCEEDED,
                        "too many calls wait for an authorization"
                );
        return r < 0 ? bus_error_reply(message, BUS_ERROR_FAILED, strerror(-r)) : 1;
}

static int on_name(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusSystem *system = userdata;
        const sd_bus_error *why = sd_bus_message_get_error(message);

        if (!sd_bus_message_is_method_error(message, NULL)) {
                log_info("Serving '" BUS_NAME "' on the system bus");
                system->refused = false;
                return 0;
        }
        if (!system->refused)
                log_warning(
                        "the system bus does not give us the name '" BUS_NAME
                        "': %s, serving the private socket only",
                        why->message ? why->message : why->name
                );
        system->refused = true;
        return 0;
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusSystem *system = userdata;

        if (system->connection)
                bus_connection_drop(system->connection);
        return 0;
}

static int setup(BusSystem *system, BusConnection *connection) {
        int r = sd_bus_new(&connection->bus);

        if (r < 0)
                return r;
        (void)sd_bus_set_description(connection->bus, "system-bus");
        r = sd_bus_set_address(connection->bus, system->address);
        if (r >= 0)
                r = sd_bus_set_bus_client(connection->bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(connection->bus, true);
        if (r >= 0) /* waits for the socket to be there */
                r = sd_bus_set_watch_bind(connection->bus, true);
        if (r >= 0)
                r = bus_manager_add(connection);
        if (r >= 0)
                r = bus_objects_add(connection);
        if (r >= 0)
                r = sd_bus_start(connection->bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                        connection->bus, NULL, "org.freedesktop.DBus.Local",
                        "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected",
                        on_disconnected, NULL, system
                );
        if (r >= 0)
                r = sd_bus_request_name_async(connection->bus, NULL, BUS_NAME, 0, on_name, system);
        if (r >= 0)
                r = sd_bus_attach_event(connection->bus, system->daemon->event, PRIORITY_BUS_OTHER);
        if (r >= 0)
                r = bus_authority_new(connection->bus, on_allowed, system, &system->authority);
        return r;
}

void bus_system_lost(BusSystem *system) {
        system->authority = bus_authority_free(system->authority);
        system->connection = NULL;
        /* both fail only on a dead source */
        (void)sd_event_source_set_time_relative(system->retry, RETRY_USEC);
        (void)sd_event_source_set_enabled(system->retry, SD_EVENT_ONESHOT);
}

static int on_retry(sd_event_source *timer, uint64_t usec, void *userdata) {
        BusSystem *system = userdata;
        int r;

        system->connection = bus_server_add_system(system->daemon->bus, system);
        r = setup(system, system->connection);
        if (r < 0) {
                log_debug("cannot connect to the system bus: %s", strerror(-r));
                bus_connection_drop(system->connection);
        }
        return 0;
}

int bus_system_new(Daemon *daemon, const char *address, BusSystem **ret) {
        BusSystem *system = g_new0(BusSystem, 1);
        int r;

        system->daemon = daemon;
        system->address = g_strdup(address);
        r = sd_event_add_time_relative(
                daemon->event, &system->retry, CLOCK_MONOTONIC, 0, 0, on_retry, system
        );
        if (r < 0) {
                (void)bus_system_free(system);
                return r;
        }
        (void)sd_event_source_set_priority(system->retry, PRIORITY_HOUSEKEEPING);
        (void)sd_event_source_set_description(system->retry, "system-bus-connect");
        *ret = system;
        return 0;
}

BusSystem *bus_system_free(BusSystem *system) {
        if (!system)
                return NULL;
        system->authority = bus_authority_free(system->authority);
        if (system->connection)
                system->connection->system = NULL;
        (void)sd_event_source_disable_unref(system->retry);
        g_free(system->address);
        g_free(system);
        return NULL;
}
