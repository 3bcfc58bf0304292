# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs of a service are in force at its first act, whatever kind of service it is. (acceptance 3)"""

import os
import shutil
import socket

import cases
import first
import product
from cases import check, equal, repeats
from first import LET_THROUGH, PROGRAM, REFUSED
from machine import wait_until

ONESHOT = ['Type=oneshot', f'ExecStart={PROGRAM}']
ROOT = '/srv/first-root'
LOG = '/run/first.log'


def prepare(machine):
    first.put_in(machine)


def refused_each_time(machine, unit, *service, times=None, **more):
    """Starts it several times; the main process ends with what became of its connect()."""
    # Without RemainAfterExit= systemd forgets the exit status together with the unit.
    first.write(machine, unit, 'RemainAfterExit=yes', *service, **more)
    found = []
    for _ in range(times or repeats(5, 50)):
        machine.systemctl('start', unit)
        wait_until(lambda: machine.show(unit, 'SubState') == 'exited', f'{unit} has ended')
        found.append(machine.show(unit, 'ExecMainStatus'))
        machine.systemctl('stop', unit)
    equal(found, [REFUSED] * len(found), f'exit status of each run of {unit}', machine.show(unit, 'Result'))
    product.remove_unit(machine, unit)


def shell(command):
    return f"ExecStart=/bin/sh -c '{command}'"


def without_programs_it_is_let_through(machine):
    first.write(machine, 'bare.service', 'Type=oneshot', 'RemainAfterExit=yes', 'SuccessExitStatus=11', f'ExecStart={PROGRAM}', ours=())
    machine.systemctl('start', 'bare.service')
    equal(machine.show('bare.service', 'ExecMainStatus'), LET_THROUGH, 'exit status')
    product.remove_unit(machine, 'bare.service')


def each_type_of_service(machine):
    for kind in ('simple', 'exec', 'oneshot'):
        refused_each_time(machine, f'{kind}.service', f'Type={kind}', f'ExecStart={PROGRAM}')
    refused_each_time(machine, 'idle.service', 'Type=idle', f'ExecStart={PROGRAM}', times=1)


def write_down(command=PROGRAM):
    return f'{command}; echo $? >>{LOG}'


def lines_are_refusals(machine, what, n):
    equal(first.said(machine, LOG), [REFUSED] * n, what)
    machine.remove(LOG)


def a_service_that_forks(machine):
    first.write(machine, 'forks.service', 'Type=forking', shell(f'({write_down()}; sleep infinity) &'))
    for _ in range(repeats(5, 50)):
        machine.systemctl('restart', 'forks.service')
    wait_until(lambda: len(first.said(machine, LOG)) == repeats(5, 50), 'all have tried')
    lines_are_refusals(machine, 'Type=forking', repeats(5, 50))
    product.remove_unit(machine, 'forks.service')


def a_service_that_notifies(machine):
    first.write(machine, 'notifies.service', 'Type=notify', 'NotifyAccess=all',
                shell(f'{write_down()}; systemd-notify --ready; sleep infinity'))
    for _ in range(repeats(5, 50)):
        machine.systemctl('restart', 'notifies.service')
    lines_are_refusals(machine, 'Type=notify', repeats(5, 50))
    product.remove_unit(machine, 'notifies.service')


def a_service_with_a_name_on_the_bus(machine):
    """It ends before it has the name; what it was refused counts."""
    first.write(machine, 'named.service', 'Type=dbus', 'BusName=org.example.first', 'TimeoutStartSec=10',
                shell(write_down()))
    for _ in range(repeats(5, 50)):
        machine.systemctl('start', 'named.service', check=False)
    lines_are_refusals(machine, 'Type=dbus', repeats(5, 50))
    product.remove_unit(machine, 'named.service')


def its_own_conditions_and_preparations(machine):
    """They come after the programs, and what they decide holds."""
    first.write(machine, 'own.service', 'Type=oneshot', f"ExecCondition=/bin/sh -c '{write_down()}'",
                f"ExecStartPre=/bin/sh -c '{write_down()}'", shell(write_down()))
    for _ in range(repeats(5, 50)):
        machine.systemctl('start', 'own.service')
    lines_are_refusals(machine, 'ExecCondition=, ExecStartPre=, ExecStart=', 3 * repeats(5, 50))
    product.remove_unit(machine, 'own.service')
    first.write(machine, 'unmet.service', 'Type=oneshot', 'ExecCondition=/bin/false', shell(write_down()))
    machine.systemctl('start', 'unmet.service')
    check(not machine.exists(LOG), 'the service ran, though its own condition does not hold')
    product.remove_unit(machine, 'unmet.service')


def sandboxes(machine):
    for number, lines in enumerate([
            ['DynamicUser=yes'], ['PrivateNetwork=yes'], ['ProtectSystem=strict', 'ProtectHome=yes'], ['Delegate=yes'],
            ['User=nobody', 'NoNewPrivileges=yes'], ['ProtectControlGroups=yes', 'ProtectProc=invisible'],
            ['PrivateMounts=yes', 'PrivateTmp=yes', 'PrivateDevices=yes'], ['TemporaryFileSystem=/run'],
            ['SystemCallFilter=~@mount', 'RestrictAddressFamilies=AF_INET']]):
        refused_each_time(machine, f'sandbox{number}.service', *ONESHOT, *lines, times=repeats(2, 20))
        print(f'{" ".join(lines)}: refused')


def views_in_which_hook_or_socket_would_be_hidden(machine):
    local, run = '/usr/local', '/run'
    for number, lines in enumerate([
            [f'TemporaryFileSystem={local}', f'BindReadOnlyPaths={PROGRAM}'], [f'BindPaths=/srv:{run}'],
            [f'InaccessiblePaths={run}/unitbpf {local}/libexec /sys/fs/cgroup', 'ProcSubset=pid'],
            ['NoExecPaths=/', f'ExecPaths={PROGRAM} /lib /lib64'], ['PrivateUsers=yes', 'PrivateIPC=yes']]):
        refused_each_time(machine, f'view{number}.service', *ONESHOT, *lines, times=repeats(2, 20))
        print(f'{" ".join(lines)}: refused')


def a_root_directory_of_its_own(machine):
    path = machine.path(f'{ROOT}/bin')
    os.makedirs(path, exist_ok=True)
    shutil.copy(machine.path(PROGRAM), f'{path}/first-connect')
    refused_each_time(machine, 'rooted.service', 'Type=oneshot', f'RootDirectory={ROOT}',
                      'ExecStart=/bin/first-connect')


def call(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)


def started_by_its_socket(machine):
    product.write_unit(machine, 'called.socket', '[Socket]\nListenStream=/run/called\nAccept=no\n')
    first.write(machine, 'called.service', shell(f'{write_down()}; sleep infinity'))
    for n in range(repeats(5, 50)):
        machine.systemctl('start', 'called.socket')
        call(machine.path('/run/called'))
        wait_until(lambda number=n: len(first.said(machine, LOG)) > number, 'the service has tried')
        machine.systemctl('stop', 'called.socket', 'called.service')
    lines_are_refusals(machine, 'socket activation', repeats(5, 50))
    for unit in ('called.socket', 'called.service'):
        product.remove_unit(machine, unit)


def started_anew_by_itself(machine):
    """Each restart has a cgroup of its own."""
    first.write(machine, 'again.service', 'Restart=always', 'RestartSec=0', 'SuccessExitStatus=', shell(write_down()))
    machine.systemctl('start', 'again.service')
    wait_until(lambda: len(first.said(machine, LOG)) >= 2 * repeats(5, 50), 'it was started often')
    machine.systemctl('stop', 'again.service')
    equal(set(first.said(machine, LOG)), {REFUSED}, 'what became of the first act of each start')
    machine.remove(LOG)
    product.remove_unit(machine, 'again.service')


def who_survives_a_stop_keeps_the_programs(machine):
    """KillMode=process: the next start has the same cgroup, and nothing is attached twice."""
    first.write(machine, 'survives.service', 'KillMode=process',
                shell(f'(while sleep 0.05; do {write_down()}; done) & {write_down()}; exec sleep infinity'))
    machine.systemctl('start', 'survives.service')
    before = product.wait_attached(machine, 'survives.service')[0]
    for _ in range(repeats(5, 50)):
        machine.systemctl('restart', 'survives.service')
        row = product.wait_attached(machine, 'survives.service')[0]
        equal((row['link_id'], row['cgroup_id']), (before['link_id'], before['cgroup_id']), 'link and cgroup')
        equal(row['invocation_id'], machine.show('survives.service', 'InvocationID'), 'invocation id')
        equal(row['covered_from_start'], True, 'covered_from_start')
    machine.systemctl('restart', product.DAEMON_UNIT)
    product.wait_for_daemon(machine)
    machine.systemctl('daemon-reload')
    row = product.wait_attached(machine, 'survives.service')[0]
    equal(row['invocation_id'], machine.show('survives.service', 'InvocationID'), 'invocation id, told to the next')
    equal(set(first.said(machine, LOG)), {REFUSED}, 'what became of all that was tried')
    product.remove_unit(machine, 'survives.service')
    machine.run('sh', '-c', 'echo 1 >/sys/fs/cgroup/system.slice/survives.service/cgroup.kill', check=False)
    product.wait_no_attachments(machine, 'survives.service')
    machine.remove(LOG)


def an_emptied_hook_is_said_and_made_up_for(machine):
    """An operator's drop-in sorted behind ours takes the hook out: attached late, and said so; what is required and
    cannot be attached stops the unit."""
    first.write(machine, 'emptied.service', 'ExecStart=/bin/sleep infinity')
    product.write_unit(machine, 'emptied.service.d/zzz-empty.conf', '[Service]\nExecCondition=\n')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'emptied.service')
    product.wait_attached(machine, 'emptied.service')
    equal([row['covered_from_start'] for row in product.attachments(machine, 'emptied.service')], [False],
          'covered_from_start without the hook')
    product.remove_unit(machine, 'emptied.service')
    first.write(machine, 'lost.service', 'ExecStart=/bin/sleep infinity',
                ours=['BPFProgram=connect4:/usr/local/lib/unitbpf-test/missing.bpf.o'])
    product.write_unit(machine, 'lost.service.d/zzz-empty.conf', '[Service]\nExecCondition=\n')
    machine.systemctl('daemon-reload')
    machine.systemctl('start', 'lost.service')
    wait_until(lambda: machine.show('lost.service', 'ActiveState') in ('inactive', 'failed'),
               'the unit without its required program is stopped', 20)
    product.remove_unit(machine, 'lost.service')


cases.main(without_programs_it_is_let_through, each_type_of_service, a_service_that_forks, a_service_that_notifies,
           a_service_with_a_name_on_the_bus, its_own_conditions_and_preparations, sandboxes,
           views_in_which_hook_or_socket_would_be_hidden, a_root_directory_of_its_own, started_by_its_socket, started_anew_by_itself,
           who_survives_a_stop_keeps_the_programs, an_emptied_hook_is_said_and_made_up_for, prepare=prepare)
