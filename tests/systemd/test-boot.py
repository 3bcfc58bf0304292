# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the other tests rely on: the machine boots, is one of its own, and what it leaves behind is found."""

import os
import subprocess

import cases
import kernel
import possessions
from cases import check, equal
from machine import Machine, MachineError


def all_units_have_come_up(machine):
    equal(machine.output('systemctl', '--failed', '--plain', '--no-legend'), '', 'failed units')
    equal(machine.output('systemctl', 'list-jobs', '--no-legend'), '', 'jobs')
    equal(machine.read('/proc/1/comm').strip(), 'systemd', 'PID 1')


def what_is_written_stays_in_the_machine(machine):
    machine.write('/etc/unitbpf-machine-test', 'x')
    equal(machine.output('cat', '/etc/unitbpf-machine-test'), 'x', 'the file inside')
    check(not os.path.exists('/etc/unitbpf-machine-test'), 'the file is on the host')


def the_kernel_of_the_host_is_not_changed(machine):
    result = machine.run('sh', '-c', 'echo 1 >/proc/sys/kernel/panic', check=False)
    check(result.returncode, 'a setting of the kernel was changed')


def the_installed_tools_run(machine):
    check(machine.output('unitbpfctl', 'version'), 'unitbpfctl says no version')
    machine.write('/etc/systemd/system/seen.service',
                  '[Service]\nExecStart=/bin/true\n[X-BPF]\n'
                  f'BPFProgram=egress:{prefix(machine)}/lib/unitbpf/bpf/count.bpf.o\n')
    machine.run('unitbpfctl', 'verify', '/etc/systemd/system/seen.service')
    machine.systemctl('daemon-reload')
    machine.remove('/etc/systemd/system/seen.service')
    machine.systemctl('daemon-reload')


def prefix(machine):
    return next(path for path in ('/usr/local', '/usr') if machine.exists(f'{path}/lib/unitbpf/bpf'))


def load(machine, folder):
    """Loads the programs of an object onto the bpffs of the machine; not every system has bpftool, the host has."""
    subprocess.run(['bpftool', 'prog', 'loadall', machine.path(f'{prefix(machine)}/lib/unitbpf/bpf/count.bpf.o'),
                    machine.path(f'/sys/fs/bpf/{folder}')], check=True, capture_output=True)


def bpf_objects_are_seen_by_id(machine):
    before = machine.bpf_objects()
    load(machine, 'counted')
    new = machine.bpf_objects() - before
    equal(sorted(kind for kind, _ in new), ['map', 'program', 'program'], 'what bpftool has loaded')
    equal(possessions.still_there(new), new, 'what the kernel knows')


def who_leaves_something_behind_is_caught(_machine):
    """A program of another machine that we hold on to."""
    other = Machine('leaky', cases.SYSTEM_ROOT)
    fd = -1
    try:
        other.tree.install(cases.BUILD)
        other.boot()
        load(other, 'held')
        fd = kernel.open_pin(other.path('/sys/fs/bpf/held/count_egress'))
    finally:
        said = why_left(other)
        if fd >= 0:
            os.close(fd)
    check('left behind' in said and 'program' in said and 'map' in said, 'what was said of a program still there:',
          said)
    other.check_nothing_left()


def why_left(machine):
    try:
        machine.close()
    except MachineError as error:
        return str(error)
    return ''


cases.main(all_units_have_come_up, what_is_written_stays_in_the_machine, the_kernel_of_the_host_is_not_changed,
           the_installed_tools_run, bpf_objects_are_seen_by_id, who_leaves_something_behind_is_caught)
