/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units of systemd. Where a unit's cgroup lies the tree of cgroups says (see source-cgroup.h): sooner than any
 * signal, and without a question to the manager, so that neither a start nor thousands of units wait for it or
 * burden it. It tells when unit files have been read again and when jobs are done; and it is asked to stop a unit. */

#include "src/daemon/unit-source.h"

/* root: where the manager's hierarchy is mounted; socket: the manager's (MANAGER_SOCKET). The source is released by
 * unit_source_free(). */
int source_systemd_new(
        const char *root,
        const char *socket,
        const UnitSourceEvents *events,
        UnitSource **ret
);
