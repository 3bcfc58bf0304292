/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Signals: noted inside the tracker, sent from the event loop, each thing once however often it changed since. */

#include "src/daemon/daemon.h"

typedef struct SignalQueue SignalQueue;

int signal_queue_new(Daemon *daemon, SignalQueue **ret);
SignalQueue *signal_queue_free(SignalQueue *queue);

void signal_queue_attachment(
        SignalQueue *queue,
        TrackerEventKind kind,
        const AttachmentView *attachment
);
void signal_queue_unit(SignalQueue *queue, const char *unit);
