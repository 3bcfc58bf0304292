/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/fd.h"
#include "src/base/log.h"
#include "src/daemon/priority.h"

#define STATUS "STATUS="

typedef struct Message {
        char *text;
        int fd; /* a duplicate: what it stands for may be closed meanwhile; -EBADF: none */
} Message;

struct Notify {
        struct sockaddr_un address;
        socklen_t address_size;
        sd_event *event;
        int fd; /* connected, so that room can be waited for; -EBADF: not now */
        sd_event_source *io, *watchdog;
        uint64_t watchdog_usec;
        GQueue pending;
        bool heard;
};

static void message_free(void *userdata) {
        Message *message = userdata;

        (void)fd_close(message->fd);
        g_free(message->text);
        g_free(message);
}

/* Parses what NOTIFY_SOCKET may say of a local socket: a path, or @ and an abstract name. */
static int set_address(Notify *notify, const char *address) {
        size_t n = strlen(address);

        if ((address[0] != '/' && address[0] != '@') || n < 2)
                return -EAFNOSUPPORT;
        if (n >= sizeof notify->address.sun_path)
                return -ENAMETOOLONG;
        notify->address.sun_family = AF_UNIX;
        memcpy(notify->address.sun_path, address, n);
        if (address[0] == '@')
                notify->address.sun_path[0] = 0;
        notify->address_size = (socklen_t
        )(offsetof(struct sockaddr_un, sun_path) + n + (address[0] == '/' ? 1 : 0));
        return 0;
}

static void disconnect(Notify *notify) {
        notify->io = sd_event_source_disable_unref(notify->io);
        notify->fd = fd_close(notify->fd);
}

static int on_room(sd_event_source *io, int fd, uint32_t revents, void *userdata);

static int connect_now(Notify *notify) {
        int r;

        if (notify->fd >= 0)
                return 0;
        notify->fd = fd_above_stdio(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (notify->fd < 0)
                return notify->fd;
        if (connect(notify->fd, (const struct sockaddr *)&notify->address, notify->address_size) <
            0)
                r = -errno;
        else
                r = sd_event_add_io(notify->event, &notify->io, notify->fd, 0, on_room, notify);
        if (r < 0) {
                disconnect(notify);
                return r;
        }
        (void)sd_event_source_set_description(notify->io, "notify");
        return 0;
}

static int send_once(Notify *notify, const char *text, int fd) {
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec part = { .iov_base = (char *)text, .iov_len = strlen(text) };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        int r = connect_now(notify);

        if (r < 0)
                return r;
        if (fd >= 0) {
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
                message.msg_control = &control;
                message.msg_controllen = sizeof control.space;
        }
        return sendmsg(notify->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* 0: the message has been dealt with; -EAGAIN: there is no room for it now. */
static int send_message(Notify *notify, const char *text, int fd) {
        int r = send_once(notify, text, fd);

        if (r < 0 && r != -EAGAIN && r != -EINTR) { /* the socket may be another one by now */
                disconnect(notify);
                r = send_once(notify, text, fd);
        }
        if (r == -EAGAIN || r == -EINTR || r == -ENOBUFS)
                return -EAGAIN;
        if (r < 0)
                log_warning(
                        "cannot tell the service manager '%s': %s, ignoring", text, strerror(-r)
                );
        return 0;
}

static void flush(Notify *notify) {
        Message *message;

        while ((message = g_queue_peek_head(&notify->pending))) {
                if (send_message(notify, message->text, message->fd) == -EAGAIN)
                        break;
                message_free(g_queue_pop_head(&notify->pending));
        }
        if (notify->io) /* fails only on a dead source */
                (void)sd_event_source_set_io_events(
                        notify->io, g_queue_is_empty(&notify->pending) ? 0 : EPOLLOUT
                );
}

static int on_room(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        Notify *notify = userdata;

        if (revents &
            (EPOLLERR | EPOLLHUP)) /* whoever listened is gone: the next message looks anew */
                disconnect(notify);
        flush(notify);
        return 0;
}

static void drop_old_status(Notify *notify) {
        for (GList *item = notify->pending.head; item; item = item->next) {
                const Message *message = item->data;

                if (!g_str_has_prefix(message->text, STATUS))
                        continue;
                message_free(item->data);
                g_queue_delete_link(&notify->pending, item);
                return;
        }
}

static void send_or_keep(Notify *notify, const char *text, int fd) {
        Message *message;

        if (g_queue_is_empty(&notify->pending) && send_message(notify, text, fd) == 0)
                return;
        message = g_new0(Message, 1);
        message->text = g_strdup(text);
        message->fd = fd >= 0 ? fd_duplicate(fd) : -EBADF;
        if (fd >= 0 && message->fd < 0) {
                log_warning(
                        "cannot keep '%s' for the service manager: %s, ignoring", text,
                        strerror(-message->fd)
                );
                message->fd = -EBADF;
                message_free(message);
                return;
        }
        g_queue_push_tail(&notify->pending, message);
        flush(notify);
}

void notify_send(Notify *notify, const char *text) {
        if (!notify_is_heard(notify))
                return;
        if (g_str_has_prefix(text, STATUS))
                drop_old_status(notify);
        send_or_keep(notify, text, -EBADF);
}

void notify_store(Notify *notify, const char *name, int fd) {
        g_autofree char *text = NULL;

        if (!notify_is_heard(notify))
                return;
        /* never polled: of a map the manager would hear at once that it is broken */
        text = g_strdup_printf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
        send_or_keep(notify, text, fd);
}

void notify_unstore(Notify *notify, const char *name) {
        g_autofree char *text = NULL;

        if (!notify_is_heard(notify))
                return;
        text = g_strdup_printf("FDSTOREREMOVE=1\nFDNAME=%s", name);
        send_or_keep(notify, text, -EBADF);
}

bool notify_is_heard(const Notify *notify) {
        return notify && notify->heard;
}

unsigned notify_n_pending(const Notify *notify) {
        return notify ? notify->pending.length : 0;
}

static int on_watchdog(sd_event_source *timer, uint64_t usec, void *userdata) {
        Notify *notify = userdata;

        /* behind others it would only say that we were alive once, and there might be ever more of them */
        if (g_queue_is_empty(&notify->pending))
                notify_send(notify, "WATCHDOG=1");
        else
                flush(notify);
        /* fails only on a dead source */
        (void)sd_event_source_set_time_relative(timer, notify->watchdog_usec);
        return 0;
}

int notify_start_watchdog(Notify *notify, uint64_t usec) {
        int r;

        if (usec == 0 || !notify_is_heard(notify))
                return 0;
        notify->watchdog_usec = usec / 4;
        r = sd_event_add_time_relative(
                notify->event, &notify->watchdog, CLOCK_MONOTONIC, 0, 0, on_watchdog, notify
        );
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(notify->watchdog, "watchdog");
        /* before whatever keeps us busy */
        (void)sd_event_source_set_priority(notify->watchdog, PRIORITY_HOOK - 1);
        return sd_event_source_set_enabled(notify->watchdog, SD_EVENT_ON);
}

int notify_new(sd_event *event, const char *address, Notify **ret) {
        Notify *notify = g_new0(Notify, 1);

        notify->event = sd_event_ref(event);
        notify->fd = -EBADF;
        g_queue_init(&notify->pending);
        if (address) {
                int r = set_address(notify, address);

                notify->heard = r >= 0;
                if (r < 0)
                        log_warning(
                                "cannot use the notify socket '%s': %s, ignoring", address,
                                strerror(-r)
                        );
        }
        *ret = notify;
        return 0;
}

Notify *notify_free(Notify *notify) {
        if (!notify)
                return NULL;
        flush(notify);
        g_queue_clear_full(&notify->pending, message_free);
        disconnect(notify);
        (void)sd_event_source_disable_unref(notify->watchdog);
        (void)sd_event_unref(notify->event);
        g_free(notify);
        return NULL;
}
