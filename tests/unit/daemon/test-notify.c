/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/fd.h"
#include "src/daemon/fd-store.h"
#include "src/daemon/notify.h"
#include "tests/unit/check-main.h"

typedef struct Listener {
        int fd;
        char address[64]; /* as in NOTIFY_SOCKET */
        sd_event *event;
        Notify *notify;
} Listener;

static void listener_init(Listener *listener) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t size;

        (void
        )snprintf(listener->address, sizeof listener->address, "@unitbpf-test-notify-%d", getpid());
        (void)strcpy(address.sun_path + 1, listener->address + 1);
        size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(listener->address));
        listener->fd = fd_above_stdio(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
        );
        ck_assert_int_ge(listener->fd, 0);
        ck_assert_int_eq(bind(listener->fd, (const struct sockaddr *)&address, size), 0);
        ck_assert_int_ge(sd_event_new(&listener->event), 0);
        ck_assert_int_eq(notify_new(listener->event, listener->address, &listener->notify), 0);
}

static void listener_done(Listener *listener) {
        listener->notify = notify_free(listener->notify);
        (void)sd_event_unref(listener->event);
        (void)fd_close(listener->fd);
}

/* The next message, empty if there is none; *ret_fd is what came with it, -EBADF without. */
static const char *hear(const Listener *listener, int *ret_fd) {
        static char text[256];
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = { .iov_base = text, .iov_len = sizeof text - 1 };
        struct msghdr message = { .msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control };
        ssize_t n = recvmsg(listener->fd, &message, MSG_CMSG_CLOEXEC);
        int fd = -EBADF;

        text[n > 0 ? n : 0] = 0;
        if (n > 0 && CMSG_FIRSTHDR(&message))
                memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        if (ret_fd)
                *ret_fd = fd;
        else
                (void)fd_close(fd);
        return text;
}

START_TEST(a_full_socket_never_blocks_and_keeps_the_order)
{
        Listener listener;
        unsigned sent = 0, heard = 0;

        listener_init(&listener);
        while (notify_n_pending(listener.notify) < 3) {
                g_autofree char *text = g_strdup_printf("X_N=%u", sent++);

                notify_send(listener.notify, text);
                ck_assert_uint_lt(sent, 1000000);
        }
        for (unsigned tries = 0; heard < sent && tries < 100000; tries++) {
                const char *text = hear(&listener, NULL);

                if (*text) {
                        g_autofree char *wanted = g_strdup_printf("X_N=%u", heard++);

                        ck_assert_str_eq(text, wanted);
                } else
                        (void)sd_event_run(listener.event, 1000);
        }
        ck_assert_uint_eq(heard, sent);
        ck_assert_uint_eq(notify_n_pending(listener.notify), 0);
        listener_done(&listener);
}
END_TEST

START_TEST(of_status_lines_that_wait_only_the_last_is_sent)
{
        Listener listener;
        unsigned n_status = 0, n;
        bool last = false;

        listener_init(&listener);
        for (n = 0; notify_n_pending(listener.notify) == 0 && n < 1000000; n++)
                notify_send(listener.notify, "X=1");
        for (n = 0; n < 100; n++)
                notify_send(listener.notify, n == 99 ? "STATUS=last" : "STATUS=old");
        ck_assert_uint_eq(notify_n_pending(listener.notify), 2);
        for (n = 0; n < 100000 && !last; n++) {
                const char *text = hear(&listener, NULL);

                n_status += g_str_has_prefix(text, "STATUS=");
                last = strcmp(text, "STATUS=last") == 0;
                if (!*text)
                        (void)sd_event_run(listener.event, 1000);
        }
        ck_assert(last);
        ck_assert_uint_eq(n_status, 1);
        listener_done(&listener);
}
END_TEST

START_TEST(a_descriptor_is_stored_under_its_name_even_if_it_is_closed_while_it_waits)
{
        Listener listener;
        int fd, got = -EBADF;
        const char *text = "";

        listener_init(&listener);
        for (unsigned n = 0; notify_n_pending(listener.notify) == 0 && n < 1000000; n++)
                notify_send(listener.notify, "X=1");
        fd = fd_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
        ck_assert_int_ge(fd, 0);
        notify_store(listener.notify, "a7", fd);
        (void)fd_close(fd);
        for (unsigned n = 0; n < 100000 && got < 0; n++) {
                text = hear(&listener, &got);
                if (!*text)
                        (void)sd_event_run(listener.event, 1000);
        }
        ck_assert_str_eq(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=a7");
        ck_assert_int_ge(got, 0);
        (void)fd_close(got);
        notify_unstore(listener.notify, "a7");
        ck_assert_str_eq(hear(&listener, NULL), "FDSTOREREMOVE=1\nFDNAME=a7");
        listener_done(&listener);
}
END_TEST

START_TEST(without_anybody_who_listens_nothing_is_kept)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Notify *notify;

        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(notify_new(event, NULL, &notify), 0);
        ck_assert(!notify_is_heard(notify));
        notify_send(notify, "READY=1");
        notify_store(notify, "a1", 0);
        ck_assert_uint_eq(notify_n_pending(notify), 0);
        notify_free(notify);
        ck_assert_int_eq(notify_new(event, "nonsense", &notify), 0);
        ck_assert(!notify_is_heard(notify));
        notify_free(notify);
}
END_TEST

START_TEST(names_of_stored_links_and_back)
{
        static const char *const others[] = { "", "a", "a-1", "b7", "stored", "a7x" };
        g_autofree char *name = fd_store_name(7);

        ck_assert_str_eq(name, "a7");
        ck_assert_uint_eq(fd_store_name_id(name), 7);
        for (size_t i = 0; i < ELEMENTS(others); i++)
                ck_assert_uint_eq(fd_store_name_id(others[i]), 0);
}
END_TEST

CHECK_MAIN(
        "daemon/notify",
        60,
        a_full_socket_never_blocks_and_keeps_the_order,
        of_status_lines_that_wait_only_the_last_is_sent,
        a_descriptor_is_stored_under_its_name_even_if_it_is_closed_while_it_waits,
        without_anybody_who_listens_nothing_is_kept,
        names_of_stored_links_and_back
)
