# SPDX-License-Identifier: LGPL-2.1-or-later
"""unitbpf in a machine: installed, configured, asked.

Where the build installs no unit file of the daemon, and no generator that makes the drop-ins of units, those that an
administrator would write by hand take their place.
"""

import json
import os

from machine import wait_until

DAEMON_UNIT = 'unitbpfd.service'
GENERATORS = ('/usr/lib/systemd/system-generators', '/usr/local/lib/systemd/system-generators')
UNITS = ('/usr/lib/systemd/system', '/usr/local/lib/systemd/system')
FOLDER = '/etc/systemd/system'

BY_HAND = '''[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={daemon}
ExecReload=kill -HUP $MAINPID
Restart=always
RestartSec=0
RuntimeDirectory=unitbpf
RuntimeDirectoryPreserve=yes
LimitNOFILE=20000
'''

DROP_IN = '''[Unit]
Wants=unitbpfd.service
After=unitbpfd.service

[Service]
ExecCondition=
ExecCondition=+{hook} --policy={policy} %n
{conditions}'''


def first_there(machine, paths):
    return next((path for path in paths if machine.exists(path)), None)


def put_in(machine):
    """Before the boot, after the build has been installed."""
    if not first_there(machine, [f'{folder}/{DAEMON_UNIT}' for folder in UNITS]):
        daemon = first_there(machine, ['/usr/local/sbin/unitbpfd', '/usr/sbin/unitbpfd'])
        machine.write(f'{FOLDER}/{DAEMON_UNIT}', BY_HAND.format(daemon=daemon))
    # Of no effect where the units come from systemd itself.
    machine.write('/usr/lib/unitbpf/unitbpfd.conf.d/machine.conf', '[Daemon]\nCgroupRoot=/sys/fs/cgroup/system.slice\n')


def has_generator(machine):
    return first_there(machine, [f'{folder}/unitbpf-generator' for folder in GENERATORS]) is not None


def source(machine):
    """Where the daemon takes its units from: systemd or cgroup."""
    return 'systemd' if 'source systemd' in machine.journal('-u', DAEMON_UNIT) else 'cgroup'


def values(text, key):
    return [line.split('=', 1)[1] for line in text.splitlines() if line.startswith(key + '=')]


def write_unit(machine, unit, text):
    """A unit file of systemd; if it has [X-BPF], the hook is part of its start."""
    machine.write(f'{FOLDER}/{unit}', text)
    if '[X-BPF]' not in text or has_generator(machine):
        return
    hook = first_there(machine, ['/usr/local/libexec/unitbpf/unitbpf-hook', '/usr/libexec/unitbpf/unitbpf-hook'])
    conditions = ''.join(f'ExecCondition={value}\n' for value in values(text, 'ExecCondition'))
    policy = (values(text, 'BPFPolicy') or ['required'])[-1]
    machine.write(f'{FOLDER}/{unit}.d/zz-unitbpf.conf',
                  DROP_IN.format(hook=hook, policy=policy, conditions=conditions))


def remove_unit(machine, unit):
    machine.run('systemctl', 'stop', unit, check=False)
    machine.remove(f'{FOLDER}/{unit}')
    machine.remove(f'{FOLDER}/{unit}.d')


def ask(machine, *arguments):
    text = machine.output('unitbpfctl', *arguments, '--json=short')
    return json.loads(text) if text else []


def attachments(machine, unit=None):
    return [row for row in ask(machine, 'list') if unit in (None, row['unit'])]


def wait_for_daemon(machine):
    wait_until(lambda: machine.run('unitbpfctl', 'list', check=False).returncode == 0, 'the daemon answers', 30)


def wait_no_attachments(machine, unit):
    wait_until(lambda: not attachments(machine, unit), f'{unit} has no programs any more', 10)


def counts(machine):
    """What may not grow: descriptors of the daemon, without those of who asks at the moment, pins, stored ones."""
    pid = machine.show(DAEMON_UNIT, 'MainPID')
    links = machine.path('/sys/fs/bpf/unitbpf/links')
    folder = machine.path(f'/proc/{pid}/fd')
    fds = [os.readlink(f'{folder}/{fd}') for fd in os.listdir(folder)]
    return {'links open': sum('bpf-link' in fd or 'bpf_link' in fd for fd in fds), 'descriptors': len(fds),
            'pins': len(os.listdir(links)), 'stored': int(machine.show(DAEMON_UNIT, 'NFileDescriptorStore'))}
