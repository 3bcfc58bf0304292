# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else who attaches programs to cgroups: by bare system calls, in all the ways there are."""

import ctypes
import os
import struct

from yard import BPF_SYSCALL, libc

OBJ_PIN, OBJ_GET, PROG_ATTACH, PROG_DETACH, OBJ_INFO, PROG_QUERY, LINK_CREATE = 6, 7, 8, 9, 15, 16, 28
CONNECT4, EGRESS = 10, 1
EXCLUSIVE, OVERRIDE, MULTI = 0, 1, 2
QUERY_EFFECTIVE = 1


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = libc.syscall(BPF_SYSCALL, command, buffer, 128)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result, buffer.raw


def path_attributes(path, fd=0):
    text = ctypes.create_string_buffer(path.encode())
    return text, struct.pack("<QI", ctypes.addressof(text), fd)


def open_pin(path):
    text, attributes = path_attributes(path)
    fd = bpf(OBJ_GET, attributes)[0]
    del text
    return fd


def pin(fd, path):
    text, attributes = path_attributes(path, fd)
    bpf(OBJ_PIN, attributes)
    del text


def program_id(fd):
    info = ctypes.create_string_buffer(256)
    bpf(OBJ_INFO, struct.pack("<IIQ", fd, 256, ctypes.addressof(info)))
    return struct.unpack_from("<II", info.raw)[1]


def query(cgroup, attach_type=CONNECT4, effective=False):
    """Ids of the programs attached to the cgroup itself, or in force there."""
    ids = (ctypes.c_uint32 * 128)()
    fd = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = QUERY_EFFECTIVE if effective else 0
        _, out = bpf(
            PROG_QUERY,
            struct.pack("<IIIIQI", fd, attach_type, flags, 0, ctypes.addressof(ids), 128),
        )
    finally:
        os.close(fd)
    return list(ids[: struct.unpack_from("<I", out, 24)[0]])


class Foreign:
    """A program of somebody else on a cgroup, until remove()."""

    def __init__(self, program, cgroup, kind, pin_path=None, attach_type=CONNECT4):
        self.cgroup, self.kind, self.type = cgroup, kind, attach_type
        self.program = open_pin(program)
        self.id = program_id(self.program)
        self.directory = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
        self.link = self.pin = None
        try:
            if kind in ("link", "pinned"):
                self.link = bpf(
                    LINK_CREATE, struct.pack("<IIII", self.program, self.directory, attach_type, 0)
                )[0]
                if kind == "pinned":
                    pin(self.link, pin_path)
                    self.pin = pin_path
                    os.close(self.link)
                    self.link = None
            else:
                flags = {"multi": MULTI, "override": OVERRIDE, "exclusive": EXCLUSIVE}[kind]
                self.attach(flags)
        except OSError:
            self.close()
            raise

    def attach(self, flags):
        bpf(PROG_ATTACH, struct.pack("<IIII", self.directory, self.program, self.type, flags))

    def is_there(self):
        return query(self.cgroup, self.type).count(self.id) == 1

    def remove(self):
        """Takes it off; an error if it is not there."""
        if self.kind in ("multi", "override", "exclusive"):
            bpf(PROG_DETACH, struct.pack("<III", self.directory, self.program, self.type))
        if self.pin:
            os.unlink(self.pin)
        self.close()

    def close(self):
        for fd in (self.link, self.directory, self.program):
            if fd is not None:
                os.close(fd)
        self.link = self.directory = self.program = None
