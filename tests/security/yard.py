# SPDX-License-Identifier: LGPL-2.1-or-later
"""A yard of one's own: directories, a bpffs, a cgroup, a daemon; and at the end the proof that nothing of it is left.

Every program and link that a look at the daemon showed is remembered by its id. Leaving the yard ends the daemon,
removes the cgroups, unmounts the bpffs and waits until the kernel knows none of the ids any more."""

import contextlib
import ctypes
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback

NOBODY = 65534
UNPRIVILEGED = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
HERE = os.path.dirname(os.path.abspath(__file__))

libc = ctypes.CDLL(None, use_errno=True)
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 321)
PROGRAM_BY_ID, LINK_BY_ID = 13, 30


def is_there(command, number):
    """Whether the kernel still knows the program or link of that id."""
    attributes = ctypes.create_string_buffer(number.to_bytes(4, sys.byteorder), 16)
    fd = libc.syscall(BPF_SYSCALL, command, attributes, 16)
    if fd >= 0:
        os.close(fd)
        return True
    return False


def until(condition, seconds=5.0, step=0.02):
    """The first true answer of the condition, or the last one."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(step)


def cgroup_mount():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    return None


class Result:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr
        self.text = self.out + self.err

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def command(*words, **options):
    return Result(
        subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **options
        )
    )


def bpftool(*words):
    result = command("bpftool", "-j", *words)
    try:
        value = json.loads(result.out) if result.out.strip() else None
    except ValueError:
        value = None
    if result.status != 0:
        raise AssertionError(f"bpftool {' '.join(words)}: {result}")
    return value


class Yard:
    def __init__(self, build, name):
        self.build = build
        self.daemon_path = build + "/src/daemon/unitbpfd"
        self.ctl_path = build + "/src/cli/unitbpfctl"
        self.top = f"/run/unitbpf-security-{name}-{os.getpid()}"
        self.units, self.objects = self.top + "/units", self.top + "/objects"
        self.bpffs, self.run = self.top + "/bpffs", self.top + "/run"
        self.config, self.log_path = self.top + "/unitbpfd.conf", self.top + "/log"
        self.cgroup = f"{cgroup_mount()}/unitbpf-security-{name}-{os.getpid()}"
        self.daemon = None
        self.links, self.programs = set(), set()
        self.children = []

    # ---- making and clearing ----

    def __enter__(self):
        for directory in (self.top, self.units, self.objects, self.bpffs):
            os.mkdir(directory, 0o755)
        with open(self.config, "w", encoding="utf-8"):
            pass
        subprocess.run(["mount", "-t", "bpf", "bpf", self.bpffs], check=True)
        os.chmod(self.bpffs, 0o755)
        for path in glob.glob(self.build + "/bpf/progs/*.bpf.o"):
            shutil.copy(path, self.objects)
        for path in glob.glob(self.build + "/tests/security/*.bpfobj"):
            shutil.copy(path, self.objects)
        return self

    def __exit__(self, kind, value, trace):
        problems = []
        for child in self.children:
            with contextlib.suppress(Exception):
                child.kill()
                child.wait()
        if self.is_running():
            with contextlib.suppress(Exception):
                self.attachments()
            if self.is_running():
                self.ctl("detach", "--all")
            if self.stop(10) not in (0, None):
                problems.append("the daemon ended badly")
        self.remove_cgroups()
        if os.path.exists(self.cgroup):
            problems.append(f"{self.cgroup} is left")
        pins = glob.glob(self.bpffs + "/unitbpf/links/*")
        if pins and not value:
            problems.append(f"pins are left: {pins}")
        subprocess.run(["umount", "-l", self.bpffs], check=False)
        gone = until(lambda: not self.left())
        if not gone:
            problems.append(f"the kernel still has {self.left()}")
        log = self.log()
        if value or problems:
            sys.stderr.write(f"--- daemon\n{log[-8000:]}\n")
        for word in ("AddressSanitizer", "runtime error:", "Assertion"):
            if word in log:
                problems.append(f"the daemon wrote '{word}'")
        shutil.rmtree(self.top, ignore_errors=True)
        if os.path.exists(self.top):
            problems.append(f"{self.top} is left")
        if problems and not value:
            raise AssertionError("; ".join(problems))

    def left(self):
        return [f"link {i}" for i in self.links if is_there(LINK_BY_ID, i)] + [
            f"program {i}" for i in self.programs if is_there(PROGRAM_BY_ID, i)
        ]

    def remove_cgroups(self):
        def step():
            for directory, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    with open(directory + "/cgroup.kill", "w", encoding="ascii") as file:
                        file.write("1")
                with contextlib.suppress(OSError):
                    os.rmdir(directory)
            return not os.path.exists(self.cgroup)

        until(step)

    # ---- the daemon ----

    def log(self):
        with contextlib.suppress(OSError):
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def is_running(self):
        return self.daemon is not None and self.daemon.poll() is None

    def arguments(self, **changes):
        values = {
            "runtime-dir": self.run,
            "cgroup-root": self.cgroup,
            "bpffs": self.bpffs,
            "unit-path": self.units,
            "config": self.config,
        }
        values.update({key.replace("_", "-"): value for key, value in changes.items()})
        return [f"--{key}={value}" for key, value in values.items() if value is not None]

    def start(self, prefix=(), **changes):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                [*prefix, self.daemon_path, *self.arguments(**changes)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        assert until(self.answers, 10), f"the daemon does not answer: {self.log()[-2000:]}"
        return self.daemon.pid

    def answers(self):
        if not self.is_running():
            raise AssertionError(f"the daemon has ended: {self.log()[-2000:]}")
        return os.path.exists(self.run + "/bus") and self.ctl("list").status == 0

    def try_start(self, prefix=(), seconds=10, **changes):
        """Starts a daemon that is expected to refuse: its exit status and words."""
        return Result(
            subprocess.run(
                [*prefix, self.daemon_path, *self.arguments(**changes)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        )

    def stop(self, seconds=10, how=signal.SIGTERM):
        if not self.daemon:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(how)
        try:
            status = self.daemon.wait(seconds)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            status = self.daemon.wait()
        self.daemon = None
        return status

    def kill(self):
        self.stop(how=signal.SIGKILL)

    def is_sanitized(self):
        """Whether the allocator is not the one of libc, so that the daemon cannot tell what it takes."""
        with open(self.daemon_path, "rb") as file:
            return b"__asan_init" in file.read()

    # ---- units and the tool ----

    def object(self, name):
        return f"{self.objects}/{name}"

    def unit(self, name, *lines, where=None):
        path = f"{where or self.units}/{name}"
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write("[X-BPF]\n" + "".join(line + "\n" for line in lines))
        return path

    def ctl(self, *words, prefix=(), env=None):
        environment = {
            **os.environ,
            "LANG": "C.UTF-8",
            "UNITBPF_RUNTIME_DIR": self.run,
            **(env or {}),
        }
        return command(*prefix, self.ctl_path, *words, env=environment)

    def attachments(self, unit=None):
        result = self.ctl("list", "--json=short")
        assert result.status == 0, result
        found = json.loads(result.out)
        for one in found:
            if one["link_id"]:
                self.links.add(one["link_id"])
            if one["prog_id"] and one["state"] == "attached" and one["object"]:
                self.programs.add(one["prog_id"])
        return [one for one in found if unit is None or one["unit"] == unit]

    def state(self, unit):
        result = self.ctl("show", unit, "--json=short")
        found = json.loads(result.out) if result.status == 0 and result.out.strip() else []
        return found[0] if found else None

    def is_state(self, unit, wanted):
        shown = self.state(unit)
        return shown is not None and shown["state"] == wanted

    def make_cgroup(self, name, owner=0):
        path = f"{self.cgroup}/{name}"
        os.makedirs(path, mode=0o755, exist_ok=True)
        if owner:
            for file in ("", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"):
                os.chown(path + file, owner, owner)
        return path

    def run_unit(self, name, *words, prefix=(), **options):
        """A unit that stays until its process is killed; the process of unitbpfctl run."""
        child = subprocess.Popen(
            [*prefix, self.ctl_path, "run", f"--unit={name}", *words],
            env={**os.environ, "UNITBPF_RUNTIME_DIR": self.run},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        self.children.append(child)
        return child

    def sleeper(self, name, *options):
        child = self.run_unit(name, *options, "--", "sleep", "300")
        assert until(lambda: self.is_inside(name) or child.poll() is not None), name
        assert child.poll() is None, f"run ended: {child.stdout.read()}"
        return child

    def is_inside(self, name):
        for path in glob.glob(f"{self.cgroup}/**/{name}/cgroup.procs", recursive=True):
            with contextlib.suppress(OSError):
                with open(path, encoding="ascii") as file:
                    return bool(file.read().strip())
        return False

    def end(self, name, child=None):
        for path in glob.glob(f"{self.cgroup}/**/{name}/cgroup.kill", recursive=True):
            with contextlib.suppress(OSError):
                with open(path, "w", encoding="ascii") as file:
                    file.write("1")
        if child:
            child.wait(10)
        assert until(
            lambda: not glob.glob(f"{self.cgroup}/**/{name}", recursive=True)
        ), f"the cgroup of {name} is not removed"

    def connect_from(self, cgroup, address="127.0.0.2"):
        """errno of a UDP connect() by a process inside; 0 if it is let through."""
        program = (
            "import os,socket,sys\n"
            "open(sys.argv[1]+'/cgroup.procs','w').write('0')\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "print(s.connect_ex((sys.argv[2],9)))\n"
        )
        result = command("/usr/bin/python3", "-I", "-c", program, cgroup, address)
        assert result.status == 0, result
        return int(result.out)


def as_nobody(function, *arguments):
    """What the function answers, asked by a process of no privilege; exceptions come back as AssertionError."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            try:
                answer = {"ok": function(*arguments)}
            except Exception:  # handed to the parent as text
                answer = {"error": traceback.format_exc()}
            with os.fdopen(writer, "w") as file:
                json.dump(answer, file)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as file:
        written = file.read()
    os.waitpid(child, 0)
    answer = json.loads(written)
    assert "error" not in answer, answer["error"]
    return answer["ok"]


def main(tests):
    """The tests named, or all: each in a yard of its own."""
    if os.geteuid() != 0 or not cgroup_mount():
        print("needs root and cgroup v2")
        sys.exit(77)
    build, *names = sys.argv[1:]
    failed = 0
    for test in tests:
        name = test.__name__
        if names and name not in names:
            continue
        began = time.monotonic()
        try:
            with Yard(os.path.abspath(build), name.replace("_", "-")[:24]) as yard:
                test(yard)
            word = "ok"
        except Exception:  # a test that fails must not keep the others from running
            traceback.print_exc()
            word = "FAIL"
            failed += 1
        print(f"{word:4} {time.monotonic() - began:6.2f} s {name}", flush=True)
    sys.exit(1 if failed else 0)
