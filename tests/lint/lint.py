#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the house rules that a machine can check.

usage: lint.py RULE ROOT [BUILD]

Exit status: 0 nothing found; 1 violations, one a line; 77 the rule cannot run here, the reason is the last
line.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import descriptors  # noqa: E402
import rooms  # noqa: E402
import shape  # noqa: E402
import symbols  # noqa: E402
import tools  # noqa: E402
from tree import Missing, Tree  # noqa: E402

RULES = {
    'includes': rooms.includes,
    'headers': tools.headers,
    'close-on-exec': descriptors.close_on_exec,
    'prefixes': symbols.prefixes,
    'exports': symbols.exports,
    'format': tools.style,
    'licence': shape.licence,
    'length': shape.length,
    'notes': shape.notes,
    'shell': tools.shell,
}


def main(arguments):
    if len(arguments) not in (2, 3) or arguments[0] not in RULES:
        print(__doc__ + '\nrules: ' + ' '.join(RULES), file=sys.stderr)
        return 2
    try:
        found = RULES[arguments[0]](Tree(*arguments[1:]))
    except Missing as reason:
        print(reason)
        return 77
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
