#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks tests/rules.md: every rule has a line of its own, and every test it names exists and is run."""

import re
import sys
from pathlib import Path

MATRIX = "tests/unit/bpf/matrix.h"


def expected_rules():
    rules = [f"T{i}" for i in range(1, 19)] + [f"T-{c}" for c in "abcdefg"]
    rules += [f"L{i}" for i in range(1, 13)] + [f"L-n{i}" for i in range(1, 5)]
    rules += [f"F{i}" for i in range(1, 10)] + [f"F-n{i}" for i in range(5, 8)]
    return rules + [f"K{i}" for i in range(1, 15)]


def read_table(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r"\| ([TLFK][-\w]*\d*) \| (.+) \| (\S.*) \|$", line)
        if match:
            yield number, *match.groups()


def proof_problem(root, proof):
    matrix = re.fullmatch(r"matrix:(\w+)", proof)
    if matrix:
        found = re.search(rf"\b{matrix[1]}\b", (root / MATRIX).read_text())
        return None if found else f"{MATRIX} has no {matrix[1]}"
    test = re.fullmatch(r"(\S+\.c): (\w+)", proof)
    if not test:
        return f"cannot read '{proof}'"
    path = root / test[1]
    if not path.exists():
        return f"there is no {test[1]}"
    text = path.read_text()
    if f"START_TEST({test[2]})" not in text:
        return f"{test[1]} has no test {test[2]}"
    if len(re.findall(rf"\b{test[2]}\b", text)) < 2:
        return f"{test[1]} does not run {test[2]}"
    return None


def main():
    root = Path(sys.argv[1])
    problems, seen = [], []
    for number, rule, _, proof in read_table((root / "tests/rules.md").read_text()):
        seen.append(rule)
        problem = proof_problem(root, proof)
        if problem:
            problems.append(f"tests/rules.md:{number}: {rule}: {problem}")
    for rule in expected_rules():
        if seen.count(rule) != 1:
            problems.append(f"tests/rules.md: {rule} is there {seen.count(rule)} times")
    for rule in sorted(set(seen) - set(expected_rules())):
        problems.append(f"tests/rules.md: {rule} is no rule")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
