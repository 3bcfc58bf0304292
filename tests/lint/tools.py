# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules that programs of others check: compiler, formatter, shell checker."""

import concurrent.futures
import os
import shutil
import subprocess

from tree import C_FILES, Missing, is_program_for_the_kernel

LIBRARIES = ('glib-2.0', 'gio-2.0', 'libbpf', 'libelf', 'mount', 'libmnl', 'libsystemd', 'json-glib-1.0',
             'smartcols', 'check')


def _need(program):
    if not shutil.which(program):
        raise Missing(f'{program} is not installed')


def _run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, errors='replace', **more)


def _flags():
    """Where the headers of the libraries are; a library that is not there adds nothing."""
    flags = []
    for library in LIBRARIES:
        answer = _run(['pkg-config', '--cflags', library])
        flags += answer.stdout.split() if answer.returncode == 0 else []
    return sorted(set(flags))


def headers(tree):
    """Each header compiles alone, so it includes what it needs."""
    _need('gcc')
    _need('pkg-config')
    command = ['gcc', '-std=gnu17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter',
               '-fsyntax-only', '-iquote', tree.root, *(['-iquote', tree.build] if tree.build else []),
               *_flags(), '-x', 'c', '-']

    def compile_alone(path):
        answer = _run(command, input=f'#include "{path}"\n')
        first = next((l for l in answer.stderr.split('\n') if 'error:' in l), answer.stderr[:200])
        return f'{path}: does not compile alone: {first.strip()}' if answer.returncode else None

    paths = [p for p in tree.files('.h') if not is_program_for_the_kernel(p)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problem in pool.map(compile_alone, paths) if problem]


def style(tree):
    """clang-format has nothing to say."""
    _need('clang-format')
    paths = tree.files(*C_FILES)
    if not paths:
        return []
    answer = _run(['clang-format', '--dry-run', '--Werror', *paths], cwd=tree.root)
    found = [line for line in answer.stderr.split('\n') if ': error:' in line or ': warning:' in line]
    if answer.returncode and not found:
        found = [answer.stderr.strip() or f'clang-format ended with status {answer.returncode}']
    return found


def shell(tree):
    """shellcheck has nothing to say."""
    _need('shellcheck')
    paths = tree.shell_scripts()
    if not paths:
        return []
    answer = _run(['shellcheck', '--external-sources', '--format=gcc', *paths], cwd=tree.root)
    found = [line for line in answer.stdout.split('\n') if line]
    if answer.returncode and not found:
        found = [answer.stderr.strip() or f'shellcheck ended with status {answer.returncode}']
    return found
