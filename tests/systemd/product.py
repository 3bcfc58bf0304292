# SPDX-License-Identifier: LGPL-2.1-or-later
"""unitbpf in a machine: installed by the build, told of units by their files, asked by its tool."""

import json
import os

from machine import wait_until

DAEMON_UNIT = 'unitbpfd.service'
FOLDER = '/etc/systemd/system'
LINKS = '/sys/fs/bpf/unitbpf/links'


def write_unit(machine, unit, text):
    """systemd learns of it at its next daemon-reload."""
    machine.write(f'{FOLDER}/{unit}', text)


def remove_unit(machine, unit):
    machine.run('systemctl', 'stop', unit, check=False)
    machine.run('systemctl', 'reset-failed', unit, check=False)
    machine.remove(f'{FOLDER}/{unit}')
    machine.remove(f'{FOLDER}/{unit}.d')
    machine.systemctl('daemon-reload')


def ask(machine, *arguments):
    text = machine.output('unitbpfctl', *arguments, '--json=short')
    return json.loads(text) if text else []


def attachments(machine, unit=None):
    return [row for row in ask(machine, 'list') if unit in (None, row['unit'])]


def wait_for_daemon(machine):
    wait_until(lambda: machine.run('unitbpfctl', 'list', check=False).returncode == 0, 'the daemon answers', 30)


def wait_attached(machine, unit, n=1):
    """The attachments of a unit once there are n that are attached."""
    def found():
        rows = [row for row in attachments(machine, unit) if row['state'] == 'attached']
        return rows if len(rows) == n else None

    return wait_until(found, f'{unit} has {n} programs', 10)


def wait_no_attachments(machine, unit):
    wait_until(lambda: not attachments(machine, unit), f'{unit} has no programs any more', 10)


def daemon_pid(machine):
    return machine.show(DAEMON_UNIT, 'MainPID')


def descriptors(machine, pid):
    folder = machine.path(f'/proc/{pid}/fd')
    found = []
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(f'{folder}/{name}'))
        except FileNotFoundError:
            continue
    return found


def counts(machine):
    """What may not grow, with nobody asking the daemon at the moment."""
    return {'descriptors of unitbpfd': len(descriptors(machine, daemon_pid(machine))),
            'pins': len(os.listdir(machine.path(LINKS))),
            'descriptors in the store': int(machine.show(DAEMON_UNIT, 'NFileDescriptorStore'))}
