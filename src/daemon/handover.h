/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text handed over at a re-exec: the tracker's state text, plus a line for each of the daemon's own descriptors
 *
 *         socket=FD NAME
 *
 * that is passed beside it. Joined and taken apart again as text, so that neither side need know the other's keys. */

#include <stddef.h>

#include <glib.h>

#include "src/base/diag.h"

/* What a binary says that takes a state over; an exit status of 0 is said by many that are no unitbpfd. */
#define HANDOVER_ACCEPTED "unitbpfd takes the state over"

typedef struct HandoverSocket {
        int fd;
        char name[32];
} HandoverSocket;

/* The tracker's finished text with the lines put in before its end=N, which counts them. *ret is the caller's
 * (free()). -EBADMSG if the text does not end in end=N. */
int handover_join(
        const char *state,
        size_t size,
        const HandoverSocket *sockets,
        size_t n,
        char **ret,
        size_t *ret_size
);

/* The way back: the tracker's part as it was, and the sockets (an array of HandoverSocket, the caller's). Lines
 * with a bad number or name are -EBADMSG; nothing is said about whether the descriptors are open. */
int handover_split(
        const char *text,
        size_t size,
        char **ret_state,
        size_t *ret_size,
        GArray **ret_sockets,
        Diag *diag
);

/* Reads the whole text as a new binary would: 0 if this binary can take it over; otherwise an errno and why:
 * -EPROTONOSUPPORT for another version, -EBADMSG for a malformed or incomplete text. */
int handover_check(const char *text, size_t size, Diag *diag);
