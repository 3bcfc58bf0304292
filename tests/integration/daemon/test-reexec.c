/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Replacing the process: nothing is detached, no event goes unseen, and every way in which it can fail leaves the
 * daemon as it was, with a reason for the caller. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/fd.h"
#include "src/base/hook-protocol.h"
#include "src/daemon/handover.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/daemon/daemon-host.h"
#include "tests/unit/check-main.h"

#define MANAGER      "org.unitbpf1.Manager"
#define MANAGER_PATH "/org/unitbpf1"

static bool has_other_instance(const void *userdata) {
        g_autofree char *now = daemon_host_property("Instance");

        return now && strcmp(now, userdata) != 0;
}

/* Asks for it and waits for the new process. */
static void reexecute(void) {
        g_autofree char *before = daemon_host_property("Instance");

        ck_assert_ptr_nonnull(before);
        (void)daemon_host_call("Reexecute", NULL); /* ends with the connection */
        ck_assert(daemon_host_wait(has_other_instance, before));
}

static void begin_with_unit(const char *option) {
        g_autofree char *pin = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=egress:%s\n", pin);
        daemon_host_make_cgroup("a.service");
        daemon_host_start(option, NULL);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
}

static char *attachment_text(const char *property) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        uint64_t number = 0;

        ck_assert_int_ge(
                sd_bus_get_property_trivial(
                        bus, NULL, "/org/unitbpf1/attachment/1", "org.unitbpf1.Attachment",
                        property, NULL, 't', &number
                ),
                0
        );
        return g_strdup_printf("%" G_GUINT64_FORMAT, number);
}

START_TEST(reexec_keeps_process_attachments_and_names)
{
        g_autofree char *link = NULL, *since = NULL, *link_after = NULL, *since_after = NULL;
        g_autofree char *invocation = NULL, *invocation_after = NULL, *n = NULL;
        pid_t pid;

        begin_with_unit(NULL);
        pid = daemon_host_pid();
        link = attachment_text("LinkId");
        since = attachment_text("SinceUsec");
        invocation = daemon_host_unit_text("a.service", "InvocationId");
        for (unsigned i = 0; i < 5; i++)
                reexecute();
        ck_assert_int_eq(kill(pid, 0), 0);
        link_after = attachment_text("LinkId");
        since_after = attachment_text("SinceUsec");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        invocation_after = daemon_host_unit_text("a.service", "InvocationId");
        n = daemon_host_unit_text("a.service", "Attachments");
        ck_assert_str_eq(link, link_after);
        ck_assert_str_eq(since, since_after);
        ck_assert_str_eq(invocation, invocation_after);
        ck_assert_str_eq(n, "1");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        daemon_host_end();
}
END_TEST

typedef struct Watcher {
        atomic_bool stop;
        atomic_uint looks, gaps;
} Watcher;

static void *watch_programs(void *userdata) {
        Watcher *watcher = userdata;

        while (!atomic_load(&watcher->stop)) {
                (void)atomic_fetch_add(&watcher->looks, 1);
                if (daemon_host_programs("a.service", HOOK_EGRESS) == 0)
                        (void)atomic_fetch_add(&watcher->gaps, 1);
        }
        return NULL;
}

START_TEST(no_moment_without_the_program)
{
        Watcher watcher = {};
        pthread_t thread;

        begin_with_unit(NULL);
        ck_assert_int_eq(pthread_create(&thread, NULL, watch_programs, &watcher), 0);
        for (unsigned i = 0; i < 3; i++) {
                reexecute();
                (void)daemon_host_stop(SIGKILL);
                daemon_host_start(NULL);
                ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        }
        ck_assert_uint_eq(atomic_load(&watcher.gaps), 0);
        /* and it can count: the operator's detach is a gap */
        ck_assert_str_eq(daemon_host_call("DetachUnit", "s", "a.service"), "");
        (void)usleep(100000);
        ck_assert_str_eq(daemon_host_call("AttachUnit", "s", "a.service"), "");
        atomic_store(&watcher.stop, true);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_gt(atomic_load(&watcher.gaps), 0);
        ck_assert_uint_gt(atomic_load(&watcher.looks), 1000);
        daemon_host_end();
}
END_TEST

START_TEST(an_open_connection_of_a_hook_is_handed_over)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        g_autofree char *path = NULL;
        struct timeval patience = { .tv_sec = 10 };
        char answer[HOOK_PACKET_MAX] = "";
        int fd;

        begin_with_unit(NULL);
        path = daemon_host_path("run/hook");
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        (void)g_strlcpy(address.sun_path, path, sizeof address.sun_path);
        ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        (void)usleep(100000);
        reexecute();
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        ck_assert_int_eq(send(fd, "start ", 6, MSG_NOSIGNAL), 6);
        ck_assert_int_gt(recv(fd, answer, sizeof answer - 1, 0), 0);
        ck_assert_ptr_eq(strstr(answer, HOOK_ANSWER_REFUSED), answer);
        (void)fd_close(fd);
        daemon_host_end();
}
END_TEST

/* Message of the error of Reexecute(). */
static char *refusal(void) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *text;

        ck_assert_int_lt(
                sd_bus_call_method(
                        bus, NULL, MANAGER_PATH, MANAGER, "Reexecute", &error, NULL, NULL
                ),
                0
        );
        ck_assert_str_eq(error.name, "org.unitbpf1.Error.Failed");
        text = g_strdup(error.message);
        sd_bus_error_free(&error);
        return text;
}

/* A refusal that says this, and a daemon that goes on as before. */
static void check_refused(const char *wanted) {
        g_autofree char *before = daemon_host_property("Instance"), *after = NULL;
        g_autofree char *text = refusal();

        ck_assert_msg(strstr(text, wanted) != NULL, "'%s' does not say '%s'", text, wanted);
        after = daemon_host_property("Instance");
        ck_assert_str_eq(before, after);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
}

static void write_script(const char *path, const char *text, mode_t mode) {
        ck_assert(g_file_set_contents(path, text, -1, NULL));
        ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(a_binary_that_is_no_good_is_refused)
{
        static const struct {
                const char *text, *wanted;
                mode_t mode;
        } binaries[] = {
                { "#!/bin/sh\nexit 0\n", "Permission denied", 0644 },
                { "#!/bin/sh\necho 'version 99 is not for me' >&2\nexit 1\n",
                  "version 99 is not for me", 0755 },
                { "#!/bin/sh\nkill -SEGV $$\n", "Segmentation fault", 0755 },
                { "#!/no/such/interpreter\n", "No such file", 0755 },
                { "this is no program\n", "Exec format error", 0755 },
        };
        g_autofree char *path = NULL, *option = NULL;

        path = g_strdup_printf("/run/unitbpf-daemon-test-%d-binary", (int)getpid());
        option = g_strdup_printf("--exec-path=%s", path);
        begin_with_unit(option);
        check_refused("No such file");
        for (size_t i = 0; i < ELEMENTS(binaries); i++) {
                write_script(path, binaries[i].text, binaries[i].mode);
                check_refused(binaries[i].wanted);
        }
        ck_assert_int_eq(unlink(path), 0);
        daemon_host_end();
}
END_TEST

START_TEST(a_binary_that_vanishes_after_its_check_changes_nothing)
{
        g_autofree char *path = NULL, *option = NULL, *text = NULL;

        path = g_strdup_printf("/run/unitbpf-daemon-test-%d-binary", (int)getpid());
        option = g_strdup_printf("--exec-path=%s", path);
        begin_with_unit(option);
        /* says yes, and is gone when it is to be executed */
        text = g_strdup_printf("#!/bin/sh\nrm -f %s\necho '" HANDOVER_ACCEPTED "'\n", path);
        write_script(path, text, 0755);
        check_refused("No such file");
        /* descriptors are close-on-exec again: what is started now does not hold the link */
        (void)daemon_host_stop(SIGKILL);
        daemon_host_start(NULL);
        reexecute();
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        daemon_host_end();
}
END_TEST

START_TEST(a_binary_that_hangs_is_given_up)
{
        g_autofree char *path = NULL, *option = NULL;

        path = g_strdup_printf("/run/unitbpf-daemon-test-%d-binary", (int)getpid());
        option = g_strdup_printf("--exec-path=%s", path);
        begin_with_unit(option);
        write_script(path, "#!/bin/sh\nexec sleep 60\n", 0755);
        check_refused("within 10 seconds");
        ck_assert_int_eq(unlink(path), 0);
        daemon_host_end();
}
END_TEST

CHECK_MAIN(
        "daemon/reexec",
        60,
        reexec_keeps_process_attachments_and_names,
        no_moment_without_the_program,
        an_open_connection_of_a_hook_is_handed_over,
        a_binary_that_is_no_good_is_refused,
        a_binary_that_vanishes_after_its_check_changes_nothing,
        a_binary_that_hangs_is_given_up
)
