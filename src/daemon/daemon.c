/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/bus-system.h"
#include "src/daemon/fd-store.h"
#include "src/daemon/hook-server.h"
#include "src/daemon/lease.h"
#include "src/daemon/manager.h"
#include "src/daemon/message-id.h"
#include "src/daemon/notify.h"
#include "src/daemon/priority.h"
#include "src/daemon/reconcile.h"
#include "src/daemon/reexec.h"
#include "src/daemon/report.h"
#include "src/daemon/settings.h"
#include "src/daemon/stop-job.h"

#define DRIFT_USEC (10U * 1000U * 1000U)

char *daemon_runtime_path(const Daemon *daemon, const char *name) {
        return g_build_filename(daemon->options.runtime_directory, name, NULL);
}

/* ---- drift ---- */

/* Attachments whose cgroup is gone and that no unit stands for: nothing of them is to be left. */
static void free_defunct(Daemon *daemon) {
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        AttachmentView view;

        for (size_t i = 0; tracker_get_attachment(daemon->tracker, i, &view); i++)
                if (view.state == ATTACHMENT_DEFUNCT && !view.unit && view.id != 0)
                        g_array_append_val(ids, view.id);
        for (unsigned i = 0; i < ids->len; i++) {
                uint64_t id = g_array_index(ids, uint64_t, i);

                (void)tracker_detach(daemon->tracker, id, NULL); /* tried again at the next look */
                lease_forget(daemon->leases, id);
        }
}

static void say_drift(const AttachmentView *view) {
        const LogFields fields = {
                .unit = view->unit,
                .message_id = MESSAGE_DEGRADED,
                .attachment_id = view->id,
                .prog_id = view->prog_id,
                .link_id = view->link_id,
        };

        log_message(
                LOG_WARNING, &fields, "'%s': attachment %" PRIu64 ": %s", view->unit, view->id,
                view->error
        );
}

void daemon_look_for_drift(Daemon *daemon) {
        AttachmentView view;

        if (tracker_is_read_only(daemon->tracker) || tracker_check(daemon->tracker) <= 0)
                return;
        for (size_t i = 0; tracker_get_attachment(daemon->tracker, i, &view); i++) {
                Unit *unit;

                if ((view.state != ATTACHMENT_DRIFTED && view.state != ATTACHMENT_DEFUNCT) ||
                    !view.unit)
                        continue;
                unit = unit_table_find(daemon->units, view.unit);
                if (unit && unit->present)
                        say_drift(&view);
                if (unit)
                        unit_mark(unit, APPLY_RESTORE, false);
        }
        free_defunct(daemon);
}

/* ---- reload ---- */

void daemon_read_unit_files(Daemon *daemon) {
        g_autoptr(GPtrArray) units = NULL;

        reconcile_read_files(daemon);
        /* what the files say is compared with what is so, not with what was */
        daemon_look_for_drift(daemon);
        units = unit_table_list(daemon->units);
        for (unsigned i = 0; i < units->len; i++) {
                Unit *unit = units->pdata[i];

                if (unit->present)
                        unit_mark(unit, APPLY_RELOAD, false);
        }
        if (unit_table_is_clean(daemon->units))
                reconcile_wake(daemon);
}

void daemon_reload(Daemon *daemon) {
        g_autofree char *state = NULL;
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
        state = g_strdup_printf(
                "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading unit files",
                (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000
        );
        notify_send(daemon->notify, state);
        daemon->reloading = true;
        settings_reload(daemon);
        (void)daemon->source->ops->reload(daemon->source);
        daemon_read_unit_files(daemon);
}

void daemon_notify_ready(const Daemon *daemon) {
        g_autofree char *numbers = report_numbers(daemon);
        g_autofree char *text = g_strdup_printf("READY=1\nSTATUS=%s", numbers);

        notify_send(daemon->notify, text);
}

void daemon_units_clean(Daemon *daemon) {
        if (daemon->reloading) {
                daemon->reloading = false;
                for (unsigned i = 0; i < daemon->reload_calls->len; i++)
                        (void)sd_bus_reply_method_return(daemon->reload_calls->pdata[i], NULL);
                g_ptr_array_set_size(daemon->reload_calls, 0);
        }
        daemon_notify_ready(daemon);
        reexec_units_clean(daemon->reexec);
}

/* ---- events ---- */

static void end(void *userdata, bool detach) {
        Daemon *daemon = userdata;

        daemon->detach = detach;
        (void)sd_event_exit(daemon->event, 0); /* fails only outside the loop */
}

static void on_stop_job(void *userdata, bool stop) {
        if (!stop)
                log_info("Not stopped by a job of the service manager: attachments are kept");
        end(userdata, stop);
}

/* A restart must not open a gap: as a service we detach for a stop job alone. */
static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Daemon *daemon = userdata;
        int r;

        if (daemon->stop_job)
                return 0;
        notify_send(daemon->notify, "STOPPING=1");
        if (daemon->config.on_stop != ON_STOP_DETACH || !stop_job_is_service()) {
                end(daemon, daemon->config.on_stop == ON_STOP_DETACH);
                return 0;
        }
        r = stop_job_ask(daemon->event, MANAGER_SOCKET, on_stop_job, daemon, &daemon->stop_job);
        if (r < 0) {
                log_warning(
                        "the service manager cannot be asked why we end: %s, attachments are kept",
                        strerror(-r)
                );
                end(daemon, false);
        }
        return 0;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        daemon_reload(userdata);
        return 0;
}

static int on_drift(sd_event_source *timer, uint64_t usec, void *userdata) {
        Daemon *daemon = userdata;

        (void
        )sd_event_source_set_time_relative(timer, DRIFT_USEC); /* fails only on a dead source */
        daemon_look_for_drift(daemon);
        return 0;
}

int daemon_add_events(Daemon *daemon) {
        int r = sd_event_add_signal(daemon->event, &daemon->signals[0], SIGTERM, on_end, daemon);

        if (r >= 0)
                r = sd_event_add_signal(daemon->event, &daemon->signals[1], SIGINT, on_end, daemon);
        if (r >= 0)
                r = sd_event_add_signal(
                        daemon->event, &daemon->signals[2], SIGHUP, on_hangup, daemon
                );
        if (r >= 0)
                r = sd_event_add_time_relative(
                        daemon->event, &daemon->drift, CLOCK_MONOTONIC, DRIFT_USEC, 0, on_drift,
                        daemon
                );
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->drift, SD_EVENT_ON);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(daemon->signals[0], "sigterm");
        (void)sd_event_source_set_description(daemon->signals[1], "sigint");
        (void)sd_event_source_set_description(daemon->signals[2], "sighup");
        (void)sd_event_source_set_description(daemon->drift, "drift");
        (void)sd_event_source_set_priority(daemon->drift, PRIORITY_HOUSEKEEPING);
        return 0;
}

int daemon_run(Daemon *daemon) {
        return sd_event_loop(daemon->event);
}

static void let_go(Daemon *daemon) {
        _cleanup_diag_ Diag diag = {};
        int r;

        if (!daemon->tracker)
                return;
        if (daemon->detach) {
                r = tracker_let_go(daemon->tracker, &diag);
                if (r < 0)
                        log_error("Cannot detach everything: %s", diag_text(&diag, r));
        }
        daemon->tracker = tracker_forget(daemon->tracker);
}

void daemon_free(Daemon *daemon) {
        daemon->reexec = reexec_free(daemon->reexec);
        if (daemon->source)
                daemon->source = unit_source_free(daemon->source);
        daemon->hook = hook_server_free(daemon->hook);
        if (daemon->reload_calls)
                g_ptr_array_unref(daemon->reload_calls);
        daemon->bus_system = bus_system_free(daemon->bus_system);
        daemon->bus = bus_server_free(daemon->bus);
        daemon->leases = lease_table_free(daemon->leases);
        let_go(daemon);
        daemon->report = report_free(daemon->report);
        daemon->fd_store = fd_store_free(daemon->fd_store);
        daemon->notify = notify_free(daemon->notify);
        daemon->stop_job = stop_job_free(daemon->stop_job);
        daemon->units = unit_table_free(daemon->units);
        (void)sd_event_source_disable_unref(daemon->reconcile);
        (void)sd_event_source_disable_unref(daemon->drift);
        for (size_t i = 0; i < ELEMENTS(daemon->signals); i++)
                (void)sd_event_source_disable_unref(daemon->signals[i]);
        (void)sd_event_unref(daemon->event);
        (void)fd_close(daemon->lock_fd);
        g_free(daemon->cgroup_root);
        g_free(daemon->bpffs);
        g_free(daemon->binary);
        g_free(daemon->pin_directory);
        g_free(daemon->transient_directory);
        g_strfreev(daemon->unit_context.search_path);
        config_done(&daemon->config);
}
