# SPDX-License-Identifier: LGPL-2.1-or-later
"""After units/uninstall nothing of unitbpf is left, and units that had programs start without."""

import os

import cases
import product
from cases import check, equal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COUNT = '/usr/local/lib/unitbpf/bpf/count.bpf.o'


def prepare(machine):
    machine.tree.copy(f'{ROOT}/units/uninstall', '/root/uninstall')
    product.write_unit(machine, 'seen.service',
                       f'[Service]\nExecStart=/bin/sleep infinity\n[X-BPF]\nBPFProgram=egress:{COUNT}\n')


def files(machine):
    return machine.output('sh', '-c', 'find /usr/local /etc /lib/systemd /usr/lib/systemd /usr/share/polkit-1 '
                                      '/usr/share/dbus-1 -iname "*unitbpf*" 2>/dev/null; true').split()


def a_running_unit_goes_on_without_its_programs(machine):
    machine.systemctl('start', 'seen.service')
    pid = machine.show('seen.service', 'MainPID')
    equal(len(product.attachments(machine, 'seen.service')), 1, 'attachments')
    machine.run('/root/uninstall')
    equal(files(machine), [], 'files')
    equal(machine.output('find', '/sys/fs/bpf', '-name', 'unitbpf*'), '', 'pins')
    check(not machine.exists('/run/unitbpf'), 'the runtime directory is left')
    equal(machine.show('seen.service', 'MainPID'), pid, 'the unit that runs')
    equal(machine.output('systemctl', 'list-units', '--all', '--no-legend', 'unitbpfd.service'), '', 'unitbpfd.service')


def its_next_start_needs_nothing_of_us(machine):
    machine.systemctl('restart', 'seen.service')
    equal(machine.show('seen.service', 'ActiveState'), 'active', 'the unit')
    equal(machine.show('seen.service', 'DropInPaths'), '', 'drop-ins')


cases.main(a_running_unit_goes_on_without_its_programs, its_next_start_needs_nothing_of_us, prepare=prepare)
