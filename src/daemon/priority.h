/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which event is served first. A unit that waits for its start comes before everything else, and nothing that
 * somebody without privilege can send comes before anything of root's. */
enum {
        PRIORITY_HOOK = -50, /* requests of unitbpf-hook */
        PRIORITY_SOURCE = -40, /* news of units */
        PRIORITY_RECONCILE = -30, /* acting on them, one unit at a time */
        PRIORITY_LEASE = -20,
        PRIORITY_BUS_ROOT = 0, /* calls of root */
        PRIORITY_BUS_ACCEPT = 5,
        PRIORITY_BUS_OTHER = 10, /* calls of everybody else */
        PRIORITY_HOUSEKEEPING =
                20, /* signals to subscribers, closing connections, looking after drift */
};
