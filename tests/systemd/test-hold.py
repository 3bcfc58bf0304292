# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the service manager keeps for the daemon, is told by it, and decides about it."""

import json
import os

import cases
from cases import check, equal
from machine import wait_until

DAEMON = 'unitbpfd.service'
OBJECTS = '/usr/local/lib/unitbpf/bpf'
UNITS = '/etc/systemd/system'
CONFIG = '/run/unitbpf/unitbpfd.conf.d/test.conf'
KEPT = 'kept.service'


def prepare(machine):
    machine.write(f'{UNITS}/{KEPT}', '[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n'
                  f'[X-BPF]\nBPFProgram=egress:{OBJECTS}/count.bpf.o\nBPFProgram=ingress:{OBJECTS}/count.bpf.o\n')


def rows(machine, unit=KEPT):
    text = machine.run('unitbpfctl', 'list', '--json=short', check=False).stdout
    return [row for row in json.loads(text or '[]') if row['unit'] == unit]


def links(machine):
    return sorted(row['link_id'] for row in rows(machine) if row['state'] == 'attached')


def stored(machine):
    return int(machine.show(DAEMON, 'NFileDescriptorStore'))


def wait_stored(machine, n):
    wait_until(lambda: stored(machine) == n, f'{n} descriptors stored', 20)


def main_pid(machine):
    return int(machine.show(DAEMON, 'MainPID'))


def wait_new_daemon(machine, old):
    wait_until(lambda: main_pid(machine) not in (0, old) and links(machine), 'the next daemon serves', 30)


def in_force(machine):
    """Link ids the kernel knows, whoever holds them."""
    return {number for kind, number in machine.bpf_objects() if kind == 'link'}


def start_kept(machine):
    machine.systemctl('start', KEPT)
    wait_until(lambda: len(links(machine)) == 2, 'both are attached', 20)
    return links(machine)


def configure(machine, text):
    machine.write(CONFIG, f'[Daemon]\n{text}\n')
    machine.systemctl('restart', DAEMON)
    wait_until(lambda: machine.run('unitbpfctl', 'list', check=False).returncode == 0, 'the daemon answers', 30)


def each_link_is_stored_and_taken_out_again(machine):
    start_kept(machine)
    wait_stored(machine, 2)
    number = rows(machine)[0]['id']
    machine.run('unitbpfctl', 'detach', str(number))
    wait_stored(machine, 1)
    machine.systemctl('stop', KEPT)
    wait_stored(machine, 0)


def crashes_and_reexec_change_nothing(machine):
    before = start_kept(machine)
    wait_stored(machine, 2)
    for _ in range(5):
        old = main_pid(machine)
        machine.run('kill', '-KILL', str(old))
        wait_new_daemon(machine, old)
        equal(links(machine), before, 'links after a kill')
    machine.run('unitbpfctl', 'daemon-reexec')
    equal(links(machine), before, 'links after a re-exec')
    machine.systemctl('daemon-reexec')
    machine.systemctl('restart', DAEMON)
    equal(links(machine), before, 'links after a restart')
    wait_stored(machine, 2)
    machine.systemctl('stop', KEPT)
    wait_stored(machine, 0)


def without_bpffs_the_store_is_the_hold(machine):
    configure(machine, 'BpffsRoot=/etc/hostname')
    before = start_kept(machine)
    wait_stored(machine, 2)
    check('No BPF file system' in machine.journal('-u', DAEMON), 'there is none')
    equal(os.listdir(machine.path('/sys/fs/bpf/unitbpf/links')), [], 'pins')
    for _ in range(5):
        old = main_pid(machine)
        machine.run('kill', '-KILL', str(old))
        check(set(before) <= in_force(machine), 'in force while the daemon is down')
        wait_new_daemon(machine, old)
        equal(links(machine), before, 'links after a kill')
        equal([row['state'] for row in rows(machine)], ['attached'] * 2, 'states')
    machine.systemctl('restart', DAEMON)
    equal(links(machine), before, 'links after a restart')
    machine.systemctl('daemon-reload')
    machine.systemctl('daemon-reexec')
    machine.systemctl('restart', DAEMON)
    equal(links(machine), before, 'links after both have been replaced')
    wait_stored(machine, 2)
    machine.systemctl('stop', KEPT)
    wait_stored(machine, 0)
    configure(machine, '')


def only_a_stop_job_lets_go(machine):
    configure(machine, 'OnStop=detach')
    before = start_kept(machine)
    machine.systemctl('restart', DAEMON)
    equal(links(machine), before, 'links after a restart')
    old = main_pid(machine)
    machine.run('kill', '-TERM', str(old))
    wait_new_daemon(machine, old)
    equal(links(machine), before, 'links after a signal without a job')
    machine.systemctl('stop', DAEMON)
    wait_until(lambda: not set(before) & in_force(machine), 'nothing is left of a stop', 10)
    machine.write(CONFIG, '[Daemon]\n')
    machine.systemctl('start', DAEMON)
    wait_until(lambda: len(links(machine)) == 2, 'attached again', 30)
    machine.systemctl('stop', KEPT)


def detached_lines(machine):
    lines = [json.loads(line) for line in machine.journal('-o', 'json', '-u', KEPT).splitlines()]
    return [line for line in lines if ': detached' in str(line.get('MESSAGE'))]


def the_status_of_daemon_and_unit_tell(machine):
    start_kept(machine)
    wait_until(lambda: '2 attachments' in machine.show(DAEMON, 'StatusText'), 'the status line', 20)
    wait_until(lambda: "egress: attached 'count_egress'" in machine.run('systemctl', 'status', '-n50', KEPT).stdout,
               'the status of the unit has a line', 20)
    machine.systemctl('stop', KEPT)
    wait_until(lambda: '0 attachments' in machine.show(DAEMON, 'StatusText'), 'the status line', 20)
    detached = wait_until(lambda: detached_lines(machine), 'detaching is in the journal of the unit', 20)
    for key in ('UNITBPF_UNIT', 'UNITBPF_HOOK', 'UNITBPF_ID', 'UNITBPF_PROG_ID', 'UNITBPF_LINK_ID', 'MESSAGE_ID'):
        check(key in detached[-1], key, detached[-1])


cases.main(each_link_is_stored_and_taken_out_again, crashes_and_reexec_change_nothing,
           without_bpffs_the_store_is_the_hold, only_a_stop_job_lets_go, the_status_of_daemon_and_unit_tell,
           prepare=prepare)
