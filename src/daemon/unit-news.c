/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/unit-news.h"

#include <string.h>

#include "src/base/log.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/transient.h"
#include "src/daemon/unit-state.h"

/* What the manager leaves at a cgroup it may leave there over the next start; only what is new there counts. */
static bool read_left_invocation(Daemon *daemon, Unit *unit) {
        const UnitSourceOps *ops = daemon->source->ops;
        char id[33];

        if (!ops->invocation || ops->invocation(daemon->source, unit->cgroup, id) < 0 ||
            strcmp(unit->left_invocation_id, id) == 0)
                return false;
        (void)g_strlcpy(unit->left_invocation_id, id, sizeof unit->left_invocation_id);
        return true;
}

bool unit_news_invocation(Daemon *daemon, Unit *unit) {
        return read_left_invocation(daemon, unit) &&
               unit_set_invocation(unit, unit->left_invocation_id);
}

/* The record of this very cgroup is as new as what was left at it, or newer. */
static void meet_invocation(Daemon *daemon, Unit *unit, const char *recorded) {
        if (!recorded) {
                (void)unit_news_invocation(daemon, unit);
                return;
        }
        (void)read_left_invocation(daemon, unit);
        (void)g_strlcpy(unit->invocation_id, recorded, sizeof unit->invocation_id);
}

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
        bool another = unit->cgroup_id != cgroup_id;

        unit_set_cgroup(unit, cgroup, cgroup_id);
        meet_invocation(daemon, unit, another && known ? view.invocation_id : NULL);
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
        unit_state_note(daemon, unit);
        bus_server_note_unit(daemon->bus, name);
        if (!text)
                unit_drop_if_unused(unit);
}

/* Who survived the stop of a unit is in the cgroup of its next start: what is attached is handed on to that one. */
static void on_invoked(void *userdata, const char *name) {
        Daemon *daemon = userdata;
        Unit *unit = unit_table_find(daemon->units, name);

        if (!unit || !unit->present || !unit_news_invocation(daemon, unit))
                return;
        (void)tracker_unit_set_covered_from_start(daemon->tracker, name, false);
        unit_mark(unit, APPLY_LATE, false);
}

static void on_files_changed(void *userdata) {
        daemon_read_unit_files(userdata);
}

UnitSourceEvents unit_news_events(Daemon *daemon) {
        return (UnitSourceEvents){
                .appeared = on_appeared,
                .gone = on_gone,
                .populated = on_populated,
                .refused = on_refused,
                .invoked = on_invoked,
                .files_changed = on_files_changed,
                .userdata = daemon,
        };
}
