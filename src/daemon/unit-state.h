/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state a unit is shown in, and since when: what the tracker says of its attachments, joined with what the daemon
 * knows besides (files that cannot be read, cgroups refused, a unit that was stopped). The tracker dates its part by
 * itself; changes of the rest are dated here, when they are noted. */

#include "src/daemon/daemon.h"

/* view: of the tracker; all zero if it does not know the unit. */
UnitState unit_state_of(const Unit *unit, const UnitView *view);

/* CLOCK_REALTIME since when the unit is in the state it has now; 0: not known. */
uint64_t unit_state_since(const Unit *unit, const UnitView *view);

/* Notes the state the unit has at this time; a change is dated by it unless the tracker knows better. */
void unit_state_note_at(Unit *unit, const UnitView *view, uint64_t now_usec);

/* The same for now. To be called when something has changed. */
void unit_state_note(const Daemon *daemon, Unit *unit);
