/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Makes sockets of IPv4 and IPv6 all the time and keeps the account of what was let through in a file that others
 * read while it runs: for each of both, five numbers of 64 bits (struct account). Its first act is such a try of each.
 *
 *   probe FILE
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/cleanup.h"

struct account {
        uint64_t refused;
        uint64_t let_through;
        uint64_t windows; /* from a refusal, or the begin, to the next refusal */
        uint64_t open_nsec; /* of all windows that have ended */
        uint64_t longest_nsec; /* of these */
};

static const int families[] = { AF_INET, AF_INET6 };

static uint64_t now_nsec(void) {
        struct timespec now;

        if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
                exit(EXIT_FAILURE);
        return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int is_let_through(int family) {
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd >= 0)
                return close(fd) == 0;
        if (errno != EPERM)
                exit(EXIT_FAILURE);
        return 0;
}

/* *since is when the window began that is open now, 0 if none is. */
static void try_once(struct account *account, uint64_t *since, int let_through) {
        if (let_through) {
                account->let_through++;
                if (*since == 0) {
                        *since = now_nsec();
                        account->windows++;
                }
                return;
        }
        account->refused++;
        if (*since > 0) {
                uint64_t length = now_nsec() - *since;

                account->open_nsec += length;
                if (length > account->longest_nsec)
                        account->longest_nsec = length;
                *since = 0;
        }
}

static volatile struct account *account_map(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        void *accounts;

        if (fd < 0 || ftruncate(fd, sizeof(struct account[ELEMENTS(families)])) < 0)
                return NULL;
        accounts = mmap(
                NULL, sizeof(struct account[ELEMENTS(families)]), PROT_READ | PROT_WRITE,
                MAP_SHARED, fd, 0
        );
        return accounts == MAP_FAILED ? NULL : accounts;
}

int main(int argc, char *argv[]) {
        struct account accounts[ELEMENTS(families)] = {};
        uint64_t since[ELEMENTS(families)] = {};
        volatile struct account *shown;

        for (size_t i = 0; i < ELEMENTS(families); i++)
                try_once(&accounts[i], &since[i], is_let_through(families[i]));
        shown = argc == 2 ? account_map(argv[1]) : NULL;
        if (!shown) {
                (void)fputs("usage: probe FILE\n", stderr);
                return EXIT_FAILURE;
        }
        for (;;)
                for (size_t i = 0; i < ELEMENTS(families); i++) {
                        shown[i] = accounts[i];
                        try_once(&accounts[i], &since[i], is_let_through(families[i]));
                }
}
