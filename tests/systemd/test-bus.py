# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon on the system bus: the same objects, for everybody to read and for root to change."""

import cases
from cases import check, equal
from machine import wait_until

DAEMON = 'unitbpfd.service'
OBJECTS = '/usr/local/lib/unitbpf/bpf'
UNITS = '/etc/systemd/system'
SEEN = 'seen.service'
NAME = ('org.unitbpf1', '/org/unitbpf1', 'org.unitbpf1.Manager')
RULE = '/etc/polkit-1/rules.d/50-test.rules'
NOBODY = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups')


def prepare(machine):
    machine.write(f'{UNITS}/{SEEN}', '[Service]\nExecStart=/bin/sleep infinity\n'
                  f'[X-BPF]\nBPFProgram=egress:{OBJECTS}/count.bpf.o\n')


def owned(machine):
    return NAME[0] in machine.output('busctl', '--system', '--acquired', '--no-pager')


def wait_owned(machine):
    wait_until(lambda: owned(machine), 'the name is on the system bus', 30)


def call(machine, *arguments, who=()):
    return machine.run(*who, 'busctl', '--system', '--no-pager', 'call', *NAME, *arguments, check=False)


def objects_are_the_same_as_on_the_private_socket(machine):
    wait_owned(machine)
    machine.systemctl('start', SEEN)
    text = machine.output('busctl', '--system', '--no-pager', 'introspect', *NAME[:2])
    for member in ('.ListAttachments', '.DetachUnit', '.AttachmentNew', '.NAttachments'):
        check(member in text, member, 'in', text)
    tree = machine.output('busctl', '--system', '--no-pager', 'tree', NAME[0])
    check('/org/unitbpf1/unit/seen_2eservice' in tree, tree)
    equal(machine.output('busctl', '--system', 'get-property', *NAME, 'NAttachments'), 't 1', 'attachments')
    machine.systemctl('stop', SEEN)


def everybody_reads_and_only_root_looks_closer_or_changes(machine):
    wait_owned(machine)
    machine.systemctl('start', SEEN)
    for who in ((), NOBODY):
        result = call(machine, 'ListAttachments', who=who)
        check('seen.service' in result.stdout, who, result)
    for method in (('Dump',), ('Tree', 's', ''), ('DetachUnit', 's', SEEN), ('DetachAll',), ('Reload',)):
        result = call(machine, *method, who=NOBODY)
        check(result.returncode != 0 and 'denied' in result.stderr, method, result)
    check('"unitbpf-state 1' in call(machine, 'Dump').stdout, 'root reads the state')
    equal(machine.output('busctl', '--system', 'get-property', *NAME, 'NAttachments'), 't 1', 'nothing was detached')
    result = call(machine, 'DetachUnit', 's', SEEN)
    equal(result.returncode, 0, 'root detaches', result)
    check('held-off' in machine.output('unitbpfctl', 'list', '--json=short', SEEN), 'it is detached')
    machine.systemctl('stop', SEEN)


def polkit_can_allow_it(machine):
    wait_owned(machine)
    machine.systemctl('start', SEEN)
    machine.write(RULE, 'polkit.addRule(function(action, subject) {\n'
                        '  if (action.id == "org.unitbpf1.look" && subject.user == "nobody") return "yes";\n'
                        '});\n')
    machine.systemctl('restart', 'polkit.service')
    result = call(machine, 'Dump', who=NOBODY)
    check('unitbpf-state 1' in result.stdout, result)
    result = call(machine, 'DetachAll', who=NOBODY)
    check(result.returncode and 'denied' in result.stderr, 'another action', result)
    result = machine.run(*NOBODY, 'unitbpfctl', 'tree')
    check('count_egress' in result.stdout, result)
    machine.systemctl('stop', SEEN)


def without_polkit_root_alone_may(machine):
    machine.systemctl('stop', 'polkit.service')
    machine.systemctl('mask', '--runtime', 'polkit.service')
    try:
        check('unitbpf-state 1' in call(machine, 'Dump').stdout, 'root')
        result = call(machine, 'Dump', who=NOBODY)
        check(result.returncode and 'denied' in result.stderr, result)
    finally:
        machine.systemctl('unmask', '--runtime', 'polkit.service')


def signals_go_to_whoever_listens(machine):
    wait_owned(machine)
    heard = '/run/signals'
    machine.run('systemd-run', '--unit=listener', '--collect', 'sh', '-c',
                f'exec stdbuf -oL gdbus monitor --system --dest {NAME[0]} >{heard}')
    wait_until(lambda: machine.exists(heard) and 'owned by' in machine.read(heard), 'it listens', 10)
    machine.systemctl('start', SEEN)
    wait_until(lambda: 'AttachmentNew' in machine.read(heard), 'the new attachment is told', 10)
    machine.systemctl('stop', SEEN)
    wait_until(lambda: 'AttachmentRemoved' in machine.read(heard), 'its end is told', 10)
    machine.systemctl('stop', 'listener.service')


def the_bus_goes_and_comes_back(machine):
    wait_owned(machine)
    machine.systemctl('start', SEEN)
    pid = machine.show(DAEMON, 'MainPID')
    machine.systemctl('stop', 'dbus.socket', 'dbus.service')
    check(SEEN in machine.output('unitbpfctl', 'list'), 'the private socket is served without')
    machine.systemctl('start', 'dbus.socket', 'dbus.service')
    wait_owned(machine)
    machine.systemctl('restart', 'dbus.service')
    wait_owned(machine)
    machine.run('unitbpfctl', 'daemon-reexec')
    wait_owned(machine)
    equal(machine.show(DAEMON, 'MainPID'), pid, 'the same daemon')
    check('seen.service' in call(machine, 'ListAttachments').stdout, 'it answers')
    machine.systemctl('stop', SEEN)


cases.main(objects_are_the_same_as_on_the_private_socket, everybody_reads_and_only_root_looks_closer_or_changes,
           polkit_can_allow_it, without_polkit_root_alone_may, signals_go_to_whoever_listens, the_bus_goes_and_comes_back, prepare=prepare)
