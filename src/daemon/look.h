/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is attached to cgroups, ours and everybody else's: asked of the kernel at the moment, matched with what the
 * tracker knows and with the links and their holders. Nothing is changed. */

#include <glib.h>

#include "src/daemon/daemon.h"

typedef enum LookOwner {
        LOOK_UNITBPF,
        LOOK_LINK, /* a foreign link */
        LOOK_LEGACY, /* attached without a link by somebody */
        _LOOK_OWNER_MAX,
        _LOOK_OWNER_INVALID = -22,
} LookOwner;
DECLARE_NAME_TABLE(LookOwner, look_owner); /* unitbpf link legacy */

/* One program at one place. */
typedef struct LookProgram {
        char *cgroup;
        uint64_t cgroup_id;
        unsigned depth; /* below where the walk began */
        Hook hook;
        uint32_t attach_flags;
        uint32_t prog_id, link_id; /* link 0: none, or not known */
        char program[KERNEL_NAME_MAX], tag[17];
        LookOwner owner;
        char *unit; /* of ours; NULL */
        uint64_t id; /* of ours; 0 */
        Via via; /* of ours; invalid */
        char *pin; /* of ours; NULL */
        char **holders; /* processes with a descriptor of the link: "PID (NAME)"; NULL: not looked for */
} LookProgram;

/* Programs on the cgroup and below. An array of LookProgram that frees them. */
int look_tree(const Daemon *daemon, const char *cgroup, GPtrArray **ret, Diag *diag);

/* Programs that run for the cgroup, in the order in which they run, for each hook. */
int look_effective(const Daemon *daemon, const char *cgroup, GPtrArray **ret, Diag *diag);

/* Ids of links to the processes that hold them: "PID (NAME)" texts in a GPtrArray, by GUINT_TO_POINTER(id). */
GHashTable *look_link_holders(void);
