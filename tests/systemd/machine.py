# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine: a real systemd as PID 1, in namespaces and a cgroup of its own.

    with Machine('name') as machine:
        machine.write('/etc/systemd/system/x.service', '...')
        machine.boot()
        machine.run('systemctl', 'start', 'x.service')

When it is closed, all it made is gone: processes, cgroups, mounts, BPF objects; what is not within five seconds is an
error. With a root directory of another distribution the systemd of that one runs.
"""

import os
import random
import shutil
import signal
import string
import subprocess
import sys
import time

import possessions
from console import Console
from tree import Tree

HERE = os.path.dirname(os.path.abspath(__file__))
BOOT_SECONDS = 90  # against hanging
COMMAND_SECONDS = 120
SETTLE_SECONDS = 5.0  # within which the kernel must have freed what is no longer used
ENVIRONMENT = {
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'LANG': 'C.UTF-8', 'HOME': '/root', 'TERM': 'dumb',
    'SYSTEMD_PAGER': 'cat', 'SYSTEMD_COLORS': '0', 'NO_COLOR': '1',
}


class MachineError(Exception):
    pass


def wait_until(condition, what, seconds=COMMAND_SECONDS, pause=0.02):
    """The first true answer of condition()."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise MachineError(f'after {seconds} s still not: {what}')
        time.sleep(pause)


def cgroup_mount():
    with open('/proc/self/mountinfo', encoding='utf-8') as lines:
        for line in lines:
            before, after = line.split(' - ', 1)
            if after.split()[0] == 'cgroup2':
                return before.split()[4]
    return None


def why_impossible():
    """Why no machine can be booted here, None if one can."""
    if os.geteuid() != 0:
        return 'needs root'
    if not cgroup_mount():
        return 'there is no cgroup2'
    for program in ('unshare', 'nsenter', 'setpriv', 'pivot_root'):
        if not shutil.which(program):
            return f'needs {program}'
    return None


class Machine:
    def __init__(self, name, lower='/'):
        tag = ''.join(random.choices(string.ascii_lowercase + string.digits, k=5))
        self.name = f'unitbpf-machine-{name}-{tag}'
        self.cgroup = f'{cgroup_mount()}/{self.name}'
        self.tree = Tree(f'/run/{self.name}', lower)
        self.console = Console()
        self.process = None
        self.pid = None  # of its PID 1, as seen from here
        self.seen = set()
        os.mkdir(self.cgroup)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- files ----

    def path(self, inside):
        """Where a file of the machine is for us; the same before and while it runs, but for /run and /tmp."""
        if self.pid is None:
            return self.tree.path(inside)
        return f'/proc/{self.pid}/root/{inside.lstrip("/")}'

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, inside):
        with open(self.path(inside), encoding='utf-8', errors='replace') as file:
            return file.read()

    def exists(self, inside):
        return os.path.lexists(self.path(inside))

    def remove(self, inside):
        path = self.path(inside)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)

    # ---- its life ----

    def boot(self, *arguments, states=('running', 'degraded')):
        """Returns the state of the system once it is up; degraded means that a unit has failed."""
        # It ends with us, whatever becomes of us.
        self.process = subprocess.Popen(
            ['sh', '-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', self.cgroup,
             'setpriv', '--pdeathsig=KILL', 'unshare', '--pid', '--fork', '--kill-child', '--mount', '--cgroup',
             '--uts', '--ipc', '--net', '--propagation=private', '--',
             f'{HERE}/start-init', self.tree.root, self.console.name, *arguments],
            stdin=subprocess.DEVNULL, stdout=self.console.slave, stderr=self.console.slave,
            start_new_session=True)
        pid = wait_until(self.find_init, 'PID 1 of the machine is there', 10)
        wait_until(lambda: self.alive() and os.path.exists(f'/proc/{pid}/root/run/systemd/private'),
                   'systemd has begun', BOOT_SECONDS)
        self.pid = pid
        return self.wait_booted(states)

    def alive(self):
        if self.process.poll() is not None:
            raise MachineError(f'the machine ended with {self.process.returncode}:\n{self.console.text()}')
        return True

    def find_init(self):
        self.alive()
        outer = self.process.pid
        with open(f'/proc/{outer}/task/{outer}/children', encoding='utf-8') as file:
            words = file.read().split()
        if not words:
            return None
        with open(f'/proc/{words[0]}/comm', encoding='utf-8') as file:
            return int(words[0]) if file.read().strip() == 'systemd' else None

    def wait_booted(self, states=('running', 'degraded')):
        def state():
            self.alive()
            answer = self.run('systemctl', 'is-system-running', check=False).stdout.strip()
            return answer if answer in states else None

        return wait_until(state, f'the system is {" or ".join(states)}', BOOT_SECONDS, 0.1)

    def close(self):
        try:
            self.note_possessions()
        finally:
            self.kill()
            self.console.close()
            wait_until(self.remove_cgroups, f'{self.cgroup} is gone', SETTLE_SECONDS)
            self.tree.remove()
        self.check_nothing_left()

    def kill(self):
        if self.process is None:
            return
        for pid in [self.pid] if self.pid else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(5 if self.pid else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pid = None

    def remove_cgroups(self):
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass
        return not os.path.exists(self.cgroup)

    # ---- what it has in the kernel ----

    def bpf_objects(self):
        """{(kind, id)} of its programs, maps and links"""
        return possessions.of_machine(self.cgroup, self.path('/sys/fs/bpf'))

    def note_possessions(self):
        """Takes down what there is now for the proof at the end; to be called before something big goes."""
        if self.pid:
            self.seen |= self.bpf_objects()

    def check_nothing_left(self):
        end = time.monotonic() + SETTLE_SECONDS
        while possessions.still_there(self.seen) and time.monotonic() < end:
            time.sleep(0.05)
        left = [f'{kind} {number}' for kind, number in sorted(possessions.still_there(self.seen))]
        with open('/proc/self/mounts', encoding='utf-8') as mounts:
            left += [f'mount {line.split()[1]}' for line in mounts if self.name in line]
        left += [path for path in (self.cgroup, self.tree.directory) if os.path.exists(path)]
        if left:
            raise MachineError(f'the machine left behind: {", ".join(left)}')

    # ---- commands in it ----

    def entering(self, *command):
        """The command line that runs another one inside."""
        words = [f'{key}={value}' for key, value in ENVIRONMENT.items()]
        return ['nsenter', '-t', str(self.pid), '-m', '-p', '-u', '-i', '-n', '-C', '-r', '-w', '--',
                'env', '-i', *words, *command]

    def run(self, *command, check=True, timeout=COMMAND_SECONDS, text=None, env=()):
        """The finished process; text goes to its standard input, env are more words NAME=VALUE."""
        result = subprocess.run(self.entering('env', *env, *command), capture_output=True, text=True, timeout=timeout,
                                check=False, **({'input': text} if text is not None
                                                else {'stdin': subprocess.DEVNULL}))
        if check and result.returncode:
            raise MachineError(f'{" ".join(command)}: exit status {result.returncode}\n'
                               f'{result.stdout}{result.stderr}')
        return result

    def start(self, *command, **more):
        """A process that runs on inside; it dies with the machine."""
        return subprocess.Popen(self.entering(*command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def output(self, *command, **more):
        return self.run(*command, **more).stdout.strip()

    def systemctl(self, *arguments, **more):
        return self.run('systemctl', *arguments, **more)

    def show(self, unit, name):
        return self.output('systemctl', 'show', '-P', name, unit)

    def journal(self, *arguments):
        """The text of the journal, the last boot only, with all that was written before."""
        self.run('journalctl', '--sync')
        return self.run('journalctl', '-b', '--no-pager', '-q', *arguments).stdout

    def version(self):
        """The first number of the version of its systemd."""
        return int(self.output('systemctl', '--version').split()[1])

    def shell(self):
        return subprocess.call(self.entering('sh', '-c', 'cd; exec "${SHELL:-bash}"'), stdin=sys.stdin)
