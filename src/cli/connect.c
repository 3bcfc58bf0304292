/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/connect.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/cli/screen.h"

#define BUS_NAME            "org.unitbpf1"
#define CALL_TIMEOUT_USEC   (25ULL * G_USEC_PER_SEC)
#define CONNECT_TIMEOUT_SEC 25

static void free_bus_ptr(sd_bus **bus) {
        sd_bus_flush_close_unref(*bus);
}

/* While others crowd the socket this waits in the queue; sd-bus itself would give up at once. */
static int socket_connect(const char *path) {
        _cleanup_close_ int fd = fd_above_stdio(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_SEC };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t size = strlen(path);

        if (fd < 0)
                return fd;
        if (size >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, size);
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int private_connect(const char *directory, sd_bus **ret) {
        g_autofree char *path = g_build_filename(directory, "bus", NULL);
        _cleanup_(free_bus_ptr) sd_bus *bus = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = sd_bus_new(&bus);

        if (r < 0)
                return r;
        r = fd = socket_connect(path);
        if (r < 0)
                return r;
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0)
                return r;
        (void)TAKE_FD(fd); /* the bus's from here on */
        (void)sd_bus_set_description(bus, "unitbpfd");
        r = sd_bus_set_bus_client(bus, false);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* The system bus, if unitbpfd is on it. */
static int system_connect(sd_bus **ret) {
        _cleanup_(free_bus_ptr) sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r >= 0)
                r = sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int local_connect(const Invocation *invocation, sd_bus **ret, const char **ret_destination) {
        bool root = geteuid() == 0;
        int r = -ENOENT;

        if (root || invocation->own_runtime_directory) {
                r = private_connect(invocation->runtime_directory, ret);
                if (r >= 0 || invocation->own_runtime_directory)
                        return r;
        }
        if (system_connect(ret) >= 0) {
                *ret_destination = BUS_NAME;
                return 0;
        }
        return root ? r : private_connect(invocation->runtime_directory, ret);
}

int connect_bus(const Invocation *invocation, sd_bus **ret, const char **ret_destination) {
        _cleanup_(free_bus_ptr) sd_bus *bus = NULL;
        const char *destination = NULL;
        int r;

        if (invocation->host || invocation->machine) {
                r = invocation->host ? sd_bus_open_system_remote(&bus, invocation->host)
                                     : sd_bus_open_system_machine(&bus, invocation->machine);
                if (r >= 0) /* also shows whether anybody is at the other end */
                        r = sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL);
                destination = BUS_NAME;
        } else {
                r = local_connect(invocation, &bus, &destination);
        }
        if (r >= 0)
                r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT_USEC);
        if (r >= 0)
                r = sd_bus_set_allow_interactive_authorization(bus, true);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        *ret_destination = destination;
        return 0;
}

static void report_remote(const Invocation *invocation, int error) {
        const char *kind = invocation->host ? "host" : "machine";
        const char *name = invocation->host ? invocation->host : invocation->machine;

        if (error == -ENXIO || error == -ESRCH) {
                screen_error(
                        "Failed to connect to %s '%s': unitbpfd is not running there.", kind, name
                );
                return;
        }
        screen_error("Failed to connect to %s '%s': %s.", kind, name, strerror(-error));
        if (invocation->host)
                screen_hint("'ssh %s systemd-stdio-bridge' must work.", name);
        else
                screen_hint("'machinectl list' shows the machines that run; it needs root.");
}

void connect_report(const Invocation *invocation, int error) {
        const char *directory = invocation->runtime_directory;

        if (invocation->host || invocation->machine) {
                report_remote(invocation, error);
                return;
        }
        switch (-error) {
        case ENOENT:
        case ECONNREFUSED:
                screen_error("Failed to connect to %s/bus: unitbpfd is not running.", directory);
                if (access("/run/systemd/system", F_OK) == 0)
                        screen_hint("'systemctl start unitbpfd.service' starts it.");
                else
                        screen_hint("'unitbpfd' as root starts it; another one is reached with "
                                    "--runtime-dir=DIR.");
                break;
        case EACCES:
        case EPERM:
                screen_error("Failed to connect to %s/bus: %s.", directory, strerror(-error));
                screen_hint("try it as root, for example with sudo.");
                break;
        case ECONNRESET:
        case EPIPE:
        case ENOTCONN:
                screen_error(
                        "Failed to connect to %s/bus: unitbpfd closed the connection.", directory
                );
                screen_hint("it allows a limited number of connections for each user.");
                break;
        default:
                screen_error("Failed to connect to %s/bus: %s.", directory, strerror(-error));
        }
}
