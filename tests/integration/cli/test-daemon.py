# SPDX-License-Identifier: LGPL-2.1-or-later
"""unitbpfctl and the real daemon: what is shown is what the kernel does.

usage: test-daemon.py UNITBPFCTL UNITBPFD
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from harness import Tool, check, equal

CTL, DAEMON = sys.argv[1:3]
NAME = f"unitbpf-cli-{os.getpid()}"
RUNTIME = f"/run/{NAME}"
BPFFS = f"/run/{NAME}-bpffs"
FILES = f"/var/lib/{NAME}"
SOURCE = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1);
         __type(key, __u32); __type(value, __u64); } hits SEC(".maps");
SEC("cgroup/connect4") int deny(void *context) {
    __u32 zero = 0; __u64 *n = bpf_map_lookup_elem(&hits, &zero);
    if (n) __sync_fetch_and_add(n, 1);
    return 0;
}
SEC("cgroup_skb/egress") int pass(struct __sk_buff *skb) { return 1; }
char text[] SEC("license") = "GPL";
"""
CONNECT = (
    "import socket, sys\n"
    "try:\n    socket.create_connection(('127.0.0.1', 9), 1)\n"
    "except PermissionError:\n    sys.exit(7)\n"
    "except OSError:\n    sys.exit(8)\n"
)


def wait_until(what, condition, seconds=10):
    until = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < until, f"not within {seconds} s: {what}")
        time.sleep(0.02)


def cgroup_mount():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[words.index("-") + 1] == "cgroup2":
                return words[4]
    print("there is no cgroup2")
    sys.exit(77)


CGROUP = f"{cgroup_mount()}/{NAME}"


class Daemon:
    def __init__(self):
        for directory in (RUNTIME, BPFFS, FILES, FILES + "/units", CGROUP):
            os.makedirs(directory, mode=0o755, exist_ok=True)
        subprocess.run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", BPFFS], check=True)
        self.make_files()
        self.log = open(FILES + "/log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [
                DAEMON, "--source=cgroup", f"--cgroup-root={CGROUP}", f"--runtime-dir={RUNTIME}",
                f"--bpffs={BPFFS}", f"--unit-path={FILES}/units",
            ],
            stdout=self.log,
            stderr=self.log,
        )
        wait_until("the daemon listens", lambda: os.path.exists(RUNTIME + "/bus"))

    def make_files(self):
        source, self.object = FILES + "/deny.bpf.c", FILES + "/deny.bpf.o"
        with open(source, "w", encoding="utf-8") as file:
            file.write(SOURCE)
        arch = subprocess.run(
            ["gcc", "-print-multiarch"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
        subprocess.run(
            ["clang", "-target", "bpf", "-O2", "-g", f"-I/usr/include/{arch}", "-c", source, "-o",
             self.object],
            check=True,
        )
        self.unit("web.service", f"BPFProgram=connect4:{self.object}")
        self.unit("bad.service", f"BPFPolicy=wanted\nBPFProgram=connect4:{self.object}#dney")

    def unit(self, name, text):
        with open(f"{FILES}/units/{name}", "w", encoding="utf-8") as file:
            file.write("[X-BPF]\n" + text + "\n")

    def end(self, tool):
        """Lets everything go and proves that nothing is left."""
        links = [row["link_id"] for row in self.rows(tool, "list") if row["link_id"]]
        equal(tool.run("detach", "--all").status, 0)
        equal(glob.glob(BPFFS + "/unitbpf/links/*"), [])
        self.process.terminate()
        equal(self.process.wait(timeout=20), 0)
        wait_until("all links are gone", lambda: not set(links) & set(self.kernel_links()), 5)

    @staticmethod
    def kernel_links():
        text = subprocess.run(
            ["bpftool", "--json", "link", "show"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        return [link["id"] for link in json.loads(text or "[]")]

    @staticmethod
    def rows(tool, *words):
        return json.loads(tool.run(*words, "--json=short").out)

    def clean(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        subprocess.run(["umount", BPFFS], check=False)
        for path in sorted(glob.glob(CGROUP + "/**/", recursive=True), reverse=True):
            os.rmdir(path)
        for directory in (RUNTIME, BPFFS, FILES):
            shutil.rmtree(directory, ignore_errors=True)


def run_attaches_before_the_first_instruction(tool, daemon):
    equal(tool.run("run", "--", sys.executable, "-c", CONNECT).status, 8, "without a program")
    line = f"BPFProgram=connect4:{daemon.object}"
    result = tool.run("run", "-p", line, "--", sys.executable, "-c", CONNECT)
    equal(result.status, 7, result)
    result = tool.run("run", "-p", line + "#dney", "--", "true")
    equal(result.status, 125, result)
    check("did you mean 'deny'" in result.err, result)


def a_running_unit_is_covered_and_shown_everywhere(tool, daemon):
    process = subprocess.Popen([CTL, "run", "--unit=web", "sleep", "60"], env=tool.environment())
    wait_until("web.service is covered", lambda: tool.run("status", "web").status == 0)
    row = daemon.rows(tool, "list", "web")[0]
    equal((row["hook"], row["program"], row["state"]), ("connect4", "deny", "attached"))
    check(row["link_id"] in daemon.kernel_links(), row)
    check(row["covered_from_start"] is True, row)
    equal(row["origin"], f"{FILES}/units/web.service:2")
    equal(tool.run("show", "-P", "LinkId", str(row["id"])).out, f"{row['link_id']}\n")
    check("Unit=web.service\n" in tool.run("show", "web").out, "show")
    check("BPFProgram=connect4" in tool.run("cat", "web").out, "cat")
    tree = [one for one in daemon.rows(tool, "tree", CGROUP) if one["unit"] == "web.service"]
    equal([one["link_id"] for one in tree], [row["link_id"]])
    effective = daemon.rows(tool, "status", "--effective", "web")
    check(row["prog_id"] in [one["prog_id"] for one in effective], effective)
    hits = daemon.rows(tool, "maps", "web")[0]
    equal(hits["name"], "hits")
    equal(hits["entries"], [{"key": "0", "value": "0"}])
    equal([step["operation"] for step in daemon.rows(tool, "plan", "web")], ["keep"])
    check("unit=web.service" in tool.run("dump").out, "dump")
    reload_and_reexec_keep_it(tool, daemon, row)
    detach_holds_it_off_until_attach(tool, daemon)
    process.send_signal(signal.SIGTERM)
    equal(process.wait(timeout=20), 128 + signal.SIGTERM)
    wait_until("web.service has ended", lambda: tool.run("status", "web").status == 3)


def reload_and_reexec_keep_it(tool, daemon, row):
    before = tool.run("show", "-P", "Instance").out
    monitor = start_monitor(tool)
    equal(tool.run("daemon-reload").status, 0)
    result = tool.run("daemon-reexec")
    equal(result.status, 0, result)
    check(tool.run("show", "-P", "Instance").out != before, "the same instance")
    equal(daemon.rows(tool, "list", "web")[0]["link_id"], row["link_id"])
    check("closed the connection" in monitor.stderr.readline(), "monitor did not notice")
    check("Connected again" in monitor.stderr.readline(), "monitor did not come back")
    end_monitor(monitor)


def start_monitor(tool):
    monitor = subprocess.Popen(
        [CTL, "monitor", "--json=short"],
        env=tool.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    check("Waiting for events" in monitor.stderr.readline(), "monitor does not wait")
    return monitor


def end_monitor(monitor):
    monitor.send_signal(signal.SIGINT)
    equal(monitor.wait(timeout=20), 0)
    monitor.stdout.close()
    monitor.stderr.close()


def detach_holds_it_off_until_attach(tool, daemon):
    monitor = start_monitor(tool)
    equal(tool.run("detach", "web").status, 0)
    event = json.loads(monitor.stdout.readline())
    check(event["event"].startswith(("attachment-", "unit-")), event)
    end_monitor(monitor)
    result = tool.run("status", "web")
    equal(result.status, 1, result)
    check("held off" in result.out and "attach web.service" in result.out, result)
    equal(tool.run("attach", "web").status, 0)
    equal(tool.run("status", "web").status, 0)


def a_bad_unit_is_degraded_with_file_and_line(tool, daemon):
    os.mkdir(CGROUP + "/bad.service")
    wait_until("bad.service is degraded", lambda: tool.run("status", "bad").status == 1)
    result = tool.run("status", "bad")
    check(f"{FILES}/units/bad.service:3: " in result.out and "'deny'" in result.out, result)
    equal(tool.run("status").status, 1)
    daemon.unit("bad.service", f"BPFProgram=connect4:{daemon.object}#deny")
    equal(tool.run("daemon-reload").status, 0)
    wait_until("bad.service is mended", lambda: tool.run("status", "bad").status == 0)
    os.rmdir(CGROUP + "/bad.service")


def times(tool, unit):
    return [int(tool.run("show", "-P", key, unit).out) for key in ("SinceUsec", "StateSinceUsec")]


def since_when_a_state_holds_is_shown(tool, daemon):
    os.mkdir(CGROUP + "/web.service")
    wait_until("web.service is covered", lambda: tool.run("status", "web").status == 0)
    start, covered = times(tool, "web")
    equal(covered, start)
    equal(tool.run("detach", "web").status, 0)
    start_after, degraded = times(tool, "web")
    check(start_after == start and degraded > covered, (start, start_after, covered, degraded))
    equal(tool.run("daemon-reexec").status, 0)
    equal(times(tool, "web"), [start, degraded])
    equal(tool.run("attach", "web").status, 0)
    check(times(tool, "web")[1] > degraded, "covered again, but since when?")
    os.rmdir(CGROUP + "/web.service")
    wait_until("web.service has ended", lambda: tool.run("status", "web").status == 3)
    check("State: inactive since " in tool.run("status", "web").out, tool.run("status", "web"))


def a_refused_start_tells_why_until_the_next_good_one(tool, daemon):
    daemon.unit("no.service", f"BPFProgram=connect4:{daemon.object}#dney")
    result = tool.run("run", "--unit=no", "true")
    equal(result.status, 125, result)
    result = tool.run("status", "no")
    equal(result.status, 3, result)
    line = next(one for one in result.out.splitlines() if "Last start: refused " in one)
    check(f"{FILES}/units/no.service:2: " in line and "did you mean 'deny'" in line, result)
    check("Problems" not in result.out and "hint: mend" in result.out, result)
    row = daemon.rows(tool, "units", "no")[0]
    equal([text.split(":")[0] for text in row["errors"]], ["last start refused"])
    check("last_refusal" not in row, row)
    check("dney" in tool.run("show", "-P", "LastRefusal", "no").out, "show")
    check("no.service" in tool.run("units").out, "a unit whose start was refused is listed without --all")
    daemon.unit("no.service", f"BPFProgram=connect4:{daemon.object}#deny")
    equal(tool.run("run", "--unit=no", "true").status, 0)
    wait_until("no.service has ended", lambda: tool.run("status", "no").status == 3)
    check("Last start" not in tool.run("status", "no").out, tool.run("status", "no"))
    equal(daemon.rows(tool, "units", "no")[0]["errors"], [])
    os.unlink(f"{FILES}/units/no.service")


def who_watches_is_told_which_program_went(tool, daemon):
    os.mkdir(CGROUP + "/web.service")
    wait_until("web.service is covered", lambda: tool.run("status", "web").status == 0)
    row = daemon.rows(tool, "list", "web")[0]
    monitor = start_monitor(tool)
    os.rmdir(CGROUP + "/web.service")
    event = {"event": ""}
    while event["event"] != "attachment-removed":
        event = json.loads(monitor.stdout.readline())
    end_monitor(monitor)
    told = {key: event[key] for key in ("id", "unit", "hook", "program", "target")}
    equal(told, {key: row[key] for key in told})


def plain_users_may_look_but_not_touch(tool, daemon):
    os.mkdir(CGROUP + "/web.service")
    wait_until("web.service is covered", lambda: tool.run("status", "web").status == 0)
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    equal(tool.run("list", **user).status, 0)
    equal(tool.run("status", "web", **user).status, 0)
    for words in (["detach", "web"], ["daemon-reload"], ["dump"], ["run", "true"]):
        result = tool.run(*words, **user)
        check(result.status in (1, 125) and "ccess denied" in result.err, result)
    equal(tool.run("status", "web").status, 0)
    os.rmdir(CGROUP + "/web.service")


def a_foreign_program_is_adopted(tool, daemon):
    os.mkdir(CGROUP + "/web.service")
    wait_until("web.service is covered", lambda: tool.run("status", "web").status == 0)
    pin = BPFFS + "/foreign"
    subprocess.run(["bpftool", "prog", "loadall", daemon.object, pin], check=True)
    subprocess.run(
        ["bpftool", "cgroup", "attach", CGROUP + "/web.service", "egress", "pinned", pin + "/pass",
         "multi"],
        check=True,
    )
    tree = daemon.rows(tool, "tree", CGROUP)
    foreign = [row for row in tree if row["owner"] == "legacy"]
    equal([row["program"] for row in foreign], ["pass"], tree)
    result = tool.run("adopt", "web", str(foreign[0]["prog_id"]))
    equal(result.status, 0, result)
    tree = daemon.rows(tool, "tree", CGROUP)
    equal([row["owner"] for row in tree if row["program"] == "pass"], ["unitbpf"], tree)
    shutil.rmtree(pin)
    equal(tool.run("detach", "web").status, 0)
    os.rmdir(CGROUP + "/web.service")


def what_the_daemon_knows_of_the_kernel_is_shown(tool, daemon):
    rows = {row["hook"]: row for row in daemon.rows(tool, "hooks")}
    equal(rows["connect4"]["supported"], True)
    result = tool.run("doctor")
    check(result.status == 0 and "bpffs" in result.out, result)
    equal(tool.run("log-level", "debug").status, 0)
    equal(tool.run("log-level").out, "debug\n")
    equal(tool.run("log-level", "loud").status, 1)
    result = tool.run("status", "wbe.service")
    equal(result.status, 4, result)
    check("did you mean 'web.service'?" in result.err, result)


TESTS = [
    run_attaches_before_the_first_instruction,
    a_running_unit_is_covered_and_shown_everywhere,
    a_bad_unit_is_degraded_with_file_and_line,
    since_when_a_state_holds_is_shown,
    a_refused_start_tells_why_until_the_next_good_one,
    who_watches_is_told_which_program_went,
    plain_users_may_look_but_not_touch,
    a_foreign_program_is_adopted,
    what_the_daemon_knows_of_the_kernel_is_shown,
]


def main():
    daemon = Daemon()
    tool = Tool(CTL, RUNTIME)
    try:
        for test in TESTS:
            test(tool, daemon)
            print(f"ok {test.__name__}")
        daemon.end(tool)
        print("ok nothing_is_left")
    except BaseException:
        with open(FILES + "/log", encoding="utf-8") as file:
            print(file.read()[-4000:])
        raise
    finally:
        daemon.clean()
    return 0


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("attaching programs needs root")
        sys.exit(77)
    sys.exit(main())
