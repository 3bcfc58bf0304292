/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/hook-server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/hook-protocol.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/listen.h"
#include "src/daemon/priority.h"
#include "src/daemon/reconcile.h"
#include "src/daemon/unit-news.h"
#include "units/unit-name.h"

#define FDS_MAX 4U /* one is due; more are closed */

typedef struct HookConnection {
        HookServer *server;
        int fd;
        sd_event_source *io;
        bool waiting; /* for reconcile */
} HookConnection;

struct HookServer {
        Daemon *daemon;
        int listen_fd;
        sd_event_source *io;
        GHashTable *connections;
};

static void connection_free(HookConnection *connection) {
        g_hash_table_remove(connection->server->connections, connection);
        (void
        )sd_event_source_set_enabled(connection->server->io, SD_EVENT_ON); /* there is room again */
        (void)sd_event_source_disable_unref(connection->io);
        (void)fd_close(connection->fd);
        g_free(connection);
}

/* Whoever has stopped waiting has decided by policy already, and closed its end. */
static bool is_waited_for(const HookConnection *connection) {
        struct pollfd item = { connection->fd, POLLRDHUP, 0 };

        return poll(&item, 1, 0) <= 0;
}

/* False if it came too late. */
static bool answer(HookConnection *connection, const char *word, const char *text) {
        char packet[HOOK_PACKET_MAX];
        int n = snprintf(packet, sizeof packet, "%s%s", word, text ? text : "");
        size_t size = n < 0 ? 0 : (size_t)n < sizeof packet ? (size_t)n : sizeof packet - 1;

        bool sent = send(connection->fd, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;

        connection_free(connection);
        return sent;
}

static void on_reconciled(Unit *unit, int result, const char *text, void *userdata) {
        HookConnection *connection = userdata;
        Daemon *daemon = connection->server->daemon;
        bool in_time;

        if (result == 0)
                in_time = answer(connection, HOOK_ANSWER_OK, NULL);
        else if (result > 0)
                in_time = answer(connection, HOOK_ANSWER_DEGRADED, text);
        else
                in_time = answer(connection, HOOK_ANSWER_REFUSED, text);
        if (in_time)
                return;
        log_warning("Start of '%s' did not wait for its programs, which came late", unit->name);
        if (result >= 0) /* one that is gone by now has nothing to be told of */
                (void)tracker_unit_set_covered_from_start(daemon->tracker, unit->name, false);
}

int hook_request_parse(const char *text, size_t size, HookRequest *ret) {
        size_t prefix = strlen(HOOK_REQUEST_PREFIX);
        _cleanup_free_ char *unit = NULL;
        HookRequest request = {};
        char *invocation;

        if (size <= prefix || memcmp(text, HOOK_REQUEST_PREFIX, prefix) != 0 ||
            memchr(text, 0, size))
                return -EBADMSG;
        unit = strndup(text + prefix, size - prefix);
        if (!unit)
                return -ENOMEM;
        invocation = strchr(unit, ' ');
        if (invocation) {
                *invocation++ = 0;
                if (strlen(invocation) != HOOK_INVOCATION_SIZE ||
                    strspn(invocation, HOOK_INVOCATION_DIGITS) != HOOK_INVOCATION_SIZE)
                        return -EBADMSG;
                memcpy(request.invocation_id, invocation, HOOK_INVOCATION_SIZE);
        }
        if (!unit_name_has_cgroup(unit))
                return -EBADMSG;
        request.unit = TAKE_PTR(unit);
        *ret = request;
        return 0;
}

void hook_request_done(HookRequest *request) {
        free(request->unit);
}

/* The unit of that name whose cgroup is the one given, or contains it. */
static Unit *unit_of_cgroup(Daemon *daemon, const char *name, const char *path) {
        Unit *unit;
        size_t n;

        /* its directory may be younger than the last event we read */
        (void)daemon->source->ops->look(daemon->source, path);
        unit = unit_table_find(daemon->units, name);
        if (!unit || !unit->present)
                return NULL;
        n = strlen(unit->cgroup);
        return strncmp(path, unit->cgroup, n) == 0 && (!path[n] || path[n] == '/') ? unit : NULL;
}

/* It waits for our answer, so its number is still its own; if it has gone nobody will read the answer. */
static int cgroup_of_peer(int fd, uint64_t *ret_id, char **ret_path) {
        struct ucred peer;
        int r = listen_peer(fd, &peer);

        return r < 0 ? r : cgroup_dir_of_process(peer.pid, ret_id, ret_path);
}

/* Who survived the last stop is in the cgroup still, and what the manager left at a cgroup may be older than the start
 * that is announced. */
static void announce(Daemon *daemon, Unit *unit, const HookRequest *request) {
        (void)unit_news_invocation(daemon, unit);
        if (request->invocation_id[0] && daemon->source->ops->invocation)
                (void)unit_set_invocation(unit, request->invocation_id);
        unit->hook_seen = true;
        unit->grace = sd_event_source_disable_unref(unit->grace);
}

/* It asked while we could not listen. The unit runs, unless its policy was to refuse the start. */
static void meet_late(Daemon *daemon, const HookRequest *request) {
        Unit *unit = unit_table_find(daemon->units, request->unit);

        log_warning("Start of '%s' did not wait for its programs, attaching late", request->unit);
        if (!unit || !unit->present)
                return;
        announce(daemon, unit, request);
        unit_mark(unit, APPLY_LATE, false);
}

static void handle_request(HookConnection *connection, const char *text, size_t size, int cgroup_fd) {
        Daemon *daemon = connection->server->daemon;
        _cleanup_(hook_request_done) HookRequest request = {};
        _cleanup_free_ char *path = NULL;
        const char *name;
        uint64_t id;
        Unit *unit;
        int r = hook_request_parse(text, size, &request);

        if (r < 0) {
                (void)answer(connection, HOOK_ANSWER_REFUSED, "the request is malformed");
                return;
        }
        name = request.unit;
        if (!is_waited_for(connection)) {
                meet_late(daemon, &request);
                connection_free(connection);
                return;
        }
        r = cgroup_fd < 0 ? cgroup_of_peer(connection->fd, &id, &path)
                          : cgroup_dir_of_fd(cgroup_fd, &id, &path);
        unit = r < 0 ? NULL : unit_of_cgroup(daemon, name, path);
        if (!unit) {
                g_autofree char *reason = g_strdup_printf(
                        "cgroup '%s' is not known as unit '%s'", path ? path : "(none)", name
                );

                log_error("Start of '%s': %s, refused", name, reason);
                (void)answer(connection, HOOK_ANSWER_REFUSED, reason);
                return;
        }
        announce(daemon, unit, &request);
        connection->waiting = true;
        (void)sd_event_source_set_enabled(connection->io, SD_EVENT_OFF);
        unit_add_waiter(unit, on_reconciled, connection);
        reconcile_mark_start(daemon, unit);
}

/* The first descriptor of the message; all others are closed. */
static int take_fd(struct msghdr *message) {
        int fd = -EBADF;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        int got;

                        memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
                        if (fd < 0)
                                fd = fd_above_stdio(got);
                        else
                                (void)fd_close(got);
                }
        }
        return fd;
}

static int on_connection(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        HookConnection *connection = userdata;
        char text[HOOK_PACKET_MAX];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control = {};
        struct iovec part = { text, sizeof text };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof control,
        };
        ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        _cleanup_close_ int cgroup_fd = -EBADF;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                connection_free(connection);
                return 0;
        }
        cgroup_fd = take_fd(&message);
        handle_request(connection, text, (size_t)n, cgroup_fd);
        return 0;
}

void hook_server_add_connection(HookServer *server, int fd) {
        HookConnection *connection;
        struct ucred peer;
        int r = listen_peer(fd, &peer);

        if (r < 0 || peer.uid != 0) {
                (void)fd_close(fd);
                return;
        }
        connection = g_new0(HookConnection, 1);
        connection->server = server;
        connection->fd = fd;
        g_hash_table_add(server->connections, connection);
        r = sd_event_add_io(
                server->daemon->event, &connection->io, fd, EPOLLIN, on_connection, connection
        );
        if (r < 0) {
                log_error("cannot serve a start: %s", strerror(-r));
                connection_free(connection);
                return;
        }
        (void)sd_event_source_set_priority(connection->io, PRIORITY_HOOK);
        (void)sd_event_source_set_description(connection->io, "hook-connection");
}

static int on_accept(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        HookServer *server = userdata;
        int connection;

        if (g_hash_table_size(server->connections) >= LIMIT_HOOK_CONNECTIONS) {
                /* the others wait in the queue of the socket until one is answered */
                (void)sd_event_source_set_enabled(io, SD_EVENT_OFF);
                return 0;
        }
        connection = fd_above_stdio(accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (connection >= 0)
                hook_server_add_connection(server, connection);
        return 0;
}

int hook_server_new(Daemon *daemon, int listen_fd, HookServer **ret, Diag *diag) {
        HookServer *server = g_new0(HookServer, 1);
        g_autofree char *path = daemon_runtime_path(daemon, HOOK_SOCKET);
        int r = 0;

        server->daemon = daemon;
        server->listen_fd = listen_fd;
        server->connections = g_hash_table_new(NULL, NULL);
        if (listen_fd < 0)
                r = listen_on(path, SOCK_SEQPACKET, 0600, &server->listen_fd, diag);
        if (r >= 0) {
                r = sd_event_add_io(
                        daemon->event, &server->io, server->listen_fd, EPOLLIN, on_accept, server
                );
                if (r < 0)
                        (void)diag_errno(diag, r, "cannot serve '%s'", path);
        }
        if (r < 0) {
                (void)hook_server_free(server);
                return r;
        }
        (void)sd_event_source_set_priority(server->io, PRIORITY_HOOK);
        (void)sd_event_source_set_description(server->io, "hook-listen");
        *ret = server;
        return 0;
}

HookServer *hook_server_free(HookServer *server) {
        GHashTableIter iter;
        void *connection;

        if (!server)
                return NULL;
        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL)) {
                HookConnection *c = connection;

                g_hash_table_iter_steal(&iter);
                (void)sd_event_source_disable_unref(c->io);
                (void)fd_close(c->fd);
                g_free(c);
        }
        g_hash_table_unref(server->connections);
        (void)sd_event_source_disable_unref(server->io);
        (void)fd_close(server->listen_fd);
        g_free(server);
        return NULL;
}

void hook_server_each_fd(
        const HookServer *server,
        void (*each)(int fd, const char *name, void *userdata),
        void *userdata
) {
        GHashTableIter iter;
        void *connection;

        each(server->listen_fd, "hook", userdata);
        g_hash_table_iter_init(&iter, server->connections);
        while (g_hash_table_iter_next(&iter, &connection, NULL)) {
                const HookConnection *c = connection;

                /* those that wait are answered before a re-exec goes on */
                if (!c->waiting)
                        each(c->fd, "hook-connection", userdata);
        }
}
