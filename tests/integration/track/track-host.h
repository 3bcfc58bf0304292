/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A place on the running kernel for a tracker: a bpffs in a mount namespace of the test's own, two cgroups one in the
 * other, programs of ours (pinned) and of somebody else, and the proof at the end that all of it is gone. */

#include "src/track/tracker.h"

#define HOOK     HOOK_SOCK_CREATE
#define UNIT     "t.service"
#define FULL     64
#define OWN_PINS 2

typedef struct Host {
        const KernelOps *ops;
        char bpffs[64];
        char *parent, *cgroup; /* paths: p and p/c */
        int parent_fd, cgroup_fd;
        int foreign, own[OWN_PINS]; /* programs; own ones are pinned as own0, own1 */
        uint32_t foreign_id;
        int links[FULL];
        Tracker *tracker;
} Host;

/* Makes it all but the tracker; the process should be of the test's own. */
void host_begin(Host *host);
void host_end(Host *host);

/* A tracker that has been restored from the text (NULL: none) and descriptors. */
void host_start(Host *host, const char *text, FdSet *fds);

uint32_t host_program_id(const Host *host, int fd);

/* How often the program is on the cgroup's own list for HOOK. */
size_t host_count(const Host *host, int cgroup_fd, uint32_t prog_id);

/* What is there before. OWN_*: the tracker attached it, with the first program. */
typedef enum Prior {
        NOTHING,
        FOREIGN_EXCLUSIVE,
        FOREIGN_OVERRIDE,
        FOREIGN_MULTI,
        FOREIGN_LINK,
        FOREIGN_FULL,
        PARENT_EXCLUSIVE,
        PARENT_OVERRIDE,
        PARENT_MULTI,
        DEAD,
        OWN_LINK,
        OWN_LEGACY,
        OWN_OVERRIDE,
        OWN_EXCLUSIVE,
} Prior;

/* Makes it so. FOREIGN_LINK and FOREIGN_FULL are links that the host closes at its end. */
void host_prepare(Host *host, Prior prior);

/* Attaches and detaches the foreign program at HOOK of a cgroup without a link, flags as for PROG_ATTACH. Detaching what is
 * not there is no failure. */
void host_attach_foreign(const Host *host, int cgroup_fd, uint32_t flags);
void host_detach_foreign(const Host *host, int cgroup_fd);

/* One line of UNIT that wants program own<version>. The caller's, and its descriptor keeps the pin of the program. */
TargetSet *host_wish(const Host *host, AttachMode mode, Via via, bool takeover, int version);
int host_apply(Host *host, const TargetSet *set, Diag *diag);
void host_attach_own(Host *host, AttachMode mode, Via via); /* program own0, which must succeed */
