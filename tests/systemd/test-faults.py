# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults of systemd's own BPFProgram=: each shown on the systemd that runs here.

A unit that refuses sockets by it and makes sockets all the time says what came of it.
"""

import time

import cases
import probes
from cases import check, equal, repeats

SETTLE = 0.2  # for the probe to try some thousand times


def prepare(machine):
    probes.put_in(machine)


def start_theirs(machine, unit, line=probes.THEIRS):
    probes.write_unit(machine, unit, [f'BPFProgram={line}'])
    machine.systemctl('daemon-reload')
    machine.systemctl('start', unit)
    time.sleep(SETTLE)


def end(machine, unit):
    machine.systemctl('stop', unit)
    machine.remove(f'/etc/systemd/system/{unit}')


def a_program_that_is_there_holds(machine):
    """So what the others see is no fault of the probe."""
    probes.pin_theirs(machine)
    start_theirs(machine, 'holds.service')
    theirs, other = probes.accounts(machine, 'holds.service')
    check(theirs.refused > 100, 'the probe has hardly tried:', theirs)
    equal(theirs.let_through, 0, 'IPv4 sockets that were made')
    equal(other.refused, 0, 'IPv6 sockets that were refused')
    end(machine, 'holds.service')


def a_path_that_is_missing_is_passed_over(machine):
    start_theirs(machine, 'missing.service', 'sock_create:/sys/fs/bpf/refuse/missing')
    theirs, _ = probes.accounts(machine, 'missing.service')
    equal(theirs.refused, 0, 'sockets refused to a unit whose program is missing')
    equal(machine.show('missing.service', 'ActiveState'), 'active', 'the unit')
    end(machine, 'missing.service')


def the_second_start_may_be_bare(machine):
    """On 252 the object remembers that it is attached to this path, where there is another cgroup now."""
    start_theirs(machine, 'second.service')
    equal(probes.accounts(machine, 'second.service')[0].let_through, 0, 'the first start')
    machine.systemctl('restart', 'second.service')
    time.sleep(SETTLE)
    theirs, _ = probes.accounts(machine, 'second.service')
    print(f'after a restart: {theirs}')
    if machine.version() < 253:
        equal(theirs.refused, 0, 'sockets that were refused after a restart')
    end(machine, 'second.service')


def each_reload_opens_a_gap(machine):
    start_theirs(machine, 'reload.service')
    for verb in ('daemon-reload', 'daemon-reexec'):
        look_at_gaps(machine, 'reload.service', verb)
    end(machine, 'reload.service')


def look_at_gaps(machine, unit, verb):
    times = repeats(10, 50)
    before, _ = probes.accounts(machine, unit)
    for _ in range(times):
        machine.systemctl(verb)
        time.sleep(SETTLE)
    after, _ = probes.accounts(machine, unit)
    windows, average, let_through = after.since(before)
    print(f'{times} x {verb}: systemd {windows} windows, {average:.1f} ms open on average, '
          f'{let_through} of {after.tries() - before.tries()} let through')
    check(let_through > 0, f'{verb} opened no gap')


cases.main(a_program_that_is_there_holds, a_path_that_is_missing_is_passed_over, the_second_start_may_be_bare,
           each_reload_opens_a_gap, prepare=prepare)
