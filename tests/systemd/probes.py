# SPDX-License-Identifier: LGPL-2.1-or-later
"""Units that make sockets all the time, and what they were let do: see probe.c.

IPv4 is what programs of systemd's own BPFProgram= are to refuse, IPv6 what ours are: so both are watched on one
process, over the same reloads.
"""

import os
import struct
import subprocess
import time

import product

PROBE = '/usr/local/lib/unitbpf-test/probe'
OBJECT = '/usr/local/lib/unitbpf-test/refuse.bpf.o'
PINS = '/sys/fs/bpf/refuse'
THEIRS = f'BPFProgram=sock_create:{PINS}/refuse_inet'
OURS = f'BPFProgram=sock_create:{OBJECT}#refuse_inet6'


class Account:
    def __init__(self, raw):
        self.refused, self.let_through, self.windows, self.open_nsec, self.longest_nsec = struct.unpack('=5Q', raw)

    def tries(self):
        return self.refused + self.let_through

    def since(self, earlier):
        """What has come since an earlier look: (windows, milliseconds they were open on average, tries let through)"""
        windows = self.windows - earlier.windows
        msec = (self.open_nsec - earlier.open_nsec) / 1e6
        return windows, msec / max(windows, 1), self.let_through - earlier.let_through

    def __repr__(self):
        return (f'{self.refused} refused, {self.let_through} let through in {self.windows} windows of '
                f'{self.open_nsec / 1e6:.3f} ms')


def put_in(machine):
    """Before the boot: the program and the object."""
    machine.tree.copy(os.environ['UNITBPF_PROBE'], PROBE)
    machine.tree.copy(os.environ['UNITBPF_REFUSE'], OBJECT, 0o644)


def pin_theirs(machine):
    """systemd takes only what somebody has pinned."""
    subprocess.run(['bpftool', 'prog', 'loadall', machine.path(OBJECT), machine.path(PINS)], check=True,
                   capture_output=True)


def accounts(machine, unit):
    """(IPv4, IPv6) once the probe has begun; its first tries are those of its first instructions."""
    path = machine.path(f'/run/probe-{unit}')
    size = struct.calcsize('=5Q')
    end = time.monotonic() + 10
    while True:
        try:
            with open(path, 'rb') as file:
                raw = file.read(2 * size)
            if len(raw) == 2 * size and Account(raw[size:]).tries():
                return Account(raw[:size]), Account(raw[size:])
        except FileNotFoundError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f'the probe of {unit} does not count:\n{machine.journal("-u", unit)}')
        time.sleep(0.01)


def write_unit(machine, unit, service=(), ours=()):
    """A service that is a probe; service are more lines of [Service], ours those of [X-BPF]."""
    lines = ['[Service]', f'ExecStart={PROBE} /run/probe-{unit}', *service]
    if ours:
        lines += ['', '[X-BPF]', *ours]
    product.write_unit(machine, unit, '\n'.join(lines) + '\n')


def forget(machine, unit):
    """So that the next account is that of a start to come."""
    machine.remove(f'/run/probe-{unit}')
