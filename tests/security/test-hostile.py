# SPDX-License-Identifier: LGPL-2.1-or-later
"""A system that is not as it should be: directories that are wrong, full or gone, too few descriptors, forbidden
system calls, absurd files and names. The daemon says what is wrong, refuses what it cannot do, and loses nothing."""

import errno
import json
import os
import signal
import subprocess
import threading
import time

from yard import LINK_BY_ID, NOBODY, is_there, main, until


def deny_line(yard):
    return f"BPFProgram=connect4:{yard.object('deny.bpfobj')}"


def is_denied(yard, unit):
    return yard.connect_from(f"{yard.cgroup}/{unit}") == errno.EPERM


def protected(yard, unit="web.service"):
    """A unit that runs and may not connect; its attachment."""
    yard.unit(unit, deny_line(yard))
    yard.sleeper(unit)
    shown = yard.attachments(unit)
    assert len(shown) == 1 and is_denied(yard, unit)
    return shown[0]


def same_link(yard, shown):
    return [(one["id"], one["link_id"], one["state"]) for one in yard.attachments(shown["unit"])] == [
        (shown["id"], shown["link_id"], "attached")
    ]


# ---- starting ----


def refuses(yard, words, **changes):
    result = yard.try_start(**changes)
    assert result.status == 1, (changes, result)
    for word in words:
        assert word in result.err, (word, changes, result)


def a_runtime_directory_that_is_wrong(yard):
    with open(yard.top + "/file", "w", encoding="utf-8"):
        pass
    refuses(yard, [yard.top + "/file"], runtime_dir=yard.top + "/file")
    refuses(yard, [yard.top + "/file/run"], runtime_dir=yard.top + "/file/run")
    os.mkdir(yard.top + "/theirs")
    os.chown(yard.top + "/theirs", NOBODY, NOBODY)
    refuses(yard, [yard.top + "/theirs", "65534"], runtime_dir=yard.top + "/theirs")
    os.mkdir(yard.top + "/open")
    os.chmod(yard.top + "/open", 0o777)
    refuses(yard, [yard.top + "/open", "writable"], runtime_dir=yard.top + "/open")
    long = yard.top + "/" + "x" * 120
    refuses(yard, ["long"], runtime_dir=long)
    os.mkdir(yard.top + "/ro")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", yard.top + "/ro"], check=True)
    try:
        refuses(yard, [yard.top + "/ro", "Read-only"], runtime_dir=yard.top + "/ro/run")
    finally:
        subprocess.run(["umount", yard.top + "/ro"], check=True)
    result = yard.try_start(runtime_dir="relative/path")
    assert result.status == 2 and "absolute" in result.err, result


def a_cgroup_root_that_is_wrong(yard):
    os.mkdir(yard.top + "/plain")
    refuses(yard, [yard.top + "/plain"], cgroup_root=yard.top + "/plain")
    refuses(yard, [yard.config], cgroup_root=yard.config)
    refuses(yard, [yard.cgroup + "/no/such/parent"], cgroup_root=yard.cgroup + "/no/such/parent")


def lives_all_the_same(yard, path, words):
    """Serves, says aloud what is wrong, and still attaches; what was attached when it ended."""
    before = len(yard.log())
    yard.start(bpffs=path)
    log = yard.log()[before:]
    for word in (path, *words):
        assert word in log, (path, word, log)
    shown = protected(yard)
    assert is_there(LINK_BY_ID, shown["link_id"])
    assert yard.stop() == 0
    return shown


def a_bpffs_that_is_wrong(yard):
    theirs, readonly = yard.top + "/their-bpffs", yard.top + "/ro-bpffs"
    for path, options in ((theirs, "rw"), (readonly, "ro")):
        os.mkdir(path)
        subprocess.run(["mount", "-t", "bpf", "-o", options, "bpf", path], check=True)
    os.chown(theirs, NOBODY, NOBODY)
    try:
        for path in (yard.config, theirs, readonly):
            shown = lives_all_the_same(yard, path, ["No BPF file system", "not outlive"])
            assert until(lambda i=shown["link_id"]: not is_there(LINK_BY_ID, i)), path
            yard.remove_cgroups()
    finally:
        subprocess.run(["umount", theirs], check=True)
        subprocess.run(["umount", readonly], check=True)


def a_bpffs_that_is_not_mounted(yard):
    """It is mounted, where nothing is and where a plain directory is, and that is said."""
    os.mkdir(yard.top + "/plain")
    for path in (yard.top + "/nowhere", yard.top + "/plain"):
        try:
            shown = lives_all_the_same(yard, path, ["mounted a BPF file system"])
            assert is_there(LINK_BY_ID, shown["link_id"]) and is_denied(yard, "web.service")
            yard.start(bpffs=path)
            assert same_link(yard, shown)
            yard.ctl("detach", "--all")
            yard.stop()
        finally:
            subprocess.run(["umount", "-l", path], check=True)
        yard.remove_cgroups()


def a_second_daemon_is_refused(yard):
    pid = yard.start()
    shown = protected(yard)
    result = yard.try_start()
    assert result.status == 1 and "another unitbpfd" in result.err and yard.run in result.err, result
    assert yard.is_running() and yard.daemon.pid == pid
    assert same_link(yard, shown) and is_denied(yard, "web.service")


def a_runtime_directory_that_is_deleted(yard):
    """Nobody can talk to it any more, but what it holds holds; the next one takes over from the pins."""
    yard.start()
    shown = protected(yard)
    subprocess.run(["rm", "-rf", yard.run], check=True)
    yard.daemon.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert is_denied(yard, "web.service") and yard.is_running()
    yard.stop()
    assert is_denied(yard, "web.service")
    yard.start()
    assert is_denied(yard, "web.service")
    found = yard.attachments()
    assert [one["link_id"] for one in found if one["state"] == "attached"], found
    assert is_denied(yard, "web.service")
    yard.links.add(shown["link_id"])


# ---- running ----


def a_full_disk(yard):
    """The state cannot be written: starts are refused, a reload keeps what is there, and later all goes on."""
    os.mkdir(yard.run)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k,mode=755", "tmpfs", yard.run], check=True
    )
    try:
        yard.start()
        shown = protected(yard)
        with open(yard.run + "/filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 512)
            except OSError as error:
                assert error.errno == errno.ENOSPC
        # what is left in the last block of the state is used up soon
        yard.unit("other@.service", deny_line(yard))
        results = [yard.ctl("run", f"--unit=other@{n}", "--", "true") for n in range(40)]
        assert results[-1].status == 125, results[-1]
        assert "space" in results[-1].err, results[-1]
        assert same_link(yard, shown)
        yard.unit("web.service", deny_line(yard), f"BPFProgram=egress:{yard.object('allow.bpfobj')}")
        assert yard.ctl("daemon-reload").status in (0, 1)
        assert yard.is_state("web.service", "failed") or yard.is_state("web.service", "degraded")
        status = yard.ctl("status", "web.service")
        assert status.status == 1 and "space" in status.out, status
        assert is_denied(yard, "web.service")
        yard.kill()
        assert is_denied(yard, "web.service")
        os.unlink(yard.run + "/filler")
        yard.start()
        assert is_denied(yard, "web.service")
        assert until(lambda: yard.is_state("web.service", "covered")), yard.ctl("status")
        assert yard.ctl("run", "--unit=other@x", "--", "true").status == 0
        assert until(lambda: {one["unit"] for one in yard.attachments()} == {"web.service"})
        yard.ctl("detach", "--all")
        yard.stop()
    finally:
        if yard.daemon:
            yard.kill()
        subprocess.run(["umount", "-l", yard.run], check=True)


def a_bpffs_that_is_unmounted(yard):
    """Descriptors go on to hold. A new start says that it cannot be made to outlive a kill, or is refused."""
    yard.start()
    shown = protected(yard)
    subprocess.run(["umount", "-l", yard.bpffs], check=True)
    assert is_there(LINK_BY_ID, shown["link_id"]) and is_denied(yard, "web.service")
    yard.unit("other.service", deny_line(yard))
    result = yard.ctl("run", "--unit=other", "--", "true")
    assert result.status == 125 and yard.bpffs in result.err, result
    assert same_link(yard, shown)
    subprocess.run(["mount", "-t", "bpf", "bpf", yard.bpffs], check=True)
    os.chmod(yard.bpffs, 0o755)
    assert yard.ctl("daemon-reload").status == 0
    assert is_denied(yard, "web.service")


def too_few_descriptors(yard):
    """Beyond the limit starts are refused with the reason; those that run stay protected, and it recovers."""
    yard.unit("many@.service", deny_line(yard))
    yard.start(prefix=["prlimit", "--nofile=40:40"])
    shown = protected(yard)
    children, refused = [], None
    for n in range(60):
        child = yard.run_unit(f"many@{n}", "--", "sleep", "300")
        children.append(child)
        ready = until(lambda n=n, c=child: yard.is_inside(f"many@{n}.service") or c.poll() is not None)
        assert ready, n
        if child.poll() is not None:
            refused = child.stdout.read()
            break
    if refused is not None:
        assert "Too many open files" in refused or "descriptors" in refused, refused
    assert yard.is_running() and is_denied(yard, "web.service")
    for child in children:
        child.kill()
    for n in range(len(children)):
        path = f"{yard.cgroup}/many@{n}.service/cgroup.kill"
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write("1")
    assert until(lambda: yard.ctl("list").status == 0)
    assert until(lambda: len(yard.attachments()) == 1), yard.attachments()
    assert same_link(yard, shown)
    assert yard.ctl("run", "--unit=many@last", "--", "true").status == 0


WITHOUT_MEMFD = """
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, %d), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
program = b"".join(struct.pack("HBBI", *one) for one in code)
buffer = ctypes.create_string_buffer(program)
fprog = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.create_string_buffer(fprog)) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
MEMFD_CREATE = {"x86_64": 319, "aarch64": 279}


def a_reexec_that_is_forbidden(yard):
    """memfd_create() answers EPERM: the daemon stays as it is, and says so."""
    number = MEMFD_CREATE.get(os.uname().machine)
    if number is None:
        return
    pid = yard.start(prefix=["/usr/bin/python3", "-I", "-c", WITHOUT_MEMFD % number])
    shown = protected(yard)
    result = yard.ctl("daemon-reexec")
    assert result.status == 1 and "not permitted" in result.err, result
    assert yard.is_running() and yard.daemon.pid == pid
    assert same_link(yard, shown)
    assert yard.ctl("run", "--unit=other", "--", "true").status == 0


def processes_that_are_moved_out(yard):
    """The unit is empty then, so it has ended: its cgroup and programs go, wherever the processes are now."""
    yard.start()
    shown = protected(yard)
    elsewhere = yard.make_cgroup("elsewhere")
    with open(f"{yard.cgroup}/web.service/cgroup.procs", encoding="ascii") as file:
        for pid in file.read().split():
            with open(elsewhere + "/cgroup.procs", "w", encoding="ascii") as target:
                target.write(pid)
    assert until(lambda: not os.path.exists(f"{yard.cgroup}/web.service"))
    assert until(lambda: yard.attachments() == [])
    assert until(lambda: not is_there(LINK_BY_ID, shown["link_id"]))


def starts_while_it_reexecutes(yard):
    """No call of root is lost, however often."""
    yard.unit("many@.service", deny_line(yard))
    yard.start()
    shown = protected(yard)
    failures, done, stop = [], [], threading.Event()

    def start_over_and_over(name):
        while not stop.is_set():
            result = yard.ctl("run", f"--unit=many@{name}-{len(done)}", "--", "sh", "-c", "exit 7")
            done.append(name)
            if result.status != 7:
                failures.append(result)

    threads = [threading.Thread(target=start_over_and_over, args=(n,)) for n in "abc"]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        assert yard.ctl("daemon-reexec").status == 0
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(done) > 20 and not failures, failures[:3]
    # what ended between two processes looks like what nobody has moved into yet, for which ten seconds are allowed
    assert until(lambda: len(yard.attachments()) == 1, 14, 0.5)
    assert same_link(yard, shown)


# ---- stopping ----


def stopped_with_keep_it_holds_on(yard):
    yard.start()
    shown = protected(yard)
    for how in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        yard.stop(how=how)
        assert is_there(LINK_BY_ID, shown["link_id"]) and is_denied(yard, "web.service")
        yard.start()
        assert same_link(yard, shown), how


def stopped_with_detach_it_lets_go(yard):
    with open(yard.config, "w", encoding="utf-8") as file:
        file.write("[Daemon]\nOnStop=detach\n")
    yard.start()
    shown = protected(yard)
    assert yard.stop() == 0
    assert until(lambda: not is_there(LINK_BY_ID, shown["link_id"]))
    assert yard.connect_from(f"{yard.cgroup}/web.service") == 0
    assert os.listdir(yard.bpffs + "/unitbpf/links") == []


def detach_all_leaves_nothing(yard):
    yard.start()
    shown = protected(yard)
    assert yard.ctl("detach", "--all").status == 0
    assert until(lambda: not is_there(LINK_BY_ID, shown["link_id"]))
    assert os.listdir(yard.bpffs + "/unitbpf/links") == []
    # held off, also over a restart, until told otherwise
    yard.kill()
    yard.start()
    assert yard.connect_from(f"{yard.cgroup}/web.service") == 0
    assert [one["state"] for one in yard.attachments()] == ["held-off"], yard.attachments()
    assert yard.ctl("attach", "web.service").status == 0
    assert is_denied(yard, "web.service")


# ---- names and files ----


def strange_names(yard):
    names = [
        "a\\x2db.service",
        "a@b-c\\x40d.service",
        "with:colon.service",
        "x_y.z.service",
        "m@" + "i" * 200 + ".service",
        "dash-.service",
        "a@b@c.service",
    ]
    yard.unit("a@.service", deny_line(yard))
    yard.unit("m@.service", deny_line(yard))
    yard.start()
    for name in names:
        if "@" not in name:
            yard.unit(name, deny_line(yard))
        child = yard.sleeper(name)
        assert is_denied(yard, name), name
        result = yard.ctl("show", name, "--json=short")
        assert result.status == 0, (name, result)
        shown = json.loads(result.out)
        assert shown[0]["unit"] == name and shown[0]["state"] == "covered", shown
        assert yard.ctl("status", name).status == 0
        yard.kill()
        yard.start()
        assert [one["unit"] for one in yard.attachments(name)] == [name], yard.attachments()
        yard.end(name, child)
        assert until(lambda n=name: yard.attachments(n) == [])
    for name in ("../escape", "a/b", "", "a b", "x" * 300, "a\nb", "a@.service",
                 "web.slice", "..service/..", "é.service"):  # fmt: skip
        result = yard.ctl("run", "--unit=" + name, "--", "true")
        if name:
            assert result.status == 125 and len(result.err) > 10, (name, result)
        assert not os.path.exists(yard.top + "/escape")
    assert until(lambda: os.listdir(yard.run + "/transient") == []), os.listdir(yard.run + "/transient")


def specifiers_of_instances(yard):
    """An instance name cannot lead the path of an object elsewhere than the file says."""
    os.symlink(yard.object("deny.bpfobj"), yard.top + "/secret")
    yard.unit("esc@.service", f"BPFProgram=connect4:{yard.objects}/%i.bpfobj")
    yard.unit("raw@.service", f"BPFProgram=connect4:{yard.objects}/%I.bpfobj")
    yard.start()
    assert yard.ctl("run", "--unit=esc@deny", "--", "true").status == 0
    for name in ("esc@..-deny.service", "raw@..-objects-deny.service", "raw@-etc-passwd.service",
                 "raw@deny\\x23nobody.service", "esc@de\\x00ny.service"):  # fmt: skip
        result = yard.ctl("run", "--unit=" + name, "--", "true")
        assert result.status == 125, (name, result)
    assert yard.ctl("run", "--unit=raw@deny", "--", "true").status == 0
    assert until(lambda: yard.attachments() == [])


def absurd_files(yard):
    """Name, lines, word of the complaint; each is refused at the start, with the reason."""
    deny = deny_line(yard)
    yard.unit("comments.service", *["# nothing"] * 5000, deny)
    yield "comments.service", None
    yard.unit("lines.service", *[deny] * 5000)
    yield "lines.service", "512"
    yard.unit("programs.service", *[deny.replace("connect4:", f"connect4:/x{n}") for n in range(600)])
    yield "programs.service", "512"
    yard.unit("long.service", "BPFProgram=connect4:/" + "x" * 70000)
    yield "long.service", "too long"
    yard.unit("large.service", deny, *["# " + "x" * 1000] * 1100)
    yield "large.service", "1048576"
    yard.unit("dropins.service", deny)
    for n in range(300):
        yard.unit(f"dropins.service.d/{n:03}.conf", "BPFPolicy=optional")
    yield "dropins.service", "256"
    path = yard.unit("nul.service", deny)
    with open(path, "ab") as file:
        file.write(b"BPFProgram=connect4:/a\0b\n")
    yield "nul.service", ""
    path = yard.unit("binary.service", deny)
    with open(path, "ab") as file:
        file.write(b"BPFProgram=connect4:/\xff\xfe\n")
    yield "binary.service", ""
    yard.unit("nohead.service", deny)
    with open(yard.units + "/nohead.service", "a", encoding="utf-8") as file:
        file.write("[X-BPF\nBPFPolicy=optional\n")
    yield "nohead.service", None
    yard.unit("sixtyfive.service", *same_hook(yard, 65))
    yield "sixtyfive.service", "64"


def same_hook(yard, n):
    """Lines with n different objects on one hook: one more than the kernel takes."""
    lines = []
    with open(yard.object("deny.bpfobj"), "rb") as file:
        content = file.read()
    for i in range(n):
        path = f"{yard.objects}/copy{i}.bpfobj"
        with open(path, "wb") as file:
            file.write(content)
        lines.append(f"BPFProgram=connect4:{path}")
    return lines


def files_beyond_all_bounds(yard):
    names = list(absurd_files(yard))
    yard.start()
    for name, word in names:
        began = time.monotonic()
        result = yard.ctl("run", f"--unit={name}", "--", "true")
        assert time.monotonic() - began < 5, name
        if word is None:
            assert result.status in (0, 125), (name, result)
            continue
        assert result.status == 125, (name, result)
        assert word in result.err and len(result.err) < 20000, (name, word, result.err[:2000])
        assert until(lambda: yard.attachments() == []), name
    assert os.listdir(yard.bpffs + "/unitbpf/links") == []


def assignments_beyond_all_bounds(yard):
    yard.start()
    for words in (
        ["-p", "BPFPolicy=optional\nBPFProgram=connect4:/x"],
        ["-p", "BPFProgram=connect4:/" + "x" * 70000],
        [word for n in range(1100) for word in ("-p", f"BPFProgram=connect4:/x{n}")],
        ["-p", "ExecStart=/bin/true"],
        ["-p", "=x"],
    ):
        result = yard.ctl("run", *words, "--", "true")
        assert result.status == 125 and len(result.err) > 10, (words[:4], result)
    assert os.listdir(yard.run + "/transient") == []
    assert yard.attachments() == []


if __name__ == "__main__":
    main(
        [
            a_runtime_directory_that_is_wrong,
            a_cgroup_root_that_is_wrong,
            a_bpffs_that_is_wrong,
            a_bpffs_that_is_not_mounted,
            a_second_daemon_is_refused,
            a_runtime_directory_that_is_deleted,
            a_full_disk,
            a_bpffs_that_is_unmounted,
            too_few_descriptors,
            a_reexec_that_is_forbidden,
            processes_that_are_moved_out,
            starts_while_it_reexecutes,
            stopped_with_keep_it_holds_on,
            stopped_with_detach_it_lets_go,
            detach_all_leaves_nothing,
            strange_names,
            specifiers_of_instances,
            files_beyond_all_bounds,
            assignments_beyond_all_bounds,
        ]
    )
