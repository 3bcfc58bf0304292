/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Quarantine: descriptors and pins that may be protecting something, but that the state does not account for. They
 * are kept and shown, adopted when a wish matches, and dropped when what they protect is covered, dead, or wants
 * nothing. */

#include "src/track/core.h"

/* Takes a descriptor (or -EBADF with a pin number) into quarantine. reason is for people. */
void quarantine_add(Tracker *tracker, int fd, uint64_t pin_number, const char *reason);

/* Whether anything is in it for this cgroup. */
bool quarantine_has_cgroup(const Tracker *tracker, uint64_t cgroup_id);

/* A quarantined link on that cgroup and hook with a program of that name and tag; NULL if none. Taken out of the
 * quarantine: the caller owns it. It keeps its pin and number. */
Attachment *quarantine_take_match(
        Tracker *tracker,
        uint64_t cgroup_id,
        Hook hook,
        const KnownProgram *program
);

/* Drops what is on that cgroup (which is covered or wants nothing); cgroup_id 0: what is dead, anywhere. */
void quarantine_drop(Tracker *tracker, uint64_t cgroup_id);
