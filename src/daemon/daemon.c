/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

#include "bpf/bpffs.h"
#include "bpf/cgroup.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/trust.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/handover.h"
#include "src/daemon/hook-server.h"
#include "src/daemon/lease.h"
#include "src/daemon/priority.h"
#include "src/daemon/reconcile.h"
#include "src/daemon/reexec.h"
#include "src/daemon/settings.h"
#include "src/daemon/source-cgroup.h"
#include "src/daemon/transient.h"

#define DRIFT_USEC      (10U * 1000U * 1000U)
#define LOCK_TRIES      100U
#define LOCK_PAUSE_USEC 10000U

char *daemon_runtime_path(const Daemon *daemon, const char *name) {
        return g_build_filename(daemon->options.runtime_directory, name, NULL);
}

/* ---- what the source tells ---- */

static void on_appeared(
        void *userdata,
        const char *name,
        const char *cgroup,
        uint64_t cgroup_id,
        bool populated
) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_get(daemon->units, name);
        UnitView view;
        bool known = tracker_find_unit(daemon->tracker, name, &view) && view.cgroup_id == cgroup_id;

        unit_set_cgroup(unit, cgroup, cgroup_id);
        if (known && view.invocation_id)
                (void
                )g_strlcpy(unit->invocation_id, view.invocation_id, sizeof unit->invocation_id);
        unit->populated = populated;
        unit->was_populated = unit->was_populated || populated;
        unit->at_start = daemon->starting;
        unit_mark(unit, known ? APPLY_RESTORE : APPLY_LATE, false);
}

static void on_gone(void *userdata, const char *name, uint64_t cgroup_id) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_find(daemon->units, name);

        if (!unit || unit->cgroup_id != cgroup_id)
                return;
        unit->present = false;
        unit_mark(unit, APPLY_RESTORE, false);
}

static void on_populated(void *userdata, const char *name, uint64_t cgroup_id, bool populated) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_find(daemon->units, name);

        if (!unit || !unit->present || unit->cgroup_id != cgroup_id)
                return;
        unit->populated = populated;
        /* whoever is gone again before we look has been there all the same */
        unit->was_populated = true;
        if (populated && unit->blocked)
                unit_mark(unit, APPLY_LATE, false);
        transient_populated(daemon, unit);
}

static void on_refused(void *userdata, const char *name, const char *cgroup, const char *text) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_get(daemon->units, name);

        if (!text)
                (void)g_hash_table_remove(unit->refusals, cgroup);
        else if (g_strcmp0(g_hash_table_lookup(unit->refusals, cgroup), text) != 0) {
                const LogFields fields = { .unit = name };

                g_hash_table_replace(unit->refusals, g_strdup(cgroup), g_strdup(text));
                log_message(LOG_WARNING, &fields, "'%s': %s, not taken for the unit", name, text);
        }
        bus_server_note_unit(daemon->bus, name);
        if (!text)
                unit_drop_if_unused(unit);
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
                        log_warning(
                                "'%s': attachment %" PRIu64 ": %s", view.unit, view.id, view.error
                        );
                if (unit)
                        unit_mark(unit, APPLY_RESTORE, false);
        }
        free_defunct(daemon);
}

/* ---- reload ---- */

void daemon_reload(Daemon *daemon) {
        g_autoptr(GPtrArray) units = NULL;
        g_autofree char *state = NULL;
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
        state = g_strdup_printf(
                "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading unit files",
                (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000
        );
        (void)sd_notify(0, state); /* nobody may listen */
        daemon->reloading = true;
        settings_reload(daemon);
        reconcile_read_files(daemon);
        (void)daemon->source->ops->reload(daemon->source);
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

static void notify_ready(const Daemon *daemon) {
        (void)sd_notifyf(
                0, "READY=1\nSTATUS=%zu units, %zu attachments", tracker_n_units(daemon->tracker),
                tracker_n_attachments(daemon->tracker)
        ); /* nobody may listen */
}

void daemon_units_clean(Daemon *daemon) {
        if (daemon->reloading) {
                daemon->reloading = false;
                for (unsigned i = 0; i < daemon->reload_calls->len; i++)
                        (void)sd_bus_reply_method_return(daemon->reload_calls->pdata[i], NULL);
                g_ptr_array_set_size(daemon->reload_calls, 0);
        }
        notify_ready(daemon);
        reexec_units_clean(daemon->reexec);
}

/* ---- events ---- */

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Daemon *daemon = userdata;

        daemon->detach = daemon->config.on_stop == ON_STOP_DETACH;
        (void)sd_notify(0, "STOPPING=1"); /* nobody may listen */
        return sd_event_exit(daemon->event, 0);
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

static int add_events(Daemon *daemon) {
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

/* ---- start ---- */

static int take_lock(Daemon *daemon, Diag *diag) {
        g_autofree char *path = daemon_runtime_path(daemon, "lock");
        _cleanup_close_ int fd = fd_above_stdio(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));

        if (fd < 0)
                return diag_errno(diag, fd, "cannot open '%s'", path);
        /* a child that a killed one was about to start holds its lock until it has begun */
        for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0 && i < LOCK_TRIES; i++)
                (void)usleep(LOCK_PAUSE_USEC); /* cut short by a signal: then one try less */
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) /* no change where it is ours by now */
                return diag_fail(
                        diag, -EBUSY, "another unitbpfd serves '%s' already",
                        daemon->options.runtime_directory
                );
        daemon->lock_fd = TAKE_FD(fd);
        return 0;
}

static int make_directories(Daemon *daemon, Diag *diag) {
        const char *runtime = daemon->options.runtime_directory;
        _cleanup_close_ int fd = -EBADF;
        int r;

        daemon->transient_directory = daemon_runtime_path(daemon, "transient");
        r = file_make_directories(runtime, 0755);
        if (r < 0)
                return diag_errno(diag, r, "cannot make '%s'", runtime);
        /* whoever can write to it can tell us what to believe */
        r = trust_open(runtime, TRUST_DIRECTORY | TRUST_FINAL_LINK, &fd, diag);
        if (r < 0)
                return r;
        r = file_make_directories(daemon->transient_directory, 0700);
        if (r < 0)
                return diag_errno(diag, r, "cannot make '%s'", daemon->transient_directory);
        return take_lock(daemon, diag);
}

static int find_cgroup_root(Daemon *daemon, Diag *diag) {
        const char *wanted = daemon->options.cgroup_root ? daemon->options.cgroup_root
                                                         : daemon->config.cgroup_root;
        _cleanup_free_ char *mount = NULL;
        int r;

        if (wanted)
                daemon->cgroup_root = g_canonicalize_filename(wanted, "/");
        else {
                r = cgroup_mount_find(&mount, diag);
                if (r < 0)
                        return r;
                daemon->cgroup_root = g_build_filename(mount, "unitbpf", NULL);
        }
        if (mkdir(daemon->cgroup_root, 0755) < 0 && errno != EEXIST)
                return diag_errno(diag, -errno, "cannot make cgroup '%s'", daemon->cgroup_root);
        return 0;
}

static void warn_bpffs(void *userdata, const char *text) {
        log_warning("%s", text);
}

/* Without a bpffs everything works but one thing: what is attached does not outlive a kill. */
static void find_bpffs(Daemon *daemon) {
        const BpffsOptions options = {
                .root = daemon->options.bpffs ? daemon->options.bpffs : daemon->config.bpffs,
                .warn = warn_bpffs,
        };
        _cleanup_diag_ Diag diag = {};
        _cleanup_free_ char *root = NULL, *links = NULL;
        int r = bpffs_prepare(&options, &root, &diag);

        if (r < 0) {
                log_error(
                        "No BPF file system: %s. Attachments will not outlive a kill of unitbpfd",
                        diag_text(&diag, r)
                );
                return;
        }
        links = bpffs_links_path(root);
        daemon->bpffs = g_strdup(root);
        daemon->pin_directory = g_strdup(links);
}

typedef struct Inherited {
        char *state; /* NULL: nothing handed over */
        size_t size;
        FdSet *fds;
        int bus_fd, hook_fd;
        GArray *sockets;
} Inherited;

static void inherited_done(Inherited *inherited) {
        free(inherited->state);
        (void)fdset_free(inherited->fds);
        if (inherited->sockets)
                g_array_unref(inherited->sockets);
        (void)fd_close(inherited->bus_fd);
        (void)fd_close(inherited->hook_fd);
}

/* Of what a process is started with only BPF objects can matter to us; the rest is somebody's carelessness. */
static void close_strangers(FdSet *fds) {
        for (int fd = fdset_next(fds, -1); fd >= 0; fd = fdset_next(fds, fd)) {
                FdKind kind = fd_kind(fd);

                if (kind != FD_KIND_LINK && kind != FD_KIND_PROGRAM && kind != FD_KIND_MAP)
                        (void)fd_close(fdset_take(fds, fd));
        }
}

static int take_over_state(Daemon *daemon, Inherited *inherited, Diag *diag) {
        _cleanup_free_ char *text = NULL;
        const int keep[] = { daemon->options.state_fd, -1 };
        size_t size;
        int r;

        inherited->fds = fdset_new();
        if (!inherited->fds)
                return -ENOMEM;
        r = fdset_adopt_inherited(inherited->fds, keep);
        if (r < 0)
                return diag_errno(diag, r, "cannot take over descriptors");
        if (daemon->options.state_fd < 0) {
                close_strangers(inherited->fds);
                return 0;
        }
        r = reexec_read_state(daemon->options.state_fd, &text, &size, diag);
        if (r < 0)
                return r;
        r = handover_split(
                text, size, &inherited->state, &inherited->size, &inherited->sockets, diag
        );
        if (r < 0)
                return r;
        for (unsigned i = 0; i < inherited->sockets->len; i++) {
                HandoverSocket *handed = &g_array_index(inherited->sockets, HandoverSocket, i);

                handed->fd = fdset_take(inherited->fds, handed->fd);
                if (strcmp(handed->name, "bus") == 0)
                        inherited->bus_fd = TAKE_FD(handed->fd);
                else if (strcmp(handed->name, "hook") == 0)
                        inherited->hook_fd = TAKE_FD(handed->fd);
        }
        close_strangers(inherited->fds);
        return 0;
}

static void report_restore(const Daemon *daemon) {
        const RestoreReport *report = &daemon->restore;
        const char *const *messages = tracker_restore_messages(daemon->tracker);

        for (; messages && *messages; messages++)
                log_warning("%s", *messages);
        if (report->unknown_version)
                log_error("The state was written by a newer version: nothing is changed, reads only"
                );
        if (report->other_boot)
                log_notice("The state was of another boot and has been set aside as state.old");
        if (!report->first_start)
                log_info(
                        "Restored %u attachments, %u quarantined, %u settled, %u lines refused",
                        report->restored, report->quarantined, report->settled,
                        report->refused_lines
                );
}

static int start_tracker(Daemon *daemon, Inherited *inherited, Diag *diag) {
        g_autofree char *state = daemon_runtime_path(daemon, "state");
        const TrackerOptions options = {
                .ops = daemon->ops,
                .pin_directory = daemon->pin_directory,
                .state_path = state,
                .event = bus_server_note,
                .userdata = daemon,
        };
        int r = tracker_new(&options, &daemon->tracker, diag);

        if (r < 0)
                return r;
        r = tracker_restore(
                daemon->tracker, inherited->state, inherited->size, inherited->fds,
                &daemon->restore, diag
        );
        if (r < 0)
                return r;
        report_restore(daemon);
        return 0;
}

static int start_servers(Daemon *daemon, Inherited *inherited, Diag *diag) {
        int r = lease_table_new(daemon, &daemon->leases, diag);

        if (r >= 0)
                r = reexec_new(daemon, &daemon->reexec);
        if (r >= 0)
                r = hook_server_new(daemon, TAKE_FD(inherited->hook_fd), &daemon->hook, diag);
        if (r >= 0)
                r = bus_server_new(daemon, TAKE_FD(inherited->bus_fd), &daemon->bus, diag);
        if (r < 0)
                return r;
        for (unsigned i = 0; inherited->sockets && i < inherited->sockets->len; i++) {
                HandoverSocket *handed = &g_array_index(inherited->sockets, HandoverSocket, i);

                if (handed->fd >= 0 && strcmp(handed->name, "hook-connection") == 0)
                        hook_server_add_connection(daemon->hook, TAKE_FD(handed->fd));
                else
                        handed->fd = fd_close(handed->fd
                        ); /* a socket of a version we do not know */
        }
        return 0;
}

/* Units the tracker remembers, but whose cgroup went while nobody watched. */
static void stop_vanished(Daemon *daemon) {
        UnitView view;

        for (size_t i = 0; tracker_get_unit(daemon->tracker, i, &view); i++) {
                Unit *unit = unit_table_get(daemon->units, view.unit);

                if (!unit->present)
                        unit_mark(unit, APPLY_RESTORE, false);
        }
}

static int start_units(Daemon *daemon, Diag *diag) {
        const UnitSourceEvents events = {
                .appeared = on_appeared,
                .gone = on_gone,
                .populated = on_populated,
                .refused = on_refused,
                .userdata = daemon,
        };
        int r = source_cgroup_new(daemon->cgroup_root, &events, &daemon->source);

        if (r < 0)
                return r;
        daemon->starting = true;
        r = daemon->source->ops->start(daemon->source, daemon->event, diag);
        daemon->starting = false;
        if (r < 0)
                return r;
        stop_vanished(daemon);
        transient_restore(daemon);
        lease_restore(daemon->leases);
        reconcile_read_files(daemon);
        return reconcile_setup(daemon);
}

static uint64_t now_usec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int start_basics(Daemon *daemon, Diag *diag) {
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r >= 0)
                r = sd_event_new(&daemon->event);
        if (r >= 0)
                r = add_events(daemon);
        if (r < 0)
                return diag_errno(diag, r, "cannot set up events");
        (void)sd_id128_to_string(id, daemon->instance);
        daemon->started_usec = now_usec();
        daemon->ops = kernel_ops_real();
        daemon->units = unit_table_new(reconcile_wake, daemon);
        daemon->reload_calls = g_ptr_array_new_with_free_func((GDestroyNotify
        )(void *)sd_bus_message_unref);
        return 0;
}

int daemon_start(Daemon *daemon, Diag *diag) {
        _cleanup_(inherited_done) Inherited inherited = { .bus_fd = -EBADF, .hook_fd = -EBADF };
        int r;

        daemon->lock_fd = -EBADF;
        r = take_over_state(daemon, &inherited, diag);
        if (r >= 0)
                r = settings_load(daemon, diag);
        if (r >= 0)
                r = start_basics(daemon, diag);
        if (r >= 0)
                r = make_directories(daemon, diag);
        if (r >= 0)
                r = find_cgroup_root(daemon, diag);
        if (r < 0)
                return r;
        find_bpffs(daemon);
        r = start_tracker(daemon, &inherited, diag);
        if (r >= 0)
                r = start_servers(daemon, &inherited, diag);
        if (r >= 0)
                r = start_units(daemon, diag);
        if (r < 0)
                return r;
        log_info(
                "Serving units of '%s' (source cgroup), runtime directory '%s'",
                daemon->cgroup_root, daemon->options.runtime_directory
        );
        if (unit_table_is_clean(daemon->units))
                notify_ready(daemon);
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
        daemon->bus = bus_server_free(daemon->bus);
        daemon->leases = lease_table_free(daemon->leases);
        let_go(daemon);
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
