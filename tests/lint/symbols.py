# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names: none of ours begins as those of the libraries do, and the library shows what its list says."""

import glob
import os
import re
import subprocess

from tree import C_FILES, Missing, functions, is_program_for_the_kernel

TAKEN = re.compile(r'(bpf|btf|libbpf|sd|g)_')
# "0000 t name	/path/file.c:12"; lower case is static.
_NM = re.compile(r'^[0-9a-f]* ?([TtDdBbRrSsGgVvWwCi]) (\S+?)(?:\t(.*):\d+)?$')


def _from_libraries(tree):
    """Symbols defined in our static libraries, also static ones, but for inline functions of foreign headers."""
    libraries = sorted(glob.glob(os.path.join(tree.build, '**', '*.a'), recursive=True))
    if not libraries:
        raise Missing(f'no static library is built in {tree.build}')
    found = []
    for library in libraries:
        output = subprocess.run(['nm', '--defined-only', '--line-numbers', library], check=True,
                                capture_output=True, text=True, errors='replace').stdout
        for line in output.split('\n'):
            match = _NM.match(line)
            if not match or not TAKEN.match(match.group(2)):
                continue
            origin = os.path.normpath(os.path.join(tree.build, match.group(3) or ''))
            if match.group(3) and not origin.startswith(tree.root + os.sep):
                continue
            found.append(f'{os.path.relpath(library, tree.build)}: {match.group(2)} has a taken prefix')
    return found


def _from_sources(tree):
    found = []
    for path in tree.files(*C_FILES):
        if is_program_for_the_kernel(path):
            continue
        for function in functions(tree.code(path)):
            if TAKEN.match(function.name):
                found.append(f'{path}:{function.first}: {function.name}() has a taken prefix')
    return found


def prefixes(tree):
    """No symbol of ours begins with the prefix of a library."""
    return _from_sources(tree) + (_from_libraries(tree) if tree.build else [])


_PUBLIC = re.compile(r'^_public_\b[^;{=(]*?(\w+)\s*\(', re.M)
_LISTED = re.compile(r'^\s*(\w+)\s*;', re.M)


def exports(tree):
    """The .sym file lists exactly the functions marked _public_."""
    lists = tree.files('.sym', under='src/lib')
    public = {}
    for path in tree.files(*C_FILES):
        for name in _PUBLIC.findall(tree.code(path)):
            public[name] = path
    if not lists and not public:
        return []
    listed = {}
    for path in lists:
        text = re.sub(r'local:.*?\}', '}', tree.code(path), flags=re.S)
        text = re.sub(r'/\*.*?\*/|#[^\n]*', '', text, flags=re.S)
        for name in _LISTED.findall(text):
            listed[name] = path
    found = [f'{public[n]}: {n}() is _public_, but no .sym file lists it' for n in public if n not in listed]
    found += [f'{listed[n]}: {n} is listed, but no _public_ function' for n in listed if n not in public]
    return sorted(found)
