/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to units: met early and late, trusted or not, reloaded, stopped; and what unitbpf-hook is told. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "tests/integration/daemon/daemon-host.h"
#include "tests/unit/check-main.h"

#define EGRESS_UNIT "[X-BPF]\nBPFProgram=egress%s:%s\n"

START_TEST(a_unit_met_empty_is_covered_from_its_start)
{
        g_autofree char *pin = NULL, *covered = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "inactive"));
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 1));
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        covered = daemon_host_unit_text("a.service", "CoveredFromStart");
        ck_assert_str_eq(covered, "yes");
        daemon_host_remove_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "inactive"));
        daemon_host_end();
}
END_TEST

START_TEST(a_unit_met_with_processes_is_not_said_to_be_covered_from_its_start)
{
        g_autofree char *pin = NULL, *covered = NULL;
        pid_t pid;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_make_cgroup("a.service");
        pid = daemon_host_sleeper("a.service");
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        covered = daemon_host_unit_text("a.service", "CoveredFromStart");
        ck_assert_str_eq(covered, "no");
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        daemon_host_end();
}
END_TEST

START_TEST(delegated_and_twin_cgroups_are_refused_and_say_so)
{
        g_autofree char *pin = NULL, *given = NULL, *open_procs = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_unit("b.service", EGRESS_UNIT, "", pin);
        daemon_host_make_cgroup("given.slice");
        given = daemon_host_cgroup("given.slice");
        ck_assert_int_eq(chown(given, 65534, 65534), 0);
        daemon_host_make_cgroup("given.slice/a.service");
        daemon_host_make_cgroup("b.service");
        daemon_host_make_cgroup("other.slice");
        daemon_host_make_cgroup("other.slice/b.service");
        daemon_host_make_cgroup("c.service");
        open_procs = daemon_host_cgroup("c.service/cgroup.procs");
        ck_assert_int_eq(chmod(open_procs, 0666), 0);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("given.slice", "failed"));
        ck_assert(daemon_host_wait_state("c.service", "failed"));
        /* inside what others can change nothing counts */
        ck_assert(daemon_host_wait_state("a.service", "inactive"));
        ck_assert_uint_eq(daemon_host_programs("given.slice/a.service", HOOK_EGRESS), 0);
        /* one of the two is the unit, the other is a problem of it */
        ck_assert(daemon_host_wait_state("b.service", "degraded"));
        ck_assert_uint_eq(
                daemon_host_programs("b.service", HOOK_EGRESS) +
                        daemon_host_programs("other.slice/b.service", HOOK_EGRESS),
                1
        );
        daemon_host_end();
}
END_TEST

START_TEST(what_was_given_away_later_keeps_its_programs)
{
        g_autofree char *pin = NULL, *path = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        path = daemon_host_cgroup("a.service");
        ck_assert_int_eq(chown(path, 65534, 65534), 0);
        ck_assert(daemon_host_wait_state("a.service", "degraded"));
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        ck_assert_int_eq(chown(path, 0, 0), 0);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        daemon_host_end();
}
END_TEST

START_TEST(a_cgroup_made_again_under_the_same_name_is_covered_again)
{
        g_autofree char *pin = NULL, *before = NULL, *after = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 1));
        before = daemon_host_unit_text("a.service", "InvocationId");
        daemon_host_remove_cgroup("a.service");
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 1));
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        after = daemon_host_unit_text("a.service", "InvocationId");
        ck_assert_str_ne(before, after);
        daemon_host_end();
}
END_TEST

START_TEST(a_required_line_that_fails_late_stops_the_unit)
{
        g_autofree char *why = NULL;
        pid_t pid;
        int status;

        daemon_host_begin();
        daemon_host_start(NULL);
        daemon_host_unit("a.service", EGRESS_UNIT, "", "/run/no-such-object");
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "failed"));
        /* whoever moves in later is stopped too */
        pid = daemon_host_sleeper("a.service");
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        daemon_host_remove_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "inactive"));
        why = daemon_host_unit_text("a.service", "LastRefusal"); /* nothing else is left to tell */
        ck_assert_ptr_nonnull(strstr(why, "/run/no-such-object"));
        daemon_host_end();
}
END_TEST

START_TEST(the_first_install_degrades_instead_of_stopping)
{
        pid_t pid;

        daemon_host_begin();
        daemon_host_unit("a.service", EGRESS_UNIT, "", "/run/no-such-object");
        daemon_host_make_cgroup("a.service");
        pid = daemon_host_sleeper("a.service");
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "failed"));
        (void)usleep(300000);
        ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        daemon_host_end();
}
END_TEST

START_TEST(reload_adds_removes_and_keeps_the_last_good_state)
{
        g_autofree char *first = NULL, *second = NULL;

        daemon_host_begin();
        first = daemon_host_pin("first", HOOK_EGRESS);
        second = daemon_host_pin("second", HOOK_INGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", first);
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=ingress:%s\n", second);
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 0);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_INGRESS), 1);
        /* a bad line leaves in force what is in force */
        daemon_host_unit("a.service", "[X-BPF]\nBPFProgram=ingress:/run/no-such-object\n");
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_INGRESS), 1);
        ck_assert(!daemon_host_wait_state("a.service", "covered"));
        /* no lines at all: nothing is left, by signal too */
        daemon_host_unit("a.service", "[Service]\nExecStart=/bin/true\n");
        ck_assert_int_eq(kill(daemon_host_pid(), SIGHUP), 0);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_INGRESS, 0));
        daemon_host_end();
}
END_TEST

START_TEST(operators_detach_holds_until_attach)
{
        g_autofree char *pin = NULL, *held = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        ck_assert_str_eq(daemon_host_call("DetachUnit", "s", "a.service"), "");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 0);
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 0);
        held = daemon_host_unit_text("a.service", "HeldOff");
        ck_assert_str_eq(held, "yes");
        ck_assert_str_eq(daemon_host_call("AttachUnit", "s", "a.service"), "");
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        ck_assert_str_eq(
                daemon_host_call("AttachUnit", "s", "none.service"), "org.unitbpf1.Error.NoSuchUnit"
        );
        daemon_host_end();
}
END_TEST

START_TEST(the_hook_lets_start_or_refuses)
{
        g_autofree char *pin = NULL, *covered = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("good.service", EGRESS_UNIT, "", pin);
        daemon_host_unit("bad.service", EGRESS_UNIT, "", "/run/no-such-object");
        daemon_host_unit("wanted.service", EGRESS_UNIT, ",wanted", "/run/no-such-object");
        daemon_host_start(NULL);
        daemon_host_make_cgroup("good.service");
        ck_assert_int_eq(daemon_host_hook("good.service", "good.service", "required", "5"), 0);
        ck_assert_uint_eq(daemon_host_programs("good.service", HOOK_EGRESS), 1);
        covered = daemon_host_unit_text("good.service", "CoveredFromStart");
        ck_assert_str_eq(covered, "yes");
        daemon_host_make_cgroup("wanted.service");
        ck_assert_int_eq(daemon_host_hook("wanted.service", "wanted.service", "wanted", "5"), 0);
        /* the name must be that of the cgroup it runs in */
        ck_assert_int_eq(daemon_host_hook("good.service", "wanted.service", "wanted", "5"), 255);
        daemon_host_end();
}
END_TEST

START_TEST(without_an_answer_the_hook_goes_by_policy_alone)
{
        daemon_host_begin();
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert_int_eq(kill(daemon_host_pid(), SIGSTOP), 0);
        ck_assert_int_eq(daemon_host_hook("a.service", "a.service", "required", "1"), 255);
        ck_assert_int_eq(daemon_host_hook("a.service", "a.service", "wanted", "1"), 0);
        ck_assert_int_eq(kill(daemon_host_pid(), SIGCONT), 0);
        (void)daemon_host_stop(SIGKILL);
        ck_assert_int_eq(daemon_host_hook("a.service", "a.service", "required", "1"), 255);
        ck_assert_int_eq(daemon_host_hook("a.service", "a.service", "optional", "1"), 0);
        daemon_host_end();
}
END_TEST

START_TEST(what_is_attached_at_the_end_is_as_configured)
{
        g_autofree char *pin = NULL, *conf = NULL;

        daemon_host_begin();
        pin = daemon_host_pin("pass", HOOK_EGRESS);
        daemon_host_unit("a.service", EGRESS_UNIT, "", pin);
        daemon_host_start(NULL);
        daemon_host_make_cgroup("a.service");
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        ck_assert_int_eq(daemon_host_stop(SIGTERM), 0);
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        daemon_host_start(NULL);
        ck_assert(daemon_host_wait_state("a.service", "covered"));
        ck_assert_uint_eq(daemon_host_programs("a.service", HOOK_EGRESS), 1);
        conf = daemon_host_path("unitbpfd.conf");
        ck_assert(g_file_set_contents(conf, "[Daemon]\nOnStop=detach\n", -1, NULL));
        ck_assert_int_eq(chmod(conf, 0644), 0);
        ck_assert_str_eq(daemon_host_call("Reload", NULL), "");
        ck_assert_int_eq(daemon_host_stop(SIGTERM), 0);
        ck_assert(daemon_host_wait_programs("a.service", HOOK_EGRESS, 0));
        daemon_host_end();
}
END_TEST

CHECK_MAIN(
        "daemon/units",
        60,
        a_unit_met_empty_is_covered_from_its_start,
        a_unit_met_with_processes_is_not_said_to_be_covered_from_its_start,
        delegated_and_twin_cgroups_are_refused_and_say_so,
        what_was_given_away_later_keeps_its_programs,
        a_cgroup_made_again_under_the_same_name_is_covered_again,
        a_required_line_that_fails_late_stops_the_unit,
        the_first_install_degrades_instead_of_stopping,
        reload_adds_removes_and_keeps_the_last_good_state,
        operators_detach_holds_until_attach,
        the_hook_lets_start_or_refuses,
        without_an_answer_the_hook_goes_by_policy_alone,
        what_is_attached_at_the_end_is_as_configured
)
