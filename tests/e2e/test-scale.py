# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program without maps is in the kernel once for all units, one with maps once for each. (acceptance 11)"""

import os

import lib
from lib import Traffic, check, equal, wait_until

UNITS = 1000


def make_units(host, number):
    names = [f'x@{i}.service' for i in range(number)]
    for name in names:
        os.mkdir(host.unit_cgroup(name))
    return names


def wait_attached(host, names, programs):
    def attached():
        units = host.ask('units')
        covered = {row['unit'] for row in units if row['state'] == 'covered'}
        return covered >= set(names)

    wait_until(attached, f'{len(names)} units are covered', 120, 0.2)
    rows = [row for row in host.list() if row['unit'] in set(names)]
    equal(len(rows), programs * len(names), 'attachments')
    equal({row['state'] for row in rows}, {'attached'}, 'states')
    return rows


def identities(rows):
    return {(row['id'], row['unit'], row['link_id'], row['prog_id']) for row in rows}


def end_units(host, names):
    for name in names:
        os.rmdir(host.unit_cgroup(name))
    wait_until(lambda: not [row for row in host.list() if row['unit'] != 'busy.service'],
               'all units are gone', 120, 0.2)


def many_units(host, number, lines, programs, kernel_objects):
    """Attach, list, re-exec, reload, detach by hand, and the end of all; a unit beside them misses nothing."""
    host.write_unit('x@.service', *lines)
    host.write_unit('busy.service', *host.count_lines())
    daemon = host.start()
    traffic = Traffic(host, 'busy.service')
    alone = host.counts()
    names = make_units(host, number)
    rows = wait_attached(host, names, programs)
    with_busy = {'programs': alone['programs'] + kernel_objects['programs'],
                 'maps': alone['maps'] + kernel_objects['maps'],
                 'links': alone['links'] + programs * number,
                 'pins': alone['pins'] + programs * number}
    host.settled_counts(with_busy, 'objects in the kernel')
    host.agree()
    for _ in range(3):
        host.ctl('daemon-reexec')
        equal(identities(wait_attached(host, names, programs)), identities(rows), 'after a re-exec')
    host.ctl('daemon-reload')
    equal(identities(wait_attached(host, names, programs)), identities(rows), 'after a reload')
    host.restart_after_kill()
    daemon = host.daemon
    equal(identities(wait_attached(host, names, programs)), identities(rows), 'after a kill')
    host.settled_counts(with_busy, 'objects in the kernel after all that')
    traffic.check_none_unseen()
    descriptors = len(daemon.fds())
    end_units(host, names)
    host.settled_counts(alone, 'only the unit that runs on is left')
    check(len(daemon.fds()) <= descriptors, 'descriptors were left')
    traffic.check_none_unseen()
    host.agree()
    traffic.end()
    host.wait_no_unit('busy.service')
    host.stop_and_check_nothing_left()


def a_thousand_units_share_a_program_without_maps(host):
    path = host.object('bind-ports')
    many_units(host, UNITS, [f'BPFProgram=bind4:{path}', f'BPFProgram=bind6:{path}',
                             'BPFVariable=port_min=8000'],
               2, {'programs': 2, 'maps': 1})  # the map is that of the variables


def each_unit_has_its_own_program_with_maps(host):
    many_units(host, UNITS, host.count_lines(), 2,
               {'programs': 2 * UNITS, 'maps': UNITS})


lib.main(a_thousand_units_share_a_program_without_maps, each_unit_has_its_own_program_with_maps)
