# SPDX-License-Identifier: LGPL-2.1-or-later
"""Somebody else's program is never detached or displaced: on the unit's own cgroup, above and below it, in every way
the kernel knows, whatever is done to the unit or the daemon. And who is in the way is named."""

import contextlib
import itertools
import os
import signal

from foreign import Foreign, query
from yard import command, main, until

KINDS = ["link", "pinned", "multi", "override", "exclusive"]
PLACES = ["same", "above", "below"]
MODES = ["multi", "multi,via=legacy", "override", "exclusive"]


def load(yard, name):
    """Pins of the programs of an object, loaded by somebody else."""
    directory = f"{yard.bpffs}/foreign"
    if not os.path.exists(directory):
        result = command("bpftool", "prog", "loadall", yard.object("allow.bpfobj"), directory)
        assert result.status == 0, result
    return f"{directory}/{name}"


def prepare(yard):
    yard.start()
    for name in ("allow_connect4", "allow_egress"):
        load(yard, name)


def cgroups_of(yard, slice_name):
    """A slice, the unit in it, and a cgroup inside of that; each a place for a foreign program."""
    above = yard.make_cgroup(slice_name)
    unit = slice_name.replace(".slice", "") + ".service"
    same = yard.make_cgroup(f"{slice_name}/{unit}")
    below = yard.make_cgroup(f"{slice_name}/{unit}/inner")
    return unit, {"above": above, "same": same, "below": below}


def write_unit(yard, unit, mode, *options):
    options = ",".join(["connect4", mode, *options])
    yard.unit(unit, f"BPFProgram={options}:{yard.object('deny.bpfobj')}")


def reload(yard):
    result = yard.ctl("daemon-reload")
    assert result.status == 0, result


def everything_that_happens(yard, unit, mode):
    """The steps of a life, each named; after each one the caller looks."""
    write_unit(yard, unit, mode)
    reload(yard)
    yield "reload that attaches"
    write_unit(yard, unit, mode, "fresh-maps")
    reload(yard)
    yield "reload that replaces"
    yard.ctl("detach", unit)
    yield "detach"
    yard.ctl("attach", unit)
    yield "attach"
    yard.kill()
    yield "kill"
    yard.start()
    yield "start"
    assert yard.ctl("daemon-reexec").status == 0
    yield "re-exec"
    os.unlink(f"{yard.units}/{unit}")
    reload(yard)
    yield "reload without the file"


def go_through(yard, unit, cgroups, mode, foreign):
    refused = False
    for step in everything_that_happens(yard, unit, mode):
        where = f"{foreign.kind} foreign program, {mode} of ours, after {step}"
        assert foreign.is_there(), f"{where}: the foreign program is gone"
        if step == "reload that attaches":
            ours = [one for one in yard.attachments(unit) if one["state"] == "attached"]
            shown = yard.state(unit)
            refused = not ours
            if ours:
                assert ours[0]["prog_id"] in query(cgroups["same"]), where
            else:
                assert shown["state"] in ("degraded", "failed"), (where, shown)
                status = yard.ctl("status", unit)
                assert status.status == 1, (where, status)
                assert str(foreign.id) in status.out, f"{where}: it is not named\n{status.out}"
    left = [i for i in query(cgroups["same"]) if i != foreign.id]
    assert left == [], f"{foreign.kind}, {mode}: {left} is left"
    return refused


def nothing_foreign_is_touched(yard):
    """Before ours, at each place."""
    prepare(yard)
    refusals = []
    for n, (kind, place, mode) in enumerate(itertools.product(KINDS, PLACES, MODES)):
        unit, cgroups = cgroups_of(yard, f"web{n}.slice")
        foreign = Foreign(
            load(yard, "allow_connect4"), cgroups[place], kind, f"{yard.bpffs}/foreign/link{n}"
        )
        if go_through(yard, unit, cgroups, mode, foreign):
            refusals.append((kind, place, mode))
        foreign.remove()
        for cgroup in ("below", "same", "above"):
            os.rmdir(cgroups[cgroup])
    # what the kernel allows is not to be refused by us either
    for mode in ("multi", "multi,via=legacy"):
        for kind in ("link", "pinned", "multi"):
            for place in PLACES:
                assert (kind, place, mode) not in refusals, (kind, place, mode)
    assert ("exclusive", "same", "multi") in refusals
    assert ("link", "same", "exclusive") in refusals
    assert ("override", "same", "override") in refusals


def nothing_foreign_is_touched_that_came_later(yard):
    prepare(yard)
    for n, (kind, place, mode) in enumerate(itertools.product(KINDS, PLACES, MODES)):
        unit, cgroups = cgroups_of(yard, f"late{n}.slice")
        write_unit(yard, unit, mode)
        reload(yard)
        assert yard.is_state(unit, "covered"), (mode, yard.ctl("status", unit))
        foreign = None
        with contextlib.suppress(OSError):  # where the kernel forbids it
            foreign = Foreign(
                load(yard, "allow_connect4"), cgroups[place], kind, f"{yard.bpffs}/foreign/link{n}"
            )
        if foreign:
            for step in everything_that_happens(yard, unit, mode):
                assert foreign.is_there(), f"{kind} at {place}, {mode} of ours, after {step}"
            foreign.remove()
        else:
            os.unlink(f"{yard.units}/{unit}")
            reload(yard)
        # the kernel lets go of a link some time after its last pin
        assert until(lambda c=cgroups["same"]: query(c) == []), (kind, place, mode)
        for cgroup in ("below", "same", "above"):
            os.rmdir(cgroups[cgroup])


def run_beside_a_foreign_program(yard):
    """A start that a foreign program forbids is refused, named, and leaves nothing."""
    prepare(yard)
    above = yard.make_cgroup("app.slice")
    yard.unit("web.service", f"BPFProgram=connect4:{yard.object('deny.bpfobj')}")
    foreign = Foreign(load(yard, "allow_connect4"), above, "exclusive")
    result = yard.ctl("run", "--unit=web", "--slice=app", "--", "true")
    assert result.status == 125, result
    assert str(foreign.id) in result.err and "app.slice" in result.err, result
    assert foreign.is_there()
    assert yard.attachments() == []
    assert until(lambda: not os.path.exists(above + "/web.service"))
    foreign.remove()
    foreign = Foreign(load(yard, "allow_connect4"), above, "multi")
    assert yard.ctl("run", "--unit=web", "--slice=app", "--", "true").status == 0
    assert foreign.is_there()
    foreign.remove()


def detach_all_and_stop_leave_foreign_programs(yard):
    prepare(yard)
    with open(yard.config, "w", encoding="utf-8") as file:
        file.write("[Daemon]\nOnStop=detach\n")
    unit, cgroups = cgroups_of(yard, "all.slice")
    others = [
        Foreign(load(yard, "allow_connect4"), cgroups["same"], "link"),
        Foreign(load(yard, "allow_connect4"), cgroups["above"], "multi"),
        Foreign(load(yard, "allow_connect4"), cgroups["below"], "multi"),
    ]
    write_unit(yard, unit, "multi")
    reload(yard)
    assert len(yard.attachments(unit)) == 1
    assert yard.ctl("detach", "--all").status == 0
    assert [one["state"] for one in yard.attachments()] == ["held-off"]
    assert all(one.is_there() for one in others)
    yard.ctl("attach", unit)
    yard.stop(how=signal.SIGTERM)
    assert all(one.is_there() for one in others)
    assert query(cgroups["same"]) == [others[0].id]
    for one in others:
        one.remove()


def a_program_that_somebody_else_put_in_our_place(yard):
    """Our exclusive program is taken off behind our back and a foreign one put there: it is theirs from then on."""
    prepare(yard)
    unit, cgroups = cgroups_of(yard, "swap.slice")
    write_unit(yard, unit, "exclusive")
    reload(yard)
    ours = yard.attachments(unit)[0]["prog_id"]
    assert query(cgroups["same"]) == [ours]
    # an exclusive attach over an exclusive program displaces it
    foreign = Foreign(load(yard, "allow_connect4"), cgroups["same"], "exclusive")
    assert query(cgroups["same"]) == [foreign.id]
    for step in everything_that_happens(yard, unit, "exclusive"):
        assert query(cgroups["same"]) == [foreign.id], f"displaced by {step}"
        if step == "reload that attaches":
            status = yard.ctl("status", unit)
            assert status.status == 1 and str(foreign.id) in status.out, status
    foreign.remove()


if __name__ == "__main__":
    main(
        [
            nothing_foreign_is_touched,
            nothing_foreign_is_touched_that_came_later,
            run_beside_a_foreign_program,
            detach_all_and_stop_leave_foreign_programs,
            a_program_that_somebody_else_put_in_our_place,
        ]
    )
