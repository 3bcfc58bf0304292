/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The programs we ship, attached for real: their effect is read from system calls of a process in the cgroup. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/map.h"
#include "bpf/program.h"
#include "src/base/fd.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/load/load-host.h"
#include "tests/unit/check-main.h"

typedef struct Address {
        struct sockaddr_storage storage;
        socklen_t size;
} Address;

static Address address4(const char *text, uint16_t port) {
        Address address = { .size = sizeof(struct sockaddr_in) };
        struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;

        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        ck_assert_int_eq(inet_pton(AF_INET, text, &in->sin_addr), 1);
        return address;
}

static Address address6(const char *text, uint16_t port) {
        Address address = { .size = sizeof(struct sockaddr_in6) };
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)&address.storage;

        in->sin6_family = AF_INET6;
        in->sin6_port = htons(port);
        ck_assert_int_eq(inet_pton(AF_INET6, text, &in->sin6_addr), 1);
        return address;
}

/* A socket of this process, so outside of the cgroup, on a port the kernel chooses; the address is completed. */
static int serve(Address *address, int type) {
        int fd = socket(address->storage.ss_family, type | SOCK_CLOEXEC, 0);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(bind(fd, (struct sockaddr *)&address->storage, address->size), 0);
        ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address->storage, &address->size), 0);
        if (type == SOCK_STREAM)
                ck_assert_int_eq(listen(fd, 16), 0);
        return fd;
}

static int open_socket(const Address *address, int type) {
        return socket(address->storage.ss_family, type | SOCK_CLOEXEC, 0);
}

/* These run inside; they answer 0 or the errno. */
static int try_connect(void *userdata) {
        const Address *address = userdata;
        int fd = open_socket(address, SOCK_STREAM);

        return connect(fd, (const struct sockaddr *)&address->storage, address->size) < 0 ? errno
                                                                                          : 0;
}

static int try_send(void *userdata) {
        const Address *address = userdata;
        int fd = open_socket(address, SOCK_DGRAM);

        return sendto(fd, "x", 1, 0, (const struct sockaddr *)&address->storage, address->size) < 0
                       ? errno
                       : 0;
}

static int try_bind(void *userdata) {
        const Address *address = userdata;
        int fd = open_socket(address, SOCK_STREAM), on = 1;

        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        return bind(fd, (const struct sockaddr *)&address->storage, address->size) < 0 ? errno : 0;
}

static int try_open(void *userdata) {
        return open(userdata, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

/* Attaches what was loaded; links is filled. */
static void attach_all(const LoadCase *loaded, const int *fds, int *links) {
        for (size_t i = 0; i < LOAD_MAX && loaded->wishes[i].program; i++) {
                ck_assert_int_eq(
                        program_fits(fds[i], hook_info(loaded->wishes[i].hook)->attach_type), 0
                );
                links[i] = load_host_attach(fds[i], loaded->wishes[i].hook);
        }
}

static void end_all(int *fds, int *links, size_t n) {
        for (size_t i = 0; i < n; i++)
                links[i] = fd_close(links[i]);
        load_host_close(fds, n);
        kernel_host_end();
}

#define N_OUT     5
#define N_BACK    3
#define SIZE_OUT  100
#define SIZE_BACK 50
#define HEADERS   28 /* of IPv4 and UDP */

typedef struct Talk {
        Address server;
        int server_fd;
} Talk;

static int talk(void *userdata) {
        static const char data[SIZE_OUT];
        Talk *self = userdata;
        int fd = open_socket(&self->server, SOCK_DGRAM);
        Address client = { .size = sizeof client.storage };
        char buffer[SIZE_OUT];

        if (connect(fd, (struct sockaddr *)&self->server.storage, self->server.size) < 0)
                return errno;
        for (int i = 0; i < N_OUT; i++)
                if (send(fd, data, SIZE_OUT, 0) != SIZE_OUT)
                        return errno;
        if (getsockname(fd, (struct sockaddr *)&client.storage, &client.size) < 0)
                return errno;
        /* The answers come from a socket that was made outside. */
        for (int i = 0; i < N_BACK; i++) {
                if (sendto(self->server_fd, data, SIZE_BACK, 0, (struct sockaddr *)&client.storage,
                           client.size) != SIZE_BACK)
                        return errno;
                if (recv(fd, buffer, sizeof buffer, 0) != SIZE_BACK)
                        return errno;
        }
        return 0;
}

START_TEST(test_count_counts_every_packet_and_byte)
{
        const LoadCase wanted = {
                .object = "count.bpf.o",
                .wishes = { { "count_ingress", HOOK_INGRESS }, { "count_egress", HOOK_EGRESS } },
        };
        Talk conversation = { .server = address4("127.0.0.1", 0) };
        uint64_t in[2], out[2];
        uint32_t direction = 0;
        int fds[LOAD_MAX], links[LOAD_MAX], map;

        conversation.server_fd = serve(&conversation.server, SOCK_DGRAM);
        load_host_load(&wanted, fds);
        attach_all(&wanted, fds, links);
        ck_assert_int_eq(load_host_inside(talk, &conversation), 0);

        map = load_host_map(fds[0], "traffic");
        ck_assert_int_eq(map_lookup(map, &direction, in), 0);
        direction = 1;
        ck_assert_int_eq(map_lookup(map, &direction, out), 0);
        ck_assert_uint_eq(in[0], N_BACK);
        ck_assert_uint_eq(in[1], N_BACK * (SIZE_BACK + HEADERS));
        ck_assert_uint_eq(out[0], N_OUT);
        ck_assert_uint_eq(out[1], N_OUT * (SIZE_OUT + HEADERS));
        (void)fd_close(map);
        (void)fd_close(conversation.server_fd);
        end_all(fds, links, 2);
}
END_TEST

static void add_denied(int prog_fd, const char *map_name, const void *key) {
        _cleanup_close_ int map = load_host_map(prog_fd, map_name);

        ck_assert_int_eq(map_update(map, key, "", 0), 0);
}

START_TEST(test_connect_deny_refuses_by_variable_and_by_list)
{
        const LoadCase wanted = {
                .object = "connect-deny.bpf.o",
                .wishes = { { "deny_connect4", HOOK_CONNECT4 },
                            { "deny_connect6", HOOK_CONNECT6 },
                            { "deny_sendmsg4", HOOK_SENDMSG4 },
                            { "deny_sendmsg6", HOOK_SENDMSG6 } },
                .variables = { { .name = "deny4", .value = "0x7f000200" },
                               { .name = "deny4_prefix", .value = "24" } },
        };
        Address denied = address4("127.0.2.77", 0), other = address4("127.0.3.1", 0);
        Address six = address6("::1", 0), mapped;
        const uint8_t listed4[] = { 24, 0, 0, 0, 127, 0, 3, 0 };
        uint8_t listed6[20] = { 128, [19] = 1 };
        int servers[3], fds[LOAD_MAX], links[LOAD_MAX], map;
        uint64_t refused;

        servers[0] = serve(&denied, SOCK_STREAM);
        servers[1] = serve(&other, SOCK_STREAM);
        servers[2] = serve(&six, SOCK_STREAM);
        mapped = address6(
                "::ffff:127.0.2.77", ntohs(((struct sockaddr_in *)&denied.storage)->sin_port)
        );
        ck_assert_int_eq(load_host_inside(try_connect, &denied), 0);
        ck_assert_int_eq(load_host_inside(try_connect, &mapped), 0);

        load_host_load(&wanted, fds);
        attach_all(&wanted, fds, links);
        ck_assert_int_eq(load_host_inside(try_connect, &denied), EPERM);
        ck_assert_int_eq(load_host_inside(try_connect, &mapped), EPERM);
        ck_assert_int_eq(load_host_inside(try_send, &denied), EPERM);
        ck_assert_int_eq(load_host_inside(try_send, &mapped), EPERM);
        ck_assert_int_eq(load_host_inside(try_connect, &other), 0);
        ck_assert_int_eq(load_host_inside(try_send, &other), 0);
        ck_assert_int_eq(load_host_inside(try_connect, &six), 0);

        add_denied(fds[0], "denied4", listed4);
        add_denied(fds[1], "denied6", listed6);
        ck_assert_int_eq(load_host_inside(try_connect, &other), EPERM);
        ck_assert_int_eq(load_host_inside(try_connect, &six), EPERM);
        ck_assert_int_eq(load_host_inside(try_send, &six), EPERM);

        map = load_host_map(fds[0], "refused");
        ck_assert_int_eq(map_lookup(map, &(uint32_t){ 0 }, &refused), 0);
        ck_assert_uint_eq(refused, 5);
        ck_assert_int_eq(map_lookup(map, &(uint32_t){ 1 }, &refused), 0);
        ck_assert_uint_eq(refused, 2);
        (void)fd_close(map);
        for (size_t i = 0; i < ELEMENTS(servers); i++)
                (void)fd_close(servers[i]);
        end_all(fds, links, 4);
}
END_TEST

START_TEST(test_bind_ports_keeps_to_the_range)
{
        const LoadCase wanted = {
                .object = "bind-ports.bpf.o",
                .wishes = { { "bind_ports4", HOOK_BIND4 }, { "bind_ports6", HOOK_BIND6 } },
                .variables = { { .name = "port_min", .value = "20811" },
                               { .name = "port_max", .value = "20812" },
                               { .name = "allow_any", .value = "false" } },
        };
        static const struct {
                uint16_t port;
                int result;
        } rows[] = { { 20810, EPERM }, { 20811, 0 }, { 20812, 0 }, { 20813, EPERM }, { 0, EPERM } };
        int fds[LOAD_MAX], links[LOAD_MAX];

        load_host_load(&wanted, fds);
        attach_all(&wanted, fds, links);
        for (size_t i = 0; i < ELEMENTS(rows); i++) {
                Address four = address4("127.0.0.1", rows[i].port);
                Address six = address6("::1", rows[i].port);

                ck_assert_int_eq(load_host_inside(try_bind, &four), rows[i].result);
                ck_assert_int_eq(load_host_inside(try_bind, &six), rows[i].result);
        }
        end_all(fds, links, 2);
}
END_TEST

START_TEST(test_device_log_counts_and_refuses_one_device)
{
        const LoadCase wanted = {
                .object = "device-log.bpf.o",
                .wishes = { { "device_log", HOOK_DEVICE } },
                .variables = { { .name = "deny_major", .value = "1" },
                               { .name = "deny_minor", .value = "7" } },
        };
        const uint32_t full[] = { 2, 1, 7, 2 }, null[] = { 2, 1, 3, 2 }; /* type, number, read */
        uint64_t uses[2];
        int fds[LOAD_MAX], links[LOAD_MAX], map;

        load_host_load(&wanted, fds);
        attach_all(&wanted, fds, links);
        ck_assert_int_eq(load_host_inside(try_open, (void *)"/dev/full"), EPERM);
        ck_assert_int_eq(load_host_inside(try_open, (void *)"/dev/full"), EPERM);
        ck_assert_int_eq(load_host_inside(try_open, (void *)"/dev/null"), 0);
        map = load_host_map(fds[0], "devices");
        ck_assert_int_eq(map_lookup(map, full, uses), 0);
        ck_assert_uint_eq(uses[0], 0);
        ck_assert_uint_eq(uses[1], 2);
        ck_assert_int_eq(map_lookup(map, null, uses), 0);
        ck_assert_uint_eq(uses[0], 1);
        ck_assert_uint_eq(uses[1], 0);
        (void)fd_close(map);
        end_all(fds, links, 1);
}
END_TEST

/* A bit for each thing that is as it should be. */
static int look_at_socket(void *userdata) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), mark = 0, priority = 0, result = 0;
        socklen_t size = sizeof mark;

        if (getsockopt(fd, SOL_SOCKET, SO_MARK, &mark, &size) == 0 && mark == 42)
                result |= 1;
        if (getsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, &size) == 0 && priority == 6)
                result |= 2;
        mark = 1;
        if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, size) < 0 && errno == EPERM)
                result |= 4;
        priority = 3;
        if (setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, size) == 0)
                result |= 8;
        return result;
}

START_TEST(test_sockopt_default_marks_sockets_and_keeps_the_mark)
{
        const LoadCase wanted = {
                .object = "sockopt-default.bpf.o",
                .wishes = { { "sockopt_default", HOOK_SOCK_CREATE },
                            { "sockopt_keep", HOOK_SETSOCKOPT } },
                .variables = { { .name = "mark", .value = "42" },
                               { .name = "priority", .value = "6" } },
        };
        int fds[LOAD_MAX], links[LOAD_MAX];

        ck_assert_int_eq(load_host_inside(look_at_socket, NULL), 8);
        load_host_load(&wanted, fds);
        attach_all(&wanted, fds, links);
        ck_assert_int_eq(load_host_inside(look_at_socket, NULL), 15);
        end_all(fds, links, 2);
}
END_TEST

int main(void) {
        const TTest *const tests[] = {
                test_count_counts_every_packet_and_byte,
                test_connect_deny_refuses_by_variable_and_by_list,
                test_bind_ports_keeps_to_the_range,
                test_device_log_counts_and_refuses_one_device,
                test_sockopt_default_marks_sockets_and_keeps_the_mark,
        };

        kernel_host_require();
        return check_main("integration/load/progs", tests, ELEMENTS(tests), 60);
}
