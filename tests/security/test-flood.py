# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user who does all he can to keep the daemon busy. While that goes on, starts stay fast and the daemon small;
afterwards everything is as before."""

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import time

from bus import Client, call_message
from yard import NOBODY, UNPRIVILEGED, as_nobody, main, until

START_SECONDS = 2.0
DESCRIPTORS = 700  # 256 connections, two each, and what the daemon itself has
MEMORY_MIB = 160


def memory_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024
    return 0


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextlib.contextmanager
def attack(function, *arguments, user=NOBODY):
    """Runs the function over and over in a process of its own, as the user; says how often it came around."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            rounds = 0
            while True:
                rounds += function(*arguments) or 1
                os.write(writer, json.dumps(rounds).encode() + b"\n")
        os._exit(1)
    os.close(writer)
    os.set_blocking(reader, False)
    began = {"rounds": 0}

    def count():
        with contextlib.suppress(BlockingIOError):
            lines = os.read(reader, 1 << 20).split()
            if lines:
                began["rounds"] = int(lines[-1])
        return began["rounds"]

    try:
        assert until(count, 10), "the attack did not begin"
        yield count
        assert os.waitpid(child, os.WNOHANG)[0] == 0, "the attack ended by itself"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        os.close(reader)


def starts_are_fast(yard, n=5):
    """The longest of some starts with a program each; and the daemon stays small meanwhile."""
    pid, worst = yard.daemon.pid, 0.0
    for i in range(n):
        began = time.monotonic()
        result = yard.ctl("run", f"--unit=web@{i}", "--", "true")
        worst = max(worst, time.monotonic() - began)
        assert result.status == 0, result
        assert descriptors(pid) < DESCRIPTORS, descriptors(pid)
        assert memory_mib(pid) < MEMORY_MIB or yard.is_sanitized(), memory_mib(pid)
    assert worst < START_SECONDS, f"a start took {worst:.2f} s"
    return worst


def prepare(yard):
    yard.unit("web@.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.unit("steady.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.start()
    yard.sleeper("steady.service")
    shown = yard.attachments("steady.service")
    assert len(shown) == 1
    starts_are_fast(yard, 1)
    return yard.daemon.pid, descriptors(yard.daemon.pid), shown


def is_as_before(yard, pid, n_descriptors, shown):
    assert yard.is_running() and yard.daemon.pid == pid
    assert until(lambda: descriptors(pid) <= n_descriptors + 2, 12), descriptors(pid)
    assert yard.attachments("steady.service") == shown
    assert as_nobody(ask, yard.run + "/bus") == 1
    starts_are_fast(yard, 2)


def ask(bus):
    client = Client(bus)
    assert client.call("ListUnits").error is None
    return 1


def under(yard, function, *arguments, **options):
    before = prepare(yard)
    with attack(function, *arguments, **options) as count:
        worst = starts_are_fast(yard)
        assert count() > 0
    is_as_before(yard, *before)
    return worst


def open_a_thousand(bus, seconds):
    kept = []
    for _ in range(1000):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.setblocking(False)
        kept.append(one)
        with contextlib.suppress(OSError):
            one.connect(bus)
    time.sleep(seconds)
    return 1


def idle_connections(yard):
    under(yard, open_a_thousand, yard.run + "/bus", 0.3)


def idle_and_greeted(bus):
    kept = []
    for _ in range(40):
        with contextlib.suppress(OSError):
            kept.append(Client(bus, timeout=0.5))
    time.sleep(0.2)
    return 1


def connections_that_say_nothing_more(yard):
    under(yard, idle_and_greeted, yard.run + "/bus")


def connect_and_leave(bus):
    for _ in range(1000):
        with contextlib.suppress(OSError):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.setblocking(False)
            one.connect(bus)
            one.close()
    return 1


def a_thousand_come_and_go(yard):
    under(yard, connect_and_leave, yard.run + "/bus")


def knock_at_the_hook(run):
    for _ in range(1000):
        with contextlib.suppress(OSError):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            one.connect(run + "/hook")
            raise SystemExit("a user reached the hook socket")
    return 1


def the_hook_socket_is_out_of_reach(yard):
    under(yard, knock_at_the_hook, yard.run)


def ask_without_end(bus):
    client = Client(bus, timeout=2)
    for _ in range(300):
        client.call("ListAttachments")
    return 1


def calls_without_end(yard):
    under(yard, ask_without_end, yard.run + "/bus")


def ask_and_not_read(bus):
    clients = []
    for _ in range(30):
        with contextlib.suppress(OSError):
            client = Client(bus, timeout=0.2)
            clients.append(client)
            client.socket.setblocking(False)
            for serial in range(2000):
                client.socket.send(call_message(serial + 1, "Hooks"))
    time.sleep(0.2)
    return 1


def answers_that_nobody_reads(yard):
    under(yard, ask_and_not_read, yard.run + "/bus")


def ask_much_and_not_read(bus):
    clients = []
    for _ in range(30):
        with contextlib.suppress(OSError):
            client = Client(bus, timeout=0.2)
            clients.append(client)
            client.socket.setblocking(False)
            for serial in range(60):
                client.socket.send(call_message(serial + 1, "ListAttachments"))
    time.sleep(0.5)
    return 1


def large_answers_that_nobody_reads(yard):
    """Several hundred kilobytes each; whoever reads gets the whole of it all the same."""
    pid, _, shown = prepare(yard)
    with open(yard.object("count.bpf.o"), "rb") as file:
        content = file.read()
    lines = []
    for n in range(60):
        path = yard.object(f"copy{n}.bpf.o")
        with open(path, "wb") as file:
            file.write(content)
        lines += [f"BPFProgram={way}:{path}#count_{way}" for way in ("egress", "ingress")]
    for n in range(4):
        yard.unit(f"many{n}.service", *lines)
        yard.make_cgroup(f"many{n}.service")
    assert until(lambda: len(yard.attachments()) == 481, 20), len(yard.attachments())
    before = pid, descriptors(pid), shown
    with attack(ask_much_and_not_read, yard.run + "/bus") as count:
        starts_are_fast(yard)
        assert count() > 0
    is_as_before(yard, *before)
    result = yard.ctl("list", "--no-legend", prefix=UNPRIVILEGED)
    assert result.status == 0 and result.out.count("many") == 480, result.out[-300:]


def subscribe_and_not_read(bus):
    clients = []
    for _ in range(30):
        with contextlib.suppress(OSError):
            client = Client(bus, timeout=0.5)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.send("Subscribe")
            clients.append(client)
    time.sleep(1)
    return 1


def subscribers_that_do_not_read(yard):
    under(yard, subscribe_and_not_read, yard.run + "/bus")


def begin_and_stop(bus):
    beginnings = [
        b"",
        b"\0",
        b"\0AUTH",
        b"\0AUTH EXTERNAL 3635353334\r\n",
        b"\0AUTH EXTERNAL 3635353334\r\nNEGOTIATE_UNIX_FD\r\n",
        b"\0" + b"A" * 70000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0AUTH EXTERNAL 3635353334\r\nBEGIN\r\n" + b"\xff" * 200,
        b"\0AUTH EXTERNAL 3635353334\r\nBEGIN\r\nl\1\0\1",
    ]
    kept = []
    for i in range(200):
        with contextlib.suppress(OSError):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.setblocking(False)
            kept.append(one)
            one.connect(bus)
            one.send(beginnings[i % len(beginnings)])
    time.sleep(0.1)
    return 1


def half_finished_handshakes(yard):
    under(yard, begin_and_stop, yard.run + "/bus")


def send_what_is_too_large(bus):
    """Heads that announce 100 MiB, with as much of it as the daemon takes, on all connections at once."""
    kept, head = [], call_message(1, "GetUnit", "s", ["x"])
    head = head[:4] + struct.pack("<I", 100 << 20) + head[8:]
    for _ in range(30):
        with contextlib.suppress(OSError):
            client = Client(bus, timeout=0.3)
            kept.append(client)
            client.socket.sendall(head)
            for _ in range(40):
                client.socket.sendall(b"x" * (1 << 20))
    return 1


def messages_that_are_too_large(yard):
    if yard.is_sanitized():
        return
    under(yard, send_what_is_too_large, yard.run + "/bus")


def send_descriptors(bus):
    """Descriptors are not agreed upon with a user; what comes all the same must not stay open."""
    null = os.open("/dev/null", os.O_RDONLY)
    for _ in range(20):
        with contextlib.suppress(OSError):
            client = Client(bus, timeout=0.3)
            for _ in range(8):
                client.send("ListUnits", fds=[null] * 200)
            client.reply()
    os.close(null)
    return 1


def messages_with_many_descriptors(yard):
    under(yard, send_descriptors, yard.run + "/bus")


def hold_the_hook(run):
    """As root, since nobody else can: one packet short of an answer, on more connections than are served."""
    kept = []
    for _ in range(1000):
        with contextlib.suppress(OSError):
            one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            one.setblocking(False)
            one.connect(run + "/hook")
            kept.append(one)
    time.sleep(0.3)
    return 1


def root_floods_the_hook(yard):
    """Starts by run do not go through it; and it serves again when the flood is over."""
    before = prepare(yard)
    global DESCRIPTORS
    DESCRIPTORS, saved = 1200, DESCRIPTORS
    with attack(hold_the_hook, yard.run, user=0) as count:
        starts_are_fast(yard)
        assert count() > 0
    DESCRIPTORS = saved
    is_as_before(yard, *before)


def the_handshake_has_a_time_limit(yard):
    yard.start()
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.settimeout(15)
    one.connect(yard.run + "/bus")
    one.sendall(b"\0AUTH EXTERNAL ")
    began = time.monotonic()
    assert one.recv(100) == b""
    assert 5 < time.monotonic() - began < 14


def a_call_right_behind_the_handshake_is_answered(yard):
    """In one piece with it, as a client may send it."""
    yard.start()
    for _ in range(20):
        client = Client(yard.run + "/bus", handshake=False, timeout=3)
        uid = str(os.geteuid()).encode().hex().encode()
        calls = call_message(1, "ListUnits") + call_message(2, "Hooks") + call_message(3, "ListUnits")
        client.socket.sendall(b"\0AUTH EXTERNAL " + uid + b"\r\nBEGIN\r\n" + calls)
        assert client.line().startswith(b"OK")
        for _ in range(3):
            assert client.reply().error is None
        client.close()


if __name__ == "__main__":
    main(
        [
            idle_connections,
            connections_that_say_nothing_more,
            a_thousand_come_and_go,
            the_hook_socket_is_out_of_reach,
            calls_without_end,
            answers_that_nobody_reads,
            large_answers_that_nobody_reads,
            subscribers_that_do_not_read,
            half_finished_handshakes,
            messages_that_are_too_large,
            messages_with_many_descriptors,
            root_floods_the_hook,
            the_handshake_has_a_time_limit,
            a_call_right_behind_the_handshake_is_answered,
        ]
    )
