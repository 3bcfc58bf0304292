/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-server.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-id128.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/bus-objects.h"
#include "src/daemon/bus-signal.h"
#include "src/daemon/bus-system.h"
#include "src/daemon/listen.h"
#include "src/daemon/priority.h"

#define HANDSHAKE_USEC (10U * 1000U * 1000U)
#define ROOT_RESERVED  64U /* connections that only root can have */
#define UID_NOBODY     ((uid_t)65534)
#define TALK_USEC      (20U * 1000U) /* between two calls */
#define ACCEPT_AT_ONCE 32U /* so that a flood is turned away as fast as it comes */

struct BusServer {
        Daemon *daemon;
        int listen_fd;
        sd_event_source *io;
        sd_event_source *sweep; /* releases dead connections, never inside their own callbacks */
        GHashTable *connections;
        SignalQueue *signals;
};

static void connection_free(BusConnection *connection) {
        g_hash_table_remove(connection->server->connections, connection);
        if (connection->system)
                bus_system_lost(connection->system);
        (void)sd_event_source_disable_unref(connection->timeout);
        connection->pump = bus_pump_free(connection->pump);
        (void)sd_bus_close_unref(connection->bus);
        g_free(connection);
}

void bus_connection_drop(BusConnection *connection) {
        connection->dead = true;
        /* fails only on a dead source */
        (void)sd_event_source_set_enabled(connection->server->sweep, SD_EVENT_ONESHOT);
}

static int on_sweep(sd_event_source *event, void *userdata) {
        BusServer *server = userdata;
        g_autoptr(GPtrArray) dead = g_ptr_array_new();
        GHashTableIter iter;
        void *connection;

        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL))
                if (((BusConnection *)connection)->dead)
                        g_ptr_array_add(dead, connection);
        for (unsigned i = 0; i < dead->len; i++)
                connection_free(dead->pdata[i]);
        return 0;
}

static int on_handshake_timeout(sd_event_source *timer, uint64_t usec, void *userdata) {
        BusConnection *connection = userdata;

        if (sd_bus_is_ready(connection->bus) <= 0)
                bus_connection_drop(connection);
        return 0;
}

static uint64_t now_usec(const Daemon *daemon) {
        uint64_t now;

        return sd_event_now(daemon->event, CLOCK_MONOTONIC, &now) >= 0 ? now : 0;
}

/* Sees every message first. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusConnection *connection = userdata;
        uint64_t queued = 0;

        bus_pump_note_message(connection->pump);
        connection->heard_usec = now_usec(connection->daemon);
        if (connection->dead)
                return 1;
        if (sd_bus_message_is_signal(message, "org.freedesktop.DBus.Local", "Disconnected")) {
                bus_connection_drop(connection);
                return 1;
        }
        if (sd_bus_get_n_queued_write(connection->bus, &queued) >= 0 &&
            queued > LIMIT_BUS_CALLS_PENDING) {
                log_debug("closing a bus connection of uid %u that does not read", connection->uid);
                bus_connection_drop(connection);
                return 1;
        }
        return 0;
}

static void on_broken(void *userdata) {
        BusConnection *connection = userdata;

        log_debug("closing a bus connection of uid %u that cannot be served", connection->uid);
        bus_connection_drop(connection);
}

static bool is_single_answer(const BusConnection *connection) {
        uint64_t queued;

        return sd_bus_get_n_queued_write(connection->bus, &queued) >= 0 && queued <= 1;
}

/* Answers nobody reads may take so much for each user, and no more. The one who asked last is closed; a single answer
 * is never too large. */
static void on_unread(void *userdata) {
        BusConnection *connection = userdata;
        size_t others = 0, own = bus_pump_unread(connection->pump);
        GHashTableIter iter;
        void *item;

        g_hash_table_iter_init(&iter, connection->server->connections);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
                const BusConnection *c = item;

                if (c != connection && !c->dead && c->uid == connection->uid)
                        others += bus_pump_unread(c->pump);
        }
        if (others + own <= LIMIT_BUS_UNREAD_BYTES || (others == 0 && is_single_answer(connection)))
                return;
        log_debug("closing a bus connection of uid %u, which does not read", connection->uid);
        bus_connection_drop(connection);
}

static int connection_setup_bus(BusConnection *connection, int fd) {
        sd_event *event = connection->daemon->event;
        bool root = connection->uid == 0;
        const BusPumpOptions pump = {
                .priority = root ? PRIORITY_BUS_ROOT : PRIORITY_BUS_OTHER,
                .message_max = root ? 0 : LIMIT_BUS_MESSAGE_BYTES,
                .broken = on_broken,
                .unread = on_unread,
                .userdata = connection,
        };
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r >= 0)
                r = sd_bus_new(&connection->bus);
        if (r < 0) {
                (void)fd_close(fd);
                return r;
        }
        r = sd_bus_set_fd(connection->bus, fd, fd);
        if (r < 0) {
                (void)fd_close(fd);
                return r;
        }
        (void)sd_bus_set_description(connection->bus, "bus-connection");
        r = sd_bus_set_server(connection->bus, 1, id);
        if (r >= 0) /* nobody but root has a use for descriptors, and they cost us ours */
                r = sd_bus_negotiate_fds(connection->bus, root);
        if (r >= 0)
                r = sd_bus_add_filter(connection->bus, NULL, on_message, connection);
        if (r >= 0)
                r = bus_manager_add(connection);
        if (r >= 0)
                r = bus_objects_add(connection);
        if (r >= 0)
                r = sd_bus_start(connection->bus);
        if (r >= 0)
                r = bus_pump_new(event, connection->bus, &pump, &connection->pump);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        event, &connection->timeout, CLOCK_MONOTONIC, HANDSHAKE_USEC, 0,
                        on_handshake_timeout, connection
                );
        if (r >= 0)
                (void)sd_event_source_set_description(connection->timeout, "bus-handshake");
        return r;
}

/* Whether one more connection of this user is within the limits. */
static bool has_room(const BusServer *server, uid_t uid) {
        unsigned of_uid = 0, of_others = 0;
        GHashTableIter iter;
        void *connection;

        if (g_hash_table_size(server->connections) >= LIMIT_BUS_CONNECTIONS)
                return false;
        if (uid == 0)
                return true;
        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL)) {
                const BusConnection *c = connection;

                of_uid += c->uid == uid;
                of_others += c->uid != 0;
        }
        return of_uid < LIMIT_BUS_CONNECTIONS_UID &&
               of_others < LIMIT_BUS_CONNECTIONS - ROOT_RESERVED;
}

static void connection_new(BusServer *server, int fd) {
        BusConnection *connection;
        struct ucred peer;
        int r = listen_peer(fd, &peer);

        if (r < 0 || !has_room(server, peer.uid)) {
                (void)fd_close(fd);
                return;
        }
        connection = g_new0(BusConnection, 1);
        connection->server = server;
        connection->daemon = server->daemon;
        connection->uid = peer.uid;
        g_hash_table_add(server->connections, connection);
        r = connection_setup_bus(connection, fd);
        if (r < 0) {
                /* whoever comes and goes must not fill the log */
                log_message(
                        peer.uid == 0 ? LOG_WARNING : LOG_DEBUG, NULL,
                        "cannot serve a bus connection of uid %u: %s", peer.uid, strerror(-r)
                );
                connection_free(connection);
        }
}

static int on_accept(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
                int connection = fd_above_stdio(
                        accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)
                );

                if (connection < 0)
                        break;
                connection_new(userdata, connection);
        }
        return 0;
}

static int setup_events(BusServer *server) {
        sd_event *event = server->daemon->event;
        int r = sd_event_add_io(event, &server->io, server->listen_fd, EPOLLIN, on_accept, server);

        if (r >= 0)
                r = sd_event_add_defer(event, &server->sweep, on_sweep, server);
        if (r < 0)
                return r;
        (void)sd_event_source_set_priority(server->io, PRIORITY_BUS_ACCEPT);
        (void)sd_event_source_set_description(server->io, "bus-listen");
        (void)sd_event_source_set_enabled(server->sweep, SD_EVENT_OFF);
        /* before any further message of a dead connection is looked at */
        (void)sd_event_source_set_priority(server->sweep, PRIORITY_BUS_ROOT - 1);
        (void)sd_event_source_set_description(server->sweep, "bus-sweep");
        return signal_queue_new(server->daemon, &server->signals);
}

int bus_server_new(Daemon *daemon, int listen_fd, BusServer **ret, Diag *diag) {
        BusServer *server = g_new0(BusServer, 1);
        g_autofree char *path = daemon_runtime_path(daemon, "bus");
        int r = 0;

        server->daemon = daemon;
        server->listen_fd = listen_fd;
        server->connections = g_hash_table_new(NULL, NULL);
        if (listen_fd < 0)
                r = listen_on(path, SOCK_STREAM, 0666, &server->listen_fd, diag);
        if (r >= 0) {
                r = setup_events(server);
                if (r < 0)
                        (void)diag_errno(diag, r, "cannot serve '%s'", path);
        }
        if (r < 0) {
                (void)bus_server_free(server);
                return r;
        }
        *ret = server;
        return 0;
}

BusServer *bus_server_free(BusServer *server) {
        GHashTableIter iter;
        void *connection;

        if (!server)
                return NULL;
        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL))
                ((BusConnection *)connection)->dead = true;
        (void)on_sweep(NULL, server);
        g_hash_table_unref(server->connections);
        (void)signal_queue_free(server->signals);
        (void)sd_event_source_disable_unref(server->sweep);
        (void)sd_event_source_disable_unref(server->io);
        (void)fd_close(server->listen_fd);
        g_free(server);
        return NULL;
}

BusConnection *bus_server_add_system(BusServer *server, BusSystem *system) {
        BusConnection *connection = g_new0(BusConnection, 1);

        connection->server = server;
        connection->daemon = server->daemon;
        connection->system = system;
        connection->uid = UID_NOBODY; /* what is for everybody is answered as to anybody */
        connection->subscribed = true;
        g_hash_table_add(server->connections, connection);
        return connection;
}

void bus_server_each_fd(
        const BusServer *server,
        void (*each)(int fd, const char *name, void *userdata),
        void *userdata
) {
        each(server->listen_fd, "bus", userdata);
}

void bus_server_pause(BusServer *server, bool pause) {
        if (server && server->io) /* fails only on a dead source */
                (void)sd_event_source_set_enabled(server->io, pause ? SD_EVENT_OFF : SD_EVENT_ON);
}

bool bus_server_is_talking(const BusServer *server, const sd_bus *except) {
        uint64_t now = now_usec(server->daemon);
        GHashTableIter iter;
        void *connection;

        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL)) {
                const BusConnection *c = connection;

                if (c->uid == 0 && c->bus != except && !c->subscribed && !c->dead &&
                    (c->heard_usec == 0 || now < c->heard_usec + TALK_USEC))
                        return true;
        }
        return false;
}

/* While the system bus is not there nothing is kept for it. */
static bool is_listening(const BusConnection *connection) {
        return connection->subscribed && !connection->dead &&
               (!connection->system || sd_bus_is_ready(connection->bus) > 0);
}

static bool anybody_subscribed(const BusServer *server) {
        GHashTableIter iter;
        void *connection;

        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL))
                if (is_listening(connection))
                        return true;
        return false;
}

void bus_server_note(
        void *userdata,
        TrackerEventKind kind,
        const AttachmentView *attachment,
        const UnitView *unit
) {
        Daemon *daemon = userdata;

        if (!daemon->bus || !anybody_subscribed(daemon->bus))
                return;
        if (attachment)
                signal_queue_attachment(daemon->bus->signals, kind, attachment);
        else if (unit)
                signal_queue_unit(daemon->bus->signals, unit->unit);
}

void bus_server_note_unit(BusServer *server, const char *unit) {
        if (server && anybody_subscribed(server))
                signal_queue_unit(server->signals, unit);
}

void bus_server_each_subscriber(
        BusServer *server,
        void (*each)(BusConnection *connection, void *userdata),
        void *userdata
) {
        GHashTableIter iter;
        void *item;

        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &item, NULL)) {
                BusConnection *connection = item;
                uint64_t queued = 0;

                if (!is_listening(connection))
                        continue;
                if (sd_bus_get_n_queued_write(connection->bus, &queued) >= 0 &&
                    queued > 4 * LIMIT_BUS_CALLS_PENDING) {
                        bus_connection_drop(connection);
                        continue;
                }
                each(connection, userdata);
        }
}
