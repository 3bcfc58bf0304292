# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a machine has in the kernel, by id, so that it can be proved later that all of it is gone.

Others use BPF on the same kernel at the same time, so counting does not help: a program, map or link is the machine's
if one of its processes has it open, if it lies on its bpffs, or if it is attached to one of its cgroups.
"""

import os
import re

import kernel

KINDS = {'prog_id': 'program', 'map_id': 'map', 'link_id': 'link'}
LINE = re.compile(r'^(prog_id|map_id|link_id):\t(\d+)$', re.M)


def cgroups_below(top):
    """path -> id"""
    return {path: os.stat(path).st_ino for path, _, _ in os.walk(top)}


def processes_below(top):
    found = []
    for path in cgroups_below(top):
        try:
            with open(f'{path}/cgroup.procs', encoding='utf-8') as file:
                found += [int(line) for line in file]
        except FileNotFoundError:
            continue
    return found


def in_fdinfo(path):
    """(kind, id) of all that the descriptor names: a link names its program as well."""
    try:
        with open(path, encoding='utf-8') as file:
            return [(KINDS[key], int(number)) for key, number in LINE.findall(file.read())]
    except OSError:  # it has been closed
        return []


def open_in(pid):
    try:
        names = os.listdir(f'/proc/{pid}/fdinfo')
    except OSError:
        return []
    return [one for name in names for one in in_fdinfo(f'/proc/{pid}/fdinfo/{name}')]


def pinned_below(bpffs):
    found = []
    for folder, _, names in os.walk(bpffs):
        for name in names:
            try:
                fd = kernel.open_pin(f'{folder}/{name}')
            except OSError:
                continue
            found += in_fdinfo(f'/proc/self/fdinfo/{fd}')
            os.close(fd)
    return found


def attached_to(cgroups):
    ids = set(cgroups.values())
    return [one for link in kernel.links().values() if link.cgroup_id in ids
            for one in (('link', link.id), ('program', link.prog_id))]


def of_machine(cgroup, bpffs):
    """{(kind, id)} of all BPF objects of the machine whose cgroups begin with this one."""
    found = set(pinned_below(bpffs))
    for pid in processes_below(cgroup):
        found.update(open_in(pid))
    found.update(attached_to(cgroups_below(cgroup)))
    for kind, number in list(found):
        if kind == 'program':
            found.update(('map', one) for one in kernel.maps_of_program(number))
    return found


def still_there(wanted):
    """Those of {(kind, id)} that the kernel still knows."""
    now = kernel.everything()
    return {one for one in wanted if one in now}
