# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon makes of a state text that is cut anywhere, that comes from a version which says more than this one
knows (acceptance 5 and 7), or from one it does not know at all: who runs stays protected, in each case."""

import os
import subprocess
import zlib

import lib
from lib import FIRST_CONNECT, Traffic, check, equal, wait_until

RANDOM_CUTS = 100
REFUSED = 10  # see first-connect.c


def first_connect_inside(host, unit):
    """Exit status of a process that moves into the unit's cgroup and connects at once."""
    return subprocess.run(['/bin/sh', '-c', 'echo $$ >"$0" && exec "$1"',
                           f'{host.unit_cgroup(unit)}/cgroup.procs', FIRST_CONNECT],
                          check=False).returncode


def kernel_identities(host, unit):
    cgroup = os.stat(host.unit_cgroup(unit)).st_ino
    return sorted((one.id, one.prog_id, one.attach_type) for one in host.kernel_links().values()
                  if one.cgroup_id == cgroup)


def read_state(host):
    with open(host.state, 'rb') as file:
        return file.read()


def write_state(host, data):
    with open(host.state, 'wb') as file:
        file.write(data)


def with_crc(line):
    return b'%s crc=%08x\n' % (line, zlib.crc32(line))


def without_crc(line):
    return line.rsplit(b' crc=', 1)[0]


class History:
    """A unit that keeps running, and changes beside it that fill the journal with records of every kind."""

    def __init__(self, host):
        self.host = host
        self.number = 0
        host.write_unit('busy.service', *host.count_lines(), *host.deny_lines())
        host.start()
        self.traffic = Traffic(host, 'busy.service')
        self.links = kernel_identities(host, 'busy.service')
        equal(len(self.links), 3, 'links of the unit')

    def write_template(self, *hooks):
        self.host.write_unit('u@.service',
                             *(f'BPFProgram={hook}:{self.host.object("count")}' for hook in hooks))

    def happen(self):
        """The last unit of it stays."""
        host = self.host
        self.write_template('egress')
        self.number += 1
        name = f'u@{self.number}.service'
        os.mkdir(host.unit_cgroup(name))
        wait_until(lambda: host.attachments(name), f'{name} is attached')
        self.write_template('ingress', 'egress')
        host.ctl('daemon-reload')
        host.copy_object('count')
        host.ctl('daemon-reload')
        host.ctl('detach', name)
        host.ctl('attach', name)
        self.write_template('ingress')
        host.ctl('daemon-reload')
        before = f'u@{self.number - 1}.service'
        if os.path.exists(host.unit_cgroup(before)):
            os.rmdir(host.unit_cgroup(before))
            host.wait_no_unit(before)
        return name

    def check(self, name):
        host = self.host

        def rows_of(unit):
            return sorted((row['hook'], row['state'], row['cgroup_id'])
                          for row in host.list() if row['unit'] == unit)

        def settled():
            cgroup = os.stat(host.unit_cgroup(name)).st_ino
            busy = os.stat(host.unit_cgroup('busy.service')).st_ino
            rows = host.list()
            return (rows_of(name) == [('ingress', 'attached', cgroup)] and
                    rows_of('busy.service') == [(hook, 'attached', busy)
                                                for hook in ('connect4', 'egress', 'ingress')] and
                    len(rows) == 4 and len(host.kernel_links()) == 4 and len(host.pins()) == 4)

        equal(first_connect_inside(host, 'busy.service'), REFUSED, 'a denied connection')
        try:
            wait_until(settled, 'all is as the files say', lib.SETTLE)
        except lib.Failure:
            raise lib.Failure(f'list {host.list()}, links {host.kernel_links()}, '
                              f'pins {host.pins()}') from None

    def end(self, name):
        self.host.agree()
        os.rmdir(self.host.unit_cgroup(name))
        self.traffic.end()
        self.host.wait_no_unit('busy.service')
        self.host.wait_no_unit(name)
        self.host.stop_and_check_nothing_left()


def ends_of_lines(data):
    return [number + 1 for number, byte in enumerate(data) if byte == ord('\n')]


def check_size(host):
    """Neither the kernel nor the text keeps what is over. A journal may speak of it until it is written anew."""
    host.settled_counts({'programs': 4, 'links': 4, 'maps': 5, 'pins': 4}, 'nothing piles up')
    told = host.ctl('dump').stdout.splitlines()
    equal(sum(line.startswith('program=') for line in told), 4, 'programs in the text')


def cut_anywhere_it_comes_back_right(host):
    """At each end of a record and at random places. The same history happens before each cut, so that the text has
    something to lose."""
    chance = lib.seed()
    history = History(host)
    n_lines, number, name = None, 0, None
    while n_lines is None or number < n_lines + RANDOM_CUTS:
        name = history.happen()
        host.daemon.kill()
        data = read_state(host)
        ends = [0] + ends_of_lines(data)
        n_lines = n_lines or len(ends)
        cut = ends[min(number, len(ends) - 1)] if number < n_lines else chance.randrange(len(data))
        before = kernel_identities(host, 'busy.service')
        # replaced by the history: each reload brought a new object file
        equal([link[0] for link in before], [link[0] for link in history.links], 'links')
        write_state(host, data[:cut])
        host.start()
        told = [line for line in data[:cut].rpartition(b'\n')[0].splitlines()  # without a torn one
                if line.startswith(f'unit={name} '.encode())]
        if told and b'held-off=yes' in told[-1]:
            host.ctl('attach', name)  # of that order the text knows nothing any more
        try:
            history.check(name)
            equal([link[0] for link in kernel_identities(host, 'busy.service')],
                  [link[0] for link in before], 'links')
            history.traffic.check_none_unseen()
        except lib.Failure as failure:
            shown = data[:cut].decode(errors='replace')
            raise lib.Failure(f'cut {number} at byte {cut} of {len(data)}: {failure}\n{shown}') from None
        check_size(host)
        number += 1
    print(f'{n_lines} ends of records, {RANDOM_CUTS} random cuts, {history.traffic.sent} packets',
          flush=True)
    history.end(name)


def what_a_later_version_says_more_is_skipped(host):
    """Version 1 with keys, records and words from the future; also with a field of ours it leaves out."""
    history = History(host)
    name = history.happen()
    ids = sorted((row['id'], row['link_id']) for row in host.list())
    identities = kernel_identities(host, 'busy.service')
    host.daemon.kill()
    lines = read_state(host).splitlines()
    equal(lines[0], b'unitbpf-state 1', 'header')
    out = [lines[0] + b'\n', with_crc(b'wombat=7 colour=grey'), with_crc(b'flavour=3')]
    for line in lines[1:]:
        line = without_crc(line).replace(b' repair=yes', b'')
        out.append(with_crc(line + b' x-later=1 mood=\\x20 next-id-hint=99'))
        out.append(with_crc(b'note=said\\x20by\\x20another'))
    write_state(host, b''.join(out))
    host.start()
    history.check(name)
    equal(sorted((row['id'], row['link_id']) for row in host.list()), ids, 'ids')
    equal(kernel_identities(host, 'busy.service'), identities, 'links and programs')
    history.traffic.check_none_unseen()
    check('0 quarantined' in host.log_text().split('Restored')[-1], 'all records were taken')
    history.end(name)


def a_version_it_does_not_know_is_left_alone(host):
    history = History(host)
    name = history.happen()
    links = {one.id for one in host.kernel_links().values()}
    pins = host.pins()
    host.daemon.kill()
    original = read_state(host)
    foreign = original.replace(b'unitbpf-state 1', b'unitbpf-state 2', 1)
    write_state(host, foreign)
    host.start()
    rows = host.list()
    equal({row['state'] for row in rows}, {'quarantined'}, 'states')
    equal({row['link_id'] for row in rows}, links, 'links in list')
    equal(first_connect_inside(host, 'busy.service'), REFUSED, 'a denied connection')
    for words in (['attach', name], ['detach', name], ['detach', '--all'], ['daemon-reload'],
                  ['run', '--unit=other', '--', '/bin/true']):
        result = host.ctl(*words, check_status=False)
        check(result.returncode != 0, words, 'was not refused')
        check('version' in result.stderr, words, 'does not say why:', result.stderr)
    for words in (['list'], ['tree', host.cgroup], ['dump'], ['units']):
        host.ctl(*words)
    equal(read_state(host), foreign, 'the state')
    equal(host.pins(), pins, 'pins')
    host.agree()
    host.daemon.stop()
    equal(read_state(host), foreign, 'the state after the end of the daemon')
    equal({one.id for one in host.kernel_links().values()}, links, 'links after its end')
    # the version that wrote it runs again
    write_state(host, original)
    host.start()
    history.check(name)
    history.traffic.check_none_unseen()
    equal({one.id for one in host.kernel_links().values()}, links, 'links')
    history.end(name)


lib.main(cut_anywhere_it_comes_back_right, what_a_later_version_says_more_is_skipped,
         a_version_it_does_not_know_is_left_alone)
