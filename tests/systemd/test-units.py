# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units of a real systemd have their programs from the first act to the last."""

import json

import cases
from cases import check, equal
from machine import wait_until

LIBEXEC = '/usr/local/libexec/unitbpf'
OBJECTS = '/usr/local/lib/unitbpf/bpf'
UNITS = '/etc/systemd/system'


def write_service(machine, name, service, xbpf):
    machine.write(f'{UNITS}/{name}', f'[Service]\n{service}\n[X-BPF]\n{xbpf}\n')
    machine.systemctl('daemon-reload')


def attachments(machine, unit):
    rows = json.loads(machine.output('unitbpfctl', 'list', '--json=short', unit))
    return [row for row in rows if row['unit'] == unit]


def serves_the_units_of_systemd(machine):
    equal(machine.show('unitbpfd.service', 'ActiveState'), 'active', 'unitbpfd.service')
    equal(machine.output('unitbpfctl', 'show', '-P', 'Source').strip(), 'systemd', 'source')


def a_service_is_met_and_left(machine):
    write_service(machine, 'late.service', 'ExecStart=/bin/sleep infinity',
                  f'BPFProgram=egress:{OBJECTS}/count.bpf.o')
    machine.systemctl('start', 'late.service')
    wait_until(lambda: attachments(machine, 'late.service'), 'late.service has its program')
    row = attachments(machine, 'late.service')[0]
    equal(row['state'], 'attached', row)
    equal(row['invocation_id'], machine.show('late.service', 'InvocationID'), 'invocation id')
    machine.systemctl('stop', 'late.service')
    wait_until(lambda: not attachments(machine, 'late.service'), 'late.service has none any more')


cases.main(serves_the_units_of_systemd, a_service_is_met_and_left)
