# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units of a real systemd have their programs from the first act to the last."""

import json
import os

import cases
from cases import check, equal
from machine import wait_until

FIRST_CONNECT = os.environ['UNITBPF_FIRST_CONNECT']
LIBEXEC = '/usr/local/libexec/unitbpf'
OBJECTS = '/usr/local/lib/unitbpf/bpf'
UNITS = '/etc/systemd/system'
DENY = ('BPFVariable=deny4=0x7f000002\nBPFVariable=deny4_prefix=32\n'
        f'BPFProgram=connect4:{OBJECTS}/connect-deny.bpf.o')


def write_service(machine, name, service, xbpf):
    machine.write(f'{UNITS}/{name}', f'[Service]\n{service}\n[X-BPF]\n{xbpf}\n')
    machine.systemctl('daemon-reload')


def attachments(machine, unit):
    rows = json.loads(machine.output('unitbpfctl', 'list', '--json=short', unit))
    return [row for row in rows if row['unit'] == unit]


def serves_the_units_of_systemd(machine):
    equal(machine.show('unitbpfd.service', 'ActiveState'), 'active', 'unitbpfd.service')
    equal(machine.output('unitbpfctl', 'show', '-P', 'Source').strip(), 'systemd', 'source')


def a_service_has_its_programs_while_it_runs(machine):
    write_service(machine, 'plain.service', 'ExecStart=/bin/sleep infinity',
                  f'BPFProgram=egress:{OBJECTS}/count.bpf.o')
    machine.systemctl('start', 'plain.service')
    wait_until(lambda: attachments(machine, 'plain.service'), 'plain.service has its program')
    row = attachments(machine, 'plain.service')[0]
    equal(row['state'], 'attached', row)
    equal(row['covered_from_start'], True, 'its hook was there')
    equal(row['invocation_id'], machine.show('plain.service', 'InvocationID'), 'invocation id')
    machine.systemctl('stop', 'plain.service')
    wait_until(lambda: not attachments(machine, 'plain.service'), 'plain.service has none any more')


def a_service_is_covered_from_its_first_act(machine):
    """Its very first act is a connect() to an address its program denies."""
    machine.tree.copy(FIRST_CONNECT, '/usr/local/bin/first-connect')
    for number in range(cases.repeats(5, 50)):
        name = f'first{number}.service'
        write_service(machine, name, 'Type=oneshot\nRemainAfterExit=yes\nSuccessExitStatus=10\nExecStart=/usr/local/bin/first-connect', DENY)
        machine.run('systemctl', 'start', name)
        equal(machine.show(name, 'ExecMainStatus'), '10', 'refused at once')
        machine.systemctl('stop', name)


def a_command_that_is_run_becomes_a_scope(machine):
    assignments = [word for line in DENY.splitlines() for word in ('-p', line)]
    machine.tree.copy(FIRST_CONNECT, '/usr/local/bin/first-connect')
    for _ in range(cases.repeats(5, 50)):
        result = machine.run('unitbpfctl', 'run', *assignments, '/usr/local/bin/first-connect', check=False)
        equal(result.returncode, 10, 'refused at once', result.stderr)
    result = machine.run('unitbpfctl', 'run', '--unit=here', '--slice=some-where', *assignments, '--', 'cat',
                         '/proc/self/cgroup')
    check('/some.slice/some-where.slice/here.scope' in result.stdout, result.stdout)
    result = machine.run('unitbpfctl', 'run', '--unit=refused', '-p', 'BPFProgram=egress:/nonexistent', 'touch',
                         '/run/was-run', check=False)
    check(result.returncode == 125 and '/nonexistent' in result.stderr, result.stderr)
    check(not machine.exists('/run/was-run'), 'a refused command has run')
    wait_until(lambda: '.scope' not in machine.output('unitbpfctl', 'units', '--all', '--no-legend'),
               'nothing of the scopes is left')
    equal(machine.output('ls', '/run/unitbpf/transient'), '', 'what is remembered')


def the_daemon_has_few_rights(machine):
    text = machine.output('systemd-analyze', 'security', '--no-pager', 'unitbpfd.service')
    print(text.strip().splitlines()[-1], flush=True)
    rating = text.strip().split('unitbpfd.service: ')[1].split()[0]
    check(float(rating) < 6.0, 'a service this bare is called exposed:', rating)
    said = machine.run('systemd-analyze', 'verify', '--man=no', 'unitbpfd.service', check=False)
    check('unitbpf' not in said.stderr, said.stderr)


cases.main(serves_the_units_of_systemd, a_service_has_its_programs_while_it_runs,
           a_service_is_covered_from_its_first_act, a_command_that_is_run_becomes_a_scope,
           the_daemon_has_few_rights)
