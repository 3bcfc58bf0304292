# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual names every verb, option, directive, hook, state, key and method there is.

usage: test-manual.py SOURCE-ROOT UNITBPFCTL UNITBPFD PRINT-NAMES
"""

import re
import subprocess
import sys

from harness import check, run_all

ROOT, CTL, DAEMON, NAMES = sys.argv[1:5]


def output(*words):
    return subprocess.run(
        words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=True, timeout=60
    ).stdout


def page(name):
    """The page as it is read: escapes of scdoc and marks of emphasis taken away."""
    with open(f"{ROOT}/man/{name}.scd", encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"\\(.)", r"\1", text)
    return text.replace("*", "")


def names(kind):
    found = [
        line.split(" ", 1)[1]
        for line in output(NAMES).splitlines()
        if line.split(" ", 1)[0] == kind
    ]
    check(found, f"there are no names of kind {kind}")
    return sorted(set(found))


def source(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as file:
        return file.read()


def all_in(text, words, where):
    """Each word stands in the text on its own, not as a part of another one."""
    check(words, f"nothing to look for in {where}")
    missing = [
        word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)
    ]
    check(not missing, f"{where} lacks: {' '.join(missing)}")


def options_of(help_text):
    return re.findall(r"(?<!\S)(--[a-z-]+)", help_text)


def every_verb_and_option_of_unitbpfctl_is_described():
    text = output(CTL, "help")
    verbs, options = text.split("Verbs:\n")[1].split("\nOptions:\n")
    verbs = [line.split()[0] for line in verbs.splitlines() if line.strip()]
    manual = page("unitbpfctl.1")
    for verb in verbs:
        check(re.search(rf"^{verb}\b", manual, re.MULTILINE), f"unitbpfctl(1) lacks verb {verb}")
    all_in(manual, options_of(options), "unitbpfctl(1)")
    all_in(manual, re.findall(r"^  (-[a-zA-Z]) ", options, re.MULTILINE), "unitbpfctl(1)")


def every_json_key_and_state_is_described():
    all_in(page("unitbpfctl.1").replace("_", " ").replace("\n", " "),
           [name.replace("_", " ") for name in names("json")], "unitbpfctl(1)")
    all_in(page("unitbpfctl.1").replace("_", " "), names("state"), "unitbpfctl(1)")


def every_directive_option_and_hook_is_described():
    manual = page("unitbpf.directives.5")
    for name in names("directive"):
        check(f"{name}=" in manual, f"unitbpf.directives(5) lacks {name}=")
    all_in(manual, [name.rstrip("=") for name in names("option")], "unitbpf.directives(5)")
    all_in(manual, names("hook"), "unitbpf.directives(5)")


def every_key_of_the_state_text_is_described():
    manual = page("unitbpf-state.5")
    for name in names("record"):
        check(re.search(rf"(?<![\w-]){name}=", manual), f"unitbpf-state(5) lacks {name}=")
    all_in(manual.replace("_", " "), names("via"), "unitbpf-state(5)")


def every_option_and_key_of_the_daemon_is_described():
    manual = page("unitbpfd.8")
    all_in(manual, options_of(output(DAEMON, "--help")), "unitbpfd(8)")
    keys = re.findall(r'\{ "(\w+)", set_\w+', source("src/daemon/config.c"))
    for key in keys:
        check(f"{key}=" in manual, f"unitbpfd(8) lacks {key}=")
    check(len(keys) >= 7, f"too few keys found: {keys}")


def every_method_of_the_bus_is_described():
    methods = re.findall(r'METHOD\("(\w+)"', source("src/daemon/bus-manager.c"))
    methods.remove("Hello")  # of org.freedesktop.DBus, sent by libraries alone
    all_in(page("org.unitbpf1.5"), methods, "org.unitbpf1(5)")
    check(len(methods) >= 15, f"too few methods found: {methods}")


def every_page_is_whole():
    for name in ("unitbpfctl.1", "unitbpfd.8", "unitbpf.directives.5", "unitbpf-state.5", "org.unitbpf1.5"):
        text = page(name)
        for part in ("# NAME", "# DESCRIPTION", "# SEE ALSO"):
            check(part in text, f"{name} lacks {part}")
        check(text.startswith(name.rsplit(".", 1)[0] + "("), f"{name} has another title")


if __name__ == "__main__":
    sys.exit(
        run_all(
            [
                value
                for name, value in list(globals().items())
                if callable(value) and name.startswith("every_")
            ]
        )
    )
