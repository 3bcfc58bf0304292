# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of unitbpfctl share: a run of the tool, a directory of one's own, a fake daemon."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Tool:
    """unitbpfctl with an environment that nothing of the caller's leaks into."""

    def __init__(self, path, runtime_directory):
        self.path = path
        self.runtime_directory = runtime_directory

    def environment(self, extra=None):
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("ASAN_", "UBSAN_", "LSAN_")) or name == "PATH"
        }
        return {
            **kept,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "UNITBPF_RUNTIME_DIR": self.runtime_directory,
            **(extra or {}),
        }

    def run(self, *words, env=None, **options):
        return Result(
            subprocess.run(
                [self.path, *words],
                env=self.environment(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                **options,
            )
        )


class FakeDaemon:
    """The fixed answers of fake-daemon.c; ends with the block it is used in."""

    def __init__(self, program, mode="normal", env=None):
        self.directory = tempfile.mkdtemp(prefix="unitbpf-cli-")
        os.chmod(self.directory, 0o755)
        self.process = subprocess.Popen(
            [program, self.directory, mode],
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0", **(env or {})},
        )
        until = time.monotonic() + 10
        while not os.path.exists(self.directory + "/bus"):
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("the fake daemon does not start")
            time.sleep(0.01)
        time.sleep(0.02)  # between bind() and listen()

    def calls(self):
        with open(self.directory + "/calls", encoding="utf-8") as file:
            return file.read().splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


class SystemBus:
    """A message bus of one's own on which the fake daemon has its name, and an ssh that leads there."""

    def __init__(self, fake, with_daemon=True):
        self.directory = tempfile.mkdtemp(prefix="unitbpf-cli-bus-")
        os.chmod(self.directory, 0o755)
        self.address = f"unix:path={self.directory}/system"
        self.processes = [
            subprocess.Popen(
                ["dbus-daemon", "--session", "--nofork", "--nosyslog", f"--address={self.address}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        ]
        self._wait_for(self.directory + "/system")
        if with_daemon:
            self.processes.append(
                subprocess.Popen(
                    [fake, self.directory, "on-bus"],
                    env={
                        **os.environ,
                        "ASAN_OPTIONS": "detect_leaks=0",
                        "DBUS_SYSTEM_BUS_ADDRESS": self.address,
                    },
                )
            )
            self._wait_for(self.directory + "/named")
        with open(self.directory + "/ssh", "w", encoding="utf-8") as file:
            file.write(
                f"""#!/bin/sh
echo "$@" >{self.directory}/ssh-words
case "$*" in *nowhere*) echo 'ssh: no such host' >&2; exit 255;; esac
exec systemd-stdio-bridge --bus-path={self.address}
"""
            )
        os.chmod(self.directory + "/ssh", 0o755)

    def _wait_for(self, path):
        until = time.monotonic() + 10
        while not os.path.exists(path):
            if time.monotonic() > until or any(p.poll() is not None for p in self.processes):
                raise RuntimeError(f"'{path}' does not come")
            time.sleep(0.01)

    def ssh_words(self):
        with open(self.directory + "/ssh-words", encoding="utf-8") as file:
            return file.read().split()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(value, wanted, what=""):
    check(value == wanted, f"{what}\n   is     {value!r}\n   wanted {wanted!r}")


def run_all(tests):
    """Runs functions named after what they show; exit status 1 if one fails."""
    failed = 0
    for test in tests:
        try:
            test()
            print(f"ok {test.__name__}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {test.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(tests) - failed} of {len(tests)} passed")
    return 1 if failed else 0
