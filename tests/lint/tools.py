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


def _kernel_side():
    """The compiler for kernel programs, told where Debian keeps asm/types.h."""
    machine = _run(['gcc', '-print-multiarch']).stdout.strip()
    return ['clang', '-target', 'bpf', '-O2', f'-I/usr/include/{machine}']


def headers(tree):
    """Each header compiles alone, so it includes what it needs."""
    _need('gcc')
    _need('clang')
    _need('pkg-config')
    places = ['-iquote', tree.root, *(['-iquote', tree.build] if tree.build else [])]
    common = ['-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter', '-fsyntax-only', *places]
    ours = ['gcc', '-std=gnu17', '-D_GNU_SOURCE', *common, *_flags(), '-x', 'c', '-']
    kernel = [*_kernel_side(), *common, '-x', 'c', '-']

    def compile_alone(path):
        # A header that both sides share must please both.
        kernel_only = path.endswith('.bpf.h')
        sides = ([] if kernel_only else [ours]) + ([kernel] if is_program_for_the_kernel(path) else [])
        for command in sides:
            answer = _run(command, input=f'#include "{path}"\n')
            if answer.returncode:
                first = next((l for l in answer.stderr.split('\n') if 'error:' in l), answer.stderr[:200])
                return f'{path}: does not compile alone with {command[0]}: {first.strip()}'
        return None

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for problem in pool.map(compile_alone, tree.files('.h')) if problem]


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
