# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults of systemd's own BPFProgram=, each shown on the systemd that runs here, and ours beside it on the same
unit: theirs refuses sockets of IPv4, ours those of IPv6, and the unit makes both all the time."""

import time

import cases
import probes
import product
from cases import check, equal, repeats

SETTLE = 0.2  # for the probe to try some thousand times


def start_both(machine, unit):
    probes.write_unit(machine, unit, [probes.THEIRS], [probes.OURS])
    machine.systemctl('daemon-reload')
    machine.systemctl('start', unit)
    time.sleep(SETTLE)


def both_hold_on_the_first_start(machine):
    """So what the others see is no fault of the probe."""
    probes.pin_theirs(machine)
    start_both(machine, 'first.service')
    for name, account in zip(('systemd', 'unitbpf'), probes.accounts(machine, 'first.service')):
        check(account.refused > 100, 'the probe has hardly tried:', account)
        equal(account.let_through, 0, f'sockets let through under {name}')
    product.remove_unit(machine, 'first.service')


def without_a_program_all_is_let_through(machine):
    probes.write_unit(machine, 'bare.service')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'bare.service')
    equal([one.refused for one in probes.accounts(machine, 'bare.service')], [0, 0], 'sockets refused')
    product.remove_unit(machine, 'bare.service')


def a_missing_program_is_passed_over_by_theirs_and_refused_by_ours(machine):
    probes.write_unit(machine, 'theirs.service', ['BPFProgram=sock_create:/sys/fs/bpf/refuse/missing'])
    probes.write_unit(machine, 'ours.service', [], ['BPFProgram=sock_create:/sys/fs/bpf/refuse/missing'])
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'theirs.service')
    equal(probes.accounts(machine, 'theirs.service')[0].refused, 0, 'sockets refused to the unit of systemd')
    check(machine.systemctl('start', 'ours.service', check=False).returncode, 'the unit was started all the same')
    equal(machine.show('ours.service', 'ActiveState'), 'failed', 'the state of our unit')
    check(not machine.exists('/run/probe-ours.service'), 'our unit has run')
    check('refuse/missing' in machine.journal('-u', 'ours.service'), 'the journal of the unit does not say why')
    for unit in ('theirs.service', 'ours.service'):
        product.remove_unit(machine, unit)
    machine.systemctl('reset-failed')


def a_second_start_is_bare_under_theirs_only(machine):
    """On 252 the object remembers that it is attached to this path, where there is another cgroup now."""
    start_both(machine, 'second.service')
    for _ in range(repeats(3, 20)):
        probes.forget(machine, 'second.service')
        machine.systemctl('restart', 'second.service')
        time.sleep(SETTLE)
        theirs, ours = probes.accounts(machine, 'second.service')
        print(f'after a restart: systemd {theirs}; unitbpf {ours}')
        equal(ours.let_through, 0, 'sockets let through under ours')
        if machine.version() < 253:
            equal(theirs.refused, 0, 'sockets refused under theirs')
    product.remove_unit(machine, 'second.service')


def each_reload_is_a_gap_of_theirs_and_none_of_ours(machine):
    start_both(machine, 'reload.service')
    for verb in ('daemon-reload', 'daemon-reexec'):
        look_at_gaps(machine, 'reload.service', verb)
    product.remove_unit(machine, 'reload.service')


def look_at_gaps(machine, unit, verb):
    times = repeats(10, 50)
    before = probes.accounts(machine, unit)
    for _ in range(times):
        machine.systemctl(verb)
        time.sleep(SETTLE)
    let_through = []
    for name, old, new in zip(('systemd', 'unitbpf'), before, probes.accounts(machine, unit)):
        windows, average, through = new.since(old)
        print(f'{times} x {verb}: {name} {windows} windows, {average:.1f} ms open on average, '
              f'{through} of {new.tries() - old.tries()} let through')
        let_through.append(through)
    check(let_through[0] > 0, f'{verb} opened no gap in what systemd attaches')
    equal(let_through[1], 0, f'sockets let through over {verb} under ours')


cases.main(both_hold_on_the_first_start, without_a_program_all_is_let_through,
           a_missing_program_is_passed_over_by_theirs_and_refused_by_ours,
           a_second_start_is_bare_under_theirs_only, each_reload_is_a_gap_of_theirs_and_none_of_ours,
           prepare=probes.put_in)
