# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client small enough to misbehave on purpose: it can stop in the middle of anything."""

import os
import socket
import struct

SERVICE, PATH, MANAGER = "org.unitbpf1", "/org/unitbpf1", "org.unitbpf1.Manager"
METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4


def pad(data, to):
    return data + b"\0" * (-len(data) % to)


def text(value):
    raw = value.encode()
    return struct.pack("<I", len(raw)) + raw + b"\0"


def marshal(signature, values):
    """Of the types s o t u h as, which is all that is needed."""
    out, rest, values = b"", signature, list(values)
    while rest:
        if rest.startswith("as"):
            items = b""
            for item in values.pop(0):
                items = pad(items, 4) + text(item)
            out = pad(out, 4) + struct.pack("<I", len(items)) + items
            rest = rest[2:]
            continue
        kind, rest = rest[0], rest[1:]
        if kind in "so":
            out = pad(out, 4) + text(values.pop(0))
        elif kind in "uh":
            out = pad(out, 4) + struct.pack("<I", values.pop(0))
        elif kind == "t":
            out = pad(out, 8) + struct.pack("<Q", values.pop(0))
        else:
            raise ValueError(kind)
    return out


def call_message(serial, member, signature="", values=(), path=PATH, interface=MANAGER, n_fds=0):
    body = marshal(signature, values)
    fields = b""
    rows = [(1, "o", path), (2, "s", interface), (3, "s", member), (6, "s", SERVICE)]
    for code, kind, value in rows:
        fields = pad(fields, 8) + bytes([code, 1]) + kind.encode() + b"\0" + text(value)
    if signature:
        raw = signature.encode()
        fields = pad(fields, 8) + bytes([8, 1]) + b"g\0" + bytes([len(raw)]) + raw + b"\0"
    if n_fds:
        fields = pad(fields, 8) + bytes([9, 1]) + b"u\0" + struct.pack("<I", n_fds)
    head = struct.pack("<cBBBIII", b"l", METHOD_CALL, 0, 1, len(body), serial, len(fields))
    return pad(head + fields, 8) + body


class Reply:
    def __init__(self, kind, error, body):
        self.kind, self.error, self.body = kind, error, body

    def string(self):
        n = struct.unpack_from("<I", self.body)[0]
        return self.body[4 : 4 + n].decode()


class Client:
    def __init__(self, path, timeout=10.0, handshake=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.buffer, self.serial = b"", 0
        if handshake:
            self.handshake()

    def handshake(self):
        uid = str(os.geteuid()).encode().hex()
        self.socket.sendall(f"\0AUTH EXTERNAL {uid}\r\n".encode())
        line = self.line()
        if not line.startswith(b"OK"):
            raise ConnectionError(line)
        self.socket.sendall(b"NEGOTIATE_UNIX_FD\r\n")
        self.fds_agreed = self.line().startswith(b"AGREE")
        self.socket.sendall(b"BEGIN\r\n")

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the daemon")
        self.buffer += data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def message(self):
        while len(self.buffer) < 16:
            self.fill()
        kind = self.buffer[1]
        body, _, fields = struct.unpack_from("<III", self.buffer, 4)
        head = 16 + fields + (-fields % 8)
        while len(self.buffer) < head + body:
            self.fill()
        header, content = self.buffer[16 : 16 + fields], self.buffer[head : head + body]
        self.buffer = self.buffer[head + body :]
        return kind, header, content

    def send(self, member, signature="", values=(), fds=(), **where):
        self.serial += 1
        data = call_message(self.serial, member, signature, values, n_fds=len(fds), **where)
        if fds:
            socket.send_fds(self.socket, [data], list(fds))
        else:
            self.socket.sendall(data)

    def reply(self):
        """The next answer; signals are passed over."""
        while True:
            kind, header, body = self.message()
            if kind == SIGNAL:
                continue
            return Reply(kind, error_name(header) if kind == ERROR else None, body)

    def call(self, member, signature="", values=(), **where):
        self.send(member, signature, values, **where)
        return self.reply()

    def close(self):
        self.socket.close()


def error_name(header):
    at = 0
    while at < len(header):
        at += -at % 8
        code, kind = header[at], header[at + 2 : at + 3]
        at += 4
        if kind in (b"s", b"o"):
            n = struct.unpack_from("<I", header, at)[0]
            if code == 4:
                return header[at + 4 : at + 4 + n].decode()
            at += 4 + n + 1
        elif kind == b"g":
            at += 1 + header[at] + 1
        else:
            at += 4
    return None
