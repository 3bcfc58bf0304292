/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/unit-state.h"

#include <glib.h>

UnitState unit_state_of(const Unit *unit, const UnitView *view) {
        UnitState state = view->unit ? view->state : UNIT_INACTIVE;
        bool refused = g_hash_table_size(unit->refusals) > 0;

        if (unit->blocked || (unit->error && !view->unit) || (refused && !unit->present))
                return UNIT_FAILED;
        if ((unit->error || refused) && state != UNIT_FAILED)
                return UNIT_DEGRADED;
        return state;
}

/* When the tracker saw this state begin; 0: it does not know the state. */
static uint64_t tracked_since(const UnitView *view, UnitState state) {
        return view->unit && view->state == state ? view->state_since_usec : 0;
}

uint64_t unit_state_since(const Unit *unit, const UnitView *view) {
        UnitState state = unit_state_of(unit, view);
        uint64_t tracked = tracked_since(view, state);

        return unit->noted_state == state ? MAX(tracked, unit->noted_usec) : tracked;
}

void unit_state_note_at(Unit *unit, const UnitView *view, uint64_t now_usec) {
        UnitState state = unit_state_of(unit, view);
        uint64_t tracked = tracked_since(view, state);

        if (unit->noted_state !=
            state) /* the tracker may have seen it a moment ago, or before us */
                unit->noted_usec = tracked > unit->noted_usec ? tracked : now_usec;
        else
                unit->noted_usec = MAX(tracked, unit->noted_usec);
        unit->noted_state = state;
}

void unit_state_note(const Daemon *daemon, Unit *unit) {
        UnitView view = {};

        if (!tracker_find_unit(daemon->tracker, unit->name, &view))
                view = (UnitView){};
        unit_state_note_at(unit, &view, (uint64_t)g_get_real_time());
}
