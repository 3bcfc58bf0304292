/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the daemon tells of the kernel: the tree with foreign programs in it, the order of running, plans, and taking
 * over a foreign attachment. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "bpf/kernel-ops.h"
#include "src/base/fd.h"
#include "tests/integration/bpf/kernel-host.h"
#include "tests/integration/daemon/daemon-host.h"
#include "tests/unit/check-main.h"

#define MANAGER      "org.unitbpf1.Manager"
#define MANAGER_PATH "/org/unitbpf1"

/* Puts all basic values of the message down, with a blank between and a newline behind each dictionary. */
static void flatten(sd_bus_message *message, GString *out) {
        const char *contents, *text;
        char type;

        while (sd_bus_message_peek_type(message, &type, &contents) > 0) {
                uint64_t number = 0;
                int truth = 0;

                switch (type) {
                case 's':
                        ck_assert_int_gt(sd_bus_message_read_basic(message, type, &text), 0);
                        g_string_append_printf(out, "%s ", text);
                        break;
                case 't':
                        ck_assert_int_gt(sd_bus_message_read_basic(message, type, &number), 0);
                        g_string_append_printf(out, "%" G_GUINT64_FORMAT " ", number);
                        break;
                case 'b':
                        ck_assert_int_gt(sd_bus_message_read_basic(message, type, &truth), 0);
                        g_string_append(out, truth ? "yes " : "no ");
                        break;
                default:
                        ck_assert_int_gt(
                                sd_bus_message_enter_container(message, type, contents), 0
                        );
                        flatten(message, out);
                        ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
                        if (type == 'a' && strcmp(contents, "{sv}") == 0)
                                g_string_append_c(out, '\n');
                }
        }
}

/* The answer of a method that takes a text (NULL: nothing). The caller's. */
static char *ask(const char *method, const char *argument) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = daemon_host_connect();
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        GString *out = g_string_new(NULL);

        ck_assert_int_ge(
                sd_bus_call_method(
                        bus, NULL, MANAGER_PATH, MANAGER, method, NULL, &reply,
                        argument ? "s" : NULL, argument
                ),
                0
        );
        flatten(reply, out);
        return g_string_free(out, FALSE);
}

/* A foreign program on the cgroup, without a link; its id. */
static uint32_t attach_foreign(const char *cgroup, uint32_t flags) {
        _cleanup_close_ int program = kernel_host_program(HOOK_EGRESS);
        g_autofree char *path = daemon_host_cgroup(cgroup);
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const AttachArguments arguments = {
                .cgroup_fd = fd,
                .prog_fd = program,
                .replace_prog_fd = -EBADF,
                .attach_type = hook_info(HOOK_EGRESS)->attach_type,
                .flags = flags,
        };
        ProgramInfo info;
        const KernelOps *ops = kernel_ops_real();

        ck_assert_int_eq(ops->prog_attach(ops, &arguments), 0);
        ck_assert_int_eq(ops->prog_info(ops, program, &info), 0);
        return info.id;
}

static void begin_with_unit(void) {
        g_autofree char *pin = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=egress:%s\n", pin);
        daemon_host_make_cgroup("outer.slice");
        daemon_host_make_cgroup("outer.slice/a.service");
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
}

START_TEST(the_tree_tells_ours_from_links_and_legacy_programs_of_others)
{
        _cleanup_close_ int program = -EBADF, link = -EBADF, fd = -EBADF;
        g_autofree char *path = NULL, *tree = NULL, *holder = NULL;
        const KernelOps *ops = kernel_ops_real();

        begin_with_unit();
        (void)attach_foreign("outer.slice", BPF_F_ALLOW_MULTI);
        path = daemon_host_cgroup("outer.slice");
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        program = kernel_host_program(HOOK_INGRESS);
        link = ops->link_create(ops, program, fd, hook_info(HOOK_INGRESS)->attach_type);
        ck_assert_int_ge(link, 0);
        tree = ask("Tree", path);
        ck_assert_ptr_nonnull(strstr(tree, "Owner unitbpf Unit a.service Id 1 "));
        ck_assert_ptr_nonnull(strstr(tree, "Owner legacy "));
        ck_assert_ptr_nonnull(strstr(tree, "Owner link "));
        holder = g_strdup_printf("Holders %d (", (int)getpid());
        ck_assert_ptr_nonnull(strstr(tree, holder));
        daemon_host_end();
}
END_TEST

START_TEST(effective_lists_the_unit_before_its_parents)
{
        g_autofree char *effective = NULL;
        const char *own, *foreign;

        begin_with_unit();
        (void)attach_foreign("outer.slice", BPF_F_ALLOW_MULTI);
        effective = ask("Effective", "a.service");
        own = strstr(effective, "Owner unitbpf");
        foreign = strstr(effective, "Owner legacy");
        ck_assert_ptr_nonnull(own);
        ck_assert_ptr_nonnull(foreign);
        ck_assert(own < foreign);
        daemon_host_end();
}
END_TEST

START_TEST(adopt_takes_over_in_every_mode)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        g_autofree char *tree = NULL, *path = NULL, *dump = NULL;
        uint32_t foreign, exclusive;
        uint64_t id;

        begin_with_unit();
        daemon_host_make_cgroup("b.service");
        foreign = attach_foreign("outer.slice/a.service", BPF_F_ALLOW_MULTI);
        exclusive = attach_foreign("b.service", 0);
        ck_assert_uint_eq(daemon_host_programs("outer.slice/a.service", HOOK_EGRESS), 2);
        bus = daemon_host_connect();
        ck_assert_int_ge(
                sd_bus_call_method(
                        bus, NULL, MANAGER_PATH, MANAGER, "Adopt", NULL, &reply, "st", "a.service",
                        (uint64_t)foreign
                ),
                0
        );
        ck_assert_int_gt(sd_bus_message_read(reply, "t", &id), 0);
        ck_assert_uint_gt(id, 1);
        ck_assert_uint_eq(daemon_host_programs("outer.slice/a.service", HOOK_EGRESS), 2);
        path = daemon_host_cgroup("outer.slice");
        tree = ask("Tree", path);
        ck_assert_ptr_null(strstr(tree, "Owner legacy"));
        ck_assert_str_eq(daemon_host_call("Adopt", "st", "b.service", (uint64_t)exclusive), "");
        ck_assert_uint_eq(daemon_host_programs("b.service", HOOK_EGRESS), 1);
        dump = ask("Dump", NULL);
        ck_assert_ptr_nonnull(strstr(dump, " egress exclusive "));
        ck_assert_ptr_nonnull(strstr(dump, " unit=b.service "));
        ck_assert_str_eq(
                daemon_host_call("Adopt", "st", "b.service", (uint64_t)exclusive),
                "org.unitbpf1.Error.Conflict"
        );
        ck_assert_str_eq(daemon_host_call("Reload", NULL), ""); /* no line wants it: it stays */
        ck_assert_uint_eq(daemon_host_programs("b.service", HOOK_EGRESS), 1);
        ck_assert_str_eq(daemon_host_call("DetachUnit", "s", "b.service"), "");
        ck_assert_uint_eq(daemon_host_programs("b.service", HOOK_EGRESS), 0);
        ck_assert_str_ne(daemon_host_call("Adopt", "st", "b.service", (uint64_t)foreign), "");
        daemon_host_end();
}
END_TEST

static void detach_foreign(const char *cgroup, uint32_t prog_id) {
        g_autofree char *path = daemon_host_cgroup(cgroup);
        const KernelOps *ops = kernel_ops_real();
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC),
                            program = ops->prog_by_id(ops, prog_id);
        const AttachArguments arguments = { .cgroup_fd = fd,
                                            .prog_fd = program,
                                            .replace_prog_fd = -EBADF,
                                            .attach_type = hook_info(HOOK_EGRESS)->attach_type };

        ck_assert_int_eq(ops->prog_detach(ops, &arguments), 0);
}

/* The doctor asks the kernel, tells what is lost, and leaves records and kernel as they are. */
START_TEST(doctor_tells_of_drift_and_changes_nothing)
{
        g_autofree char *before = NULL, *healthy = NULL, *doctor = NULL, *after = NULL;
        uint32_t program;

        begin_with_unit();
        daemon_host_make_cgroup("b.service");
        program = attach_foreign("b.service", 0);
        ck_assert_str_eq(daemon_host_call("Adopt", "st", "b.service", (uint64_t)program), "");
        healthy = ask("Doctor", NULL);
        ck_assert_ptr_nonnull(strstr(healthy, "Check attachments Result ok"));
        detach_foreign("b.service", program);
        before = ask("Dump", NULL);
        doctor = ask("Doctor", NULL);
        after = ask("Dump", NULL);
        ck_assert_ptr_nonnull(strstr(doctor, "Check attachments Result warning"));
        ck_assert_str_eq(before, after);
        ck_assert_ptr_null(strstr(after, "state=drifted"));
        daemon_host_end();
}
END_TEST

START_TEST(plan_hooks_and_doctor_answer)
{
        g_autofree char *plan = NULL, *hooks = NULL, *doctor = NULL, *maps = NULL, *dump = NULL;

        begin_with_unit();
        plan = ask("Plan", "a.service");
        ck_assert_ptr_nonnull(strstr(plan, "Operation keep Hook egress"));
        hooks = ask("Hooks", NULL);
        ck_assert_ptr_nonnull(strstr(hooks, "Hook egress AttachType "));
        doctor = ask("Doctor", NULL);
        ck_assert_ptr_nonnull(strstr(doctor, "Check BPF file system Result ok Detail bpffs on '"));
        ck_assert_ptr_nonnull(
                strstr(doctor, "Check unit source Result ok Detail cgroup, since a cgroup root ")
        );
        maps = ask("Maps", "a.service");
        ck_assert_str_eq(maps, "");
        dump = ask("Dump", NULL);
        ck_assert_ptr_nonnull(strstr(dump, "unitbpf-state 1\n"));
        ck_assert_ptr_nonnull(strstr(dump, "unit=a.service"));
        /* a plan is only a plan */
        ck_assert_str_eq(daemon_host_call("DetachUnit", "s", "a.service"), "");
        g_free(g_steal_pointer(&plan));
        plan = ask("Plan", "a.service");
        ck_assert_uint_eq(daemon_host_programs("outer.slice/a.service", HOOK_EGRESS), 0);
        daemon_host_end();
}
END_TEST

CHECK_MAIN(
        "daemon/look",
        60,
        the_tree_tells_ours_from_links_and_legacy_programs_of_others,
        effective_lists_the_unit_before_its_parents,
        adopt_takes_over_in_every_mode,
        doctor_tells_of_drift_and_changes_nothing,
        plan_hooks_and_doctor_answer
)
