# SPDX-License-Identifier: LGPL-2.1-or-later
"""A unit that makes sockets all the time is let make none, whatever is restarted, killed or replaced around it: what
goes unseen by its programs would be let through."""

import os
import time

import cases
import probes
import product
from cases import check, equal, repeats
from machine import wait_until

UNIT = 'busy.service'
SETTLE = 0.1  # for the probe to try some thousand times


def prepare(machine):
    probes.put_in(machine)
    probes.write_unit(machine, UNIT, ours=[probes.OURS, 'BPFPolicy=required'])


def link_ids(machine):
    return sorted(row['link_id'] for row in product.wait_attached(machine, UNIT))


def stay_covered(machine, what, act):
    """act() several times: nothing is let through, the link is the same, nothing has piled up."""
    links = link_ids(machine)
    counts = product.counts(machine)
    invocation = machine.show(UNIT, 'InvocationID')
    before = probes.accounts(machine, UNIT)[1]
    for _ in range(repeats(5, 50)):
        act()
        product.wait_for_daemon(machine)
        time.sleep(SETTLE)
        equal(link_ids(machine), links, f'links after {what}')
    after = probes.accounts(machine, UNIT)[1]
    check(after.refused > before.refused, 'the probe has stopped trying')
    equal(after.let_through, 0, f'sockets let through, {what}')
    equal(machine.show(UNIT, 'InvocationID'), invocation, 'the unit was started anew')
    wait_until(lambda: product.counts(machine) == counts, f'{counts} again, not {product.counts(machine)}', 10)
    print(f'{repeats(5, 50)} x {what}: 0 of {after.refused - before.refused} let through')


def it_is_covered_from_its_start(machine):
    machine.systemctl('start', UNIT)
    row = product.wait_attached(machine, UNIT)[0]
    equal(row['covered_from_start'], True, 'covered_from_start')
    equal(row['invocation_id'], machine.show(UNIT, 'InvocationID'), 'invocation id')
    equal(probes.accounts(machine, UNIT)[1].let_through, 0, 'sockets let through')


def over_a_restart_of_the_daemon(machine):
    stay_covered(machine, 'systemctl restart unitbpfd',
                 lambda: machine.systemctl('restart', product.DAEMON_UNIT))


def kill(machine):
    old = product.daemon_pid(machine)
    machine.systemctl('kill', '--kill-who=main', '-s', 'KILL', product.DAEMON_UNIT)
    wait_until(lambda: product.daemon_pid(machine) not in ('0', old), 'a new daemon has begun')


def over_a_kill_of_the_daemon(machine):
    stay_covered(machine, 'kill -9 of unitbpfd', lambda: kill(machine))


def over_a_re_exec_of_the_daemon(machine):
    pid = product.daemon_pid(machine)
    stay_covered(machine, 'unitbpfctl daemon-reexec', lambda: machine.run('unitbpfctl', 'daemon-reexec'))
    equal(product.daemon_pid(machine), pid, 'the process')


def over_a_reload_of_the_daemon(machine):
    stay_covered(machine, 'systemctl reload unitbpfd', lambda: machine.systemctl('reload', product.DAEMON_UNIT))


def over_a_reload_of_systemd(machine):
    stay_covered(machine, 'systemctl daemon-reload', lambda: machine.systemctl('daemon-reload'))


def over_a_re_exec_of_systemd(machine):
    stay_covered(machine, 'systemctl daemon-reexec', lambda: machine.systemctl('daemon-reexec'))


def over_a_restart_of_the_bus(machine):
    stay_covered(machine, 'restart of dbus', lambda: machine.systemctl('restart', 'dbus.service'))


def over_a_stop_of_the_daemon(machine):
    def stop_and_start():
        machine.systemctl('stop', product.DAEMON_UNIT)
        time.sleep(SETTLE)
        machine.systemctl('start', product.DAEMON_UNIT)

    stay_covered(machine, 'stop and start of unitbpfd', stop_and_start)


def the_probe_sees_what_is_let_through(machine):
    """So the noughts above are no fault of it."""
    before = probes.accounts(machine, UNIT)[1]
    machine.run('unitbpfctl', 'detach', UNIT)
    time.sleep(SETTLE)
    machine.run('unitbpfctl', 'attach', UNIT)
    product.wait_attached(machine, UNIT)
    wait_until(lambda: probes.accounts(machine, UNIT)[1].open_nsec > 0, 'the gap has ended')
    windows, average, let_through = probes.accounts(machine, UNIT)[1].since(before)
    equal(windows, 1, 'gaps')
    check(let_through > 0 and average > 0, let_through, average)


def nothing_is_left_when_it_has_stopped(machine):
    links = link_ids(machine)
    machine.systemctl('stop', UNIT)
    product.wait_no_attachments(machine, UNIT)
    wait_until(lambda: not os.listdir(machine.path(product.LINKS)), 'no pin is left', 10)
    wait_until(lambda: not {('link', one) for one in links} & machine.bpf_objects(), 'no link is left', 10)


cases.main(it_is_covered_from_its_start, over_a_restart_of_the_daemon, over_a_kill_of_the_daemon,
           over_a_re_exec_of_the_daemon, over_a_reload_of_the_daemon, over_a_reload_of_systemd,
           over_a_re_exec_of_systemd, over_a_restart_of_the_bus, over_a_stop_of_the_daemon,
           the_probe_sees_what_is_let_through, nothing_is_left_when_it_has_stopped, prepare=prepare)
