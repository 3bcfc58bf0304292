/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why we are to end: a restart and a stop begin with the same signal, and only the service manager knows which of
 * them it is. It is asked for its jobs, without waiting for it in vain. */

#include <stdbool.h>

#include <systemd/sd-event.h>

typedef struct StopJob StopJob;

/* stop: the manager has a stop job for our own unit; false also for whatever could not be learned. Called once. */
typedef void (*StopJobDone)(void *userdata, bool stop);

/* Whether the service manager has started this very process. */
bool stop_job_is_service(void);

/* Asks at the manager's own socket. Negative: it cannot be asked, and done will not be called. */
int stop_job_ask(
        sd_event *event,
        const char *socket,
        StopJobDone done,
        void *userdata,
        StopJob **ret
);
StopJob *stop_job_free(StopJob *job); /* NULL is allowed */
