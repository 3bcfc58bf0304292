/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Leases: an attachment that lives as long as somebody holds a descriptor. It is the write end of the FIFO
 * RUNTIME/lease/ID; we hold the read end, and its hang-up says that the last copy of the write end is closed. Over a
 * restart the FIFO stays: who opens it again and reads end-of-file knows that nobody holds it any more. */

#include <stdbool.h>

#include "src/daemon/daemon.h"

int lease_table_new(Daemon *daemon, LeaseTable **ret, Diag *diag);
LeaseTable *lease_table_free(LeaseTable *table); /* the FIFOs stay, for the next process */

/* Makes the lease of an attachment. *ret_fd is the write end, the caller's. */
int lease_make(LeaseTable *table, uint64_t id, int *ret_fd, Diag *diag);

/* After a restart: takes up the lease of every attachment that has one; where nobody holds it any more, or there is
 * no FIFO (a crash before it was handed out), the attachment is detached. FIFOs without attachment are removed. */
void lease_restore(LeaseTable *table);

/* The attachment is gone by other means. */
void lease_forget(LeaseTable *table, uint64_t id);

size_t lease_count(const LeaseTable *table);

typedef enum LeaseHeld {
        LEASE_LOST, /* no write end is open */
        LEASE_HELD,
} LeaseHeld;

/* Opens the read end and finds out: LEASE_*, and the descriptor (the caller's) in both cases; negative errno if the
 * FIFO cannot be opened or is none. */
int lease_open(const char *path, int *ret_fd);
