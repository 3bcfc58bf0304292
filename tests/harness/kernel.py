# SPDX-License-Identifier: LGPL-2.1-or-later
"""bpf(2) without a library: what programs, links and maps the kernel has, and what is in an array.

The tests must not take the tool's word for what is attached, and starting bpftool for each question would be too
slow to ask often.
"""

import ctypes
import errno
import os
import platform
import struct

NUMBERS = {'x86_64': 321, 'aarch64': 280, 'riscv64': 280, 's390x': 351, 'ppc64le': 361}
MAP_LOOKUP_ELEM, OBJ_GET, PROG_ATTACH, PROG_DETACH = 1, 7, 8, 9
PROG_NEXT_ID, MAP_NEXT_ID, PROG_FD_BY_ID, MAP_FD_BY_ID, INFO_BY_FD = 11, 12, 13, 14, 15
LINK_FD_BY_ID, LINK_NEXT_ID = 30, 31
LINK_TYPE_CGROUP = 3
ATTACH_MULTI = 2

libc = ctypes.CDLL(None, use_errno=True)


def call(command, attributes):
    """bpf(COMMAND, ATTRIBUTES): the result; the attributes (a ctypes buffer) are updated in place."""
    result = libc.syscall(NUMBERS[platform.machine()], command, attributes, len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def attributes(layout, *values):
    buffer = ctypes.create_string_buffer(128)
    struct.pack_into(layout, buffer, 0, *values)
    return buffer


def all_ids(command):
    found = []
    last = 0
    while True:
        buffer = attributes('=III', last, 0, 0)
        try:
            call(command, buffer)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return found
            raise
        last = struct.unpack_from('=I', buffer, 4)[0]
        found.append(last)


class Handle:
    """An open object of the kernel; gone() is true if there was none of that id, or only one that is just being made
    or freed (EAGAIN)."""

    def __init__(self, command, number):
        try:
            self.fd = call(command, attributes('=III', number, 0, 0))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EAGAIN):
                raise
            self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.fd >= 0:
            os.close(self.fd)

    def gone(self):
        return self.fd < 0

    def info(self):
        answer = ctypes.create_string_buffer(256)
        call(INFO_BY_FD, attributes('=IIQ', self.fd, len(answer), ctypes.addressof(answer)))
        return answer.raw


def name_of(raw):
    return raw.split(b'\0', 1)[0].decode(errors='replace')


def programs():
    """id -> name of all programs"""
    found = {}
    for number in all_ids(PROG_NEXT_ID):
        with Handle(PROG_FD_BY_ID, number) as program:
            if not program.gone():
                found[number] = name_of(program.info()[64:80])
    return found


def maps():
    """id -> name of all maps"""
    found = {}
    for number in all_ids(MAP_NEXT_ID):
        with Handle(MAP_FD_BY_ID, number) as one:
            if not one.gone():
                found[number] = name_of(one.info()[24:40])
    return found


class Link:
    def __init__(self, raw):
        self.type, self.id, self.prog_id = struct.unpack_from('=III', raw, 0)
        self.cgroup_id, self.attach_type = struct.unpack_from('=QI', raw, 16)

    def __repr__(self):
        return f'link {self.id} (program {self.prog_id}, cgroup {self.cgroup_id})'


def link(number):
    """The link of an id, None if there is none."""
    with Handle(LINK_FD_BY_ID, number) as one:
        return None if one.gone() else Link(one.info())


def links():
    """id -> Link of all cgroup links"""
    found = {}
    for number in all_ids(LINK_NEXT_ID):
        one = link(number)
        if one and one.type == LINK_TYPE_CGROUP:
            found[number] = one
    return found


def maps_of_program(number):
    """The ids of the maps a program uses, in its order; none of one that has gone meanwhile."""
    with Handle(PROG_FD_BY_ID, number) as program:
        if program.gone():
            return []
        answer = ctypes.create_string_buffer(256)
        ids = ctypes.create_string_buffer(4 * 64)
        struct.pack_into('=I', answer, 52, 64)
        struct.pack_into('=Q', answer, 56, ctypes.addressof(ids))
        call(INFO_BY_FD, attributes('=IIQ', program.fd, len(answer), ctypes.addressof(answer)))
        n = struct.unpack_from('=I', answer, 52)[0]
        return list(struct.unpack_from(f'={n}I', ids, 0))


def lookup(map_id, key, value_size):
    """The value of a key (both bytes) in a map."""
    with Handle(MAP_FD_BY_ID, map_id) as one:
        key_buffer = ctypes.create_string_buffer(key, len(key))
        value = ctypes.create_string_buffer(value_size)
        call(MAP_LOOKUP_ELEM, attributes('=IIQQQ', one.fd, 0, ctypes.addressof(key_buffer),
                                         ctypes.addressof(value), 0))
        return value.raw


def attach(cgroup_fd, program_fd, attach_type):
    call(PROG_ATTACH, attributes('=IIII', cgroup_fd, program_fd, attach_type, ATTACH_MULTI))


def detach(cgroup_fd, program_fd, attach_type):
    call(PROG_DETACH, attributes('=IIII', cgroup_fd, program_fd, attach_type, 0))


def open_pin(path):
    """A descriptor of the object pinned there."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    return call(OBJ_GET, attributes('=QII', ctypes.addressof(name), 0, 0))


def everything():
    """{(kind, id)} of all programs, maps and links"""
    return {(kind, number) for kind, command in
            (('program', PROG_NEXT_ID), ('map', MAP_NEXT_ID), ('link', LINK_NEXT_ID))
            for number in all_ids(command)}
