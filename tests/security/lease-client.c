/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A holder of a lease: attaches a pinned program to a cgroup through the bus, prints the id, and then does what it
 * reads from its standard input:
 *
 *   close       closes the lease and stays
 *   hand        passes the lease over a socket to a child that stays, and exits; prints the child's pid
 *   exit        ends */

#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <systemd/sd-bus.h>

#include "src/base/fd.h"

static int open_pin(const char *path) {
        union bpf_attr attributes = { .pathname = (uint64_t)(uintptr_t)path };

        return (int)syscall(SYS_bpf, BPF_OBJ_GET, &attributes, sizeof attributes);
}

static int connect_bus(const char *socket_path, sd_bus **ret) {
        char address[256];
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        (void)snprintf(address, sizeof address, "unix:path=%s", socket_path);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, 1);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                *ret = bus;
        return r;
}

static int attach(sd_bus *bus, int program, int cgroup, const char *hook, char **options) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *call = NULL, *reply = NULL;
        uint64_t id = 0;
        int lease = -1;
        int r = sd_bus_message_new_method_call(
                bus, &call, "org.unitbpf1", "/org/unitbpf1", "org.unitbpf1.Manager", "AttachProgram"
        );

        if (r >= 0)
                r = sd_bus_message_append(call, "hhs", program, cgroup, hook);
        if (r >= 0)
                r = sd_bus_message_append_strv(call, options);
        if (r >= 0)
                r = sd_bus_call(bus, call, 0, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "th", &id, &lease);
        if (r < 0)
                (void)printf("error %s\n", error.message ? error.message : strerror(-r));
        else {
                r = fd_duplicate(lease);
                (void)printf("id %" PRIu64 "\n", id);
        }
        (void)fflush(stdout);
        (void)sd_bus_message_unref(reply);
        (void)sd_bus_message_unref(call);
        sd_bus_error_free(&error);
        return r;
}

static int send_fd(int to, int fd) {
        char byte = 0;
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec part = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof control,
        };

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        return sendmsg(to, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Receives and keeps whatever comes until somebody kills it. */
static _Noreturn void keep(int from) {
        char byte, space[CMSG_SPACE(sizeof(int))];
        struct iovec part = { &byte, 1 };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = space,
                .msg_controllen = sizeof space,
        };

        if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) < 1)
                _exit(EXIT_FAILURE);
        (void)printf("kept %d\n", (int)getpid());
        (void)fflush(stdout);
        for (;;)
                (void)pause(); /* ends by a signal only */
}

static int hand_over(int lease) {
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return EXIT_FAILURE;
        if (fork() == 0) {
                (void)close(lease); /* the copy of the fork is not the one to be shown */
                (void)close(pair[0]);
                keep(pair[1]);
        }
        return send_fd(pair[0], lease) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        char line[64];
        sd_bus *bus = NULL;
        int program, cgroup, lease;

        if (argc < 5) {
                (void)fputs("usage: lease-client BUS PIN CGROUP HOOK [OPTION...]\n", stderr);
                return 2;
        }
        program = open_pin(argv[2]);
        cgroup = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (program < 0 || cgroup < 0 || connect_bus(argv[1], &bus) < 0) {
                perror("lease-client");
                return EXIT_FAILURE;
        }
        lease = attach(bus, program, cgroup, argv[4], argv + 5);
        (void)sd_bus_close_unref(bus);
        if (lease < 0)
                return EXIT_FAILURE;
        (void)close(program);
        (void)close(cgroup);
        while (fgets(line, sizeof line, stdin)) {
                if (strcmp(line, "close\n") == 0)
                        (void)close(lease);
                else if (strcmp(line, "hand\n") == 0)
                        return hand_over(lease);
                else
                        break;
        }
        return EXIT_SUCCESS;
}
