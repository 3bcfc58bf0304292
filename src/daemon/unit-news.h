/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of the news of a unit source: it is written down in the table of units, and the unit is marked. */

#include "src/daemon/daemon.h"
#include "src/daemon/unit-source.h"

/* Asks the source for the invocation id of the unit, if anybody but us gives them; true if it is another one now. */
bool unit_news_invocation(Daemon *daemon, Unit *unit);

/* The calls for a source that is to serve this daemon, which must outlive it. */
UnitSourceEvents unit_news_events(Daemon *daemon);
