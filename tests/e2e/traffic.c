/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sends datagrams to itself over loopback as fast as it can, in both directions between two sockets, and knows how
 * many: never more are on the way than fit into the receiver's buffer, so each that was sent arrives, unless
 * somebody takes it. A line on standard input makes it stop where nothing is on the way, and say
 * "SENT RECEIVED MICROSECONDS" on standard output; the next line makes it go on. At the end of input it exits with 0.
 */

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"

#define BURST        32
#define ROUNDS       16 /* between two looks at standard input */
#define RECEIVE_USEC 500000

static uint64_t sent, received;

static void __attribute__((__noreturn__)) fail(const char *what) {
        perror(what);
        exit(EXIT_FAILURE);
}

static int open_socket(struct sockaddr_in *ret_address) {
        const struct timeval patience = { .tv_usec = RECEIVE_USEC };
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
            getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
                fail("socket");
        *ret_address = address;
        return fd;
}

static void burst(int from, int to) {
        static char buffers[BURST][16];
        struct iovec parts[BURST];
        struct mmsghdr messages[BURST] = {};
        int n;

        for (int i = 0; i < BURST; i++) {
                parts[i] = (struct iovec){ buffers[i], sizeof buffers[i] };
                messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
        }
        n = sendmmsg(from, messages, BURST, 0);
        if (n < 0)
                fail("sendmmsg");
        sent += (uint64_t)n;
        while (n > 0) {
                int m = recvmmsg(to, messages, (unsigned)n, 0, NULL);

                if (m < 0 && errno == EAGAIN)
                        return; /* taken by somebody: the sums will tell */
                if (m < 0)
                        fail("recvmmsg");
                received += (uint64_t)m;
                n -= m;
        }
}

static int64_t now_usec(void) {
        struct timespec now;

        if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
                fail("clock_gettime");
        return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* Whether to go on; waits for a line. */
static int take_line(void) {
        char c;
        ssize_t n;

        do
                n = read(STDIN_FILENO, &c, 1);
        while (n == 1 && c != '\n');
        return n == 1;
}

static int asked(void) {
        struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

        return poll(&input, 1, 0) > 0;
}

int main(void) {
        struct sockaddr_in addresses[2];
        int fds[2] = { open_socket(&addresses[0]), open_socket(&addresses[1]) };
        int64_t begin;

        for (size_t i = 0; i < ELEMENTS(fds); i++)
                if (connect(fds[i], (struct sockaddr *)&addresses[1 - i], sizeof addresses[0]) < 0)
                        fail("connect");
        setvbuf(stdout, NULL, _IOLBF, 0);
        begin = now_usec();
        for (;;) {
                for (int i = 0; i < ROUNDS && !asked(); i++) {
                        burst(fds[0], fds[1]);
                        burst(fds[1], fds[0]);
                }
                if (!asked())
                        continue;
                if (!take_line())
                        return EXIT_SUCCESS;
                (void
                )printf("%llu %llu %lld\n", (unsigned long long)sent, (unsigned long long)received,
                        (long long)(now_usec() - begin));
                if (!take_line())
                        return EXIT_SUCCESS;
        }
}
