# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of the checkout and a view of C that rules can work on.

A rule is a function (Tree) -> list of "path:line: text". It reads through Tree only, so that its own test
can give it a small tree with one planted violation.
"""

import os
import re


class Missing(Exception):
    """A rule cannot run here, for the reason given; the lint program exits with 77."""


class Tree:
    def __init__(self, root, build=None):
        self.root = os.path.abspath(root)
        self.build = os.path.abspath(build) if build else None
        self._texts = {}

    def files(self, *endings, under=''):
        """Paths from the root, sorted, without builds and dot folders (but with .ci)."""
        found = []
        for folder, folders, names in os.walk(os.path.join(self.root, under)):
            here = os.path.relpath(folder, self.root)
            folders[:] = [f for f in folders
                          if (f == '.ci' or not f.startswith('.')) and f != '__pycache__'
                          and not (here == '.' and f.startswith('build'))]
            for name in names:
                path = os.path.normpath(os.path.join(here, name))
                if not endings or name.endswith(endings):
                    found.append(path)
        return sorted(p for p in found if os.path.isfile(self.absolute(p)))

    def absolute(self, path):
        return os.path.join(self.root, path)

    def text(self, path):
        if path not in self._texts:
            with open(self.absolute(path), encoding='utf-8', errors='replace') as file:
                self._texts[path] = file.read()
        return self._texts[path]

    def code(self, path):
        """The text with comments and the insides of strings blanked out; the lines stay where they are."""
        return blank(self.text(path))

    def shell_scripts(self):
        return [p for p in self.files() if p.endswith('.sh') or self.interpreter(p) in ('sh', 'bash')]

    def python_scripts(self):
        return [p for p in self.files() if p.endswith('.py') or self.interpreter(p) == 'python3']

    def interpreter(self, path):
        """'bash' for a file beginning with #!/bin/bash or #!/usr/bin/env bash, else ''."""
        with open(self.absolute(path), 'rb') as file:
            first = file.readline(200)
        if not first.startswith(b'#!'):
            return ''
        words = first[2:].decode('utf-8', 'replace').split()
        return os.path.basename(words[-1]) if words else ''


_LEXEME = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text):
    def hide(match):
        found = match.group()
        keep = found[0] if found[0] in '"\'' else ' '
        inner = ''.join('\n' if c == '\n' else ' ' for c in found[1:-1])
        return keep + inner + keep if len(found) > 1 else found
    return _LEXEME.sub(hide, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def arguments(code, opening):
    """What stands between the bracket at `opening` and its partner."""
    depth = 0
    for i in range(opening, len(code)):
        if code[i] in '([{':
            depth += 1
        elif code[i] in ')]}':
            depth -= 1
            if depth == 0:
                return code[opening + 1:i]
    return code[opening + 1:]


class Function:
    """A function definition: its name, and the lines (counted from 1) of its first and last brace."""

    def __init__(self, name, first, last, body):
        self.name, self.first, self.last, self.body = name, first, last, body

    @property
    def length(self):
        return self.last - self.first + 1


_NAME = re.compile(r'(\w+)\s*\(')
_NO_FUNCTION = re.compile(r'=\s*\{$|^(typedef |static |extern )*(struct|enum|union)\b[^(]*\{$|^extern ')


def functions(code):
    """The functions of code as clang-format leaves it: they begin and end in the first column. The first
    line is that of the signature."""
    lines = code.split('\n')
    found = []
    start = None
    for i, line in enumerate(lines):
        if start is None:
            if not line.rstrip().endswith('{') or line[:1] in (' ', '\t', '#', ''):
                continue
            if _NO_FUNCTION.search(line.rstrip()):
                continue
            start = i
            while line[:1] in (')', '{') and start > 0:  # the signature spans lines
                start -= 1
                if lines[start][:1] not in (' ', ')', ''):
                    break
        elif line.startswith('}'):
            signature = _NAME.search(' '.join(lines[start:i + 1]))
            found.append(Function(signature.group(1) if signature else '?', start + 1, i + 1,
                                  '\n'.join(lines[start:i + 1])))
            start = None
    return found


C_FILES = ('.c', '.h')


def is_program_for_the_kernel(path):
    """Compiled with -target bpf, by other rules than those of our own programs."""
    return path.startswith('bpf/progs/') or path.endswith(('.bpf.c', '.bpf.h'))
