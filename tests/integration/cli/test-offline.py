# SPDX-License-Identifier: LGPL-2.1-or-later
"""What unitbpfctl does where no daemon runs.

usage: test-offline.py UNITBPFCTL COMPLETION
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

from harness import Tool, check, equal, run_all

TOOL, COMPLETION = sys.argv[1:3]
DIRECTORY = None
OBJECT_SOURCE = """
__attribute__((section("cgroup_skb/egress"), used)) int count(void *skb) { return 1; }
__attribute__((section("license"), used)) char text[] = "GPL";
"""


def tool():
    return Tool(TOOL, DIRECTORY + "/no-daemon")


def write(name, text):
    path = f"{DIRECTORY}/{name}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def make_object():
    path = DIRECTORY + "/count.bpf.o"
    if not os.path.exists(path):
        source = write("count.bpf.c", OBJECT_SOURCE)
        subprocess.run(
            ["clang", "-target", "bpf", "-O2", "-g", "-c", source, "-o", path], check=True
        )
    return path


def a_daemon_that_does_not_run_is_named_with_the_next_step():
    for words in (
        ["list"], ["units"], ["status"], ["show"], ["tree"], ["maps", "a"], ["attach", "a"],
        ["detach", "a"], ["plan", "a"], ["monitor"], ["adopt", "a", "1"], ["doctor"],
        ["daemon-reload"], ["daemon-reexec"], ["dump"], ["log-level"],
    ):
        result = tool().run(*words)
        equal(result.status, 1, words)
        check("unitbpfd is not running" in result.err and "hint: " in result.err, result)
        equal(result.out, "")
    equal(tool().run("run", "true").status, 125)


def usage_errors_are_2_and_say_what_was_meant():
    for words, part in (
        (["lits"], "did you mean 'list'?"),
        (["list", "--jsn=short"], "did you mean '--json'?"),
        (["cat"], "needs more arguments"),
        (["-H", "host", "verify", "x"], "means nothing to 'verify'"),
        (["help", "stauts"], "did you mean 'status'?"),
    ):
        result = tool().run(*words)
        equal(result.status, 2, words)
        check(part in result.err, result)


def help_of_every_verb_is_there():
    text = tool().run("help").out
    equal(text, tool().run("--help").out)
    verbs = [
        line.split()[0]
        for line in text.split("Verbs:\n")[1].split("\n\n")[0].splitlines()
    ]
    check(len(verbs) > 20, verbs)
    for verb in verbs:
        result = tool().run(verb, "--help")
        equal(result.status, 0)
        check(result.out.startswith("Usage: unitbpfctl [OPTION...] " + verb), result)
        equal(result.out, tool().run("help", verb).out)


def version_is_printed():
    equal(tool().run("version").out, tool().run("--version").out)
    check(tool().run("version").out.startswith("unitbpfctl "), "other text")


def hooks_are_known_without_the_daemon():
    rows = json.loads(tool().run("hooks", "--json=short").out)
    equal(len(rows), 34)
    equal(
        list(rows[0]),
        "hook attach_type prog_type section target since supported what".split(),
    )
    check(all(row["supported"] is None for row in rows), rows)
    result = tool().run("hooks", "BPF_CGROUP_INET_EGRESS", "cgroup/connect4")
    check("egress" in result.out and "connect4" in result.out, result)
    check("2 hooks. unitbpfd does not answer" in result.out, result)
    result = tool().run("hooks", "conect4")
    check(result.status == 1 and "did you mean 'connect4'?" in result.err, result)
    result = tool().run("hooks", "xdp")
    check("This build attaches to cgroups only" in result.out, result)


def a_row_is_never_broken_into_pieces():
    for columns in (200, 80, 40):
        shown = subprocess.run(
            ["script", "-qec", f"stty cols {columns}; '{TOOL}' hooks --no-pager xdp", "/dev/null"],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
        ).stdout.splitlines()
        check(len(shown) == 4 and shown[1].startswith("xdp"), (columns, shown))


def verify_names_file_and_line_of_each_problem():
    path = write(
        "web.service",
        "[Unit]\nDescription=x\n[X-BPF]\n"
        f"BPFProgram=egress:{make_object()}#count\n"
        f"BPFProgram=egres:{make_object()}\n"
        "BPFProgramm=x\n"
        f"BPFProgram=ingress,wanted:{make_object()}#cuont\n"
        "BPFProgram=ingress,optional:/nonexistent/x.o\n",
    )
    result = tool().run("verify", path)
    equal(result.status, 1)
    lines = result.out.splitlines()
    check(lines[0].startswith(f"{path}:5: ") and "did you mean 'egress'" in lines[0], result)
    check(lines[1].startswith(f"{path}:6: ") and "did you mean 'BPFProgram'" in lines[1], result)
    check(lines[2].startswith(f"{path}:7: ") and "did you mean 'count'" in lines[2], result)
    check(lines[3].startswith(f"{path}:8: note: "), result)
    check(lines[-1].endswith("3 problems."), result)
    rows = json.loads(tool().run("verify", "--json=short", path).out)
    equal([row["line"] for row in rows], [5, 6, 7, 8])
    equal([row["severity"] for row in rows], ["error", "error", "error", "note"])
    equal(rows[0]["file"], path)


def verify_says_what_it_looked_at():
    path = write("good.service", f"[X-BPF]\nBPFProgram=egress:{make_object()}\n")
    result = tool().run("verify", path)
    equal((result.status, result.out), (0, "1 file, 1 program, 0 problems.\n"))
    result = tool().run("verify", "-q", path)
    equal((result.status, result.out), (0, ""))
    equal(tool().run("verify", "--json=short", path).out, "[]\n")
    dropin = write("good.service.d/50-x.conf", "[X-BPF]\nBPFPolicy=wnated\n")
    result = tool().run("verify", dropin)
    check(result.status == 1 and f"{dropin}:2: " in result.out, result)


def verify_does_not_take_what_is_not_there_for_good():
    for word in ("nonexistent-unit.service", DIRECTORY + "/none.service", make_object()):
        result = tool().run("verify", word)
        check(result.status == 1 and "1 problem." in result.out, result)
    result = tool().run("verify", "nonexistent-unit")
    check("there is neither a file nor a unit of this name" in result.out, result)


def inspect_shows_what_is_in_an_object():
    result = tool().run("inspect", make_object())
    equal(result.status, 0)
    check("cgroup_skb/egress" in result.out and "License: GPL" in result.out, result)
    check(f"BPFProgram=egress:{make_object()}#count" in result.out, result)
    rows = json.loads(tool().run("inspect", "--json=short", make_object()).out)
    equal(rows[0]["programs"][0]["hook"], "egress")
    equal(rows[0]["maps"], [])
    for bad in ("/etc/passwd", "/nonexistent", "/dev/null", DIRECTORY):
        result = tool().run("inspect", bad)
        check(result.status == 1 and bad in result.err, result)


def a_plain_user_can_use_the_offline_verbs():
    if os.geteuid() != 0:
        return
    make_object()
    result = tool().run("inspect", make_object(), user=65534, group=65534, extra_groups=[])
    equal(result.status, 0, result)
    path = write("plain.service", f"[X-BPF]\nBPFProgram=egress:{make_object()}\n")
    result = tool().run("verify", path, user=65534, group=65534, extra_groups=[])
    equal(result.status, 0, result)


def complete(*words):
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"unitbpfctl() {{ '{TOOL}' \"$@\"; }}; compopt() {{ :; }}; source '{COMPLETION}'; "
        f"COMP_WORDS=(unitbpfctl {quoted}); COMP_CWORD={len(words)}; _unitbpfctl; "
        'echo "${COMPREPLY[@]}"'
    )
    return subprocess.run(
        ["bash", "-c", script],
        env=tool().environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout.split()


def bash_completes_verbs_options_and_hooks():
    equal(complete("sta"), ["status"])
    equal(complete("daemon-re"), ["daemon-reload", "daemon-reexec"])
    equal(complete("status", "--eff"), ["--effective"])
    equal(complete("list", "--eff"), [])
    equal(complete("list", "--js"), ["--json="])
    equal(complete("-q", "hooks", "conn"), ["connect4", "connect6", "connect_unix"])
    equal(complete("list", "--json", "=", "sh"), ["short"])
    equal(complete("log-level", "de"), ["debug"])
    check("verify" in complete("help", ""), "help")


def main():
    global DIRECTORY  # pylint: disable=global-statement
    # Not below /tmp, which others can write to: root would refuse objects there.
    parent = "/var/lib" if os.geteuid() == 0 else None
    DIRECTORY = tempfile.mkdtemp(prefix="unitbpf-cli-", dir=parent)
    os.chmod(DIRECTORY, 0o755)
    try:
        return run_all(
            [
                value
                for name, value in globals().items()
                if callable(value)
                and getattr(value, "__module__", "") == "__main__"
                and name not in ("main", "tool", "write", "make_object", "complete")
            ]
        )
    finally:
        shutil.rmtree(DIRECTORY)


if __name__ == "__main__":
    sys.exit(main())
