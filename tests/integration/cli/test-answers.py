# SPDX-License-Identifier: LGPL-2.1-or-later
"""What unitbpfctl makes of the answers of a daemon: tables, JSON, sentences, exit statuses.

usage: test-answers.py UNITBPFCTL FAKE-DAEMON
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

from harness import FakeDaemon, SystemBus, Tool, check, equal, run_all

TOOL, FAKE = sys.argv[1:3]

ATTACHMENT_KEYS = (
    "id unit invocation_id hook via flags target cgroup_id program object prog_id prog_tag link_id "
    "policy order state covered_from_start origin since_usec run_count run_time_ns error users"
).split()


def ask(*words, mode="normal", env=None, **options):
    with FakeDaemon(FAKE, mode, env) as daemon:
        return Tool(TOOL, daemon.directory).run(*words, **options)


def list_is_a_table_with_header_and_legend():
    result = ask("list")
    equal(result.status, 0)
    lines = result.out.splitlines()
    equal(
        lines[0].split(),
        "ID UNIT HOOK VIA PROGRAM PROG LINK STATE SINCE RUNS".split(),
    )
    equal(
        lines[1].split(),
        "7 web.service egress cgroup-link count 33 9 attached - 1234".split(),
    )
    check(lines[2].startswith("×"), result)
    check("2 attachments listed, 1 failed." in lines[-1], result)
    check("\033" not in result.out, result)
    equal(ask("list", "--no-legend").out.splitlines()[0].split()[0], "7")
    equal(ask().out, result.out, "without a verb it lists")


def list_filters_by_unit_pattern_and_type():
    for words in (["web"], ["web.service"], ["w*"], ["-t", "service", "web*"]):
        rows = json.loads(ask("list", "--json=short", *words).out)
        equal([row["unit"] for row in rows], ["web.service"], words)
    equal(ask("list", "--json=short", "-t", "slice").out, "[]\n")


def json_of_attachments_has_the_keys_of_the_contract():
    rows = json.loads(ask("list", "--json=pretty").out)
    for row in rows:
        equal(list(row), ATTACHMENT_KEYS)
    equal(rows[0]["id"], 7)
    equal(rows[0]["flags"], ["multi"])
    equal(rows[0]["covered_from_start"], True)
    equal(rows[1]["id"], None)
    equal(rows[1]["flags"], [])
    equal(rows[1]["error"], "verifier says no")


def colours_are_there_when_asked_for():
    with FakeDaemon(FAKE) as daemon:
        tool = Tool(TOOL, daemon.directory)
        check("\033[" in tool.run("list", env={"SYSTEMD_COLORS": "1"}).out, "none")
        check("\033[" not in tool.run("list").out, "some")


def units_hides_inactive_ones_but_says_so():
    result = ask("units")
    check("idle.service" not in result.out and "--all shows 1" in result.out, result)
    check("idle.service" in ask("units", "-a").out, "not with -a")
    check("idle.service" in ask("units", "idle").out, "not when named")
    equal(len(json.loads(ask("units", "--json=short").out)), 3)


def status_says_it_with_its_exit_status():
    equal(ask("status", "web").status, 0)
    equal(ask("status", "bad").status, 1)
    equal(ask("status", "idle").status, 3)
    equal(ask("status", "none").status, 4)
    equal(ask("status", "web", "idle").status, 3)
    equal(ask("status", "bad", "none", "web").status, 4)
    equal(ask("status", "x*").status, 4)
    equal(ask("status", "w*").status, 0)
    result = ask("status", "-q", "bad")
    equal((result.status, result.out), (1, ""))


def status_tells_why_and_what_next():
    result = ask("status", "bad.service")
    check("Problems: /etc/bad.service:4: verifier says no" in result.out, result)
    check("hint: " in result.out and "plan bad.service" in result.out, result)
    check("(2 lines before these" in result.out and "    three" in result.out, result)
    check("\033" not in result.out and "\\x1b[31mred" in result.out, result)
    check("    one\n" in ask("status", "--full", "bad").out, "not with --full")
    result = ask("status", "web.service")
    check("State: covered" in result.out and "1234 runs" in result.out, result)
    check("hint:" not in result.out, result)


def status_of_all_shows_the_daemon_and_what_is_not_well():
    result = ask("status")
    equal(result.status, 1)
    check("unitbpfd" in result.out and "bad.service" in result.out, result)
    check("● web.service" not in result.out, result)
    result = ask("status", mode="read-only")
    check("read-only" in result.out and result.status == 1, result)


def unknown_units_are_answered_with_what_may_be_meant():
    result = ask("status", "wbe.service")
    check("did you mean 'web.service'?" in result.err, result)
    result = ask("show", "wbe")
    check("did you mean 'web.service'?" in result.err, result)
    equal(result.status, 1)


def effective_shows_programs_of_parents_too():
    result = ask("status", "--effective", "web")
    check("/cg " in result.out and "legacy" in result.out, result)
    rows = json.loads(ask("status", "--effective", "--json=short", "web").out)
    equal([row["prog_id"] for row in rows], [5, 33, None])


def show_prints_properties_as_systemctl_does():
    result = ask("show", "web", "7")
    check("Unit=web.service\n" in result.out and "\n\nId=7\n" in result.out, result)
    check("CoveredFromStart=yes\n" in result.out, result)
    equal(ask("show", "-p", "Id,State", "7").out, "Id=7\nState=attached\n")
    equal(ask("show", "-P", "State", "7").out, "attached\n")
    equal(ask("show", "-p", "Id", "--value", "7").out, "7\n")
    equal(ask("show", "-p", "Nothing", "7").out, "")
    check("Error=\n" in ask("show", "-a", "7").out, "unset ones with -a")
    check("Instance=Instance-1\n" in ask("show").out, "the daemon")
    equal(json.loads(ask("show", "--json=short", "7").out)[0]["id"], 7)
    equal(ask("show", "99").status, 1)


def cat_reports_files_that_are_gone():
    result = ask("cat", "web")
    check("/nonexistent/web.service" in result.err and result.status == 1, result)


def tree_hangs_cgroups_below_each_other():
    lines = ask("tree").out.splitlines()
    check(lines[1].startswith("/cg"), lines)
    check(any("web.service" in line and "/cg/" not in line for line in lines), lines)
    check(any("deeper/leaf" in line for line in lines), lines)
    check(any("unitbpfd[1] x[2]" in line for line in lines), lines)
    equal(len(json.loads(ask("tree", "--json=short", "/cg").out)), 3)


def maps_show_their_contents():
    result = ask("maps", "web")
    check("    0: { .packets = 5 }" in result.out and "there are more" in result.out, result)
    entries = json.loads(ask("maps", "--json=short", "web").out)[0]["entries"]
    equal(entries, [{"key": "0", "value": "{ .packets = 5 }"}])


def plan_fails_on_a_conflict():
    equal(ask("plan", "web").status, 0)
    result = ask("plan", "bad")
    check(result.status == 1 and "1 cannot be done" in result.out, result)


def hooks_know_support_from_the_daemon():
    rows = {row["hook"]: row for row in json.loads(ask("hooks", "--json=short").out)}
    equal(rows["egress"]["supported"], True)
    equal(rows["lsm_cgroup"]["supported"], False)
    equal(rows["ingress"]["supported"], None)


def doctor_fails_on_what_is_bad_only():
    equal(ask("doctor").status, 0)
    result = ask("doctor", mode="read-only")
    check(result.status == 1 and "hint: bpffs: Mount it" in result.out, result)


def another_host_is_reached_over_ssh():
    with SystemBus(FAKE) as bus:
        tool = Tool(TOOL, "/nonexistent")
        env = {"PATH": bus.directory + ":" + os.environ["PATH"], "SYSTEMD_SSH": bus.directory + "/ssh"}
        result = tool.run("-H", "root@far.example", "list", env=env)
        equal(result.status, 0, result)
        check("web.service" in result.out, result)
        check("root@far.example" in bus.ssh_words(), bus.ssh_words())
        result = tool.run("--host=far", "tree", "/cg", env=env)
        equal(result.status, 0, result)
        result = tool.run("-H", "nowhere", "list", env=env)
        check(result.status == 1 and "Failed to connect to host 'nowhere'" in result.err, result)
        result = tool.run("-H", "far", "run", "true", env=env)
        check("means nothing to 'run'" in result.err, result)
    with SystemBus(FAKE, with_daemon=False) as bus:
        env = {"PATH": bus.directory + ":" + os.environ["PATH"], "SYSTEMD_SSH": bus.directory + "/ssh"}
        result = tool.run("-H", "far", "list", env=env)
        check("unitbpfd is not running there" in result.err, result)


def a_machine_that_is_not_there_is_named():
    result = Tool(TOOL, "/nonexistent").run("-M", "unitbpf-no-such-machine", "list")
    check(result.status == 1 and "machine 'unitbpf-no-such-machine'" in result.err, result)


def the_system_bus_is_taken_where_nobody_serves_the_private_socket():
    with SystemBus(FAKE) as bus:
        environment = Tool(TOOL, "").environment({"DBUS_SYSTEM_BUS_ADDRESS": bus.address})
        del environment["UNITBPF_RUNTIME_DIR"]
        if os.path.exists("/run/unitbpf/bus"):
            return  # somebody uses this system's own
        process = subprocess.run(
            [TOOL, "list"], env=environment, capture_output=True, text=True, timeout=60
        )
        equal(process.returncode, 0, process)
        check("web.service" in process.stdout, process)
        # a runtime directory that was named means that one
        environment["UNITBPF_RUNTIME_DIR"] = bus.directory
        process = subprocess.run(
            [TOOL, "list"], env=environment, capture_output=True, text=True, timeout=60
        )
        check(process.returncode == 1 and "is not running" in process.stderr, process)


def output_formats_of_systemctl_are_understood():
    rows = json.loads(ask("list", "-o", "json").out)
    equal(json.loads(ask("list", "--json=short").out), rows)
    check(len(ask("list", "--output=json-pretty").out.splitlines()) > len(rows), rows)
    check("UNIT" in ask("list", "-o", "short").out, "a table")
    equal(ask("list", "-o", "cat").status, 2)


def changes_reach_the_daemon_as_meant():
    with FakeDaemon(FAKE) as daemon:
        tool = Tool(TOOL, daemon.directory)
        for words in (
            ["attach", "web", "b.slice"],
            ["detach", "web", "12"],
            ["detach", "--all"],
            ["adopt", "web", "33"],
            ["daemon-reload"],
            ["log-level", "debug"],
            ["tree", "/cg"],
        ):
            result = tool.run(*words)
            equal(result.status, 0, result)
        equal(
            daemon.calls(),
            [
                "AttachUnit web.service 0",
                "AttachUnit b.slice 0",
                "DetachUnit web.service 0",
                "DetachAttachment  12",
                "DetachAll  0",
                "Adopt web.service 33",
                "Reload  0",
                "SetLogLevel debug 0",
                "Tree /cg",
            ],
        )
        equal(tool.run("detach", "--all", "web").status, 2)
        equal(tool.run("log-level").out, "LogLevel-1\n")
        equal(tool.run("dump").out, "unitbpf-state 1\nend=0\n")


def detach_says_what_brings_it_back():
    result = ask("detach", "web")
    check("'unitbpfctl attach web.service' ends that" in result.err, result)
    equal(ask("-q", "detach", "web").err, "")
    equal(ask("detach", "--all").err, "")


def names_of_no_unit_are_said_so_by_lists():
    for verb in ("list", "units"):
        result = ask(verb, "wbe.service", "web.service", "no*")
        equal(result.status, 0, result)
        check(result.err.count("There is no unit") == 1 and "did you mean" in result.err, result)


def tree_takes_a_unit_for_its_cgroup():
    with FakeDaemon(FAKE) as daemon:
        tool = Tool(TOOL, daemon.directory)
        path = tool.run("show", "-P", "Cgroup", "web").out.strip()
        equal(tool.run("tree", "web").status, 0)
        equal(tool.run("tree", "some/cgroup").status, 0)
        equal(daemon.calls()[-2:], [f"Tree {path}", "Tree some/cgroup"])


def help_of_a_verb_has_its_own_options():
    text = Tool(TOOL, "/nonexistent").run("help", "status").out
    check("--effective" in text and "Of all verbs: --help" in text, text)
    check(len(text.splitlines()) < 20 and "--slice" not in text, text)


def denial_is_a_sentence():
    for words in (["attach", "web"], ["detach", "7"], ["daemon-reload"], ["adopt", "web", "3"]):
        result = ask(*words, mode="denied")
        equal(result.status, 1)
        check("access denied: only root may change" in result.err, result)
        check(result.err.startswith("Failed to "), result)


def reexec_waits_for_another_instance():
    result = ask("daemon-reexec")
    equal((result.status, result.err), (0, ""))
    result = ask("daemon-reexec", mode="no-reexec")
    equal(result.status, 1)
    check("cannot read line 3." in result.err and ".." not in result.err, result)


def reexec_that_does_not_return_is_a_failure():
    result = ask("daemon-reexec", mode="no-return")
    check(result.status == 1 and "did not come back" in result.err, result)


def a_closed_connection_is_named():
    result = ask("list", mode="cut")
    check(result.status == 1 and "closed the connection" in result.err, result)


def answers_without_keys_are_shown_without_claims():
    result = ask("list", mode="bare")
    equal(result.status, 0, result)
    check("2 attachments listed" in result.out, result)
    equal(ask("units", mode="bare").status, 0)
    equal(ask("status", mode="bare").status, 1)


def monitor_prints_a_line_for_each_event():
    with FakeDaemon(FAKE) as daemon:
        tool = Tool(TOOL, daemon.directory)
        process = subprocess.Popen(
            [TOOL, "monitor", "--json=short"],
            env=tool.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        equal(process.wait(timeout=20), 0)
        process.stdout.close()
    equal([row["event"] for row in rows], ["attachment-new", "unit-changed", "attachment-removed"])
    equal(list(rows[0]), ["event"] + ATTACHMENT_KEYS)
    equal(rows[1]["unit"], "web.service")
    equal(rows[2]["id"], 7)


def write_errors_are_failures():
    with open("/dev/full", "w", encoding="utf-8") as full, FakeDaemon(FAKE) as daemon:
        tool = Tool(TOOL, daemon.directory)
        process = subprocess.run(
            [TOOL, "dump"], env=tool.environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
        equal(process.returncode, 1)


def run_passes_its_words_on_and_reports_refusals():
    with FakeDaemon(FAKE, "denied") as daemon:
        tool = Tool(TOOL, daemon.directory)
        result = tool.run("run", "--unit=x", "--slice=s", "-p", "A=1", "-p", "B=2", "--", "true", "-q")
        equal(result.status, 125)
        check("-p:1: unknown hook 'egres'" in result.err, result)
        equal(daemon.calls(), ["StartTransient 'x' 's.slice'", "  A=1", "  B=2"])
        equal(tool.run("run", "-p", "bad", "true").status, 125)
        equal(tool.run("run").status, 125)


def own_cgroup():
    """A new cgroup for this test, or None where none can be made."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[words.index("-") + 1] == "cgroup2":
                return tempfile.mkdtemp(prefix="unitbpf-cli-", dir=words[4])
    return None


def run_starts_the_command_in_the_cgroup():
    cgroup = own_cgroup()
    check(cgroup, "there is no cgroup2")
    try:
        with FakeDaemon(FAKE, env={"FAKE_CGROUP": cgroup}) as daemon:
            tool = Tool(TOOL, daemon.directory)
            result = tool.run("run", "--", "cat", "/proc/self/cgroup")
            check(os.path.basename(cgroup) in result.out, result)
            equal(tool.run("run", "sh", "-c", "exit 42").status, 42)
            equal(tool.run("run", "sh", "-c", "kill -TERM $$").status, 128 + signal.SIGTERM)
            result = tool.run("run", "/nonexistent")
            check(result.status == 127 and "/nonexistent" in result.err, result)
            result = tool.run("run", "/etc/passwd")
            check(result.status == 126 and "/etc/passwd" in result.err, result)
            check_signals(tool)
    finally:
        os.rmdir(cgroup)


def check_signals(tool):
    """A signal to the tool reaches the command, whose answer becomes the exit status."""
    process = subprocess.Popen(
        [TOOL, "run", "sh", "-c", "trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done"],
        env=tool.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    equal(process.stdout.readline(), "up\n")
    process.send_signal(signal.SIGUSR1)
    equal(process.wait(timeout=20), 9)
    process.stdout.close()


def main():
    tests = [
        value
        for name, value in globals().items()
        if callable(value)
        and getattr(value, "__module__", "") == "__main__"
        and name not in ("main", "ask", "own_cgroup", "check_signals")
    ]
    return run_all(tests)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("making a cgroup needs root")
        sys.exit(77)
    sys.exit(main())
