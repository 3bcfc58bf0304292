# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units that are no services: they are covered once systemd has made their cgroup, and it is said what that means."""

import os

import cases
import product
from cases import check, equal
from machine import wait_until

COUNT = '[X-BPF]\nBPFProgram=egress:/usr/local/lib/unitbpf/bpf/count.bpf.o\n'


def covered(machine, unit):
    row = product.wait_attached(machine, unit)[0]
    print(f'{unit}: covered_from_start {row["covered_from_start"]}')
    equal(row['state'], 'attached', unit)
    equal(os.stat(machine.path(row['target'])).st_ino, row['cgroup_id'], 'its cgroup')
    return row


def gone(machine, *units):
    for unit in units:
        product.wait_no_attachments(machine, unit)
        product.remove_unit(machine, unit)


def a_scope(machine):
    """Its processes are there before it is."""
    product.write_unit(machine, 'some.scope.d/bpf.conf', COUNT)
    machine.systemctl('daemon-reload')
    inside = machine.start('systemd-run', '--quiet', '--scope', '--unit=some.scope', 'sleep', 'infinity')
    try:
        equal(covered(machine, 'some.scope')['covered_from_start'], False, 'covered_from_start of a scope')
    finally:
        machine.run('systemctl', 'stop', 'some.scope')
        inside.communicate()
    gone(machine, 'some.scope')


def a_socket(machine):
    product.write_unit(machine, 'some.socket', f'[Socket]\nListenStream=127.0.0.1:7000\n{COUNT}')
    product.write_unit(machine, 'some.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'some.socket')
    covered(machine, 'some.socket')
    machine.systemctl('stop', 'some.socket')
    gone(machine, 'some.socket', 'some.service')


def a_mount(machine):
    product.write_unit(machine, 'srv-some.mount', f'[Mount]\nWhat=tmpfs\nWhere=/srv/some\nType=tmpfs\n{COUNT}')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'srv-some.mount')
    check_met_or_empty(machine, 'srv-some.mount')
    machine.systemctl('stop', 'srv-some.mount')
    gone(machine, 'srv-some.mount')


def check_met_or_empty(machine, unit):
    """systemd keeps the cgroup of a mount that has come up without a process in it."""
    path = machine.show(unit, 'ControlGroup')
    if path and os.path.isdir(machine.path(f'/sys/fs/cgroup{path}')):
        covered(machine, unit)
    else:
        print(f'{unit}: has no cgroup')
        equal(product.attachments(machine, unit), [], 'attachments')


def a_slice(machine):
    product.write_unit(machine, 'some.slice', COUNT)
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'some.slice')
    equal(covered(machine, 'some.slice')['covered_from_start'], True, 'covered_from_start of an empty slice')
    machine.systemctl('stop', 'some.slice')
    gone(machine, 'some.slice')


def an_instance_of_a_template(machine):
    product.write_unit(machine, 'some@.service', f'[Service]\nExecStart=/bin/sleep infinity\n{COUNT}')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'some@one.service', 'some@two.service')
    for unit in ('some@one.service', 'some@two.service'):
        equal(covered(machine, unit)['covered_from_start'], True, 'covered_from_start')
    machine.systemctl('stop', 'some@one.service')
    product.wait_no_attachments(machine, 'some@one.service')
    product.wait_attached(machine, 'some@two.service')
    machine.systemctl('stop', 'some@two.service')
    gone(machine, 'some@two.service', 'some@.service')


def a_transient_service_with_a_drop_in(machine):
    """systemd-run --unit= takes part in what lies in NAME.d."""
    product.write_unit(machine, 'passing.service.d/bpf.conf', COUNT)
    machine.systemctl('daemon-reload')
    machine.run('systemd-run', '--quiet', '--unit=passing.service', 'sleep', 'infinity')
    covered(machine, 'passing.service')
    machine.systemctl('stop', 'passing.service')
    gone(machine, 'passing.service')


def a_user_s_slice(machine):
    """That of a login: user-UID.slice below user.slice."""
    product.write_unit(machine, 'user-1.slice.d/bpf.conf', COUNT)
    machine.systemctl('daemon-reload')
    inside = machine.start('systemd-run', '--quiet', '--scope', '--slice=user-1.slice', '--unit=session-1.scope',
                           'sleep', 'infinity')
    try:
        covered(machine, 'user-1.slice')
    finally:
        machine.run('systemctl', 'stop', 'session-1.scope', 'user-1.slice')
        inside.communicate()
    gone(machine, 'user-1.slice')


cases.main(a_scope, a_socket, a_mount, a_slice, an_instance_of_a_template, a_transient_service_with_a_drop_in,
           a_user_s_slice)
