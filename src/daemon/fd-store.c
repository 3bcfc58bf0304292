/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/fd-store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <systemd/sd-daemon.h>

#include "src/base/log.h"
#include "src/base/text.h"
#include "src/daemon/priority.h"

struct FdStore {
        Notify *notify;
        const Tracker *tracker;
        sd_event_source *sync;
        GHashTable *stored; /* name -> link id */
        unsigned max;
        bool full; /* and said so */
};

char *fd_store_name(uint64_t id) {
        return g_strdup_printf("a%" PRIu64, id);
}

uint64_t fd_store_name_id(const char *name) {
        uint64_t id;

        return name[0] == 'a' && text_to_u64(name + 1, &id) >= 0 ? id : 0;
}

static void stored_link_done(void *userdata) {
        g_free(((StoredLink *)userdata)->name);
}

static uint32_t link_id_of(const KernelOps *ops, int fd) {
        LinkInfo info;

        return ops->kind(ops, fd) == FD_KIND_LINK && ops->link_info(ops, fd, &info) >= 0 ? info.id
                                                                                         : 0;
}

GArray *fd_store_received(const KernelOps *ops, const FdSet *fds) {
        GArray *received = g_array_new(FALSE, TRUE, sizeof(StoredLink));
        char **names = NULL;
        int n = sd_listen_fds_with_names(true, &names);

        g_array_set_clear_func(received, stored_link_done);
        for (int i = 0; i < n; i++) {
                int fd = SD_LISTEN_FDS_START + i;
                StoredLink link = {
                        .id = fd_store_name_id(names[i]),
                        .link_id = fdset_contains(fds, fd) ? link_id_of(ops, fd) : 0,
                        .name = g_strdup(names[i]),
                };

                g_array_append_val(received, link);
        }
        for (char **name = names; name && *name; name++)
                free(*name);
        free(names);
        return received;
}

static bool find_link(const Tracker *tracker, uint32_t link_id, AttachmentView *ret) {
        for (size_t i = 0; tracker_get_attachment(tracker, i, ret); i++)
                if (ret->link_id == link_id)
                        return true;
        return false;
}

/* Said once, until there is room again. */
static void say_full(FdStore *store, const AttachmentView *view) {
        if (!store->full)
                log_message(
                        view->pin ? LOG_INFO : LOG_WARNING, NULL,
                        "The service manager keeps %u descriptors and takes no more: further "
                        "attachments are held by %s",
                        store->max, view->pin ? "their pins" : "unitbpfd alone and end with it"
                );
        store->full = true;
}

static void put(FdStore *store, const AttachmentView *view) {
        g_autofree char *name = fd_store_name(view->id);
        gpointer link_id;

        if (g_hash_table_lookup_extended(store->stored, name, NULL, &link_id)) {
                if (GPOINTER_TO_UINT(link_id) == view->link_id)
                        return;
                notify_unstore(store->notify, name); /* we hold the new one meanwhile */
        } else if (g_hash_table_size(store->stored) >= store->max) {
                say_full(store, view);
                return;
        }
        notify_store(store->notify, name, view->fd);
        g_hash_table_replace(
                store->stored, g_steal_pointer(&name), GUINT_TO_POINTER(view->link_id)
        );
}

static bool is_to_be_stored(const AttachmentView *view) {
        return view->id != 0 && view->fd >= 0 && view->link_id != 0 &&
               view->state == ATTACHMENT_ATTACHED;
}

/* A name is of use while its attachment, or something in quarantine, is that link. */
static bool is_of_use(const FdStore *store, const char *name, uint32_t link_id) {
        uint64_t id = fd_store_name_id(name);
        AttachmentView view;

        if (id != 0 && tracker_find_attachment(store->tracker, id, &view) &&
            view.link_id == link_id && view.fd >= 0 && view.state != ATTACHMENT_HELD_OFF)
                return true;
        return link_id != 0 && find_link(store->tracker, link_id, &view) &&
               view.state == ATTACHMENT_QUARANTINED;
}

static void drop_unused(FdStore *store) {
        GHashTableIter iter;
        void *name, *link_id;

        g_hash_table_iter_init(&iter, store->stored);
        while (g_hash_table_iter_next(&iter, &name, &link_id))
                if (!is_of_use(store, name, GPOINTER_TO_UINT(link_id))) {
                        notify_unstore(store->notify, name);
                        g_hash_table_iter_remove(&iter);
                }
}

static int on_sync(sd_event_source *event, void *userdata) {
        FdStore *store = userdata;
        AttachmentView view;

        drop_unused(store);
        if (g_hash_table_size(store->stored) < store->max)
                store->full = false;
        for (size_t i = 0; tracker_get_attachment(store->tracker, i, &view); i++)
                if (is_to_be_stored(&view))
                        put(store, &view);
        return 0;
}

void fd_store_note(FdStore *store, TrackerEventKind kind, const AttachmentView *attachment) {
        if (!store)
                return;
        if (kind != TRACKER_ATTACHMENT_REMOVED && is_to_be_stored(attachment))
                put(store, attachment);
        else /* fails only on a dead source */
                (void)sd_event_source_set_enabled(store->sync, SD_EVENT_ONESHOT);
}

size_t fd_store_n_stored(const FdStore *store) {
        return store ? g_hash_table_size(store->stored) : 0;
}

/* What the kernel says of a descriptor beats the name it was given; but it is told where they differ. */
static void take_received(FdStore *store, const StoredLink *link) {
        AttachmentView view;

        if (link->id != 0 && tracker_find_attachment(store->tracker, link->id, &view) &&
            view.link_id != link->link_id)
                log_warning(
                        "The stored descriptor '%s' is link %" PRIu32 ", attachment %" PRIu64
                        " has link %" PRIu32 ": not taken for it",
                        link->name, link->link_id, view.id, view.link_id
                );
        g_hash_table_replace(store->stored, g_strdup(link->name), GUINT_TO_POINTER(link->link_id));
}

/* Since systemd 254 the environment tells how many it takes; 0: none at all. */
static unsigned find_max(void) {
        const char *text = getenv("FDSTORE");
        uint64_t max;

        return text && text_to_u64(text, &max) >= 0 ? (unsigned)MIN(max, FD_STORE_MAX)
                                                    : FD_STORE_MAX;
}

int fd_store_new(
        sd_event *event,
        Notify *notify,
        const Tracker *tracker,
        const GArray *received,
        FdStore **ret
) {
        FdStore *store = g_new0(FdStore, 1);
        int r;

        store->notify = notify;
        store->tracker = tracker;
        store->max = find_max();
        store->stored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        r = sd_event_add_defer(event, &store->sync, on_sync, store);
        if (r < 0) {
                (void)fd_store_free(store);
                return r;
        }
        (void)sd_event_source_set_priority(store->sync, PRIORITY_HOUSEKEEPING);
        (void)sd_event_source_set_description(store->sync, "fd-store");
        for (unsigned i = 0; received && i < received->len; i++)
                take_received(store, &g_array_index(received, StoredLink, i));
        *ret = store; /* the first look is due at once: sources of this kind begin enabled */
        return 0;
}

FdStore *fd_store_free(FdStore *store) {
        if (!store)
                return NULL;
        (void)sd_event_source_disable_unref(store->sync);
        g_hash_table_unref(store->stored);
        g_free(store);
        return NULL;
}
