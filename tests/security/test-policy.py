# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every way a line can fail, under every policy: what happens at a start, to a unit met late and at a reload, and that
file, line and reason are shown. The table is that of the manual: required refuses the start, wanted degrades, optional
skips what is absent."""

import itertools
import os

from yard import command, main, until

POLICIES = ["required", "wanted", "optional"]


def failures(yard):
    """Name, the lines with POLICY in place of the policy, a word of the reason, whether optional skips it (absent)."""
    deny, count = yard.object("deny.bpfobj"), yard.object("count.bpf.o")
    other_map = yard.bpffs + "/maps/other"
    return [
        ("missing-object", ["BPFProgram=connect4,POLICY:/nowhere/x.bpf.o"], "/nowhere/x.bpf.o", True),
        ("missing-pin", [f"BPFProgram=connect4,POLICY:{yard.bpffs}/nowhere"], "nowhere", True),
        ("no-such-program", [f"BPFProgram=connect4,POLICY:{deny}#nobody"], "nobody", False),
        ("none-fits", [f"BPFProgram=egress,POLICY:{deny}"], "egress", False),
        ("wrong-hook", [f"BPFProgram=egress,POLICY:{deny}#deny_connect4"], "egress", False),
        ("not-an-object", [f"BPFProgram=connect4,POLICY:{yard.top}/text"], "text", False),
        (
            "verifier",
            [f"BPFProgram=connect4,POLICY:{yard.object('refused.bpfobj')}"],
            "refused",
            False,
        ),
        ("misspelt-hook", [f"BPFProgram=conect4,POLICY:{deny}"], "conect4", False),
        ("misspelt-option", [f"BPFProgram=connect4,POLICY,mulit:{deny}"], "mulit", False),
        ("no-colon", ["BPFProgram=connect4"], "", False),
        ("relative-path", ["BPFProgram=connect4,POLICY:deny.bpfobj"], "absolute", False),
        ("unknown-key", [f"BPFPrograms=connect4:{deny}"], "BPFPrograms", False),
        ("unsupported-key", ["TCProgram=ingress:lo:/nowhere/x.bpf.o"], "TCProgram", None),
        ("unsupported-setting", ["IPAddressDeny=any"], "IPAddressDeny", None),
        (
            "unknown-variable",
            [f"BPFProgram=connect4,POLICY:{deny}", "BPFVariable=nobody=1"],
            "nobody",
            False,
        ),
        (
            "map-mismatch",
            [f"BPFProgram=egress,POLICY:{count}#count_egress", f"BPFMap=traffic:{other_map}"],
            "maps/other",
            False,
        ),
        (
            "unknown-map",
            [f"BPFProgram=egress,POLICY:{count}#count_egress", f"BPFMap=nobody:{other_map}"],
            "nobody",
            False,
        ),
    ]


def prepare(yard):
    with open(yard.top + "/text", "w", encoding="utf-8") as file:
        file.write("this is no object\n" * 100)
    os.mkdir(yard.bpffs + "/maps", 0o755)
    result = command(
        "bpftool", "map", "create", yard.bpffs + "/maps/other", "type", "hash", "key", "4",
        "value", "4", "entries", "4", "name", "other",
    )  # fmt: skip
    assert result.status == 0, result
    yard.start()


def write_unit(yard, unit, policy, lines):
    """The policy of a line where it can say one, else that of the unit."""
    lines = [line.replace("POLICY", policy) for line in lines]
    return yard.unit(unit, f"BPFPolicy={policy}", *lines)


def cases(yard):
    for (name, lines, word, skipped), policy in itertools.product(failures(yard), POLICIES):
        yield f"{name}-{policy}.service", policy, lines, word, skipped


def is_shown(yard, unit, path, word):
    """File, line and reason, for people and for programs."""
    status = yard.ctl("status", unit)
    assert status.status == 1, (unit, status)
    assert f"{path}:" in status.out and word in status.out, (unit, word, status)
    errors = yard.state(unit)["errors"]
    assert any(path in text and word in text for text in errors), (unit, word, errors)


def a_start(yard):
    prepare(yard)
    for unit, policy, lines, word, skipped in cases(yard):
        path = write_unit(yard, unit, policy, lines)
        log_before = len(yard.log())
        if policy == "required":
            result = yard.ctl("run", f"--unit={unit}", "--", "true")
            assert result.status == 125, (unit, result)
            assert word in result.err and f"{path}:" in result.err, (unit, word, result)
            assert until(lambda unit=unit: not os.path.exists(f"{yard.cgroup}/{unit}")), unit
        else:
            child = yard.sleeper(unit)
            shown = yard.state(unit)
            if policy == "optional" and skipped is not False and shown["state"] == "covered":
                log = yard.log()[log_before:]
                assert word in log and "skipp" in log, f"{unit} was skipped in silence: {log}"
            else:
                assert not (policy == "optional" and skipped), (unit, shown)
                assert shown["state"] == "degraded", (unit, shown)
                is_shown(yard, unit, path, word)
            yard.end(unit, child)
        attached = [one for one in yard.attachments(unit) if one["state"] == "attached"]
        assert attached == [], (unit, attached)


def a_unit_that_is_met_late(yard):
    prepare(yard)
    for unit, policy, lines, word, skipped in cases(yard):
        path = write_unit(yard, unit, policy, lines)
        cgroup = yard.make_cgroup(unit)
        child = command("sh", "-c", f"sleep 300 >/dev/null 2>&1 & echo $! > {cgroup}/cgroup.procs")
        assert child.status == 0, child
        shown = until(lambda unit=unit: yard.state(unit) if is_judged(yard, unit) else None)
        assert shown, (unit, yard.state(unit))
        if policy == "required":
            assert shown["state"] == "failed", (unit, shown)
            assert until(lambda unit=unit: not yard.is_inside(unit)), f"{unit} was not stopped"
            is_shown(yard, unit, path, word)
        elif shown["state"] != "covered":
            assert not (policy == "optional" and skipped), (unit, shown)
            assert shown["state"] == "degraded", (unit, shown)
            assert yard.is_inside(unit), f"{unit} was stopped, but {policy}"
            is_shown(yard, unit, path, word)
        else:
            assert policy == "optional" and skipped is not False, (unit, shown)
            assert yard.is_inside(unit)
        kill_and_remove(cgroup)


def is_judged(yard, unit):
    shown = yard.state(unit)
    return shown is not None and shown["state"] != "inactive"


def kill_and_remove(cgroup):
    with open(cgroup + "/cgroup.kill", "w", encoding="ascii") as file:
        file.write("1")

    def removed():
        try:
            os.rmdir(cgroup)
        except OSError:
            return False
        return True

    assert until(removed), cgroup


def a_reload(yard):
    """What was in force stays in force, whatever the new lines are, and the unit is degraded."""
    prepare(yard)
    good = f"BPFProgram=connect4,POLICY:{yard.object('deny.bpfobj')}"
    for unit, policy, lines, word, skipped in cases(yard):
        path = write_unit(yard, unit, policy, [good])
        child = yard.sleeper(unit)
        before = yard.attachments(unit)
        assert len(before) == 1 and yard.connect_from(f"{yard.cgroup}/{unit}") != 0
        write_unit(yard, unit, policy, [good, *lines])
        result = yard.ctl("daemon-reload")
        assert result.status == 0, result
        shown = yard.state(unit)
        after = yard.attachments(unit)
        assert (before[0]["id"], "attached") in [(a["id"], a["state"]) for a in after], (unit, after)
        assert yard.connect_from(f"{yard.cgroup}/{unit}") != 0, unit
        if shown["state"] == "covered":
            assert policy == "optional" and skipped is not False, (unit, shown)
        else:
            assert shown["state"] in ("degraded", "failed"), (unit, shown)
            is_shown(yard, unit, path, word)
        # in place of the good line: the old program is not let go for one that cannot be had
        write_unit(yard, unit, policy, lines)
        assert yard.ctl("daemon-reload").status == 0
        is_same_hook = any(line.startswith("BPFProgram=connect4,") for line in lines)
        if yard.state(unit)["state"] != "covered" and is_same_hook:
            assert yard.connect_from(f"{yard.cgroup}/{unit}") != 0, f"{unit}: the old was let go"
        yard.end(unit, child)


def the_cgroup_goes_while_it_is_attached_to(yard):
    """As fast as can be: the daemon lives, and nothing is left."""
    yard.start()
    yard.unit("web.service", f"BPFProgram=connect4:{yard.object('deny.bpfobj')}")
    for _ in range(200):
        os.mkdir(f"{yard.cgroup}/web.service")
        os.rmdir(f"{yard.cgroup}/web.service")
    assert until(lambda: yard.attachments() == [])
    assert yard.ctl("run", "--unit=web", "--", "true").status == 0
    assert until(lambda: yard.attachments() == [])
    assert os.listdir(yard.bpffs + "/unitbpf/links") == []


if __name__ == "__main__":
    main([a_start, a_unit_that_is_met_late, a_reload, the_cgroup_goes_while_it_is_attached_to])
