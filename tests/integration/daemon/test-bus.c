/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The private bus: who may call what, what a user without privilege can do to others, objects and signals. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/daemon/bus-manager.h"
#include "tests/integration/daemon/daemon-host.h"
#include "tests/unit/check-main.h"

#define MANAGER      "org.unitbpf1.Manager"
#define MANAGER_PATH "/org/unitbpf1"
#define NOBODY       65534U
#define FLOOD_CALLS  200U

/* Runs body as a user without privilege; its answer is the exit status. */
static int as_nobody(int (*body)(void)) {
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(setgid(NOBODY) < 0 || setuid(NOBODY) < 0 ? 90 : body());
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 91;
}

static const struct {
        const char *method, *types;
} calls[] = {
        { "ListAttachments", NULL },
        { "ListUnits", NULL },
        { "Hooks", NULL },
        { "Subscribe", NULL },
        { "Effective", "s" },
        { "Tree", "s" },
        { "Plan", "s" },
        { "Maps", "s" },
        { "AttachUnit", "s" },
        { "DetachUnit", "s" },
        { "DetachAll", NULL },
        { "Reload", NULL },
        { "Reexecute", NULL },
        { "Dump", NULL },
        { "Doctor", NULL },
        { "SetLogLevel", "s" },
};

/* 0 if every method that is not public is denied and every public one is answered; else 1 + its index. */
static int call_everything(void) {
        for (size_t i = 0; i < ELEMENTS(calls); i++) {
                const char *error = calls[i].types ? daemon_host_call(
                                                             calls[i].method, calls[i].types,
                                                             "none.service"
                                                     )
                                                   : daemon_host_call(calls[i].method, NULL);
                bool public = bus_manager_access(calls[i].method) == BUS_PUBLIC;

                if (public ? *error != 0 : strcmp(error, SD_BUS_ERROR_ACCESS_DENIED) != 0)
                        return (int)i + 1;
        }
        return 0;
}

static int call_with_arguments(void) {
        if (strcmp(daemon_host_call("DetachAttachment", "t", (uint64_t)1),
                   SD_BUS_ERROR_ACCESS_DENIED) != 0)
                return 1;
        if (strcmp(daemon_host_call("StartTransient", "ssas", "x.service", "", 0),
                   SD_BUS_ERROR_ACCESS_DENIED) != 0)
                return 2;
        if (strcmp(daemon_host_call("Adopt", "st", "x.service", (uint64_t)1),
                   SD_BUS_ERROR_ACCESS_DENIED) != 0)
                return 3;
        return strcmp(daemon_host_call("GetUnit", "s", "x.service"),
                      "org.unitbpf1.Error.NoSuchUnit") == 0
                       ? 0
                       : 4;
}

START_TEST(users_may_look_and_change_nothing)
{
        daemon_host_begin();
        daemon_host_start(NULL);
        ck_assert_int_eq(as_nobody(call_everything), 0);
        ck_assert_int_eq(as_nobody(call_with_arguments), 0);
        daemon_host_end();
}
END_TEST

static int connect_raw(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *path = daemon_host_path("run/bus");
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
                return -errno;
        return fd;
}

/* Opens many connections; 0 if not more than the limit stay open, and 8 s later those without handshake are still
 * bounded. */
static int hoard_connections(void) {
        int fds[3 * LIMIT_BUS_CONNECTIONS_UID];
        unsigned open = 0;

        for (size_t i = 0; i < ELEMENTS(fds); i++)
                fds[i] = connect_raw();
        (void)usleep(500000);
        for (size_t i = 0; i < ELEMENTS(fds); i++) {
                char byte;

                if (fds[i] >= 0 && recv(fds[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
                        open++;
        }
        return open <= LIMIT_BUS_CONNECTIONS_UID && open > 0 ? 0 : 1;
}

START_TEST(connections_of_a_user_are_bounded)
{
        daemon_host_begin();
        daemon_host_start(NULL);
        ck_assert_int_eq(as_nobody(hoard_connections), 0);
        ck_assert_str_eq(daemon_host_call("ListUnits", NULL), "");
        daemon_host_end();
}
END_TEST

/* Idle connections that never say a word, kept until killed. */
static pid_t hoarder(void) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                        _exit(90);
                for (unsigned i = 0; i < 1000; i++)
                        (void)connect_raw();
                for (;;)
                        (void)pause();
        }
        return pid;
}

/* Calls without ever reading an answer. */
static pid_t flooder(void) {
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
                        _exit(90);
                for (;;) {
                        sd_bus *bus = daemon_host_connect();

                        for (unsigned i = 0; bus && i < FLOOD_CALLS; i++)
                                (void)sd_bus_call_method_async(
                                        bus, NULL, NULL, MANAGER_PATH, MANAGER, "Hooks", NULL, NULL,
                                        NULL
                                );
                        (void)sd_bus_close_unref(bus);
                }
        }
        return pid;
}

START_TEST(idle_and_flooding_users_do_not_keep_a_unit_from_starting)
{
        pid_t pids[3];

        daemon_host_begin();
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        pids[0] = hoarder();
        pids[1] = flooder();
        pids[2] = flooder();
        (void)usleep(500000);
        for (unsigned i = 0; i < 10; i++) {
                ck_assert_int_eq(daemon_host_hook("a.service", "a.service", "required", "5"), 0);
                ck_assert_str_eq(daemon_host_call("ListUnits", NULL), "");
        }
        for (size_t i = 0; i < ELEMENTS(pids); i++) {
                ck_assert_int_eq(kill(pids[i], SIGKILL), 0);
                ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
        }
        daemon_host_end();
}
END_TEST

START_TEST(a_connection_without_handshake_is_closed)
{
        struct timeval patience = { .tv_sec = 20 };
        _cleanup_close_ int fd = -EBADF;
        char byte;

        daemon_host_begin();
        daemon_host_start(NULL);
        fd = connect_raw();
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
        daemon_host_end();
}
END_TEST

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        GString *seen = userdata;

        g_string_append_printf(seen, "%s ", sd_bus_message_get_member(message));
        return 0;
}

START_TEST(subscribers_are_told_what_changes)
{
        g_autoptr(GString) seen = g_string_new(NULL);
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        g_autofree char *pin = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=egress:%s\n", pin);
        daemon_host_start(NULL);
        bus = daemon_host_connect();
        ck_assert_int_ge(
                sd_bus_match_signal(bus, NULL, NULL, MANAGER_PATH, MANAGER, NULL, on_signal, seen),
                0
        );
        ck_assert_int_ge(
                sd_bus_call_method(bus, NULL, MANAGER_PATH, MANAGER, "Subscribe", NULL, NULL, NULL),
                0
        );
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        daemon_host_remove_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "inactive"));
        for (unsigned i = 0; i < 100 && !strstr(seen->str, "AttachmentRemoved"); i++) {
                (void)sd_bus_wait(bus, 50000);
                while (sd_bus_process(bus, NULL) > 0)
                        ;
        }
        ck_assert_ptr_nonnull(strstr(seen->str, "AttachmentNew"));
        ck_assert_ptr_nonnull(strstr(seen->str, "UnitChanged"));
        ck_assert_ptr_nonnull(strstr(seen->str, "AttachmentRemoved"));
        daemon_host_end();
}
END_TEST

START_TEST(objects_have_the_properties_of_the_dictionaries)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        g_autofree char *pin = NULL, *state = NULL, *hook = NULL, *path = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *text;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=egress:%s\n", pin);
        daemon_host_make_cgroup("a.service");
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        bus = daemon_host_connect();
        ck_assert_int_ge(sd_bus_path_encode("/org/unitbpf1/unit", "a.service", &path), 0);
        ck_assert_int_ge(
                sd_bus_get_property_string(
                        bus, NULL, path, "org.unitbpf1.Unit", "State", NULL, &state
                ),
                0
        );
        ck_assert_str_eq(state, "covered");
        ck_assert_int_ge(
                sd_bus_get_property_string(
                        bus, NULL, "/org/unitbpf1/attachment/1", "org.unitbpf1.Attachment", "Hook",
                        NULL, &hook
                ),
                0
        );
        ck_assert_str_eq(hook, "egress");
        ck_assert_int_ge(
                sd_bus_call_method(
                        bus, NULL, "/org/unitbpf1/attachment",
                        "org.freedesktop.DBus.Introspectable", "Introspect", NULL, &reply, NULL
                ),
                0
        );
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &text), 0);
        ck_assert_ptr_nonnull(strstr(text, "node name=\"1\""));
        daemon_host_end();
}
END_TEST

CHECK_MAIN(
        "daemon/bus",
        60,
        users_may_look_and_change_nothing,
        connections_of_a_user_are_bounded,
        idle_and_flooding_users_do_not_keep_a_unit_from_starting,
        a_connection_without_handshake_is_closed,
        subscribers_are_told_what_changes,
        objects_have_the_properties_of_the_dictionaries
)
