/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Units the daemon makes itself (StartTransient) and attachments that hang on a lease (AttachProgram). */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "bpf/kernel-ops.h"
#include "src/base/fd.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/daemon/daemon-host.h"
#include "tests/unit/check-main.h"

#define MANAGER      "org.unitbpf1.Manager"
#define MANAGER_PATH "/org/unitbpf1"

typedef struct Started {
        char *unit, *path;
        uint64_t cgroup_id;
        int fd;
        char error[128];
} Started;

static void started_done(Started *started) {
        g_free(started->unit);
        g_free(started->path);
        (void)fd_close(started->fd);
}

static Started start_transient(const char *unit, const char *slice, const char *assignment) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        Started started = { .fd = -EBADF };
        const char *name, *path;
        int fd, r;

        r = sd_bus_call_method(
                bus, NULL, MANAGER_PATH, MANAGER, "StartTransient", &error, &reply, "ssas", unit,
                slice, assignment ? 1 : 0, assignment
        );
        if (r < 0) {
                (void)g_strlcpy(started.error, error.name, sizeof started.error);
                sd_bus_error_free(&error);
                return started;
        }
        ck_assert_int_gt(
                sd_bus_message_read(reply, "ssth", &name, &path, &started.cgroup_id, &fd), 0
        );
        started.unit = g_strdup(name);
        started.path = g_strdup(path);
        started.fd = fd_duplicate(fd);
        return started;
}

/* A child that is born in the cgroup; it sleeps until it is killed. */
static pid_t born_in(int cgroup_fd) {
        struct clone_args arguments = {
                .flags = CLONE_INTO_CGROUP,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t)cgroup_fd,
        };
        pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);

        ck_assert_int_ge(pid, 0);
        while (pid == 0)
                (void)syscall(SYS_pause);
        return pid;
}

static bool is_gone(const void *path) {
        return access(path, F_OK) < 0;
}

START_TEST(a_run_unit_is_attached_before_its_command_and_removed_after_it)
{
        g_autofree char *pin = NULL, *line = NULL, *memory = NULL, *slice = NULL;
        Started started;
        struct stat st;
        pid_t pid;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        line = g_strdup_printf("BPFProgram=egress:%s", pin);
        daemon_host_start(NULL);
        started = start_transient("job", "my-part.slice", line);
        ck_assert_str_eq(started.error, "");
        ck_assert_str_eq(started.unit, "job.service");
        ck_assert(g_str_has_suffix(started.path, "/my.slice/my-part.slice/job.service"));
        ck_assert_int_eq(fstat(started.fd, &st), 0);
        ck_assert(st.st_ino == started.cgroup_id);
        ck_assert_uint_eq(
                daemon_host_programs("my.slice/my-part.slice/job.service", HOOK_EGRESS), 1
        );
        pid = born_in(started.fd);
        ck_assert(daemon_host_wait_state("job.service", "covered"));
        /* the name is taken while it runs */
        {
                Started again = start_transient("job.service", "", NULL);

                ck_assert_str_eq(again.error, "org.unitbpf1.Error.Conflict");
        }
        memory = daemon_host_path("run/transient/job.service");
        ck_assert_int_eq(access(memory, F_OK), 0);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert(daemon_host_wait(is_gone, started.path));
        ck_assert(daemon_host_wait(is_gone, memory));
        slice = daemon_host_cgroup("my.slice");
        ck_assert(daemon_host_wait(is_gone, slice));
        started_done(&started);
        daemon_host_end();
}
END_TEST

START_TEST(a_refused_run_leaves_no_cgroup)
{
        g_autofree char *path = NULL, *memory = NULL;
        Started started;

        daemon_host_begin();
        daemon_host_start(NULL);
        started = start_transient("job.service", "", "BPFProgram=egress:/run/no-such-object");
        ck_assert_str_eq(started.error, "org.unitbpf1.Error.Refused");
        path = daemon_host_cgroup("job.service");
        memory = daemon_host_path("run/transient/job.service");
        ck_assert(daemon_host_wait(is_gone, path));
        ck_assert(daemon_host_wait(is_gone, memory));
        started = start_transient("job.service", "not a slice", NULL);
        ck_assert_str_eq(started.error, SD_BUS_ERROR_INVALID_ARGS);
        started = start_transient("job.service", "", "no assignment");
        ck_assert_str_eq(started.error, SD_BUS_ERROR_INVALID_ARGS);
        daemon_host_end();
}
END_TEST

START_TEST(a_slice_without_its_required_program_lets_nobody_in)
{
        g_autofree char *path = NULL;
        Started started;

        daemon_host_begin();
        daemon_host_unit("bad.slice", "[X-BPF]\nBPFProgram=egress:/run/no-such-object\n");
        daemon_host_start(NULL);
        started = start_transient("job.service", "bad-inner.slice", NULL);
        ck_assert_str_eq(started.error, "org.unitbpf1.Error.Refused");
        path = daemon_host_cgroup("bad.slice/bad-inner.slice/job.service");
        ck_assert(daemon_host_wait(is_gone, path));
        daemon_host_end();
}
END_TEST

START_TEST(a_command_that_ends_at_once_is_noticed)
{
        Started started;
        pid_t pid;

        daemon_host_begin();
        daemon_host_start(NULL);
        for (unsigned i = 0; i < 20; i++) {
                started = start_transient("", "", NULL);
                ck_assert_str_eq(started.error, "");
                pid = born_in(started.fd);
                ck_assert_int_eq(kill(pid, SIGKILL), 0);
                ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
                ck_assert_msg(daemon_host_wait(is_gone, started.path), "round %u", i);
                started_done(&started);
        }
        daemon_host_end();
}
END_TEST

START_TEST(assignments_of_a_run_survive_a_kill_of_the_daemon)
{
        g_autofree char *pin = NULL, *line = NULL;
        Started started;
        pid_t pid;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        line = g_strdup_printf("BPFProgram=egress:%s", pin);
        daemon_host_start(NULL);
        started = start_transient("job.service", "", line);
        ck_assert_str_eq(started.error, "");
        pid = born_in(started.fd);
        (void)daemon_host_stop(SIGKILL);
        ck_assert_uint_eq(daemon_host_programs("job.service", HOOK_EGRESS), 1);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("job.service", "covered"));
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        ck_assert_uint_eq(daemon_host_programs("job.service", HOOK_EGRESS), 1);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert(daemon_host_wait(is_gone, started.path));
        started_done(&started);
        daemon_host_end();
}
END_TEST

START_TEST(a_vacant_cgroup_goes_after_ten_seconds)
{
        Started started;

        daemon_host_begin();
        daemon_host_start(NULL);
        started = start_transient("", "", NULL);
        ck_assert_str_eq(started.error, "");
        (void)sleep(8);
        ck_assert_int_eq(access(started.path, F_OK), 0);
        ck_assert(daemon_host_wait(is_gone, started.path));
        started_done(&started);
        daemon_host_end();
}
END_TEST

/* Attaches an egress program to "a.service"; the lease, id in *ret_id. */
static int lease_program(uint64_t *ret_id) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_close_ int program = kernel_host_program(HOOK_EGRESS);
        g_autofree char *path = daemon_host_cgroup("a.service");
        _cleanup_close_ int cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int lease;

        ck_assert_int_ge(
                sd_bus_call_method(
                        bus, NULL, MANAGER_PATH, MANAGER, "AttachProgram", NULL, &reply, "hhsas",
                        program, cgroup, "egress", 1, "multi"
                ),
                0
        );
        ck_assert_int_gt(sd_bus_message_read(reply, "th", ret_id, &lease), 0);
        return fd_duplicate(lease);
}

static int attach_exclusive(int program, int cgroup, const char *option) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t id;
        int lease;

        if (sd_bus_call_method(
                    bus, NULL, MANAGER_PATH, MANAGER, "AttachProgram", NULL, &reply, "hhsas",
                    program, cgroup, "egress", 2, "exclusive", option
            ) < 0)
                return -EBUSY;
        ck_assert_int_gt(sd_bus_message_read(reply, "th", &id, &lease), 0);
        return fd_duplicate(lease);
}

/* Somebody else's program is displaced for a lease if that is said; ours is not even then. */
START_TEST(a_lease_displaces_with_takeover_alone)
{
        _cleanup_close_ int program = -EBADF, foreign = -EBADF, cgroup = -EBADF;
        g_autofree char *path = NULL;
        const KernelOps *ops = kernel_ops_real();
        AttachArguments arguments = { .replace_prog_fd = -EBADF };
        int lease;

        daemon_host_begin();
        daemon_host_make_cgroup("a.service");
        daemon_host_start(NULL);
        path = daemon_host_cgroup("a.service");
        cgroup = arguments.cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        program = kernel_host_program(HOOK_EGRESS);
        foreign = arguments.prog_fd = kernel_host_program(HOOK_EGRESS);
        arguments.attach_type = hook_info(HOOK_EGRESS)->attach_type;
        ck_assert_int_eq(ops->prog_attach(ops, &arguments), 0);
        ck_assert_int_lt(attach_exclusive(program, cgroup, "exclusive"), 0);
        lease = attach_exclusive(program, cgroup, "takeover");
        ck_assert_int_ge(lease, 0);
        ck_assert_int_lt(attach_exclusive(foreign, cgroup, "takeover"), 0);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        (void)fd_close(lease);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 0));
        daemon_host_end();
}
END_TEST

START_TEST(a_leased_program_goes_with_the_last_copy_of_its_lease)
{
        uint64_t id;
        int lease, copy;

        daemon_host_begin();
        daemon_host_make_cgroup("a.service");
        daemon_host_start(NULL);
        lease = lease_program(&id);
        copy = fd_duplicate(lease);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        (void)fd_close(lease);
        (void)usleep(200000);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        (void)fd_close(copy);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 0));
        daemon_host_end();
}
END_TEST

START_TEST(leases_are_kept_and_lost_over_a_kill_of_the_daemon)
{
        g_autofree char *path = NULL;
        uint64_t kept_id, lost_id;
        int kept, lost;

        daemon_host_begin();
        daemon_host_make_cgroup("a.service");
        daemon_host_start(NULL);
        kept = lease_program(&kept_id);
        lost = lease_program(&lost_id);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 2);
        (void)daemon_host_stop(SIGKILL);
        (void)fd_close(lost);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 2);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 1));
        path = g_strdup_printf("run/lease/%" G_GUINT64_FORMAT, lost_id);
        {
                g_autofree char *fifo = daemon_host_path(path);

                ck_assert(daemon_host_wait(is_gone, fifo));
        }
        (void)fd_close(kept);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 0));
        daemon_host_end();
}
END_TEST

START_TEST(a_crash_before_the_lease_is_handed_out_leaves_nothing_attached)
{
        _cleanup_close_ int program = -EBADF, cgroup = -EBADF;
        g_autofree char *path = NULL;
        sd_bus *bus;
        int status;

        daemon_host_begin();
        daemon_host_make_cgroup("a.service");
        ck_assert_int_eq(setenv("UNITBPF_STOP_POINT", "lease-before-fifo", 1), 0);
        daemon_host_start(NULL);
        ck_assert_int_eq(unsetenv("UNITBPF_STOP_POINT"), 0);
        program = kernel_host_program(HOOK_EGRESS);
        path = daemon_host_cgroup("a.service");
        cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        bus = daemon_host_connect();
        ck_assert_int_lt(
                sd_bus_call_method(
                        bus, NULL, MANAGER_PATH, MANAGER, "AttachProgram", NULL, NULL, "hhsas",
                        program, cgroup, "egress", 0
                ),
                0
        );
        (void)sd_bus_close_unref(bus);
        ck_assert_int_eq(waitpid(daemon_host_pid(), &status, 0), daemon_host_pid());
        ck_assert(WIFSIGNALED(status));
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 0));
        daemon_host_end();
}
END_TEST

CHECK_MAIN(
        "daemon/run",
        60,
        a_run_unit_is_attached_before_its_command_and_removed_after_it,
        a_refused_run_leaves_no_cgroup,
        a_slice_without_its_required_program_lets_nobody_in,
        a_command_that_ends_at_once_is_noticed,
        assignments_of_a_run_survive_a_kill_of_the_daemon,
        a_vacant_cgroup_goes_after_ten_seconds,
        a_leased_program_goes_with_the_last_copy_of_its_lease,
        a_lease_displaces_with_takeover_alone,
        leases_are_kept_and_lost_over_a_kill_of_the_daemon,
        a_crash_before_the_lease_is_handed_out_leaves_nothing_attached
)
