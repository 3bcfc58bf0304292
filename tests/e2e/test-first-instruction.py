# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs of a unit are in force before its first instruction, and nothing else is claimed. (acceptance 3)"""

import os
import signal
import subprocess

import lib
from lib import FIRST_CONNECT, check, equal, wait_until

RUNS = 200
REFUSED = 10  # see first-connect.c
LET_THROUGH = 11


def a_first_connect_is_refused_each_time(host):
    host.write_unit('deny.service', *host.deny_lines())
    host.write_unit('bare.service')
    host.start()
    equal(host.run('bare.service', FIRST_CONNECT).returncode, LET_THROUGH, 'without programs')
    host.agree()
    found = [host.run('deny.service', FIRST_CONNECT).returncode for _ in range(RUNS)]
    equal(found, [REFUSED] * RUNS, 'exit status of each run')
    host.wait_no_unit('deny.service')
    host.agree()
    host.stop_and_check_nothing_left()


def from_start_is_said_of_a_run_unit(host):
    host.write_unit('deny.service', *host.deny_lines(), *host.count_lines())
    host.start()
    process = host.sleeper('deny.service')
    rows = host.attachments('deny.service')
    equal([row['covered_from_start'] for row in rows], [True] * 3, 'covered_from_start')
    host.agree()
    host.end(process, 'deny.service')
    host.agree()
    host.stop_and_check_nothing_left()


def late_unit(host, make):
    """A unit with somebody inside before anything is attached; make(cgroup) says how."""
    unit = 'late.service'
    process = subprocess.Popen(['sleep', 'infinity'])
    host.children.append(process)
    make(host.unit_cgroup(unit), process.pid)
    rows = wait_until(lambda: [row for row in host.attachments(unit) if row['state'] == 'attached'],
                      'the late unit has its programs')
    equal([row['covered_from_start'] for row in rows], [False], 'covered_from_start')
    host.agree()
    process.kill()
    process.wait()
    wait_until(lambda: not open(f'{host.unit_cgroup(unit)}/cgroup.procs', encoding='utf-8').read(),
               'the unit is empty')
    os.rmdir(host.unit_cgroup(unit))
    host.wait_no_unit(unit)
    host.agree()
    host.stop_and_check_nothing_left()


def populate(cgroup, pid):
    os.mkdir(cgroup)
    with open(f'{cgroup}/cgroup.procs', 'w', encoding='utf-8') as file:
        file.write(str(pid))


def who_is_inside_before_the_daemon_starts_is_late(host):
    host.write_unit('late.service', *host.deny_lines())

    def make(cgroup, pid):
        populate(cgroup, pid)
        host.start()

    late_unit(host, make)


def who_is_inside_before_the_daemon_looks_is_late(host):
    host.write_unit('late.service', *host.deny_lines())
    daemon = host.start()

    def make(cgroup, pid):
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            populate(cgroup, pid)
        finally:
            os.kill(daemon.pid, signal.SIGCONT)

    late_unit(host, make)


def an_unloadable_required_program_refuses_the_start(host):
    marker = f'{host.directory}/was-run'
    host.write_unit('broken.service', f'BPFProgram=connect4:{host.objects}/missing.bpf.o')
    host.start()
    result = host.run('broken.service', '/bin/touch', marker)
    equal(result.returncode, 125, 'exit status of run')
    check('broken.service:5' in result.stderr and 'missing.bpf.o' in result.stderr,
          'the reason names file, line and object:', result.stderr)
    check(not os.path.exists(marker), 'the command has run all the same')
    host.wait_no_unit('broken.service')
    host.agree()
    host.stop_and_check_nothing_left()


lib.main(a_first_connect_is_refused_each_time, from_start_is_said_of_a_run_unit,
         who_is_inside_before_the_daemon_starts_is_late, who_is_inside_before_the_daemon_looks_is_late,
         an_unloadable_required_program_refuses_the_start)
