/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the command line to a daemon that serves: each step leaves in place what it made, daemon_free() releases it. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
#include "src/base/log.h"
#include "src/base/trust.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/bus-system.h"
#include "src/daemon/daemon.h"
#include "src/daemon/fd-store.h"
#include "src/daemon/handover.h"
#include "src/daemon/hook-server.h"
#include "src/daemon/lease.h"
#include "src/daemon/manager.h"
#include "src/daemon/notify.h"
#include "src/daemon/reconcile.h"
#include "src/daemon/reexec.h"
#include "src/daemon/report.h"
#include "src/daemon/settings.h"
#include "src/daemon/source-cgroup.h"
#include "src/daemon/source-systemd.h"
#include "src/daemon/transient.h"
#include "src/daemon/unit-news.h"

#define RUNTIME_DIRECTORY "/run/unitbpf"
#define SYSTEM_BUS        "unix:path=/run/dbus/system_bus_socket"
#define LOCK_TRIES        100U
#define LOCK_PAUSE_USEC   10000U

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
                daemon->cgroup_root = daemon->source_kind == SOURCE_SYSTEMD
                                              ? g_strdup(mount)
                                              : g_build_filename(mount, "unitbpf", NULL);
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
        GArray *stored; /* of StoredLink: what the service manager kept for us */
        int bus_fd, hook_fd;
        GArray *sockets;
} Inherited;

static void inherited_done(Inherited *inherited) {
        free(inherited->state);
        (void)fdset_free(inherited->fds);
        if (inherited->stored)
                g_array_unref(inherited->stored);
        if (inherited->sockets)
                g_array_unref(inherited->sockets);
        (void)fd_close(inherited->bus_fd);
        (void)fd_close(inherited->hook_fd);
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
        inherited->stored = fd_store_received(daemon->ops, inherited->fds);
        if (daemon->options.state_fd < 0)
                return 0;
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
                .event = report_change,
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
        r = report_new(daemon, &daemon->report);
        if (r >= 0 && notify_is_heard(daemon->notify))
                r = fd_store_new(
                        daemon->event, daemon->notify, daemon->tracker, inherited->stored,
                        &daemon->fd_store
                );
        return r < 0 ? diag_errno(diag, r, "cannot set up events") : 0;
}

/* One daemon can have the name: the one of the default runtime directory. */
static int start_system_bus(Daemon *daemon) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

        if (strcmp(daemon->options.runtime_directory, RUNTIME_DIRECTORY) != 0)
                return 0;
        return bus_system_new(daemon, address ? address : SYSTEM_BUS, &daemon->bus_system);
}

static int start_servers(Daemon *daemon, Inherited *inherited, Diag *diag) {
        int r = lease_table_new(daemon, &daemon->leases, diag);

        if (r >= 0)
                r = reexec_new(daemon, &daemon->reexec);
        if (r >= 0)
                r = hook_server_new(daemon, TAKE_FD(inherited->hook_fd), &daemon->hook, diag);
        if (r >= 0)
                r = bus_server_new(daemon, TAKE_FD(inherited->bus_fd), &daemon->bus, diag);
        if (r >= 0)
                r = start_system_bus(daemon);
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
        const UnitSourceEvents events = unit_news_events(daemon);
        int r = daemon->source_kind == SOURCE_SYSTEMD
                        ? source_systemd_new(
                                  daemon->cgroup_root, MANAGER_SOCKET, &events, &daemon->source
                          )
                        : source_cgroup_new(
                                  daemon->cgroup_root, CGROUP_LAYOUT_OWN, &events, &daemon->source
                          );

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

static int start_notify(Daemon *daemon) {
        uint64_t usec = 0;
        int r = notify_new(daemon->event, getenv("NOTIFY_SOCKET"), &daemon->notify);

        if (r >= 0 && sd_watchdog_enabled(0, &usec) > 0)
                r = notify_start_watchdog(daemon->notify, usec);
        return r;
}

static int start_basics(Daemon *daemon, Diag *diag) {
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r >= 0)
                r = sd_event_new(&daemon->event);
        if (r >= 0)
                r = daemon_add_events(daemon);
        if (r >= 0)
                r = start_notify(daemon);
        if (r < 0)
                return diag_errno(diag, r, "cannot set up events");
        (void)sd_id128_to_string(id, daemon->instance);
        daemon->started_usec = now_usec();
        daemon->units = unit_table_new(reconcile_wake, daemon);
        daemon->reload_calls = g_ptr_array_new_with_free_func((GDestroyNotify
        )(void *)sd_bus_message_unref);
        return 0;
}

int daemon_start(Daemon *daemon, Diag *diag) {
        _cleanup_(inherited_done) Inherited inherited = { .bus_fd = -EBADF, .hook_fd = -EBADF };
        int r;

        daemon->lock_fd = -EBADF;
        daemon->ops = kernel_ops_real();
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
                "Serving units of '%s' (source %s), runtime directory '%s'", daemon->cgroup_root,
                daemon->source->ops->name, daemon->options.runtime_directory
        );
        if (unit_table_is_clean(daemon->units))
                daemon_notify_ready(daemon);
        return 0;
}
