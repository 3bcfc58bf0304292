# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a file looks like: licence line, length, no notes to self."""

import re

from tree import C_FILES, functions, is_program_for_the_kernel

LICENCE = 'SPDX-License-Identifier:'
OURS = 'LGPL-2.1-or-later'
# What is loaded into the kernel tells it "GPL"; the text is in LICENSE.GPL-2.0.
OF_KERNEL_PROGRAMS = 'GPL-2.0-only'
FILE_LINES = 600
FUNCTION_LINES = 100
# Put together here, so that this file does not break its own rule.
NOTES = re.compile(r'\b(' + '|'.join(('TO' + 'DO', 'FIX' + 'ME', 'X' * 3)) + r')\b')
# Texts of others, unchanged.
FOREIGN = ('LICENSE', 'LICENSE.GPL-2.0')


def _sources(tree):
    return sorted(set(tree.files(*C_FILES)) | set(tree.shell_scripts()) | set(tree.python_scripts()))


def licence(tree):
    """Each source says its licence at the top."""
    found = []
    for path in _sources(tree):
        head = tree.text(path).split('\n')[:1 if path.endswith(C_FILES) else 3]
        names = (OURS, OF_KERNEL_PROGRAMS) if is_program_for_the_kernel(path) else (OURS,)
        if not any(LICENCE + ' ' + name in line for line in head for name in names):
            found.append(f'{path}:1: no line "{LICENCE} {OURS}"')
    return found


def length(tree):
    """No file above 600 lines, no function above 100."""
    found = []
    for path in _sources(tree):
        n = tree.text(path).count('\n')
        if n > FILE_LINES:
            found.append(f'{path}:{FILE_LINES}: {n} lines, not more than {FILE_LINES} are allowed')
    for path in tree.files(*C_FILES):
        for function in functions(tree.code(path)):
            if function.length > FUNCTION_LINES:
                found.append(f'{path}:{function.first}: {function.name}() has {function.length} lines, '
                             f'not more than {FUNCTION_LINES} are allowed')
    return found


def notes(tree):
    """Nothing is left for later."""
    found = []
    for path in tree.files():
        if path in FOREIGN or '/corpus/' in path:
            continue
        for i, line in enumerate(tree.text(path).split('\n')):
            match = NOTES.search(line)
            if match:
                found.append(f'{path}:{i + 1}: {match.group()}')
    return found
