/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units whose cgroup we make ourselves, for StartTransient(): made, handed over, and removed when they have been
 * populated and are empty, or when nobody moved in for ten seconds. RUNTIME/transient/UNIT remembers each over a
 * restart: one assignment of the caller a line, so that the same lines are wanted again. */

#include "src/daemon/daemon.h"

typedef struct TransientRequest {
        const char *unit; /* empty: a name is made up */
        const char *slice; /* empty: directly below the root */
        char **assignments;
        pid_t pid; /* who asks; it is put into the scope where there is one to be made */
} TransientRequest;

/* Makes the unit's cgroup and remembers it. *ret is the unit, not yet marked. -EINVAL (bad name, slice or assignment),
 * -EEXIST (the unit has a cgroup), -EPERM (not trusted), ... explained in diag. */
int transient_make(Daemon *daemon, const TransientRequest *request, Unit **ret, Diag *diag);

/* The unit, or negative and why. Called once. */
typedef void (*TransientDone)(void *userdata, Unit *unit, int error, const Diag *diag);

/* The same where a service manager makes cgroups: a scope with the process that asks in it. done follows later unless
 * this fails. */
int transient_make_scope(
        Daemon *daemon,
        const TransientRequest *request,
        TransientDone done,
        void *userdata,
        Diag *diag
);

/* Takes back what transient_make() made, if nobody is inside. */
void transient_discard(Daemon *daemon, Unit *unit);

/* The unit's population has changed: removes the cgroup if its time has come. */
void transient_populated(Daemon *daemon, Unit *unit);

/* The unit's cgroup is gone: nothing needs to be remembered. */
void transient_forget(Daemon *daemon, Unit *unit);

/* After a start: finds the remembered units again (the source has told what is there). */
void transient_restore(Daemon *daemon);
