# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program attached by descriptors lives as long as a copy of its lease: over a re-exec and a crash of the daemon,
and not a moment longer, also if the last copy went while the daemon was down. Asked of the kernel each time."""

import errno
import os
import signal
import subprocess

from yard import LINK_BY_ID, bpftool, command, is_there, main, until


def load(yard, name="deny.bpfobj"):
    """A pinned program on a bpffs; leaving the yard unmounts it."""
    pin = f"{yard.bpffs}/{name.split('.')[0]}"
    if not os.path.exists(pin):
        result = command("bpftool", "prog", "load", yard.object(name), pin, "type", "cgroup/connect4")
        assert result.status == 0, result
        yard.programs.add(bpftool("prog", "show", "pinned", pin)["id"])
    return pin


class Client:
    def __init__(self, yard, cgroup, *options):
        self.process = subprocess.Popen(
            [
                yard.build + "/tests/security/lease-client",
                yard.run + "/bus",
                load(yard),
                cgroup,
                "connect4",
                *options,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        yard.children.append(self.process)
        self.answer = self.process.stdout.readline().split(" ", 1)
        self.id = int(self.answer[1]) if self.answer[0] == "id" else None

    def say(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()


def prepare(yard):
    """A cgroup in which a program denies to connect, held by a client; its attachment as the daemon shows it."""
    yard.start()
    cgroup = yard.make_cgroup("place.service")
    assert yard.connect_from(cgroup) == 0
    client = Client(yard, cgroup)
    assert client.id, client.answer
    shown = yard.attachments()
    assert [one["id"] for one in shown] == [client.id], shown
    assert is_denied(yard, cgroup)
    return cgroup, client, shown[0]


def is_denied(yard, cgroup):
    return yard.connect_from(cgroup) == errno.EPERM


def is_gone(yard, cgroup, shown):
    """The link, the effect, the entry in the list, the FIFO, the pin: all of it."""
    link_gone = until(lambda: not is_there(LINK_BY_ID, shown["link_id"]))
    assert link_gone, "the link is still there"
    assert yard.connect_from(cgroup) == 0, "the program is still in force"
    if yard.is_running():
        assert until(lambda: yard.attachments() == []), yard.attachments()
        assert until(lambda: os.listdir(yard.run + "/lease") == [])
        assert os.listdir(yard.bpffs + "/unitbpf/links") == []
    return True


def ends_when_the_client_exits(yard):
    cgroup, client, shown = prepare(yard)
    client.say("exit")
    assert client.process.wait(5) == 0
    assert is_gone(yard, cgroup, shown)


def ends_when_the_client_is_killed(yard):
    cgroup, client, shown = prepare(yard)
    client.process.kill()
    client.process.wait()
    assert is_gone(yard, cgroup, shown)


def ends_when_the_client_closes_it(yard):
    cgroup, client, shown = prepare(yard)
    client.say("close")
    assert is_gone(yard, cgroup, shown)
    assert client.process.poll() is None


def stays_with_whom_it_was_handed_to(yard):
    cgroup, client, shown = prepare(yard)
    client.say("hand")
    assert client.process.wait(5) == 0
    keeper = int(client.process.stdout.readline().split()[1])
    try:
        assert not until(lambda: not is_there(LINK_BY_ID, shown["link_id"]), 0.5)
        assert is_denied(yard, cgroup)
    finally:
        os.kill(keeper, signal.SIGKILL)
    assert is_gone(yard, cgroup, shown)


def the_client_dies_while_the_daemon_is_down(yard):
    cgroup, client, shown = prepare(yard)
    yard.kill()
    assert is_denied(yard, cgroup), "the kill of the daemon opened the cgroup"
    client.process.kill()
    client.process.wait()
    assert is_denied(yard, cgroup), "nobody is there to take it off"
    yard.start()
    assert is_gone(yard, cgroup, shown)


def stays_over_crash_and_restart(yard):
    cgroup, client, shown = prepare(yard)
    for how in (signal.SIGKILL, signal.SIGTERM):
        yard.stop(how=how)
        assert is_denied(yard, cgroup)
        yard.start()
        assert is_denied(yard, cgroup)
        assert [(one["id"], one["link_id"]) for one in yard.attachments()] == [
            (shown["id"], shown["link_id"])
        ]
    client.process.kill()
    client.process.wait()
    assert is_gone(yard, cgroup, shown)


def stays_over_reexec(yard):
    cgroup, client, shown = prepare(yard)
    pid = yard.daemon.pid
    for _ in range(3):
        result = yard.ctl("daemon-reexec")
        assert result.status == 0, result
        assert is_denied(yard, cgroup)
    assert yard.daemon.pid == pid and yard.is_running()
    assert [(one["id"], one["link_id"]) for one in yard.attachments()] == [
        (shown["id"], shown["link_id"])
    ]
    client.process.kill()
    client.process.wait()
    assert is_gone(yard, cgroup, shown)


def detach_ends_a_lease_for_good(yard):
    """The holder's descriptor is then worth nothing, over a restart too."""
    cgroup, client, shown = prepare(yard)
    assert yard.ctl("detach", str(shown["id"])).status == 0
    assert is_gone(yard, cgroup, shown)
    yard.kill()
    yard.start()
    assert is_gone(yard, cgroup, shown)
    assert client.process.poll() is None
    again = Client(yard, cgroup)
    assert again.id and again.id > shown["id"], "ids are never used twice"
    again.say("exit")
    assert until(lambda: yard.attachments() == [])


def the_cgroup_goes_before_the_lease(yard):
    cgroup, client, shown = prepare(yard)
    os.rmdir(cgroup)
    client.process.kill()
    client.process.wait()
    assert until(lambda: yard.attachments() == []), yard.attachments()
    assert until(lambda: not is_there(LINK_BY_ID, shown["link_id"]))
    assert os.listdir(yard.run + "/lease") == []


def wrong_arguments_attach_nothing(yard):
    yard.start()
    cgroup = yard.make_cgroup("place.service")
    for directory, options in (
        (yard.units, []),
        (yard.bpffs, []),
        (cgroup, ["via=teleport"]),
        (cgroup, ["exclusive", "via=link"]),
    ):
        client = Client(yard, directory, *options)
        assert client.answer[0] == "error" and len(client.answer[1]) > 10, (options, client.answer)
        client.process.wait(5)
    assert yard.attachments() == []
    assert yard.connect_from(cgroup) == 0
    assert os.listdir(yard.run + "/lease") == []


def legacy_leases_end_too(yard):
    yard.start()
    cgroup = yard.make_cgroup("place.service")
    client = Client(yard, cgroup, "via=legacy")
    assert client.id, client.answer
    assert len(yard.attachments()) == 1
    assert is_denied(yard, cgroup)
    yard.kill()
    client.process.kill()
    client.process.wait()
    assert is_denied(yard, cgroup)
    yard.start()
    assert yard.connect_from(cgroup) == 0 and yard.attachments() == []


if __name__ == "__main__":
    main(
        [
            ends_when_the_client_exits,
            ends_when_the_client_is_killed,
            ends_when_the_client_closes_it,
            stays_with_whom_it_was_handed_to,
            the_client_dies_while_the_daemon_is_down,
            stays_over_crash_and_restart,
            stays_over_reexec,
            detach_ends_a_lease_for_good,
            the_cgroup_goes_before_the_lease,
            wrong_arguments_attach_nothing,
            legacy_leases_end_too,
        ]
    )
