/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The second hold of links: copies that the service manager keeps in the fd store of our unit, named a<ID> by the id
 * of the attachment, one message each. They come back at our next start (LISTEN_FDS), in any order. Where there is no
 * bpffs this is what outlives a crash of ours. The store takes so many and closes the rest without telling, so we
 * count. */

#include <glib.h>

#include "bpf/kernel-ops.h"
#include "serialize/fdset.h"
#include "src/daemon/notify.h"
#include "src/track/tracker.h"

typedef struct FdStore FdStore;

#define FD_STORE_MAX 1024U

/* A descriptor as it came back. */
typedef struct StoredLink {
        uint64_t id; /* of the attachment, by its name; 0: no name of ours */
        uint32_t link_id; /* 0: no link */
        char *name;
} StoredLink;

/* The names of the descriptors that came with LISTEN_FDS, and what links they are; LISTEN_* is gone from the
 * environment afterwards. An array of StoredLink that frees its texts, the caller's. The descriptors stay in fds. */
GArray *fd_store_received(const KernelOps *ops, const FdSet *fds);

/* "a<ID>" and back; the id is 0 for any other name. */
char *fd_store_name(uint64_t id); /* the caller's (g_free) */
uint64_t fd_store_name_id(const char *name);

/* received (NULL: nothing) is looked through after the restore: what stands for an attachment is as good as stored,
 * other names are removed, unless what they hold is still in quarantine. It stays the caller's. */
int fd_store_new(
        sd_event *event,
        Notify *notify,
        const Tracker *tracker,
        const GArray *received,
        FdStore **ret
);
FdStore *fd_store_free(FdStore *store); /* NULL is allowed; what is stored stays stored */

/* Something has changed: what is new is stored at once, before anybody is told that it is in force; what is no longer
 * is removed a little later. May be called from within the tracker. */
void fd_store_note(FdStore *store, TrackerEventKind kind, const AttachmentView *attachment);

size_t fd_store_n_stored(const FdStore *store);
