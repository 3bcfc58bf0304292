# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon re-executes itself while a unit sends all it can: no packet goes unseen, and nothing is made anew.
(acceptance 4)"""

import os
import resource
import shutil
import time

import bus
import kernel
import lib
from lib import Traffic, check, equal, wait_until

REEXECS = 100
EGRESS = 1  # of enum bpf_attach_type, and slot of the map of count.bpf.c
RSS_GROWTH = 1.25
GAP_SECONDS = 0.0005  # far less than it takes to load a program anew


def identities(host, unit):
    return sorted((row['id'], row['hook'], row['link_id'], row['prog_id'], row['since_usec'])
                  for row in host.attachments(unit))


def settled_fds(host):
    """The descriptors of the daemon once it serves nobody else."""
    seen = [None]

    def same_twice():
        now = [name for name in host.daemon.fds() if not name.startswith('socket:')]
        sockets = sum(name.startswith('socket:') for name in host.daemon.fds())
        before, seen[0] = seen[0], (len(now), sockets)
        return before == seen[0] and seen[0]

    return wait_until(same_twice, 'the daemon has a stable number of descriptors', pause=0.1)


def a_hundred_reexecs_under_traffic_lose_nothing(host):
    host.write_unit('busy.service', *host.count_lines(), *host.deny_lines())
    daemon = host.start()
    traffic = Traffic(host, 'busy.service')
    before = identities(host, 'busy.service')
    counts = host.counts()
    fds, rss = None, []
    for number in range(REEXECS):
        host.ctl('daemon-reexec')
        check(not daemon.ended(), 're-exec keeps the process')
        rss.append(daemon.rss())
        if number % 10 == 9:
            equal(identities(host, 'busy.service'), before, f'attachments after {number + 1} re-execs')
        if number == 9:
            fds = settled_fds(host)
    traffic.check_none_unseen()
    print(f'{traffic.sent} sent, {traffic.rate()} packets/s in both directions', flush=True)
    check(traffic.sent > 100 * REEXECS, 'hardly any traffic:', traffic.sent)
    equal(settled_fds(host), fds, 'descriptors (others, sockets) after all, against after ten,')
    host.settled_counts(counts, 'nothing was added in the kernel')
    first, last = sum(rss[5:15]) / 10, sum(rss[-10:]) / 10
    check(last < first * RSS_GROWTH, f'memory grew from {first} to {last} bytes')
    host.agree()
    traffic.check_none_unseen()
    traffic.end()
    host.wait_no_unit('busy.service')
    host.stop_and_check_nothing_left()


def generation(host):
    for line in host.ctl('dump').stdout.splitlines():
        if line.startswith('generation='):
            return int(line.split('=')[1])
    return None


def each_reexec_is_one(host):
    """So the test above does what it says."""
    host.start()
    before = generation(host)
    for number in range(5):
        host.ctl('daemon-reexec')
        check(generation(host) > before + number, 'the generation goes up with each re-exec')
    with open(f'/proc/{host.daemon.pid}/cmdline', encoding='utf-8') as file:
        check('--state-fd=' in file.read(), 'the process was executed anew')
    host.stop_and_check_nothing_left()


def a_failed_reexec_changes_nothing(host):
    """A binary that says no: the daemon goes on as it was, and nobody notices."""
    bad = f'{host.directory}/unitbpfd'
    with open(bad, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\nexit 1\n')
    os.chmod(bad, 0o755)
    host.write_unit('busy.service', *host.count_lines())
    host.start(options=[f'--exec-path={bad}'])
    traffic = Traffic(host, 'busy.service')
    before = identities(host, 'busy.service')
    for _ in range(10):
        result = host.ctl('daemon-reexec', check_status=False)
        check(result.returncode != 0, 'a binary that refuses is not executed')
    equal(identities(host, 'busy.service'), before, 'attachments')
    traffic.check_none_unseen()
    host.agree()
    traffic.end()
    host.wait_no_unit('busy.service')
    host.stop_and_check_nothing_left()


def a_binary_that_lacks_a_library_is_refused_with_the_reason(host):
    """An upgrade that was half installed: the loader's own words come back, and the daemon goes on."""
    new = f'{host.directory}/unitbpfd'
    shutil.copy(os.environ['UNITBPF_LACKS_LIBRARY'], new)
    host.write_unit('calm.service', *host.count_lines())
    # a test runner may have told where libraries of the build are
    host.start(options=[f'--exec-path={new}'], environment={'LD_LIBRARY_PATH': ''})
    process = host.sleeper('calm.service')
    before = identities(host, 'calm.service')
    result = host.ctl('daemon-reexec', check_status=False)
    check(result.returncode == 1 and 'libe2e-library.so' in result.stderr, result)
    equal(identities(host, 'calm.service'), before, 'attachments')
    host.agree()
    host.end(process, 'calm.service')
    host.stop_and_check_nothing_left()


def a_binary_that_is_no_unitbpfd_is_not_executed(host):
    """It exits with 0 whatever it is asked, and would leave nobody behind."""
    host.write_unit('calm.service', *host.count_lines())
    host.start(options=['--exec-path=/bin/true'])
    process = host.sleeper('calm.service')
    result = host.ctl('daemon-reexec', check_status=False)
    check(result.returncode == 1 and 'is no unitbpfd' in result.stderr, result)
    host.agree()
    host.end(process, 'calm.service')
    host.stop_and_check_nothing_left()


def descriptors_up_to(pid):
    """The lowest number no descriptor of the process has: as a limit it lets it make none."""
    taken = {int(fd) for fd in os.listdir(f'/proc/{pid}/fd')}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def without_room(host, moment, act):
    """Runs act while the kernel refuses the daemon any new descriptor, so the memfd for the state as well."""
    pid = host.daemon.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors_up_to(pid), before[1]))
    try:
        reply = act()
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    check(reply.error, f'no memfd {moment}, and yet it is said to be done')
    check('Too many open files' in reply.string(), reply.error, reply.string())


def a_refused_memfd_changes_nothing(host):
    """The state text needs a memfd twice: for the new binary's check, and at last for the new process itself."""
    go, slow = f'{host.directory}/go', f'{host.directory}/slow-unitbpfd'
    with open(slow, 'w', encoding='utf-8') as file:
        file.write('#!/bin/sh\n'
                   f'touch {host.directory}/asked\n'
                   f'while [ ! -e {go} ]; do sleep 0.01; done\n'
                   f'exec {lib.DAEMON} "$@"\n')
    os.chmod(slow, 0o755)
    host.write_unit('busy.service', *host.count_lines())
    host.start(options=[f'--exec-path={slow}'])
    traffic = Traffic(host, 'busy.service')
    before, fds = identities(host, 'busy.service'), settled_fds(host)
    caller = bus.Client(f'{host.runtime}/bus')
    caller.call('ListUnits')

    without_room(host, 'for the check', lambda: caller.call('Reexecute'))
    check(not os.path.exists(f'{host.directory}/asked'), 'no binary was asked')

    caller.send('Reexecute')
    wait_until(lambda: os.path.exists(f'{host.directory}/asked'), 'the new binary is asked')

    def let_it_accept():
        with open(go, 'w', encoding='utf-8'):
            pass
        return caller.reply()

    without_room(host, 'for the new process', let_it_accept)
    caller.close()
    equal(identities(host, 'busy.service'), before, 'attachments')
    equal(settled_fds(host), fds, 'descriptors (others, sockets)')
    traffic.check_none_unseen()
    host.agree()
    host.ctl('daemon-reexec')  # and with room it can
    equal(identities(host, 'busy.service'), before, 'attachments')
    traffic.check_none_unseen()
    host.agree()
    traffic.end()
    host.wait_no_unit('busy.service')
    host.stop_and_check_nothing_left()


def detach_before_attach_is_seen_by_the_probe(host):
    """What the other tests count with can count: done the wrong way, packets go by unseen."""
    host.write_unit('probe.service', *host.count_lines())
    host.start()
    traffic = Traffic(host, 'probe.service')
    traffic.check_none_unseen()
    program = host.attachments('probe.service', 'egress')[0]['prog_id']
    cgroup = os.open(host.unit_cgroup('probe.service'), os.O_RDONLY | os.O_DIRECTORY)
    traffic.pause()
    with kernel.Handle(kernel.PROG_FD_BY_ID, program) as handle:
        host.ctl('detach', 'probe.service')
        # without the daemon: the same program, taken off and put on by hand
        kernel.attach(cgroup, handle.fd, EGRESS)
        number = kernel.maps_of_program(program)[0]
        base = traffic.sent - host.count_in(number, EGRESS)
        traffic.go_on()
        for _ in range(REEXECS):
            kernel.detach(cgroup, handle.fd, EGRESS)
            time.sleep(GAP_SECONDS)
            kernel.attach(cgroup, handle.fd, EGRESS)
            time.sleep(GAP_SECONDS)
        traffic.pause()
        out = traffic.sent - host.count_in(number, EGRESS) - base
        kernel.detach(cgroup, handle.fd, EGRESS)
    os.close(cgroup)
    print(f'{out} of {traffic.sent} unseen with detach before attach', flush=True)
    check(out > 0, 'the probe saw no gap where there were', REEXECS)
    traffic.go_on()
    traffic.end()
    host.wait_no_unit('probe.service')
    host.stop_and_check_nothing_left()


lib.main(a_hundred_reexecs_under_traffic_lose_nothing, each_reexec_is_one,
         a_failed_reexec_changes_nothing, a_binary_that_lacks_a_library_is_refused_with_the_reason,
         a_binary_that_is_no_unitbpfd_is_not_executed, a_refused_memfd_changes_nothing,
         detach_before_attach_is_seen_by_the_probe)
