# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon with everything of its own, and the questions the tests ask about it.

Each Host has a runtime directory, unit files, a mounted bpffs, a cgroup root and copies of the example objects in
which the names of programs and maps carry the host's tag. So whatever this host's daemon ever loaded can be found
in the kernel by name, whoever holds it, beside any number of other tests: that is how leaks are counted.

A test is a function that takes a Host; main() runs them all, each on a new one. At the end of each the host proves
that nothing is left: no program, link, map, pin, cgroup, mount or process.
"""

import json
import os
import random
import re
import shutil
import signal
import string
import subprocess
import sys
import time
import traceback

import kernel

DAEMON = os.environ['UNITBPFD']
TOOL = os.environ['UNITBPFCTL']
OBJECTS = os.environ['UNITBPF_OBJECTS']
TRAFFIC = os.environ['UNITBPF_TRAFFIC']
FIRST_CONNECT = os.environ['UNITBPF_FIRST_CONNECT']
LONG = os.environ.get('UNITBPF_TEST_REPEATS') == 'full'

BPF_FS = b'bpf'
SETTLE = 5.0  # seconds within which the kernel must have freed what is no longer used
HANG = 60.0  # seconds after which whatever was asked is taken for hung
TEST_SECONDS = 600  # the same for a whole test

# What carries the tag in the copies of the objects: as long as before, since it is changed in the finished file.
TAGGED = {
    'count': [(b'count_', 'c{}_'), (b'traffic\0', 't{}ic\0')],
    'connect-deny': [(b'deny_', 'd{}'), (b'denied', 'n{}d'), (b'refused\0', 'r{}ed\0')],
    'bind-ports': [(b'bind_ports', 'b{}ports')],
    'device-log': [(b'device_log', 'v{}e_log'), (b'devices\0', 'v{}es\0')],
    'sockopt-default': [(b'sockopt_', 's{}pt_')],
}


class Failure(Exception):
    pass


def check(condition, *words):
    if not condition:
        raise Failure(' '.join(str(word) for word in words))


def equal(found, wanted, *words):
    check(found == wanted, *words, f'is {found!r}, not {wanted!r}')


def wait_until(condition, what, seconds=HANG, pause=0.01):
    """The first true answer of condition()."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failure(f'after {seconds} s still not: {what}')
        time.sleep(pause)


def cgroup_mount():
    with open('/proc/self/mountinfo', encoding='utf-8') as lines:
        for line in lines:
            before, after = line.split(' - ', 1)
            if after.split()[0] == 'cgroup2':
                return before.split()[4]
    return None


def cannot(reason):
    print(f'cannot run: {reason}')
    sys.exit(77)


def process_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class Daemon:
    """One process; it stays the same one through any number of re-execs."""

    def __init__(self, host, environment=None, options=()):
        self.host = host
        self.log = open(host.log_path, 'ab')
        self.process = subprocess.Popen(
            [DAEMON, f'--runtime-dir={host.runtime}', f'--cgroup-root={host.cgroup}',
             f'--bpffs={host.bpffs}', f'--unit-path={host.units}', *options],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, **(environment or {})})
        self.pid = self.process.pid

    def wait_ready(self):
        def ready():
            check(self.process.poll() is None, 'the daemon ended with', self.process.returncode)
            return self.host.ctl('list', check_status=False).returncode == 0

        wait_until(ready, 'the daemon answers', 20)

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(HANG)
        self.log.close()
        equal(status, 0, 'exit status of the daemon')

    def fds(self):
        return sorted(os.readlink(f'/proc/{self.pid}/fd/{fd}')
                      for fd in os.listdir(f'/proc/{self.pid}/fd'))

    def rss(self):
        with open(f'/proc/{self.pid}/statm', encoding='utf-8') as statm:
            return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


class Traffic:
    """A unit that sends datagrams to itself all the time; see traffic.c."""

    def __init__(self, host, unit):
        self.host = host
        self.unit = unit
        self.process = host.run_async(unit, TRAFFIC)
        self.sent = self.received = 0
        self.usec = 0
        self.pause()
        self.go_on()

    def command(self):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()

    def pause(self):
        """Returns with nothing on the way."""
        self.command()
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f'the traffic of {self.unit} ended with {self.process.wait(HANG)}: '
                          f'{self.process.stderr.read()}')
        self.sent, self.received, self.usec = map(int, line.split())

    def go_on(self):
        self.command()

    def rate(self):
        return (self.sent + self.received) * 1_000_000 // max(self.usec, 1)

    def unseen(self):
        """(going out, coming in) that the programs of the unit did not count; leaves it paused."""
        self.pause()
        counted_in, counted_out = self.host.traffic_of(self.unit)
        return self.sent - counted_out, self.received - counted_in

    def check_none_unseen(self):
        out, into = self.unseen()
        equal((out, into), (0, 0), f'unseen packets (out, in) of {self.sent} sent')
        check(self.received == self.sent, f'{self.sent} sent, but {self.received} arrived')
        self.go_on()

    def end(self):
        self.process.stdin.close()
        equal(self.process.wait(HANG), 0, f'exit status of the traffic of {self.unit}')
        self.process.stdout.close()
        self.process.stderr.close()


class Host:
    def __init__(self, test):
        self.tag = random.choice(string.ascii_lowercase) + ''.join(
            random.choices(string.ascii_lowercase + string.digits, k=3))
        self.name = f'e2e-{test[:24]}-{os.getpid()}-{self.tag}'
        self.directory = f'/run/unitbpf-{self.name}'
        self.runtime = f'{self.directory}/run'
        self.units = f'{self.directory}/units'
        self.bpffs = f'{self.directory}/bpffs'
        self.objects = f'{self.directory}/objects'
        self.log_path = f'{self.directory}/log'
        self.state = f'{self.runtime}/state'
        self.cgroup = f'{cgroup_mount()}/{self.name}'
        self.daemon = None
        self.children = []
        os.makedirs(self.directory, 0o755)
        for path in (self.units, self.bpffs, self.objects):
            os.mkdir(path, 0o755)
        subprocess.run(['mount', '-t', 'bpf', '-o', 'nosuid,noexec,nodev,mode=0700', 'bpf',
                        self.bpffs], check=True)
        os.mkdir(self.cgroup, 0o755)
        for name in TAGGED:
            self.copy_object(name)

    # ---- objects and unit files ----

    def tagged(self, name, data):
        for old, new in TAGGED[name]:
            new = new.format(self.tag).encode()
            assert len(new) == len(old)
            check(old in data, f'{name} has no {old}')
            data = data.replace(old, new)
        return data

    def object(self, name):
        return f'{self.objects}/{self.tag}-{name}.bpf.o'

    def copy_object(self, name, source=None, target=None):
        """Puts the object in place as a package manager does: written beside it, renamed over it."""
        with open(source or f'{OBJECTS}/{name}.bpf.o', 'rb') as file:
            data = self.tagged(name, file.read())
        target = target or self.object(name)
        with open(target + '.new', 'wb') as file:
            file.write(data)
        os.rename(target + '.new', target)
        return target

    def write_unit(self, name, *lines):
        with open(f'{self.units}/{name}', 'w', encoding='utf-8') as file:
            file.write('[Service]\nExecStart=/bin/true\n\n[X-BPF]\n' + ''.join(f'{l}\n' for l in lines))

    def count_lines(self):
        return [f'BPFProgram=ingress:{self.object("count")}',
                f'BPFProgram=egress:{self.object("count")}']

    def deny_lines(self):
        """127.0.0.2 is refused."""
        return ['BPFVariable=deny4=0x7f000002', 'BPFVariable=deny4_prefix=32',
                f'BPFProgram=connect4:{self.object("connect-deny")}']

    # ---- the daemon and the tool ----

    def start(self, environment=None, options=(), ready=True):
        self.daemon = Daemon(self, environment, options)
        if ready:
            self.daemon.wait_ready()
        return self.daemon

    def restart_after_kill(self, environment=None):
        if not self.daemon.ended():
            self.daemon.kill()
        return self.start(environment)

    def environment(self):
        return {**os.environ, 'UNITBPF_RUNTIME_DIR': self.runtime, 'NO_COLOR': '1'}

    def ctl(self, *arguments, check_status=True, timeout=HANG):
        result = subprocess.run([TOOL, *arguments], env=self.environment(), timeout=timeout,
                                stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check_status:
            check(result.returncode == 0, f'unitbpfctl {" ".join(arguments)}: exit status',
                  result.returncode, result.stdout, result.stderr)
        return result

    def ask(self, *arguments):
        text = self.ctl(*arguments, '--json=short').stdout
        return json.loads(text) if text.strip() else []

    def list(self):
        return self.ask('list')

    def attachments(self, unit, hook=None):
        return [row for row in self.list()
                if row['unit'] == unit and (hook is None or row['hook'] == hook)]

    def run_async(self, unit, *command):
        process = subprocess.Popen([TOOL, 'run', f'--unit={unit}', '--', *command],
                                   env=self.environment(), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.children.append(process)
        return process

    def run(self, unit, *command, timeout=HANG):
        """The finished process of a command that ran as the unit."""
        return subprocess.run([TOOL, 'run', f'--unit={unit}', '--', *command],
                              env=self.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout)

    def sleeper(self, unit):
        """A unit that does nothing until it is told to end by closing its standard input."""
        process = self.run_async(unit, '/bin/sh', '-c', 'echo here; cat')
        line = process.stdout.readline()
        check(line == b'here\n', f'{unit} did not start:', line, b'' if line else process.stderr.read())
        return process

    def wait_no_unit(self, unit):
        wait_until(lambda: not os.path.exists(self.unit_cgroup(unit)) and not self.attachments(unit),
                   f'{unit} is gone')

    def end(self, process, unit):
        process.stdin.close()
        equal(process.wait(HANG), 0, f'exit status of {unit}')
        process.stdout.close()
        process.stderr.close()
        self.wait_no_unit(unit)

    # ---- what the kernel says ----

    def unit_cgroup(self, unit):
        return f'{self.cgroup}/{unit}'

    def cgroup_ids(self):
        found = {}
        for directory, _, _ in os.walk(self.cgroup):
            found[os.stat(directory).st_ino] = directory
        return found

    def kernel_programs(self):
        return {number: name for number, name in kernel.programs().items() if self.tag in name}

    def kernel_maps(self):
        return {number: name for number, name in kernel.maps().items() if self.tag in name}

    def kernel_links(self):
        """Links of the programs or in the cgroups of this host."""
        programs = self.kernel_programs()
        cgroups = self.cgroup_ids()
        return {number: one for number, one in kernel.links().items()
                if one.prog_id in programs or one.cgroup_id in cgroups}

    def pins(self):
        found = []
        for directory, _, files in os.walk(f'{self.bpffs}/unitbpf'):
            found += [f'{directory}/{file}' for file in files]
        return sorted(found)

    def counts(self):
        return {'programs': len(self.kernel_programs()), 'links': len(self.kernel_links()),
                'maps': len(self.kernel_maps()), 'pins': len(self.pins())}

    def settled_counts(self, wanted, what):
        """Waits until the kernel has as many objects of ours as wanted, and no other number for a moment."""
        try:
            wait_until(lambda: self.counts() == wanted, what, SETTLE, 0.05)
        except Failure:
            raise Failure(f'{what}: {self.counts()}, wanted {wanted}; {self.kernel_programs()}, '
                          f'{self.kernel_links()}, {self.kernel_maps()}, {self.pins()}') from None

    def traffic_of(self, unit):
        """(packets in, packets out) as counted by the programs of the unit."""
        rows = [row for row in self.attachments(unit, 'egress') if row['state'] == 'attached']
        check(len(rows) == 1, f'{unit} has {len(rows)} egress programs')
        number = kernel.maps_of_program(rows[0]['prog_id'])[0]
        return self.count_in(number, 0), self.count_in(number, 1)

    @staticmethod
    def count_in(number, slot):
        """Packets in a slot of the map of count.bpf.c."""
        value = kernel.lookup(number, slot.to_bytes(4, sys.byteorder), 16)
        return int.from_bytes(value[:8], sys.byteorder)

    # ---- do all agree? ----

    def agree(self):
        """list, tree, maps and bpftool tell the same, and it is what the kernel says. The kernel frees links a
        little after they are taken off, so the question is asked again for a while."""
        end = time.monotonic() + SETTLE
        while True:
            try:
                self.agree_now()
                return
            except Failure:
                if time.monotonic() > end:
                    raise
            time.sleep(0.05)

    def agree_now(self):
        rows = [row for row in self.list() if row['via'] == 'cgroup-link' and
                row['state'] in ('attached', 'quarantined', 'drifted')]
        ours = {(row['link_id'], row['prog_id'], row['cgroup_id']) for row in rows}
        equal(len(ours), len(rows), 'list shows each link once')
        links = self.kernel_links()
        equal({(one.id, one.prog_id, one.cgroup_id) for one in links.values()}, ours,
              'what the kernel says, against list,')
        self.agree_bpftool(rows)
        self.agree_tree(rows)
        self.agree_maps(rows)

    def agree_bpftool(self, rows):
        shown = {(row['id'], row['prog_id'], row['cgroup_id'])
                 for row in bpftool('link', 'show') if row.get('type') == 'cgroup'}
        for row in rows:
            check((row['link_id'], row['prog_id'], row['cgroup_id']) in shown,
                  f'bpftool does not show link {row["link_id"]} of attachment {row["id"]}')
        by_cgroup = {}
        for row in rows:
            by_cgroup.setdefault(row['target'], []).append(row['prog_id'])
        for number, (target, programs) in enumerate(sorted(by_cgroup.items())):
            if number < 20:  # one process for each
                equal(sorted(row['id'] for row in bpftool('cgroup', 'show', target)),
                      sorted(programs), f'programs of bpftool at {target},')

    def agree_tree(self, rows):
        shown = [(row['link_id'], row['prog_id'], row['cgroup_id'], row['id'], row['hook'])
                 for row in self.ask('tree', self.cgroup)]
        wanted = [(row['link_id'], row['prog_id'], row['cgroup_id'], row['id'], row['hook'])
                  for row in rows]
        equal(sorted(shown, key=repr), sorted(wanted, key=repr), 'tree')

    def agree_maps(self, rows):
        units = sorted({row['unit'] for row in rows if row['unit']})
        for unit in units[:3]:
            wanted = set()
            for row in rows:
                if row['unit'] == unit:
                    wanted |= set(kernel.maps_of_program(row['prog_id']))
            before = {number: numbers_of_bpftool(number) for number in wanted}
            shown = {row['map_id']: row for row in self.ask('maps', unit)}
            after = {number: numbers_of_bpftool(number) for number in wanted}
            equal(set(shown), wanted, f'map ids of {unit}')
            for number, row in shown.items():
                info = bpftool('map', 'show', 'id', str(number))
                equal((row['name'], row['key_size'], row['value_size'], row['max_entries']),
                      (info['name'], info['bytes_key'], info['bytes_value'], info['max_entries']),
                      f'map {number} of {unit}')
                if before[number] == after[number]:  # else a unit that runs changes it meanwhile
                    equal(numbers_of_maps(row), before[number], f'contents of {row["name"]} of {unit}')

    # ---- the end ----

    def log_text(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as log:
            return log.read()

    def clean(self):
        """Takes down everything this test made. What the daemon should have taken down is counted before."""
        problems = []
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        if self.daemon and not self.daemon.ended():
            self.daemon.kill()
        self.end_processes()
        subprocess.run(['umount', self.bpffs], check=False)
        for directory, _, _ in os.walk(self.cgroup, topdown=False):
            try:
                os.rmdir(directory)
            except OSError as error:
                problems.append(f'{directory}: {error.strerror}')
        problems += self.left()
        shutil.rmtree(self.directory, ignore_errors=True)
        return problems

    def end_processes(self):
        for directory, _, files in os.walk(self.cgroup):
            if 'cgroup.kill' in files:
                with open(f'{directory}/cgroup.kill', 'w', encoding='utf-8') as file:
                    file.write('1')
        for directory, _, _ in os.walk(self.cgroup):
            def empty(path=f'{directory}/cgroup.procs'):
                with open(path, encoding='utf-8') as file:
                    return not file.read()
            wait_until(empty, f'{directory} is empty')

    def left(self):
        def look():
            return [f'left behind: {what}' for what in (
                self.kernel_programs(), self.kernel_maps(), self.kernel_links()) if what]

        try:
            wait_until(lambda: not look(), 'nothing of the test is left', SETTLE, 0.05)
        except Failure:
            pass
        found = look()
        with open('/proc/self/mounts', encoding='utf-8') as mounts:
            found += [f'still mounted: {line}' for line in mounts if self.directory in line]
        if os.path.exists(self.cgroup):
            found.append(f'still there: {self.cgroup}')
        if self.daemon and not process_gone(self.daemon.pid):
            found.append(f'still running: {self.daemon.pid}')
        return found

    def stop_and_check_nothing_left(self):
        """After all units have ended the daemon has nothing in the kernel, also while it still runs."""
        self.settled_counts({'programs': 0, 'links': 0, 'maps': 0, 'pins': 0},
                            'after the last unit nothing is left')
        equal(self.list(), [], 'list at the end')
        self.daemon.stop()


def numbers_in(value):
    """All numbers of a decoded value, in order."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers_in(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers_in(part)]
    return [int(value)]


def numbers_of_bpftool(number):
    found = []
    for entry in bpftool('map', 'dump', 'id', str(number)):
        shown = entry['formatted']
        # that of a map of variables has no type
        key = numbers_in(shown['key']) if 'key' in shown else [0]
        found.append(key + numbers_in(shown['value']))
    return sorted(found)


def numbers_of_maps(row):
    """The same of what the tool prints: '{.packets = 3, .bytes = 84}'."""
    found = [re.findall(r'(?<![\w.])-?(?:0x[0-9a-f]+|\d+)\b|true|false', f'{entry["key"]} {entry["value"]}')
             for entry in row['entries']]
    words = {'true': 1, 'false': 0}
    return sorted([words[word] if word in words else int(word, 0) for word in entry] for entry in found)


def bpftool(*arguments):
    """What bpftool says; asked again if something vanished while it looked around."""
    for _ in range(20):
        result = subprocess.run(['bpftool', '-j', *arguments], capture_output=True, text=True,
                                check=False)
        if result.returncode == 0:
            break
        time.sleep(0.05)
    check(result.returncode == 0, 'bpftool', *arguments, result.stdout, result.stderr)
    return json.loads(result.stdout or '[]')


def seed():
    """Seeds the random numbers and says with what, so that a failure can be repeated."""
    value = int(os.environ.get('UNITBPF_TEST_SEED') or random.SystemRandom().randrange(1 << 32))
    print(f'seed {value} (UNITBPF_TEST_SEED)', flush=True)
    return random.Random(value)


def run_test(test):
    host = Host(test.__name__)
    problems = []
    begin = time.monotonic()
    signal.alarm(TEST_SECONDS)
    try:
        test(host)
        print(f'ok {test.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
    except Exception:  # pylint: disable=broad-except
        problems.append(traceback.format_exc())
        problems.append('log of the daemon:\n' + host.log_text()[-6000:])
    signal.alarm(0)
    problems += host.clean()
    for problem in problems:
        print(f'FAILED {test.__name__}: {problem}', flush=True)
    return not problems


def hung(*_):
    raise Failure(f'the test was not done after {TEST_SECONDS} s')


def main(*tests):
    """Runs all tests, or those named on the command line."""
    if os.geteuid() != 0:
        cannot('needs root')
    if not cgroup_mount():
        cannot('there is no cgroup2')
    if not shutil.which('bpftool'):
        cannot('needs bpftool')
    signal.signal(signal.SIGALRM, hung)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = sys.argv[1:]
    results = [run_test(test) for test in tests if not wanted or test.__name__ in wanted]
    check(results, 'no such test')
    sys.exit(0 if all(results) else 1)
