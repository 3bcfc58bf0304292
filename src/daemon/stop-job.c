/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/stop-job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <systemd/sd-bus.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/text.h"

#define ANSWER_USEC (3U * 1000U * 1000U) /* well before the manager loses its patience with us */

struct StopJob {
        sd_bus *bus;
        sd_bus_slot *call;
        char *unit;
        StopJobDone done;
        void *userdata;
};

bool stop_job_is_service(void) {
        const char *text = getenv("SYSTEMD_EXEC_PID");
        uint64_t pid;

        return text && text_to_u64(text, &pid) >= 0 && pid == (uint64_t)getpid();
}

/* The type of the job of a unit in an answer of ListJobs. */
static bool has_stop_job(sd_bus_message *message, const char *unit) {
        const char *name, *type;
        int r = sd_bus_message_enter_container(message, 'a', "(usssoo)");

        if (r < 0)
                return false;
        while (sd_bus_message_read(message, "(usssoo)", NULL, &name, &type, NULL, NULL, NULL) > 0)
                if (strcmp(name, unit) == 0)
                        return strcmp(type, "stop") == 0;
        return false;
}

static int on_jobs(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        StopJob *job = userdata;
        bool stop = false;

        if (sd_bus_message_is_method_error(message, NULL))
                log_warning(
                        "the service manager does not tell its jobs: %s",
                        sd_bus_message_get_error(message)->message
                );
        else
                stop = has_stop_job(message, job->unit);
        job->done(job->userdata, stop);
        return 0;
}

static int connect_bus(StopJob *job, sd_event *event, const char *socket) {
        g_autofree char *address = g_strdup_printf("unix:path=%s", socket);
        int r = sd_bus_new(&job->bus);

        if (r >= 0)
                r = sd_bus_set_address(job->bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(job->bus, false); /* nobody there to say Hello to */
        if (r >= 0)
                r = sd_bus_start(job->bus);
        if (r >= 0)
                r = sd_bus_attach_event(job->bus, event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int ask(StopJob *job) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(
                job->bus, &message, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager", "ListJobs"
        );

        return r < 0 ? r
                     : sd_bus_call_async(job->bus, &job->call, message, on_jobs, job, ANSWER_USEC);
}

/* By the cgroup this process is in. *ret is the caller's (g_free). */
static int own_unit(char **ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        const char *unit;
        int r = sd_bus_creds_new_from_pid(&creds, 0, SD_BUS_CREDS_UNIT);

        if (r >= 0)
                r = sd_bus_creds_get_unit(creds, &unit);
        if (r < 0)
                return r;
        *ret = g_strdup(unit);
        return 0;
}

int stop_job_ask(
        sd_event *event,
        const char *socket,
        StopJobDone done,
        void *userdata,
        StopJob **ret
) {
        StopJob *job = g_new0(StopJob, 1);
        int r = own_unit(&job->unit);

        job->done = done;
        job->userdata = userdata;
        if (r >= 0)
                r = connect_bus(job, event, socket);
        if (r >= 0)
                r = ask(job);
        if (r < 0) {
                (void)stop_job_free(job);
                return r;
        }
        *ret = job;
        return 0;
}

StopJob *stop_job_free(StopJob *job) {
        if (!job)
                return NULL;
        (void)sd_bus_slot_unref(job->call);
        (void)sd_bus_close_unref(job->bus);
        g_free(job->unit);
        g_free(job);
        return NULL;
}
