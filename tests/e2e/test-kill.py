# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon is killed with SIGKILL, at random and at each of its stop points, while a unit sends all it can.
Restarted, it has what unit files and cgroups say, nothing more and nothing less. (acceptance 5)"""

import os
import subprocess
import time

import lib
from lib import TOOL, Traffic, check, equal, wait_until

# With sanitizers each kill costs three times as much: there it is some of them, without them it is all.
FEW = os.environ.get('UNITBPF_TEST_FEW_KILLS') == 'yes'
OPERATIONS = 60 if FEW else 300
POINTS_APART = 4 if FEW else 1
KILL_SECONDS = 0.02  # within which after the begin of an operation
MAX_UNITS = 6
DETACH_ALL_KILLS = 20
STOP_POINTS_MAX = 1000  # far more than a scenario passes


class World:
    """What the unit files and cgroups say, and whether the daemon agrees. One unit, busy.service, keeps running
    all the time; the others are instances of a template whose file changes."""

    def __init__(self, host):
        self.host = host
        self.number = 0
        self.directories = []
        self.hooks = ['egress', 'ingress']
        host.write_unit('busy.service', *host.count_lines(), *host.deny_lines())
        self.write_template()
        host.start()
        self.traffic = Traffic(host, 'busy.service')
        self.busy = self.busy_identities()

    def write_template(self):
        objects = {'ingress': 'count', 'egress': 'count', 'connect4': 'connect-deny',
                   'bind4': 'bind-ports', 'device': 'device-log'}
        self.host.write_unit('u@.service', *(
            f'BPFProgram={hook}:{self.host.object(objects[hook])}' for hook in self.hooks))

    def busy_identities(self):
        """Without the programs: they may be replaced."""
        return sorted((row['id'], row['hook'], row['link_id'])
                      for row in self.host.attachments('busy.service'))

    def new_name(self):
        self.number += 1
        return f'u@{self.number}.service'

    def make(self):
        name = self.new_name()
        os.mkdir(self.host.unit_cgroup(name))
        self.directories.append(name)
        return name

    def remove(self, name):
        self.directories.remove(name)
        os.rmdir(self.host.unit_cgroup(name))

    def give_up_vacant(self):
        """Units nobody came to live in; the daemon does that too, but only after ten seconds without a kill."""
        for name in self.wanted():
            if name != 'busy.service' and name not in self.directories:
                os.rmdir(self.host.unit_cgroup(name))

    def wanted(self):
        """unit -> hooks, for all units that have a cgroup."""
        found = {name: sorted(self.hooks) for name in os.listdir(self.host.cgroup)
                 if name.startswith('u@')}
        found['busy.service'] = ['connect4', 'egress', 'ingress']
        return found

    def present(self):
        found = {}
        for row in self.host.list():
            found.setdefault(row['unit'], []).append(
                row['hook'] if row['state'] == 'attached' else f'{row["hook"]} {row["state"]}')
        return {unit: sorted(hooks) for unit, hooks in found.items()}

    def check_converged(self):
        """Also that each attachment has its link and its pin, and no link or pin is without an attachment."""
        problem = [None]

        def converged():
            wanted, rows = self.wanted(), self.host.list()
            links = {(one.id, one.prog_id, one.cgroup_id)
                     for one in self.host.kernel_links().values()}
            listed = {(row['link_id'], row['prog_id'], row['cgroup_id']) for row in rows}
            pins = sorted(os.path.basename(pin) for pin in self.host.pins())
            ids = sorted(str(row['id']) for row in rows)
            problem[0] = (f'units {self.present()}, wanted {wanted}; links {links}, listed {listed}; '
                          f'pins {pins}, ids {ids}')
            return (self.present() == wanted and links == listed and len(rows) == len(listed) and
                    pins == ids)

        try:
            wait_until(converged, 'converged', lib.SETTLE, 0.02)
        except lib.Failure:
            raise lib.Failure(f'did not converge: {problem[0]}') from None

    def check_busy(self):
        equal(self.busy_identities(), self.busy, 'attachments of the unit that keeps running')
        self.traffic.check_none_unseen()

    def check_all(self):
        """What is asked for after each kill: state, kernel, all tools, and no packet unseen."""
        self.check_converged()
        self.check_busy()
        self.host.agree()

    def end(self):
        self.check_all()
        for name in list(self.directories):
            self.remove(name)
        self.traffic.end()
        # a unit whose command never came is given up after ten seconds
        wait_until(lambda: self.wanted().keys() <= {'busy.service'} and
                   not os.path.exists(self.host.unit_cgroup('busy.service')), 'all units are gone')
        self.host.stop_and_check_nothing_left()


def background(host, *arguments):
    process = subprocess.Popen([TOOL, *arguments], env=host.environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host.children.append(process)
    return process


class Operations:
    """Each begins one change and returns the processes that may still be at it."""

    def __init__(self, world, chance):
        self.world = world
        self.host = world.host
        self.chance = chance

    def make(self):
        if len(self.world.directories) < MAX_UNITS:
            self.world.make()
        return []

    def remove(self):
        if self.world.directories:
            self.world.remove(self.chance.choice(self.world.directories))
        return []

    def run(self):
        return [background(self.host, 'run', f'--unit={self.world.new_name()}', '--', '/bin/true')]

    def edit(self):
        """Adds a line, removes one or changes their order, and has the files read again."""
        hooks = self.world.hooks
        kind = self.chance.choice(['add', 'remove', 'order'])
        absent = [hook for hook in ('connect4', 'bind4', 'device', 'ingress', 'egress')
                  if hook not in hooks]
        if kind == 'add' and absent:
            hooks.append(self.chance.choice(absent))
        elif kind == 'remove' and len(hooks) > 1:
            hooks.remove(self.chance.choice(hooks))
        else:
            self.chance.shuffle(hooks)
        self.world.write_template()
        return [background(self.host, 'daemon-reload')]

    def reload(self):
        return [background(self.host, 'daemon-reload')]

    def reexec(self):
        return [background(self.host, 'daemon-reexec')]

    def pick(self):
        return self.chance.choice([self.make, self.make, self.remove, self.remove, self.run,
                                   self.edit, self.edit, self.reload, self.reexec])()


def killed_at_random_moments_it_comes_back_right(host):
    chance = lib.seed()
    world = World(host)
    operations = Operations(world, chance)
    interrupted = 0
    for number in range(OPERATIONS):
        processes = operations.pick()
        time.sleep(chance.random() * KILL_SECONDS)
        interrupted += any(process.poll() is None for process in processes)
        host.restart_after_kill()
        for process in processes:
            process.wait(lib.HANG)
            host.children.remove(process)
        try:
            world.check_all()
        except lib.Failure as failure:
            raise lib.Failure(f'after operation {number}: {failure}') from None
    print(f'{OPERATIONS} kills, {interrupted} of them while a command waited, '
          f'{world.traffic.sent} packets sent', flush=True)
    check(FEW or interrupted > OPERATIONS // 10, 'hardly any kill came in the middle of something')
    world.end()


def scenario(world):
    """Steps that pass each kind of change; each is a function that may find the daemon dead, and must be one that
    can be done again."""
    host = world.host
    name = world.new_name()
    cgroup = host.unit_cgroup(name)

    def start():
        if name not in world.directories:
            os.mkdir(cgroup)
            world.directories.append(name)

    def reload_with(hooks):
        world.hooks[:] = hooks
        world.write_template()
        return host.ctl('daemon-reload', check_status=False)

    def replace():
        host.copy_object('count')  # another file of the same contents is another object
        return host.ctl('daemon-reload', check_status=False)

    def stop():
        if name in world.directories:
            world.remove(name)

    return [('start', start), ('add', lambda: reload_with(['egress', 'ingress', 'bind4'])),
            ('replace', replace), ('remove', lambda: reload_with(['egress', 'ingress'])),
            ('detach', lambda: host.ctl('detach', name, check_status=False)),
            ('attach', lambda: host.ctl('attach', name, check_status=False)), ('stop', stop),
            ('run', lambda: host.run(world.new_name(), '/bin/true'))]


def wait_served(world, step):
    """Until the daemon has done what the step asked for, or is dead."""
    def done():
        if world.host.daemon.ended():
            return True
        if step in ('start', 'stop', 'run'):
            return world.present() == world.wanted()
        return True

    wait_until(done, f'{step} is served')


def dies(host, failure):
    """A question it did not answer is no failure if it was just being killed."""
    try:
        host.daemon.process.wait(1)
    except subprocess.TimeoutExpired:
        raise failure from None


def stop_in(world, point):
    """Goes through the scenario with a daemon that is killed at a stop point; the step that was interrupted, or None
    if it never came to that."""
    host = world.host
    host.daemon.stop()
    host.start({'UNITBPF_STOP_POINT': point, 'UNITBPF_STOP_POINT_LOG': f'{host.directory}/points'},
               ready=False)
    interrupted = None
    try:
        host.daemon.wait_ready()
    except lib.Failure:
        interrupted = 'start of the daemon'
    if interrupted:
        host.restart_after_kill()
    for step, act in scenario(world):
        result = act()
        if not interrupted:
            try:
                check(not result or result.returncode == 0, f'{step}: {result}')
                wait_served(world, step)
            except lib.Failure as failure:
                dies(host, failure)
            if host.daemon.ended():
                equal(host.daemon.process.returncode, -9, 'exit status of the daemon')
                interrupted = step
                host.restart_after_kill()
                if step in ('detach', 'attach'):
                    host.ctl('attach', f'u@{world.number}.service')
                world.check_all()
                world.give_up_vacant()
                act()
    return interrupted


def points_of(host):
    path = f'{host.directory}/points'
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return file.read().split()


def killed_at_each_stop_point_it_comes_back_right(host):
    world = World(host)
    seen, steps = set(), {}
    first = 1 + lib.seed().randrange(POINTS_APART)
    for number in range(first, STOP_POINTS_MAX, POINTS_APART):
        if os.path.exists(f'{host.directory}/points'):
            os.unlink(f'{host.directory}/points')
        try:
            step = stop_in(world, f'*:{number}')
            if step is None:
                break
            world.check_all()
        except lib.Failure as failure:
            raise lib.Failure(f'killed at {points_of(host)[-1:]}, number {number}: {failure}') from None
        seen.add(points_of(host)[number - 1])
        steps[step] = steps.get(step, 0) + 1
    print(f'{sum(steps.values())} places: {steps}', flush=True)
    check(number < STOP_POINTS_MAX - POINTS_APART, 'the scenario never came to its end')
    for prefix in ('journal.append', 'journal.replace', 'apply.intent', 'apply.commit', 'attach.call',
                   'attach.hold', 'replace.call', 'detach.intent', 'detach.call', 'detach.hold',
                   'detach.commit'):
        check(FEW or any(name.startswith(prefix) for name in seen), f'never killed at {prefix}:', sorted(seen))
    host.restart_after_kill()  # without the stop point
    world.end()


def killed_before_the_new_binary_it_comes_back_right(host):
    world = World(host)
    host.daemon.stop()
    host.start({'UNITBPF_STOP_POINT': 'reexec-before-exec'})
    host.ctl('daemon-reexec', check_status=False)
    wait_until(host.daemon.ended, 'the daemon was killed')
    host.restart_after_kill()
    world.end()


def killed_while_it_lets_go_of_all_it_tells_what_is_left(host):
    """Where detach --all is cut short, list is what the kernel has, and attach brings all of it back."""
    chance = lib.seed()
    host.write_unit('u@.service', *host.count_lines())
    host.start()
    names = [f'u@{number}.service' for number in range(MAX_UNITS)]
    for name in names:
        os.mkdir(host.unit_cgroup(name))
    wanted = sorted((name, hook, 'attached') for name in names for hook in ('egress', 'ingress'))

    def all_attached():
        return sorted((row['unit'], row['hook'], row['state']) for row in host.list()) == wanted

    wait_until(all_attached, 'all units have their programs')
    partly = 0
    for _ in range(DETACH_ALL_KILLS):
        process = background(host, 'detach', '--all')
        time.sleep(chance.random() * KILL_SECONDS)
        host.restart_after_kill()
        process.wait(lib.HANG)
        host.children.remove(process)
        host.agree()
        partly += not all_attached()
        host.ctl('attach', *names)
        wait_until(all_attached, 'all units have their programs again')
        host.agree()
    print(f'{DETACH_ALL_KILLS} kills, {partly} of them after something was let go', flush=True)
    check(partly > 0, 'no kill came after something was let go')
    for name in names:
        os.rmdir(host.unit_cgroup(name))
        host.wait_no_unit(name)
    host.stop_and_check_nothing_left()


lib.main(killed_at_random_moments_it_comes_back_right, killed_at_each_stop_point_it_comes_back_right,
         killed_before_the_new_binary_it_comes_back_right,
         killed_while_it_lets_go_of_all_it_tells_what_is_left)
