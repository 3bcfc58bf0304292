# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts while the daemon is stopped, hung or not to be had: the policy decides, within the time it has."""

import time

import cases
import first
import product
from cases import check, equal
from first import LET_THROUGH, PROGRAM, REFUSED
from machine import wait_until

POLICIES = ('required', 'wanted', 'optional')
BOUND = 40  # seconds; the hook waits 10


def prepare(machine):
    first.put_in(machine)


def unit_of(policy):
    return f'{policy}.service'


def write_units(machine):
    """One of each policy; they stay active once their first act is done."""
    for policy in POLICIES:
        first.write(machine, unit_of(policy), 'Type=oneshot', 'RemainAfterExit=yes', 'SuccessExitStatus=11',
                    f'ExecStart={PROGRAM}', ours=[f'BPFPolicy={policy}', *first.DENY])


def remove_units(machine):
    for policy in POLICIES:
        product.remove_unit(machine, unit_of(policy))


def start_all(machine):
    """policy -> (state, what became of the first act) once all three have been decided about"""
    begin = time.monotonic()
    machine.systemctl('start', '--no-block', *map(unit_of, POLICIES))
    wait_until(lambda: not machine.output('systemctl', 'list-jobs', '--no-legend').replace('No jobs running.', ''),
               'all starts are decided', BOUND)
    print(f'decided after {time.monotonic() - begin:.1f} s')
    return {policy: (machine.show(unit_of(policy), 'ActiveState'), machine.show(unit_of(policy), 'ExecMainStatus'))
            for policy in POLICIES}


def stop_all(machine):
    machine.systemctl('stop', *map(unit_of, POLICIES))
    machine.systemctl('reset-failed')


def with_a_daemon_all_start_covered(machine):
    write_units(machine)
    equal(start_all(machine), {policy: ('active', REFUSED) for policy in POLICIES}, 'units')
    stop_all(machine)


def a_stopped_daemon_is_started_by_the_units(machine):
    machine.systemctl('stop', product.DAEMON_UNIT)
    equal(start_all(machine), {policy: ('active', REFUSED) for policy in POLICIES}, 'units')
    equal(machine.show(product.DAEMON_UNIT, 'ActiveState'), 'active', 'the daemon')
    stop_all(machine)


def by_policy(machine, found):
    equal(found['required'][0], 'failed', 'the state of the required one')
    for policy in ('wanted', 'optional'):
        equal(found[policy], ('active', LET_THROUGH), f'the {policy} one')
    check('unitbpf-hook' in machine.journal('-u', 'required.service'), 'the hook has not said why')


def without_a_daemon_the_policy_decides(machine):
    machine.systemctl('mask', '--runtime', product.DAEMON_UNIT)
    machine.systemctl('stop', product.DAEMON_UNIT)
    by_policy(machine, start_all(machine))
    stop_all(machine)
    machine.systemctl('unmask', '--runtime', product.DAEMON_UNIT)


def a_daemon_that_cannot_be_executed_holds_nothing_up(machine):
    machine.write('/etc/systemd/system/unitbpfd.service.d/broken.conf',
                  '[Service]\nExecStart=\nExecStart=/nonexistent/unitbpfd\nRestart=no\n')
    machine.systemctl('daemon-reload')
    machine.run('systemctl', 'stop', product.DAEMON_UNIT)
    by_policy(machine, start_all(machine))
    stop_all(machine)
    machine.remove('/etc/systemd/system/unitbpfd.service.d')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', product.DAEMON_UNIT)


def a_hung_daemon_is_waited_for_as_long_as_was_said(machine):
    """When it goes on, those that were started meanwhile get their programs late, and it does not say otherwise."""
    machine.systemctl('kill', '--kill-who=main', '-s', 'STOP', product.DAEMON_UNIT)
    try:
        by_policy(machine, start_all(machine))
    finally:
        machine.systemctl('kill', '--kill-who=main', '-s', 'CONT', product.DAEMON_UNIT)
    product.wait_for_daemon(machine)
    stop_all(machine)


def who_was_started_meanwhile_is_covered_late(machine):
    first.write(machine, 'meanwhile.service', 'ExecStart=/bin/sleep infinity', ours=['BPFPolicy=wanted', *first.DENY])
    machine.systemctl('kill', '--kill-who=main', '-s', 'STOP', product.DAEMON_UNIT)
    try:
        machine.systemctl('start', 'meanwhile.service', timeout=BOUND)
    finally:
        machine.systemctl('kill', '--kill-who=main', '-s', 'CONT', product.DAEMON_UNIT)
    row = product.wait_attached(machine, 'meanwhile.service')[0]
    equal(row['covered_from_start'], False, 'covered_from_start of who did not wait')
    check("'meanwhile.service' did not wait" in machine.journal('-u', product.DAEMON_UNIT), 'the daemon does not say so')
    product.remove_unit(machine, 'meanwhile.service')
    remove_units(machine)


cases.main(with_a_daemon_all_start_covered, a_stopped_daemon_is_started_by_the_units,
           without_a_daemon_the_policy_decides, a_daemon_that_cannot_be_executed_holds_nothing_up,
           a_hung_daemon_is_waited_for_as_long_as_was_said, who_was_started_meanwhile_is_covered_late,
           prepare=prepare)
