/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages to the service manager (sd_notify(3)), without ever waiting for it: while it reads unit files its socket
 * may be full, and it may be waiting for us at the same time. What does not go out at once is kept, in order, and
 * sent as soon as there is room. */

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

typedef struct Notify Notify;

/* address is that of NOTIFY_SOCKET; NULL: nobody listens, and all messages are dropped without a word. */
int notify_new(sd_event *event, const char *address, Notify **ret);

/* Sends what there is room for, drops the rest. NULL is allowed. */
Notify *notify_free(Notify *notify);

/* Whether anybody listens. */
bool notify_is_heard(const Notify *notify);

/* text: assignments, a line each. One that begins with STATUS= takes the place of an earlier one not sent yet. */
void notify_send(Notify *notify, const char *text);

/* The manager is to keep a copy of fd (the caller's) under a name of at most 255 printable characters without ':'. */
void notify_store(Notify *notify, const char *name, int fd);

/* It is to close all it keeps under the name. */
void notify_unstore(Notify *notify, const char *name);

/* Messages not sent yet. */
unsigned notify_n_pending(const Notify *notify);

/* Says at intervals that we are alive; 0: nobody wants to hear it. */
int notify_start_watchdog(Notify *notify, uint64_t usec);
