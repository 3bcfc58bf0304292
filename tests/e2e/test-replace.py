# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program in a unit file is replaced while the unit sends all it can. (acceptance 10)"""

import os

import kernel
import lib
from lib import Traffic, check, equal

VARIANTS = os.environ['UNITBPF_VARIANTS']
REPLACEMENTS = 50


def rows_of(host):
    return {row['hook']: row for row in host.attachments('busy.service')
            if row['state'] == 'attached'}


def links_of(host):
    return {hook: row['link_id'] for hook, row in rows_of(host).items()}


def map_of(host):
    number, = kernel.maps_of_program(rows_of(host)['egress']['prog_id'])
    return number


def begin(host):
    host.write_unit('busy.service', *host.count_lines(), *host.deny_lines())
    host.start()
    return Traffic(host, 'busy.service')


def end(host, traffic):
    host.agree()
    traffic.end()
    host.wait_no_unit('busy.service')
    host.stop_and_check_nothing_left()


def put(host, variant):
    """The object of the unit in another version, moved over the one that is there."""
    source = None if variant == 'count' else f'{VARIANTS}/{variant}.bpf.o'
    return host.copy_object('count', source)


def a_new_object_goes_over_the_old_one_without_a_gap(host):
    traffic = begin(host)
    links, number = links_of(host), map_of(host)
    for turn in range(REPLACEMENTS):
        before = rows_of(host)
        put(host, 'count' if turn % 2 else 'count-next')
        host.ctl('daemon-reload')
        after = rows_of(host)
        equal(links_of(host), links, 'links')
        for hook in ('ingress', 'egress'):
            check(after[hook]['prog_id'] != before[hook]['prog_id'], f'{hook} was not replaced')
            check(after[hook]['prog_tag'] != before[hook]['prog_tag'], f'{hook} runs the same code')
        equal(after['connect4']['prog_id'], before['connect4']['prog_id'], 'a program left alone')
        equal(map_of(host), number, 'the map')
    traffic.check_none_unseen()
    print(f'{REPLACEMENTS} replacements, {traffic.sent} packets, {traffic.rate()}/s', flush=True)
    host.settled_counts({'programs': 3, 'links': 3, 'maps': 4, 'pins': 3}, 'the old ones are gone')
    end(host, traffic)


def another_path_in_the_file_is_a_replacement_too(host):
    traffic = begin(host)
    links, number = links_of(host), map_of(host)
    other = host.copy_object('count', f'{VARIANTS}/count-next.bpf.o', f'{host.objects}/other.bpf.o')
    host.write_unit('busy.service', f'BPFProgram=ingress:{other}', f'BPFProgram=egress:{other}',
                    *host.deny_lines())
    host.ctl('daemon-reload')
    equal(links_of(host), links, 'links')
    equal(rows_of(host)['egress']['object'], other, 'object')
    equal(map_of(host), number, 'the map')
    traffic.check_none_unseen()
    end(host, traffic)


def a_map_of_another_shape_begins_anew(host):
    traffic = begin(host)
    links, number = links_of(host), map_of(host)
    traffic.pause()
    put(host, 'count-wide')
    host.ctl('daemon-reload')
    equal(links_of(host), links, 'links')
    check(map_of(host) != number, 'the map was taken over')
    equal(host.traffic_of('busy.service'), (0, 0), 'counters')
    sent = traffic.sent
    traffic.go_on()
    traffic.pause()
    equal(host.traffic_of('busy.service')[1], traffic.sent - sent, 'counted since')
    traffic.go_on()
    end(host, traffic)


def a_removed_line_detaches_that_one_only(host):
    traffic = begin(host)
    links = links_of(host)
    host.write_unit('busy.service', *host.count_lines())
    host.ctl('daemon-reload')
    del links['connect4']
    equal(links_of(host), links, 'links')
    host.settled_counts({'programs': 2, 'links': 2, 'maps': 1, 'pins': 2}, 'the other is gone')
    traffic.check_none_unseen()
    end(host, traffic)


def bad_changes(host):
    """What may be wrong with a new file: its lines, and words that the reason must have beside FILE:LINE."""
    count = host.object('count')
    bad = host.copy_object('count', f'{VARIANTS}/count-bad.bpf.o', f'{host.objects}/bad.bpf.o')
    nothing = f'{host.objects}/nothing.bpf.o'
    with open(f'{host.objects}/text.bpf.o', 'w', encoding='utf-8') as file:
        file.write('this is no object\n')
    return {
        'a missing object': (nothing, [nothing, 'No such file']),
        'no object': (f'{host.objects}/text.bpf.o', ['text.bpf.o']),
        'a program the verifier refuses': (bad, ['bad.bpf.o']),
        'no such program': (f'{count}#nobody', ['nobody']),
    }


def a_bad_file_leaves_the_old_program_in_force(host):
    traffic = begin(host)
    links, before = links_of(host), rows_of(host)
    changes = bad_changes(host)
    for what, (path, words) in changes.items():
        host.write_unit('busy.service', f'BPFProgram=ingress:{host.object("count")}',
                        f'BPFProgram=egress:{path}', *host.deny_lines())
        host.ctl('daemon-reload')
        check_degraded(host, what, 'busy.service:6', words)
        equal(links_of(host), links, what, 'links')
        equal({hook: row['prog_id'] for hook, row in rows_of(host).items()},
              {hook: row['prog_id'] for hook, row in before.items()}, what, 'programs')
        traffic.check_none_unseen()
    host.write_unit('busy.service', *host.count_lines(), *host.deny_lines())
    host.ctl('daemon-reload')
    equal(host.ctl('status', 'busy.service').returncode, 0, 'status with the good file')
    traffic.check_none_unseen()
    equal(links_of(host), links, 'links in the end')
    end(host, traffic)


def check_degraded(host, what, place, words):
    result = host.ctl('status', 'busy.service', '--full', check_status=False)
    equal(result.returncode, 1, f'status with {what}')
    for word in [place, *words]:
        check(word in result.stdout, f'status with {what} does not say {word!r}:', result.stdout)


def a_line_nobody_understands_leaves_all_in_force(host):
    traffic = begin(host)
    links = links_of(host)
    for what, line in {'an unknown hook': f'BPFProgram=sideways:{host.object("count")}',
                       'no path': 'BPFProgram=egress',
                       'an unknown key': 'BPFProgramme=egress:/x',
                       'an unknown option': f'BPFProgram=egress,hastily:{host.object("count")}'}.items():
        host.write_unit('busy.service', f'BPFProgram=ingress:{host.object("count")}', line,
                        f'BPFProgram=egress:{host.object("count")}', *host.deny_lines())
        host.ctl('daemon-reload')
        check_degraded(host, what, 'busy.service:6', [])
        equal(links_of(host), links, what, 'links')
        traffic.check_none_unseen()
    end(host, traffic)


lib.main(a_new_object_goes_over_the_old_one_without_a_gap, another_path_in_the_file_is_a_replacement_too,
         a_map_of_another_shape_begins_anew, a_removed_line_detaches_that_one_only,
         a_bad_file_leaves_the_old_program_in_force, a_line_nobody_understands_leaves_all_in_force)
