/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/stop-point.h"
#include "src/base/text.h"
#include "src/daemon/priority.h"

#define LEASE_DIRECTORY "lease"

typedef struct Lease {
        LeaseTable *table;
        uint64_t id;
        int fd; /* read end */
        sd_event_source *io;
} Lease;

struct LeaseTable {
        Daemon *daemon;
        char *directory;
        GHashTable *leases; /* by id */
};

static char *lease_path(const LeaseTable *table, uint64_t id) {
        return g_strdup_printf("%s/%" PRIu64, table->directory, id);
}

static void lease_free(void *userdata) {
        Lease *lease = userdata;

        (void)sd_event_source_disable_unref(lease->io);
        (void)fd_close(lease->fd);
        g_free(lease);
}

int lease_table_new(Daemon *daemon, LeaseTable **ret, Diag *diag) {
        g_autofree char *directory = daemon_runtime_path(daemon, LEASE_DIRECTORY);
        LeaseTable *table;
        int r = file_make_directories(directory, 0700);

        if (r < 0)
                return diag_errno(diag, r, "cannot make '%s'", directory);
        table = g_new0(LeaseTable, 1);
        table->daemon = daemon;
        table->directory = g_steal_pointer(&directory);
        table->leases = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, lease_free);
        *ret = table;
        return 0;
}

LeaseTable *lease_table_free(LeaseTable *table) {
        if (!table)
                return NULL;
        g_hash_table_unref(table->leases);
        g_free(table->directory);
        g_free(table);
        return NULL;
}

static void remove_fifo(const LeaseTable *table, uint64_t id) {
        g_autofree char *path = lease_path(table, id);

        if (unlink(path) < 0 && errno != ENOENT)
                log_warning("cannot remove '%s': %s, ignoring", path, strerror(errno));
}

static void detach(LeaseTable *table, uint64_t id, const char *reason) {
        const LogFields fields = { .attachment_id = id };
        _cleanup_diag_ Diag diag = {};
        int r = tracker_detach(table->daemon->tracker, id, &diag);

        if (r < 0 && r != -ENOENT) {
                log_message(
                        LOG_ERR, &fields, "cannot detach %" PRIu64 " whose lease has ended: %s", id,
                        diag_text(&diag, r)
                );
                return; /* its FIFO stays, so that the next start tries again */
        }
        log_message(LOG_INFO, &fields, "detached %" PRIu64 ": %s", id, reason);
        remove_fifo(table, id);
}

static int on_hang_up(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        Lease *lease = userdata;
        LeaseTable *table = lease->table;
        uint64_t id = lease->id;

        if (!(revents & (EPOLLHUP | EPOLLERR)))
                return 0;
        (void)g_hash_table_remove(table->leases, &id); /* the lease is released here */
        detach(table, id, "the last copy of its lease was closed");
        return 0;
}

/* Takes over fd, on failure too. */
static int add(LeaseTable *table, uint64_t id, int fd) {
        Lease *lease = g_new0(Lease, 1);
        int r;

        lease->table = table;
        lease->id = id;
        lease->fd = fd;
        /* no event but the hang-up is asked for: what somebody writes does not concern us */
        r = sd_event_add_io(table->daemon->event, &lease->io, fd, 0, on_hang_up, lease);
        if (r < 0) {
                lease_free(lease);
                return r;
        }
        (void)sd_event_source_set_priority(lease->io, PRIORITY_LEASE);
        (void)sd_event_source_set_description(lease->io, "lease");
        (void)g_hash_table_replace(table->leases, &lease->id, lease);
        return 0;
}

int lease_open(const char *path, int *ret_fd) {
        _cleanup_close_ int fd = fd_above_stdio(
                open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        );
        struct stat st;
        char buffer[4096];
        ssize_t n;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISFIFO(st.st_mode))
                return -EINVAL;
        do
                n = read(fd, buffer, sizeof buffer);
        while (n > 0 || (n < 0 && errno == EINTR));
        if (n < 0 && errno != EAGAIN)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return n == 0 ? LEASE_LOST : LEASE_HELD;
}

int lease_make(LeaseTable *table, uint64_t id, int *ret_fd, Diag *diag) {
        g_autofree char *path = lease_path(table, id);
        _cleanup_close_ int reader = -EBADF, writer = -EBADF;
        int r;

        if (g_hash_table_size(table->leases) >= LIMIT_LEASES)
                return diag_fail(diag, -ENOSPC, "there are %u leases already", LIMIT_LEASES);
        remove_fifo(table, id); /* ids are never used twice: this is a leftover of another boot */
        stop_point("lease-before-fifo");
        if (mkfifo(path, 0600) < 0)
                return diag_errno(diag, -errno, "cannot make '%s'", path);
        r = lease_open(path, &reader);
        if (r < 0)
                return diag_errno(diag, r, "cannot open '%s'", path);
        writer = fd_above_stdio(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (writer < 0)
                return diag_errno(diag, writer, "cannot open '%s'", path);
        r = add(table, id, TAKE_FD(reader));
        if (r < 0)
                return diag_errno(diag, r, "cannot watch '%s'", path);
        *ret_fd = TAKE_FD(writer);
        return 0;
}

static void take_up(LeaseTable *table, uint64_t id) {
        g_autofree char *path = lease_path(table, id);
        int fd, r = lease_open(path, &fd);

        if (r == -ENOENT)
                detach(table, id, "its lease was never handed out");
        else if (r < 0)
                log_error(
                        "cannot open lease '%s': %s, %" PRIu64
                        " stays until it is detached by hand",
                        path, strerror(-r), id
                );
        else if (r == LEASE_LOST) {
                (void)fd_close(fd);
                detach(table, id, "the last copy of its lease was closed while nobody watched");
        } else {
                r = add(table, id, fd);
                if (r < 0)
                        log_error("cannot watch lease '%s': %s", path, strerror(-r));
        }
}

static void remove_unclaimed(LeaseTable *table) {
        g_autoptr(GDir) dir = g_dir_open(table->directory, 0, NULL);
        AttachmentView view;
        const char *name;
        uint64_t id;

        while (dir && (name = g_dir_read_name(dir)))
                if (text_to_u64(name, &id) >= 0 && !g_hash_table_contains(table->leases, &id) &&
                    !tracker_find_attachment(table->daemon->tracker, id, &view))
                        remove_fifo(table, id);
}

void lease_restore(LeaseTable *table) {
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        AttachmentView view;

        /* ids first: detaching changes the tracker's list */
        for (size_t i = 0; tracker_get_attachment(table->daemon->tracker, i, &view); i++)
                if (view.lease && view.id != 0)
                        g_array_append_val(ids, view.id);
        for (unsigned i = 0; i < ids->len; i++)
                take_up(table, g_array_index(ids, uint64_t, i));
        remove_unclaimed(table);
}

void lease_forget(LeaseTable *table, uint64_t id) {
        if (g_hash_table_remove(table->leases, &id))
                remove_fifo(table, id);
}

size_t lease_count(const LeaseTable *table) {
        return g_hash_table_size(table->leases);
}
