# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of the programs when a unit is stopped, fails, is masked, changed, renamed or deleted."""

import os

import cases
import first
import probes
import product
from cases import check, equal, repeats
from machine import wait_until

SLEEP = 'ExecStart=/bin/sleep infinity'
OBJECTS = '/usr/local/lib/unitbpf/bpf'
COUNT = [f'BPFProgram=egress:{OBJECTS}/count.bpf.o']


def prepare(machine):
    probes.put_in(machine)


def start(machine, unit, *service, ours=tuple(COUNT), n=1):
    first.write(machine, unit, *(service or [SLEEP]), ours=ours)
    machine.systemctl('start', unit)
    return product.wait_attached(machine, unit, n)


def nothing_left(machine, unit, rows):
    """Neither in the list nor in the kernel nor on the bpffs."""
    product.wait_no_attachments(machine, unit)
    links = {('link', row['link_id']) for row in rows}
    wait_until(lambda: not links & machine.bpf_objects(), f'no link of {unit} is left', 10)
    pins = os.listdir(machine.path(product.LINKS))
    check(not {str(row['id']) for row in rows} & set(pins), 'a pin is left:', pins)


def a_stopped_unit_leaves_nothing(machine):
    for _ in range(repeats(3, 50)):
        rows = start(machine, 'stops.service')
        machine.systemctl('stop', 'stops.service')
        nothing_left(machine, 'stops.service', rows)
    product.remove_unit(machine, 'stops.service')


def a_failed_unit_leaves_nothing(machine):
    rows = start(machine, 'fails.service')
    machine.systemctl('kill', '-s', 'KILL', 'fails.service')
    wait_until(lambda: machine.show('fails.service', 'ActiveState') == 'failed', 'it has failed')
    nothing_left(machine, 'fails.service', rows)
    product.remove_unit(machine, 'fails.service')


def a_restarted_unit_has_those_of_its_new_cgroup_only(machine):
    old = start(machine, 'again.service')
    machine.systemctl('restart', 'again.service')
    new = product.wait_attached(machine, 'again.service')
    check(new[0]['cgroup_id'] != old[0]['cgroup_id'], 'it is in the old cgroup')
    equal(new[0]['covered_from_start'], True, 'covered_from_start')
    links = {('link', row['link_id']) for row in old}
    wait_until(lambda: not links & machine.bpf_objects(), 'the link of the first start is gone', 10)
    product.remove_unit(machine, 'again.service')
    nothing_left(machine, 'again.service', new)


def a_changed_line_is_in_force_after_a_reload(machine):
    """No restart; the line that stays keeps its link."""
    rows = start(machine, 'changes.service')
    pid = machine.show('changes.service', 'MainPID')
    product.write_unit(machine, 'changes.service.d/more.conf',
                       f'[X-BPF]\nBPFProgram=ingress:{OBJECTS}/count.bpf.o\n')
    machine.systemctl('daemon-reload')
    both = product.wait_attached(machine, 'changes.service', 2)
    check(rows[0]['link_id'] in [row['link_id'] for row in both], 'the old line has another link')
    machine.remove('/etc/systemd/system/changes.service.d')
    machine.systemctl('daemon-reload')
    equal([row['link_id'] for row in product.wait_attached(machine, 'changes.service')],
          [row['link_id'] for row in rows], 'links')
    equal(machine.show('changes.service', 'MainPID'), pid, 'its process')
    product.remove_unit(machine, 'changes.service')


def a_wrong_line_leaves_the_old_ones_in_force(machine):
    rows = start(machine, 'spoilt.service')
    first.write(machine, 'spoilt.service', SLEEP, ours=['BPFProgram=egress:/nonexistent.bpf.o'])
    wait_until(lambda: machine.run('unitbpfctl', 'status', 'spoilt.service', check=False).returncode == 1,
               'the unit is degraded', 10)
    equal([row['link_id'] for row in product.attachments(machine, 'spoilt.service') if row['state'] == 'attached'],
          [row['link_id'] for row in rows], 'links')
    equal(machine.show('spoilt.service', 'ActiveState'), 'active', 'the unit')
    product.remove_unit(machine, 'spoilt.service')


def taken_off_and_said(machine, unit, rows):
    """After systemctl daemon-reload nothing wants the programs of a unit that runs on."""
    nothing_left(machine, unit, rows)
    equal(machine.show(unit, 'SubState'), 'running', f'{unit} itself')
    check(f"'{unit}': no unit file" in machine.journal('-u', product.DAEMON_UNIT), 'the daemon has not said so')


def a_running_unit_whose_file_is_deleted_has_none_any_more(machine):
    """As with all that a file says of a unit; until the reload they are in force."""
    rows = start(machine, 'deleted.service')
    machine.remove('/etc/systemd/system/deleted.service')
    equal(link_ids(machine, 'deleted.service'), [row['link_id'] for row in rows], 'links before the reload')
    machine.systemctl('daemon-reload')
    taken_off_and_said(machine, 'deleted.service', rows)
    product.remove_unit(machine, 'deleted.service')


def link_ids(machine, unit):
    return [row['link_id'] for row in product.wait_attached(machine, unit)]


def a_running_unit_that_is_masked_has_none_any_more(machine):
    rows = start(machine, 'masked.service')
    machine.remove('/etc/systemd/system/masked.service')
    machine.systemctl('mask', 'masked.service')
    machine.systemctl('daemon-reload')
    taken_off_and_said(machine, 'masked.service', rows)
    machine.systemctl('stop', 'masked.service')
    check(machine.systemctl('start', 'masked.service', check=False).returncode, 'it was started')
    product.remove_unit(machine, 'masked.service')


def a_renamed_unit_is_another_one(machine):
    rows = start(machine, 'before.service')
    machine.run('mv', '/etc/systemd/system/before.service', '/etc/systemd/system/after.service')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'after.service')
    product.wait_attached(machine, 'after.service')
    taken_off_and_said(machine, 'before.service', rows)
    for unit in ('before.service', 'after.service'):
        product.remove_unit(machine, unit)


def a_slice_gives_its_programs_to_who_is_inside(machine):
    """The services inside wait for them, and the slice has them until it goes."""
    product.write_unit(machine, 'pool.slice', f'[X-BPF]\n{probes.OURS}\n')
    probes.write_unit(machine, 'inside.service', ['Slice=pool.slice'])
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'inside.service')
    rows = product.wait_attached(machine, 'pool.slice')
    equal(probes.accounts(machine, 'inside.service')[1].let_through, 0, 'sockets let through inside of the slice')
    machine.systemctl('stop', 'inside.service', 'pool.slice')
    nothing_left(machine, 'pool.slice', rows)
    for unit in ('inside.service', 'pool.slice'):
        product.remove_unit(machine, unit)


cases.main(a_stopped_unit_leaves_nothing, a_failed_unit_leaves_nothing,
           a_restarted_unit_has_those_of_its_new_cgroup_only, a_changed_line_is_in_force_after_a_reload,
           a_wrong_line_leaves_the_old_ones_in_force,
           a_running_unit_whose_file_is_deleted_has_none_any_more,
           a_running_unit_that_is_masked_has_none_any_more, a_renamed_unit_is_another_one,
           a_slice_gives_its_programs_to_who_is_inside, prepare=prepare)
