# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever somebody else than root could have written is not acted on, and it is said why: cgroups, objects, unit
files, drop-ins, and every directory above them."""

import os
import socket

from yard import LINK_BY_ID, NOBODY, is_there, main, until


def program_line(yard, path=None):
    return f"BPFProgram=connect4:{path or yard.object('deny.bpfobj')}"


def is_never_attached(yard, cgroup):
    assert [one for one in yard.attachments() if one["state"] == "attached"] == []
    assert yard.connect_from(cgroup) == 0, "the program is in force"


# ---- cgroups ----


def spoil_owner(path):
    os.chown(path, NOBODY, NOBODY)


def spoil_group_write(path):
    os.chmod(path, 0o775)


def spoil_procs(path):
    os.chown(path + "/cgroup.procs", NOBODY, NOBODY)


def spoil_procs_mode(path):
    os.chmod(path + "/cgroup.procs", 0o666)


def spoil_control(path):
    os.chown(path + "/cgroup.subtree_control", NOBODY, NOBODY)


def a_cgroup_that_is_not_roots_is_no_unit(yard):
    """Before the daemon starts, so that it never saw it otherwise; and then again while it runs."""
    spoilers = [spoil_owner, spoil_group_write, spoil_procs, spoil_procs_mode, spoil_control]
    names = [f"web{n}.service" for n in range(len(spoilers))]
    for name, spoil in zip(names, spoilers):
        yard.unit(name, program_line(yard))
        spoil(yard.make_cgroup(name))
    yard.start()
    for name in names:
        status = yard.ctl("status", name)
        assert status.status in (1, 3), (name, status)
        assert "delegated" in status.out or "writable by others" in status.out, (name, status)
        shown = yard.state(name)
        assert shown["attachments"] == 0 and shown["errors"], shown
        is_never_attached(yard, f"{yard.cgroup}/{name}")
    # given back to root, it is a unit
    os.chmod(f"{yard.cgroup}/{names[1]}", 0o755)
    assert until(lambda: len(yard.attachments(names[1])) == 1), yard.ctl("status", names[1])
    # `run` does not step into somebody else's cgroup
    result = yard.ctl("run", f"--unit={names[0]}", "--", "true")
    assert result.status == 125 and names[0] in result.err, result
    # nor into what lies in one
    yard.unit("inner.service", program_line(yard))
    inner = yard.make_cgroup("web0.service/inner.service")
    assert not until(lambda: yard.attachments("inner.service"), 0.3)
    is_there_unit = yard.state("inner.service")
    assert is_there_unit is None or is_there_unit["attachments"] == 0, is_there_unit
    os.rmdir(inner)


def a_user_cannot_take_the_name_of_a_unit(yard):
    """A second cgroup of the name does not become the unit, and the unit stays covered."""
    yard.unit("web.service", program_line(yard))
    yard.start()
    child = yard.sleeper("web.service")
    before = yard.attachments()
    theirs = yard.make_cgroup("user.slice", owner=NOBODY)
    os.mkdir(theirs + "/web.service")
    twin = yard.make_cgroup("other.slice/web.service")
    assert until(lambda: "other.slice" in yard.ctl("status", "web.service").out)
    assert yard.attachments() == before
    assert yard.connect_from(twin) == 0
    os.rmdir(twin)
    os.rmdir(theirs + "/web.service")
    yard.end("web.service", child)
    assert until(lambda: yard.attachments() == [])


def giving_a_running_unit_away_does_not_free_it(yard):
    yard.unit("web.service", program_line(yard))
    yard.start()
    yard.sleeper("web.service")
    shown = yard.attachments()[0]
    spoil_owner(f"{yard.cgroup}/web.service")
    assert yard.ctl("daemon-reload").status == 0
    assert is_there(LINK_BY_ID, shown["link_id"])
    assert yard.connect_from(f"{yard.cgroup}/web.service") != 0
    assert until(lambda: "delegated" in yard.ctl("status", "web.service").out)


def the_cgroup_root_must_be_roots(yard):
    root = yard.make_cgroup("theirs", owner=NOBODY)
    result = yard.try_start(cgroup_root=root)
    assert result.status == 1 and "delegated" in result.err and root in result.err, result
    link = yard.top + "/link"
    os.symlink(yard.make_cgroup("real"), link)
    result = yard.try_start(cgroup_root=link)
    assert result.status == 1 and link in result.err, result


# ---- objects ----


def directory(yard, name):
    path = f"{yard.top}/{name}"
    os.mkdir(path, 0o755)
    return path


def copy_of_object(yard, where, name="deny.bpfobj"):
    path = f"{where}/{name}"
    with open(yard.object("deny.bpfobj"), "rb") as source, open(path, "wb") as target:
        target.write(source.read())
    return path


def distrusted_objects(yard):
    """Paths of good objects that somebody else may have written, and what is said of each."""
    theirs = directory(yard, "theirs")
    path = copy_of_object(yard, theirs)
    os.chown(path, NOBODY, NOBODY)
    yield path, "owned by"
    path = copy_of_object(yard, theirs, "group")
    os.chmod(path, 0o664)
    yield path, "writable"
    path = copy_of_object(yard, theirs, "others")
    os.chmod(path, 0o646)
    yield path, "writable"
    loose = directory(yard, "loose")
    path = copy_of_object(yard, loose)
    os.chmod(loose, 0o777)
    yield path, "writable"
    sticky = directory(yard, "sticky")
    path = copy_of_object(yard, sticky)
    os.chmod(sticky, 0o1777)
    yield path, "writable"
    given = directory(yard, "given")
    inner = directory(yard, "given/inner")
    path = copy_of_object(yard, inner)
    os.chown(given, NOBODY, NOBODY)
    yield path, "owned by"
    os.symlink(yard.objects, yard.top + "/linked")
    yield yard.top + "/linked/deny.bpfobj", "symbolic link"
    os.symlink(yard.top + "/theirs/deny.bpfobj", yard.objects + "/link")
    yield yard.objects + "/link", "symbolic link"
    os.mkfifo(yard.objects + "/fifo")
    yield yard.objects + "/fifo", "file"
    os.mknod(yard.objects + "/zero", 0o20644, os.makedev(1, 5))
    yield yard.objects + "/zero", "file"
    yield yard.objects, "not a file"


def an_object_others_can_write_is_not_loaded(yard):
    yard.start()
    for n, (path, words) in enumerate(distrusted_objects(yard)):
        name = f"web{n}.service"
        file = yard.unit(name, program_line(yard, path))
        result = yard.ctl("run", f"--unit={name}", "--", "true")
        assert result.status == 125, (path, result)
        assert yard.top in result.err and f"{file}:2" in result.err, (path, result)
        assert words in result.err, (path, words, result)
        cgroup = yard.make_cgroup(name)
        # met late and required: nobody may stay inside
        assert until(lambda name=name: yard.is_state(name, "failed")), (path, yard.state(name))
        status = yard.ctl("status", name)
        assert status.status == 1 and words in status.out and f"{file}:2" in status.out, status
        verify = yard.ctl("verify", file)
        assert verify.status == 1 and words in verify.text and f"{file}:2" in verify.text, verify
        assert [one for one in yard.attachments() if one["state"] == "attached"] == []
        os.rmdir(cgroup)


# ---- unit files ----


def distrusted_files(yard):
    """Unit, what is to be said. Each is made so that its line would be good."""
    path = yard.unit("owned.service", program_line(yard))
    os.chown(path, NOBODY, NOBODY)
    yield "owned.service", "owned by"
    path = yard.unit("group.service", program_line(yard))
    os.chmod(path, 0o664)
    yield "group.service", "writable"
    theirs = directory(yard, "their-files")
    path = yard.unit("linked.service", program_line(yard), where=theirs)
    os.chown(theirs, NOBODY, NOBODY)
    os.symlink(path, yard.units + "/linked.service")
    yield "linked.service", "owned by"
    yard.unit("dropin.service", program_line(yard))
    path = yard.unit("dropin.service.d/50-theirs.conf", "BPFPolicy=optional")
    os.chown(path, NOBODY, NOBODY)
    yield "dropin.service", "owned by"
    yard.unit("dropdir.service", program_line(yard))
    yard.unit("dropdir.service.d/50-theirs.conf", "BPFPolicy=optional")
    os.chmod(yard.units + "/dropdir.service.d", 0o777)
    yield "dropdir.service", "writable"
    os.mkfifo(yard.units + "/fifo.service")
    yield "fifo.service", "file"
    one = socket.socket(socket.AF_UNIX)
    one.bind(yard.units + "/socket.service")
    one.close()
    yield "socket.service", ""
    yard.unit("fifodrop.service", program_line(yard))
    os.mkdir(yard.units + "/fifodrop.service.d")
    os.mkfifo(yard.units + "/fifodrop.service.d/50-a.conf")
    yield "fifodrop.service", "file"


def a_unit_file_others_can_write_is_not_followed(yard):
    names = list(distrusted_files(yard))
    yard.start()
    for name, words in names:
        result = yard.ctl("run", f"--unit={name}", "--", "true")
        assert result.status == 125, (name, result)
        assert words in result.err and yard.top in result.err, (name, words, result)
        cgroup = yard.make_cgroup(name)
        assert until(lambda name=name: yard.state(name) is not None), name
        status = yard.ctl("status", name)
        assert status.status == 1 and words in status.out, (name, words, status)
        is_never_attached(yard, cgroup)
        os.rmdir(cgroup)


def a_device_as_unit_file_is_a_mask_and_never_read(yard):
    os.mknod(yard.units + "/zero.service", 0o20644, os.makedev(1, 5))
    yard.start()
    result = yard.ctl("run", "--unit=zero", "--", "true")
    assert result.status == 125 and "masked" in result.err, result
    assert yard.attachments() == []
    for verb in ("verify", "cat"):
        result = yard.ctl(verb, yard.units + "/zero.service")
        assert len(result.text) < 1000, result


def a_unit_path_others_can_write_is_not_searched(yard):
    yard.unit("web.service", program_line(yard))
    os.chmod(yard.units, 0o777)
    yard.start()
    result = yard.ctl("run", "--unit=web", "--", "true")
    assert result.status == 125 and "writable" in result.err, result
    assert yard.attachments() == []
    os.chmod(yard.units, 0o755)
    assert yard.ctl("run", "--unit=web", "--", "true").status == 0


def a_pin_others_can_reach_is_not_used(yard):
    """An object path on a bpffs is a pin; one in a directory that a user owns may be any program."""
    pins = yard.bpffs + "/pins"
    os.mkdir(pins, 0o755)
    os.system(f"bpftool prog load {yard.object('deny.bpfobj')} {pins}/deny type cgroup/connect4")
    yard.unit("web.service", program_line(yard, pins + "/deny"))
    yard.start()
    assert yard.ctl("run", "--unit=web", "--", "true").status == 0
    os.chown(pins, NOBODY, NOBODY)
    result = yard.ctl("run", "--unit=web", "--", "true")
    assert result.status == 125 and "owned by" in result.err, result
    os.chown(pins, 0, 0)
    os.chown(pins + "/deny", NOBODY, NOBODY)
    result = yard.ctl("run", "--unit=web", "--", "true")
    assert result.status == 125 and "owned by" in result.err, result


if __name__ == "__main__":
    main(
        [
            a_cgroup_that_is_not_roots_is_no_unit,
            a_user_cannot_take_the_name_of_a_unit,
            giving_a_running_unit_away_does_not_free_it,
            the_cgroup_root_must_be_roots,
            an_object_others_can_write_is_not_loaded,
            a_unit_file_others_can_write_is_not_followed,
            a_device_as_unit_file_is_a_mask_and_never_read,
            a_unit_path_others_can_write_is_not_searched,
            a_pin_others_can_reach_is_not_used,
        ]
    )
