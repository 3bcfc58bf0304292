# SPDX-License-Identifier: LGPL-2.1-or-later
"""A boot with programs on units that come first of all: it reaches its target, and no job is deleted for it."""

import cases
import first
import product
from cases import check, equal
from first import DENY, PROGRAM, REFUSED

EARLY = ['[Unit]', 'DefaultDependencies=no', 'Before=sysinit.target', '[Service]', 'Type=oneshot',
         'RemainAfterExit=yes', 'SuccessExitStatus=10', f'ExecStart={PROGRAM}', '[Install]', 'WantedBy=sysinit.target',
         '[X-BPF]', *DENY]
COUNT = ['[X-BPF]', 'BPFProgram=egress:/usr/local/lib/unitbpf/bpf/count.bpf.o']
BASIC = ('dbus.service', 'systemd-journald.service', 'systemd-logind.service', 'systemd-tmpfiles-setup.service')


def prepare(machine):
    first.put_in(machine)
    product.write_unit(machine, 'early.service', '\n'.join(EARLY) + '\n')
    machine.tree.link('/etc/systemd/system/sysinit.target.wants/early.service', '../early.service')
    for unit in BASIC:
        product.write_unit(machine, f'{unit}.d/bpf.conf', '\n'.join(COUNT) + '\n')


def the_target_is_reached_with_no_job_deleted(machine):
    equal(machine.show('multi-user.target', 'ActiveState'), 'active', 'multi-user.target')
    equal(machine.output('systemctl', '--failed', '--plain', '--no-legend'), '', 'failed units')
    text = machine.journal('_PID=1')
    for words in ('ordering cycle', 'deleted to break', 'timed out'):
        check(words not in text, f'"{words}" in the journal')


def an_early_unit_is_covered_from_its_first_act(machine):
    equal(machine.show('early.service', 'ExecMainStatus'), REFUSED, 'what became of its first act')
    equal(machine.show('early.service', 'ActiveState'), 'active', 'the unit')


def each_basic_unit_is_covered_or_said_not_to_be(machine):
    """What unitbpfd itself needs in order to start cannot wait for it."""
    said = machine.journal()
    for unit in BASIC:
        rows = product.attachments(machine, unit)
        hooked = 'unitbpf-hook' in machine.output('systemctl', 'cat', unit)
        print(f'{unit}: {"hooked" if hooked else "not hooked"}, '
              f'{[(row["state"], row["covered_from_start"]) for row in rows]}')
        if not hooked:
            check(f'unitbpf-generator' in said and unit in said, f'nobody says that {unit} is not hooked')
        for row in rows:
            equal(row['state'], 'attached', f'{unit} {row}')
            check(hooked or not row['covered_from_start'], f'{unit} is said to be covered from its start')
        running = machine.show(unit, 'SubState') == 'running'
        equal(bool(rows), running, f'whether {unit} has programs')


def a_reload_and_a_restart_of_them_work_as_well(machine):
    machine.systemctl('daemon-reload')
    for unit in BASIC[:2]:
        machine.systemctl('restart', unit)
        equal(machine.show(unit, 'ActiveState'), 'active', unit)
        product.wait_attached(machine, unit)


cases.main(the_target_is_reached_with_no_job_deleted, an_early_unit_is_covered_from_its_first_act,
           each_basic_unit_is_covered_or_said_not_to_be, a_reload_and_a_restart_of_them_work_as_well, prepare=prepare)
