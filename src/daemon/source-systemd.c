/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/source-systemd.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include <glib.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/daemon/manager.h"
#include "src/daemon/source-cgroup.h"

#define INVOCATION_DIGITS 32U

typedef struct SourceSystemd {
        UnitSource source;
        UnitSource *tree;
        Manager *manager;
        char *socket;
        bool was_connected;
} SourceSystemd;

static void on_connected(void *userdata) {
        SourceSystemd *source = userdata;

        /* the first time all is read at start-up anyway */
        if (source->was_connected) {
                (void)source->tree->ops->reload(source->tree);
                source->source.events.files_changed(source->source.events.userdata);
        }
        source->was_connected = true;
}

static void on_reloaded(void *userdata) {
        const SourceSystemd *source = userdata;

        source->source.events.files_changed(source->source.events.userdata);
}

static void on_job_done(void *userdata, const char *unit) {
        const SourceSystemd *source = userdata;

        source->source.events.invoked(source->source.events.userdata, unit);
}

static int start(UnitSource *unit_source, sd_event *event, Diag *diag) {
        SourceSystemd *source = (SourceSystemd *)unit_source;
        const ManagerEvents events = {
                .connected = on_connected,
                .reloaded = on_reloaded,
                .job_done = on_job_done,
                .userdata = source,
        };
        int r = manager_new(event, source->socket, &events, &source->manager, diag);

        return r < 0 ? r : source->tree->ops->start(source->tree, event, diag);
}

static int look(UnitSource *unit_source, const char *cgroup) {
        SourceSystemd *source = (SourceSystemd *)unit_source;

        return source->tree->ops->look(source->tree, cgroup);
}

static int reload(UnitSource *unit_source) {
        SourceSystemd *source = (SourceSystemd *)unit_source;

        return source->tree->ops->reload(source->tree);
}

/* Killing a unit behind its manager's back would have it restarted. But where the manager cannot be reached,
 * nobody else ends what must not run. */
static int kill_unit(UnitSource *unit_source, const char *unit) {
        SourceSystemd *source = (SourceSystemd *)unit_source;
        int r = manager_stop_unit(source->manager, unit);

        if (r >= 0)
                return 0;
        log_warning(
                "the service manager cannot be asked to stop '%s': %s, killing its processes", unit,
                strerror(-r)
        );
        return source->tree->ops->kill(source->tree, unit);
}

/* The manager leaves the id at the cgroup. */
static int invocation(UnitSource *unit_source, const char *cgroup, char ret[static 33]) {
        static const char *const names[] = { "trusted.invocation_id", "user.invocation_id" };
        char id[INVOCATION_DIGITS + 1] = "";

        for (size_t i = 0; i < ELEMENTS(names); i++) {
                ssize_t n = getxattr(cgroup, names[i], id, INVOCATION_DIGITS);

                if (n != (ssize_t)INVOCATION_DIGITS || strspn(id, "0123456789abcdef") != (size_t)n)
                        continue;
                (void)strcpy(ret, id);
                return 0;
        }
        return -ENODATA;
}

static int start_scope(
        UnitSource *unit_source,
        const UnitScope *scope,
        UnitScopeDone done,
        void *userdata
) {
        SourceSystemd *source = (SourceSystemd *)unit_source;

        return manager_start_scope(source->manager, scope, done, userdata);
}

static bool is_hooked(UnitSource *unit_source, const char *unit) {
        return g_str_has_suffix(unit, ".service") || g_str_has_suffix(unit, ".socket");
}

static UnitSource *release(UnitSource *unit_source) {
        SourceSystemd *source = (SourceSystemd *)unit_source;

        source->manager = manager_free(source->manager);
        (void)unit_source_free(source->tree);
        g_free(source->socket);
        g_free(source);
        return NULL;
}

static const UnitSourceOps source_systemd_ops = {
        .name = "systemd",
        .start = start,
        .look = look,
        .reload = reload,
        .kill = kill_unit,
        .invocation = invocation,
        .is_hooked = is_hooked,
        .start_scope = start_scope,
        .free = release,
};

int source_systemd_new(
        const char *root,
        const char *socket,
        const UnitSourceEvents *events,
        UnitSource **ret
) {
        SourceSystemd *source = g_new0(SourceSystemd, 1);
        int r = source_cgroup_new(root, CGROUP_LAYOUT_SYSTEMD, events, &source->tree);

        if (r < 0) {
                g_free(source);
                return r;
        }
        source->source.ops = &source_systemd_ops;
        source->source.events = *events;
        source->socket = g_strdup(socket);
        *ret = &source->source;
        return 0;
}
