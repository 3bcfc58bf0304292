# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a user without privilege can do: look. The methods are those the running daemon itself tells of, so one that
is added later without protection fails here."""

import errno
import os
import socket
import sys
import xml.etree.ElementTree

from bus import ERROR, MANAGER, METHOD_RETURN, PATH, Client
from yard import NOBODY, UNPRIVILEGED, as_nobody, main

PUBLIC = {"ListAttachments", "ListUnits", "GetUnit", "Hooks", "Subscribe"}
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
STANDARD = "org.freedesktop.DBus."


def some_value(kind):
    return {"s": "web.service", "o": PATH, "t": 1, "u": 1, "h": 0, "as": []}[kind]


def introspect(client, path):
    reply = client.call("Introspect", path=path, interface=STANDARD + "Introspectable")
    assert reply.kind == METHOD_RETURN, reply.error
    return xml.etree.ElementTree.fromstring(reply.string().split("?>")[-1])


def objects_below(client, path):
    """All paths the daemon tells of, with their interfaces."""
    node = introspect(client, path)
    yield path, node.findall("interface")
    for child in node.findall("node"):
        yield from objects_below(client, path.rstrip("/") + "/" + child.get("name"))


def call_everything(bus):
    """Method and answer of each method of each object; a connection for each, as some end in silence."""
    answers = []
    client = Client(bus, timeout=3)
    for path, interfaces in objects_below(client, "/"):
        for interface in interfaces:
            if interface.get("name").startswith(STANDARD):
                continue
            for method in interface.findall("method"):
                kinds = [a.get("type") for a in method.findall("arg") if a.get("direction") == "in"]
                # no descriptor can be sent by a user, so a number stands where one is due
                signature = "".join(kinds)
                one = Client(bus, timeout=3)
                try:
                    reply = one.call(
                        method.get("name"),
                        signature.replace("h", "u"),
                        [some_value(kind) for kind in kinds],
                        path=path,
                        interface=interface.get("name"),
                    )
                    answers.append([method.get("name"), reply.error])
                except OSError as error:
                    answers.append([method.get("name"), str(error)])
                one.close()
    return answers


def a_user_calls_every_method_of_the_bus(yard):
    yard.unit("web.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.start()
    yard.sleeper("web.service")
    before = yard.attachments()
    assert len(before) == 1, before
    answers = dict(as_nobody(call_everything, yard.run + "/bus"))
    assert PUBLIC <= set(answers) and len(answers) >= 20, answers
    for name, error in answers.items():
        if name in PUBLIC:
            assert error is None, (name, error)
        elif name == "AttachProgram":
            # its arguments are descriptors, which the handshake did not grant
            assert error in (DENIED, "org.freedesktop.DBus.Error.InvalidArgs"), (name, error)
        else:
            assert error == DENIED, f"{name} answered {error} to a user"
    # root is told something else than "denied" by the same calls, so the walk above was not refused for its arguments
    client = Client(yard.run + "/bus")
    assert client.call("Dump").kind == METHOD_RETURN
    assert client.call("SetLogLevel", "s", ["info"]).kind == METHOD_RETURN
    client.close()
    assert yard.attachments() == before, "a user changed something"


def set_every_property(bus):
    client, errors = Client(bus), []
    for path, interfaces in list(objects_below(client, "/")):
        for interface in interfaces:
            for one in interface.findall("property"):
                if one.get("access") != "read":
                    errors.append(f"{path} {one.get('name')} is {one.get('access')}")
    reply = client.call("Get", "ss", [MANAGER, "Version"], interface=STANDARD + "Properties")
    if reply.kind != METHOD_RETURN:
        errors.append(f"cannot read Version: {reply.error}")
    return errors


def no_property_can_be_written(yard):
    yard.unit("web.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.start()
    yard.sleeper("web.service")
    yard.attachments()
    assert as_nobody(set_every_property, yard.run + "/bus") == []


def a_user_sees_list_and_status_only(yard):
    yard.unit("web.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.start()
    yard.sleeper("web.service")
    before = yard.attachments()
    for words in (["list"], ["units"], ["status", "web.service"], ["show", "web.service"]):
        result = yard.ctl(*words, prefix=UNPRIVILEGED)
        assert result.status == 0 and "web.service" in result.out, (words, result)
    for words in (
        ["detach", "web.service"],
        ["detach", str(before[0]["id"])],
        ["detach", "--all"],
        ["attach", "web.service"],
        ["plan", "web.service"],
        ["maps", "web.service"],
        ["tree"],
        ["dump"],
        ["adopt", "web.service", "1"],
        ["daemon-reload"],
        ["daemon-reexec"],
        ["log-level", "debug"],
        ["status", "--effective", "web.service"],
    ):
        result = yard.ctl(*words, prefix=UNPRIVILEGED)
        assert result.status == 1, (words, result)
        assert "denied" in result.err.lower() or "root" in result.err, (words, result)
    result = yard.ctl("run", "--unit=mine", "--", "true", prefix=UNPRIVILEGED)
    assert result.status == 125, result
    assert yard.attachments() == before, "a user changed something"


def errors_of_opening(paths):
    found = []
    for path, flags in paths:
        try:
            os.close(os.open(path, flags))
            found.append(0)
        except OSError as error:
            found.append(error.errno)
    return found


def connect_hook(path):
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return one.connect_ex(path)


def nothing_of_the_daemon_can_be_opened(yard):
    yard.unit("web.service", f"BPFProgram=egress:{yard.object('count.bpf.o')}#count_egress")
    yard.start()
    yard.sleeper("web.service")
    one = yard.attachments()[0]
    links = f"{yard.bpffs}/unitbpf/links"
    assert os.listdir(links) == [str(one["id"])], os.listdir(links)
    paths = [
        (yard.run + "/state", os.O_RDONLY),
        (yard.run + "/state", os.O_WRONLY),
        (yard.run + "/lock", os.O_RDWR),
        (yard.run + "/lease", os.O_RDONLY | os.O_DIRECTORY),
        (yard.run + "/lease/1", os.O_WRONLY | os.O_NONBLOCK),
        (yard.run + "/transient", os.O_RDONLY | os.O_DIRECTORY),
        (yard.run + "/new", os.O_WRONLY | os.O_CREAT),
        (links, os.O_RDONLY | os.O_DIRECTORY),
        (f"{links}/{one['id']}", os.O_PATH),
        (yard.cgroup + "/web.service/cgroup.procs", os.O_WRONLY),
    ]
    found = as_nobody(errors_of_opening, paths)
    for (path, _), error in zip(paths, found):
        assert error == errno.EACCES, f"{path}: {os.strerror(error) if error else 'opened'}"
    assert as_nobody(connect_hook, yard.run + "/hook") == errno.EACCES
    for path in (yard.run, yard.run + "/bus", links):
        assert os.stat(path).st_uid == 0
    assert NOBODY != os.stat(yard.run + "/bus").st_uid


def pretend_root(bus):
    """The handshake with another's uid."""
    client = Client(bus, handshake=False)
    client.socket.sendall(b"\0AUTH EXTERNAL " + b"0".hex().encode() + b"\r\n")
    first = client.line().decode()
    client = Client(bus, handshake=False)
    client.socket.sendall(b"\0AUTH ANONYMOUS\r\n")
    return [first, client.line().decode()]


def a_user_is_not_taken_for_root(yard):
    yard.start()
    for answer in as_nobody(pretend_root, yard.run + "/bus"):
        assert answer.startswith("REJECTED"), answer


def inherited_connection(yard_run):
    """A connection made by root and handed to a user stays root's; the other way round it stays the user's."""
    client = Client(yard_run + "/bus")
    reply = client.call("DetachAll")
    return reply.error if reply.kind == ERROR else None


def a_user_of_a_user_namespace_is_no_root(yard):
    yard.start()
    result = yard.ctl(
        "detach", "--all", prefix=[*UNPRIVILEGED, "unshare", "--user", "--map-root-user"]
    )
    assert result.status == 1, result
    assert as_nobody(inherited_connection, yard.run) == DENIED


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main(
        [
            a_user_calls_every_method_of_the_bus,
            no_property_can_be_written,
            a_user_sees_list_and_status_only,
            nothing_of_the_daemon_can_be_opened,
            a_user_is_not_taken_for_root,
            a_user_of_a_user_namespace_is_no_root,
        ]
    )
