# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services whose very first act is a connect() that their programs refuse: tests/e2e/first-connect.c.

It ends with 10 if it was refused. What its exit status cannot tell, since the service goes on, a shell around it
writes down; the programs hold for the shell as well.
"""

import os

import product

PROGRAM = '/usr/local/lib/unitbpf-test/first-connect'
OBJECT = '/usr/local/lib/unitbpf/bpf/connect-deny.bpf.o'
REFUSED, LET_THROUGH = '10', '11'
DENY = ['BPFVariable=deny4=0x7f000002', 'BPFVariable=deny4_prefix=32', f'BPFProgram=connect4:{OBJECT}']


def put_in(machine):
    machine.tree.copy(os.environ['UNITBPF_FIRST_CONNECT'], PROGRAM)


def write(machine, unit, *service, ours=tuple(DENY)):
    lines = ['[Unit]', 'StartLimitIntervalSec=0', '[Service]', 'SuccessExitStatus=10', *service]
    if ours:
        lines += ['[X-BPF]', *ours]
    product.write_unit(machine, unit, '\n'.join(lines) + '\n')
    machine.systemctl('daemon-reload')


def said(machine, file):
    """The lines that the shell of a service has written."""
    return machine.read(file).split() if machine.exists(file) else []
