/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/integration/daemon/daemon-host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "bpf/bpffs.h"
#include "bpf/cgroup.h"
#include "bpf/query.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/daemon/cgroup-dir.h"
#include "tests/integration/bpf/kernel-host.h"

#define MANAGER      "org.unitbpf1.Manager"
#define MANAGER_PATH "/org/unitbpf1"
#define WAIT_USEC    10000
#define WAIT_ROUNDS  500 /* 5 s */

static char *directory, *cgroup_root;
static pid_t daemon_pid;

char *daemon_host_path(const char *name) {
        return g_build_filename(directory, name, NULL);
}

char *daemon_host_cgroup(const char *name) {
        return g_build_filename(cgroup_root, name, NULL);
}

static void make_directory(const char *name) {
        g_autofree char *path = daemon_host_path(name);

        ck_assert_int_eq(file_make_directories(path, 0755), 0);
}

void daemon_host_begin(void) {
        g_autofree char *bpffs = NULL;
        char *mount_point;

        kernel_host_require();
        ck_assert_int_eq(cgroup_mount_find(&mount_point, NULL), 0);
        directory = g_strdup_printf("/run/unitbpf-daemon-test-%d", (int)getpid());
        cgroup_root = g_strdup_printf("%s/unitbpf-daemon-%d", mount_point, (int)getpid());
        free(mount_point);
        ck_assert_int_eq(file_make_directories(directory, 0755), 0);
        ck_assert_int_eq(mkdir(cgroup_root, 0755), 0);
        make_directory("units");
        make_directory("bpffs");
        bpffs = daemon_host_path("bpffs");
        ck_assert_int_eq(mount("bpf", bpffs, "bpf", 0, "mode=0700"), 0);
        daemon_pid = 0;
}

static bool can_connect(const void *userdata) {
        sd_bus *bus = daemon_host_connect();

        (void)sd_bus_close_unref(bus);
        return bus != NULL;
}

static GPtrArray *daemon_arguments(void) {
        GPtrArray *arguments = g_ptr_array_new_with_free_func(g_free);

        g_ptr_array_add(arguments, g_strdup(getenv("UNITBPFD")));
        g_ptr_array_add(arguments, g_strdup_printf("--runtime-dir=%s/run", directory));
        g_ptr_array_add(arguments, g_strdup_printf("--bpffs=%s/bpffs", directory));
        g_ptr_array_add(arguments, g_strdup_printf("--unit-path=%s/units", directory));
        g_ptr_array_add(arguments, g_strdup_printf("--cgroup-root=%s", cgroup_root));
        g_ptr_array_add(arguments, g_strdup_printf("--config=%s/unitbpfd.conf", directory));
        return arguments;
}

void daemon_host_start(const char *first, ...) {
        g_autoptr(GPtrArray) arguments = daemon_arguments();
        va_list more;

        va_start(more, first);
        for (const char *argument = first; argument; argument = va_arg(more, const char *))
                g_ptr_array_add(arguments, g_strdup(argument));
        va_end(more);
        g_ptr_array_add(arguments, NULL);
        daemon_pid = fork();
        ck_assert_int_ge(daemon_pid, 0);
        if (daemon_pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves no daemon behind */
                (void)execv(arguments->pdata[0], (char **)arguments->pdata);
                _exit(99);
        }
        ck_assert_msg(daemon_host_wait(can_connect, NULL), "the daemon does not answer");
}

pid_t daemon_host_pid(void) {
        return daemon_pid;
}

int daemon_host_stop(int signal_number) {
        int status;

        ck_assert_int_eq(kill(daemon_pid, signal_number), 0);
        ck_assert_int_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
        daemon_pid = 0;
        return status;
}

static bool cgroup_can_go(const void *userdata) {
        (void)cgroup_dir_kill(cgroup_root);
        return cgroup_dir_remove(cgroup_root, true) >= 0;
}

static void remove_tree(const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);

                remove_tree(child);
        }
        (void)g_remove(path); /* what is left is seen by the caller */
}

void daemon_host_end(void) {
        g_autofree char *bpffs = daemon_host_path("bpffs");

        if (daemon_pid > 0)
                (void)daemon_host_stop(SIGTERM);
        ck_assert_int_eq(umount(bpffs), 0);
        ck_assert_msg(daemon_host_wait(cgroup_can_go, NULL), "'%s' cannot be removed", cgroup_root);
        remove_tree(directory);
        ck_assert_int_ne(access(directory, F_OK), 0);
        g_clear_pointer(&directory, g_free);
        g_clear_pointer(&cgroup_root, g_free);
}

void daemon_host_make_cgroup(const char *name) {
        g_autofree char *path = daemon_host_cgroup(name);

        ck_assert_msg(mkdir(path, 0755) == 0, "%s: %s", path, strerror(errno));
}

void daemon_host_remove_cgroup(const char *name) {
        g_autofree char *path = daemon_host_cgroup(name);

        ck_assert_msg(rmdir(path) == 0, "%s: %s", path, strerror(errno));
}

void daemon_host_unit(const char *name, const char *format, ...) {
        g_autofree char *file = g_build_filename(directory, "units", name, NULL);
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        ck_assert_int_eq(file_replace(file, text, strlen(text), 0644), 0);
}

char *daemon_host_pin(const char *name, Hook hook) {
        char *path = g_build_filename(directory, "bpffs", name, NULL);
        _cleanup_close_ int fd = kernel_host_program(hook);

        ck_assert_int_eq(bpffs_pin(fd, path), 0);
        return path;
}

sd_bus *daemon_host_connect(void) {
        g_autofree char *address = g_strdup_printf("unix:path=%s/run/bus", directory);
        sd_bus *bus = NULL;

        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_address(bus, address), 0);
        ck_assert_int_ge(sd_bus_negotiate_fds(bus, true), 0);
        if (sd_bus_start(bus) < 0)
                return sd_bus_unref(bus);
        return bus;
}

const char *daemon_host_call(const char *method, const char *types, ...) {
        static char name[128];
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list arguments;
        int r;

        if (!bus)
                return "no connection";
        ck_assert_int_ge(
                sd_bus_message_new_method_call(bus, &message, NULL, MANAGER_PATH, MANAGER, method),
                0
        );
        va_start(arguments, types);
        if (types)
                ck_assert_int_ge(sd_bus_message_appendv(message, types, arguments), 0);
        va_end(arguments);
        r = sd_bus_call(bus, message, 0, &error, NULL);
        (void)g_strlcpy(name, r >= 0 ? "" : error.name ? error.name : strerror(-r), sizeof name);
        sd_bus_error_free(&error);
        return name;
}

/* Value of one key of an a{sv}; only texts, numbers and truth values are made into text. */
static char *find_key(sd_bus_message *reply, const char *wanted) {
        const char *key;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                const char *contents, *text;
                uint64_t number;
                int truth;

                ck_assert_int_gt(sd_bus_message_read_basic(reply, 's', &key), 0);
                if (strcmp(key, wanted) != 0) {
                        ck_assert_int_gt(sd_bus_message_skip(reply, "v"), 0);
                        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
                        continue;
                }
                ck_assert_int_gt(sd_bus_message_peek_type(reply, NULL, &contents), 0);
                switch (contents[0]) {
                case 's':
                        ck_assert_int_gt(sd_bus_message_read(reply, "v", "s", &text), 0);
                        return g_strdup(text);
                case 't':
                        ck_assert_int_gt(sd_bus_message_read(reply, "v", "t", &number), 0);
                        return g_strdup_printf("%" G_GUINT64_FORMAT, number);
                case 'b':
                        ck_assert_int_gt(sd_bus_message_read(reply, "v", "b", &truth), 0);
                        return g_strdup(truth ? "yes" : "no");
                default:
                        return NULL;
                }
        }
        return NULL;
}

char *daemon_host_unit_text(const char *unit, const char *key) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (!bus || sd_bus_call_method(
                            bus, NULL, MANAGER_PATH, MANAGER, "GetUnit", NULL, &reply, "s", unit
                    ) < 0)
                return NULL;
        return find_key(reply, key);
}

char *daemon_host_property(const char *name) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        char *text = NULL;

        if (!bus ||
            sd_bus_get_property_string(bus, NULL, MANAGER_PATH, MANAGER, name, NULL, &text) < 0)
                return NULL;
        return text;
}

unsigned daemon_host_programs(const char *cgroup, Hook hook) {
        g_autofree char *path = daemon_host_cgroup(cgroup);
        _cleanup_close_ int fd = cgroup_open(path, NULL, NULL);
        QueryResult result = {};
        unsigned n;

        if (fd < 0 || query_cgroup(fd, hook_info(hook)->attach_type, false, &result) < 0)
                return 0;
        n = (unsigned)result.n_prog_ids;
        query_result_done(&result);
        return n;
}

bool daemon_host_wait(bool (*condition)(const void *userdata), const void *userdata) {
        for (unsigned i = 0; i < WAIT_ROUNDS; i++) {
                if (condition(userdata))
                        return true;
                (void)usleep(WAIT_USEC);
        }
        return false;
}

typedef struct StateWanted {
        const char *unit, *state;
} StateWanted;

static bool has_state(const void *userdata) {
        const StateWanted *wanted = userdata;
        g_autofree char *state = daemon_host_unit_text(wanted->unit, "State");

        return g_strcmp0(state, wanted->state) == 0;
}

bool daemon_host_wait_state(const char *unit, const char *state) {
        const StateWanted wanted = { unit, state };

        return daemon_host_wait(has_state, &wanted);
}

typedef struct ProgramsWanted {
        const char *cgroup;
        Hook hook;
        unsigned n;
} ProgramsWanted;

static bool has_programs(const void *userdata) {
        const ProgramsWanted *wanted = userdata;

        return daemon_host_programs(wanted->cgroup, wanted->hook) == wanted->n;
}

bool daemon_host_wait_programs(const char *cgroup, Hook hook, unsigned n) {
        const ProgramsWanted wanted = { cgroup, hook, n };

        return daemon_host_wait(has_programs, &wanted);
}

static void enter_cgroup(const char *cgroup) {
        g_autofree char *path = daemon_host_cgroup(cgroup);
        g_autofree char *procs = g_build_filename(path, "cgroup.procs", NULL);

        if (file_write(procs, "0") < 0)
                _exit(98);
}

pid_t daemon_host_sleeper(const char *cgroup) {
        int ready[2];
        char byte;
        pid_t pid;

        ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                enter_cgroup(cgroup);
                (void)!write(ready[1], "x", 1);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        /* end of file: it was killed as soon as it was in, which some tests are about */
        ck_assert_int_ge(read(ready[0], &byte, 1), 0);
        (void)close(ready[0]);
        return pid;
}

int daemon_host_hook(const char *cgroup, const char *unit, const char *policy, const char *timeout) {
        g_autofree char *socket = g_strdup_printf("--socket=%s/run/hook", directory);
        g_autofree char *policy_option = g_strdup_printf("--policy=%s", policy);
        g_autofree char *timeout_option = g_strdup_printf("--timeout=%s", timeout);
        const char *program = getenv("UNITBPF_HOOK");
        int status;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                enter_cgroup(cgroup);
                (void
                )execl(program, program, socket, policy_option, timeout_option, unit, (char *)NULL);
                _exit(99);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}
