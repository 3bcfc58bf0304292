/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* unitbpf-hook: runs as the first command of a unit's start, in the unit's cgroup, and lets the start go on when
 * the daemon says that the unit's programs are in force. It asks once. If the daemon is not there, does not answer in
 * time or answers nonsense, the policy alone decides: "required" refuses the start (exit 255), the others let it
 * go on and say so. */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/hook-protocol.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/hook/own-cgroup.h"

#define EXIT_REFUSED    255 /* what makes an ExecCondition= a failure, not a skip */
#define EXIT_USAGE      2
#define TIMEOUT_SEC_MAX 3600U

typedef struct HookArguments {
        const char *socket;
        const char *unit;
        uint32_t timeout_sec;
        bool required;
} HookArguments;

static const char usage[] =
        "unitbpf-hook [--socket=PATH] [--timeout=SEC] [--policy=required|wanted|optional] UNIT\n"
        "\n"
        "Waits until the BPF programs of UNIT, in whose cgroup it runs, are in force.\n"
        "Exit status: 0 the unit may start, 255 it must not, 2 usage.\n";

static int parse_policy(const char *word, bool *ret_required) {
        if (strcmp(word, "required") == 0)
                *ret_required = true;
        else if (strcmp(word, "wanted") == 0 || strcmp(word, "optional") == 0)
                *ret_required = false;
        else
                return -EINVAL;
        return 0;
}

/* 0, or the exit status + 1 to end with. */
static int parse_arguments(int argc, char **argv, HookArguments *ret) {
        static const struct option options[] = {
                { "socket", required_argument, NULL, 's' },
                { "timeout", required_argument, NULL, 't' },
                { "policy", required_argument, NULL, 'p' },
                { "help", no_argument, NULL, 'h' },
                {},
        };
        HookArguments arguments = {
                .socket = "/run/unitbpf/" HOOK_SOCKET,
                .timeout_sec = LIMIT_ATTACH_TIMEOUT_SEC,
                .required = true,
        };
        int c, r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                if (c == 's')
                        arguments.socket = optarg;
                else if (c == 't')
                        r = text_to_u32(optarg, &arguments.timeout_sec);
                else if (c == 'p')
                        r = parse_policy(optarg, &arguments.required);
                else if (c == 'h') {
                        (void)fputs(usage, stdout); /* nobody to tell if stdout is gone */
                        return 1;
                } else
                        r = -EINVAL;
        }
        if (r < 0 || optind + 1 != argc || arguments.timeout_sec == 0 ||
            arguments.timeout_sec > TIMEOUT_SEC_MAX) {
                (void)fputs(usage, stderr);
                return EXIT_USAGE + 1;
        }
        arguments.unit = argv[optind];
        *ret = arguments;
        return 0;
}

static int64_t now_ms(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 when ready, -ETIMEDOUT when the time is up. */
static int wait_for(int fd, short events, int64_t deadline) {
        for (;;) {
                struct pollfd item = { fd, events, 0 };
                int64_t left = deadline - now_ms();
                int r = poll(&item, 1, left > 0 ? (int)left : 0);

                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}

/* A full queue of the socket makes connect() answer EAGAIN at once, without anything to poll for. */
static int connect_before(int fd, const char *path, int64_t deadline) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t size = strlen(path);

        if (size >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, size);
        while (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
                static const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (now_ms() >= deadline)
                        return -ETIMEDOUT;
                (void)nanosleep(&pause, NULL); /* cut short is fine too */
        }
        return 0;
}

/* What the service manager calls this start: " " and its id, or nothing if it does not say. */
static void invocation_word(char ret[static HOOK_INVOCATION_SIZE + 2]) {
        const char *id = getenv("INVOCATION_ID");

        ret[0] = 0;
        if (id && strlen(id) == HOOK_INVOCATION_SIZE &&
            strspn(id, HOOK_INVOCATION_DIGITS) == HOOK_INVOCATION_SIZE)
                (void)snprintf(ret, HOOK_INVOCATION_SIZE + 2, " %s", id); /* fits */
}

static int send_request(int fd, const char *unit, int cgroup_fd) {
        char text[HOOK_PACKET_MAX];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        char invocation[HOOK_INVOCATION_SIZE + 2];
        struct iovec part = { .iov_base = text };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
        };
        int n;

        invocation_word(invocation);
        n = snprintf(text, sizeof text, "%s%s%s", HOOK_REQUEST_PREFIX, unit, invocation);
        if (n < 0 || (size_t)n >= sizeof text)
                return -ENAMETOOLONG;
        part.iov_len = (size_t)n;
        if (cgroup_fd >= 0) {
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(&control.header), &cgroup_fd, sizeof cgroup_fd);
                message.msg_control = &control;
                message.msg_controllen = sizeof control;
        }
        return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Asks the daemon: 0 and its answer, NUL at the end. In a root directory of its own a unit may see neither /proc nor
 * cgroups; then the daemon looks where the process it talks to is. */
static int ask(const HookArguments *arguments, char *answer, size_t size) {
        _cleanup_close_ int cgroup_fd = own_cgroup_open();
        _cleanup_close_ int fd = -EBADF;
        int64_t deadline = now_ms() + (int64_t)arguments->timeout_sec * 1000;
        ssize_t n;
        int r;

        fd = fd_above_stdio(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (fd < 0)
                return fd;
        r = connect_before(fd, arguments->socket, deadline);
        if (r >= 0)
                r = send_request(fd, arguments->unit, cgroup_fd);
        if (r >= 0)
                r = wait_for(fd, POLLIN, deadline);
        if (r < 0)
                return r;
        n = recv(fd, answer, size - 1, 0);
        if (n < 0)
                return -errno;
        answer[n] = 0;
        return n == 0 ? -ECONNRESET : 0;
}

static int decide_alone(const HookArguments *arguments, const char *reason) {
        (void)fprintf(
                stderr, "unitbpf-hook: no answer for '%s': %s, %s\n", arguments->unit, reason,
                arguments->required ? "start refused" : "starting without its BPF programs"
        );
        return arguments->required ? EXIT_REFUSED : 0;
}

int main(int argc, char **argv) {
        HookArguments arguments;
        char answer[HOOK_PACKET_MAX];
        const char *text;
        int r = parse_arguments(argc, argv, &arguments);

        if (r > 0)
                return r - 1;
        r = ask(&arguments, answer, sizeof answer);
        if (r < 0)
                return decide_alone(&arguments, strerror(-r));
        if (strcmp(answer, HOOK_ANSWER_OK) == 0)
                return 0;
        text = text_after_prefix(answer, HOOK_ANSWER_DEGRADED);
        if (text) {
                (void)fprintf(stderr, "unitbpf-hook: '%s': %s\n", arguments.unit, text);
                return 0;
        }
        text = text_after_prefix(answer, HOOK_ANSWER_REFUSED);
        if (!text)
                return decide_alone(&arguments, "the daemon's answer makes no sense");
        (void)fprintf(stderr, "unitbpf-hook: '%s' refused: %s\n", arguments.unit, text);
        return EXIT_REFUSED;
}
