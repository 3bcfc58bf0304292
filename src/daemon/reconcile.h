/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one step that acts: takes one dirty unit, reads its files, makes the tracker apply them, deals with the
 * consequences (a unit whose required line fails late is stopped), and answers those who wait. */

#include "src/daemon/daemon.h"

/* Adds the deferred event; it is armed by reconcile_wake(). */
int reconcile_setup(Daemon *daemon);

/* There is a dirty unit. Fits unit_table_new(); userdata is the Daemon. */
void reconcile_wake(void *userdata);

/* Reads the files of a unit: updates what the table says of them. *ret belongs to the caller. Negative: they cannot
 * be read, explained in diag. */
int reconcile_read(Daemon *daemon, Unit *unit, UnitWish **ret, Diag *diag);

/* Wish to targets, with the trust rules of the daemon. */
int reconcile_resolve(const UnitWish *wish, TargetSet **ret);

/* Looks which units have files with [X-BPF] lines, so that those without a cgroup can be listed. */
void reconcile_read_files(Daemon *daemon);

/* The unit starts now and somebody waits for it: it comes first, behind those it lies in. */
void reconcile_mark_start(Daemon *daemon, Unit *unit);

/* The cgroup of the unit is gone: takes off all that was attached and forgets what was about that cgroup. The unit
 * may be released by it. */
void reconcile_gone(Daemon *daemon, Unit *unit);

/* Place of a unit for the tracker; the texts are the unit's. */
UnitPlace reconcile_place(const Unit *unit);
