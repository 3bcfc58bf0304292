#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each rule finds a violation planted in a small tree, and finds nothing where there is none."""

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import descriptors  # noqa: E402
import lint  # noqa: E402
import rooms  # noqa: E402
import shape  # noqa: E402
import symbols  # noqa: E402
import tools  # noqa: E402
from tree import Missing, Tree, blank, functions  # noqa: E402

HEAD = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n'


class RuleTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='unitbpf-lint-')
        self.addCleanup(shutil.rmtree, self.root)

    def plant(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(textwrap.dedent(text))
        return path

    def check(self, rule, build=None):
        return rule(Tree(self.root, build))

    def finds(self, rule, *words, build=None):
        """The rule finds exactly as many violations as words are given, each naming its word."""
        found = self.check(rule, build)
        self.assertEqual(len(found), len(words), found)
        for problem, word in zip(found, words):
            self.assertIn(word, problem)

    def finds_nothing(self, rule, build=None):
        self.assertEqual(self.check(rule, build), [])


class Includes(RuleTest):
    def test_allows_what_the_table_says(self):
        self.plant('src/base/fd.h', '')
        self.plant('bpf/link.c', '#include <errno.h>\n#include <linux/bpf.h>\n#include <bpf/bpf.h>\n'
                                 '#include "bpf/link.h"\n#include "src/base/fd.h"\n')
        self.plant('tests/unit/bpf/test-link.c', '#include "src/daemon/x.h"\n#include <check.h>\n')
        self.plant('bpf/progs/a.bpf.c', '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n')
        self.finds_nothing(rooms.includes)

    def test_finds_a_room_below_that_looks_up(self):
        self.plant('src/base/fd.c', '#include "serialize/reader.h"\n')
        self.finds(rooms.includes, 'src/base/fd.c:1: "serialize/reader.h"')

    def test_finds_neighbours_without_a_door(self):
        self.plant('bpf/look/hook.c', '#include "bpf/link.h"\n')
        self.plant('serialize/x.c', '\n#include "bpf/look/hook.h"\n')
        self.finds(rooms.includes, 'bpf/look/hook.c:1', 'serialize/x.c:2')

    def test_finds_a_library_of_another_room(self):
        self.plant('bpf/link.c', '#include <glib.h>\n')
        self.plant('units/ini.c', '#include <bpf/libbpf.h>\n')
        self.finds(rooms.includes, 'bpf may not use glib', 'units may not use libbpf')

    def test_finds_an_unknown_library_and_a_short_path(self):
        self.plant('src/cli/main.c', '#include <curl/curl.h>\n#include "table.h"\n')
        self.finds(rooms.includes, '<curl/curl.h>', 'full path')

    def test_finds_tests_and_files_outside_of_rooms(self):
        self.plant('src/hook/main.c', '#include "tests/unit/check-main.h"\n')
        self.plant('src/stray.c', '#include <errno.h>\n')
        self.finds(rooms.includes, 'in no room', 'the file is in no room')

    def test_finds_a_kernel_program_with_our_headers(self):
        self.plant('bpf/progs/a.bpf.c', '#include "src/base/fd.h"\n#include <stdio.h>\n')
        self.finds(rooms.includes, 'src/base/fd.h', 'stdio.h')

    def test_every_library_of_the_table_is_known(self):
        for room, (others, libraries) in rooms.ROOMS.items():
            self.assertLessEqual(set(libraries), set(rooms.LIBRARIES), room)
            self.assertLessEqual(set(others), set(rooms.ROOMS), room)


class CloseOnExec(RuleTest):
    def in_function(self, body, path='src/base/x.c'):
        self.plant(path, HEAD + 'static int f(int a) {\n        ' + body + '\n}\n')

    def test_finds_every_call_without_its_flag(self):
        for name, flag in descriptors.FLAGS.items():
            with self.subTest(name):
                self.in_function(f'return {name}(a, 0);')
                self.finds(descriptors.close_on_exec, flag)
                self.in_function(f'return {name}(a, X | {flag});')
                self.finds_nothing(descriptors.close_on_exec)

    def test_finds_every_refused_call(self):
        for name in descriptors.REFUSED:
            with self.subTest(name):
                self.in_function(f'return {name}(a);')
                self.finds(descriptors.close_on_exec, name + '()')

    def test_finds_system_calls_by_number(self):
        self.in_function('return (int)syscall(SYS_memfd_create, "x", 0);')
        self.finds(descriptors.close_on_exec, 'MFD_CLOEXEC')
        self.in_function('return (int)syscall(__NR_dup, a);')
        self.finds(descriptors.close_on_exec, 'dup()')

    def test_follows_a_variable_and_a_structure(self):
        self.in_function('int how = O_RDONLY | O_CLOEXEC;\n        return open("x", how);')
        self.finds_nothing(descriptors.close_on_exec)
        self.in_function('int how = O_RDONLY;\n        return open("x", how);')
        self.finds(descriptors.close_on_exec, 'open()')
        self.in_function('h.flags = O_RDONLY;\n        return openat2(a, "x", &h, sizeof h);')
        self.finds(descriptors.close_on_exec, 'openat2()')

    def test_finds_streams_without_e(self):
        self.in_function('return fopen("some-file", "r") != NULL;')
        self.finds(descriptors.close_on_exec, 'fopen()')
        self.in_function('return fopen("some-file", "re") != NULL;')
        self.finds_nothing(descriptors.close_on_exec)

    def test_finds_descriptors_that_others_may_inherit(self):
        self.in_function('return fcntl(a, F_DUPFD, 3);')
        self.finds(descriptors.close_on_exec, 'F_DUPFD')
        self.in_function('return fcntl(a, F_DUPFD_CLOEXEC, 3);')
        self.finds_nothing(descriptors.close_on_exec)

    def test_standard_streams_may_be_inherited(self):
        for call in ('dup2(a, STDOUT_FILENO)', 'dup3(a, STDIN_FILENO, 0)',
                     'posix_spawn_file_actions_adddup2(a, b, STDERR_FILENO)'):
            self.in_function(f'return {call};')
            self.finds_nothing(descriptors.close_on_exec)
        self.in_function('return dup2(a, 5);')
        self.finds(descriptors.close_on_exec, 'dup2()')

    def test_one_file_alone_clears_the_flag(self):
        self.in_function('return fd_set_cloexec(a, false);', 'src/daemon/reexec.c')
        self.in_function('return fd_set_cloexec(a, true);', 'src/daemon/bus.c')
        self.in_function('return posix_spawn_file_actions_adddup2(a, b, b);', 'src/daemon/reexec.c')
        self.finds_nothing(descriptors.close_on_exec)
        self.in_function('return fd_set_cloexec(a, false);', 'src/daemon/bus.c')
        self.finds(descriptors.close_on_exec, 'src/daemon/bus.c')
        self.in_function('return fcntl(a, F_SETFD, 0);', 'src/daemon/bus.c')
        self.finds(descriptors.close_on_exec, 'F_SETFD')

    def test_passes_over_comments_strings_and_methods(self):
        self.in_function('/* open(x) */ say("dup(1)"); t->open(a); return t.dup(a);')
        self.finds_nothing(descriptors.close_on_exec)


class Shape(RuleTest):
    def test_finds_a_source_without_licence(self):
        self.plant('src/base/a.c', HEAD)
        self.plant('src/base/b.c', '/* something else */\n' + HEAD)
        self.plant('tool', '#!/bin/sh\n# no licence\n')
        self.plant('bpf/progs/c.bpf.c', '/* SPDX-License-Identifier: GPL-2.0-only */\n')
        self.plant('src/base/d.c', '/* SPDX-License-Identifier: GPL-2.0-only */\n')
        self.finds(shape.licence, 'src/base/b.c', 'src/base/d.c', 'tool')

    def test_finds_a_long_file(self):
        self.plant('src/base/a.c', 'int x;\n' * shape.FILE_LINES)
        self.plant('src/base/b.c', 'int x;\n' * (shape.FILE_LINES + 1))
        self.finds(shape.length, 'src/base/b.c')

    def test_finds_a_long_function(self):
        body = '        step();\n' * (shape.FUNCTION_LINES - 2)
        self.plant('src/base/a.c', 'static int f(void) {\n' + body + '}\n')
        self.finds_nothing(shape.length)
        self.plant('src/base/a.c', 'static int f(void) {\n        step();\n' + body + '}\n')
        self.finds(shape.length, 'f() has 101 lines')

    def test_a_table_is_no_function(self):
        self.plant('src/base/a.c', 'static const int table[] = {\n' + '        1,\n' * 200 + '};\n')
        self.finds_nothing(shape.length)

    def test_finds_notes_to_self(self):
        for note in ('TO' + 'DO', 'FIX' + 'ME', 'X' * 3):
            self.plant('src/base/a.c', f'/* {note}: later */\n')
            self.finds(shape.notes, 'src/base/a.c:1')
        self.plant('src/base/a.c', 'char name[] = "unitbpf.XXXXXX";\n')
        self.finds_nothing(shape.notes)


class Parser(unittest.TestCase):
    def test_knows_functions_in_the_shape_of_the_formatter(self):
        code = textwrap.dedent('''\
            struct A {
                    int b;
            };
            static int short_one(int a) {
                    return a;
            }

            int long_one(
                    int a,
                    int b
            ) {
                    if (a) {
                            return b;
                    }
                    return a;
            }

            START_TEST(a_test)
            {
                    check();
            }
            END_TEST
            ''')
        self.assertEqual([(f.name, f.first, f.last) for f in functions(code)],
                         [('short_one', 4, 6), ('long_one', 8, 16), ('START_TEST', 18, 21)])

    def test_blanks_comments_and_strings_and_keeps_lines(self):
        self.assertEqual(blank('a /* b\nc */ "d\\"e" \'"\' f // g\nh'), 'a     \n     "    " \' \' f     \nh')


class Symbols(RuleTest):
    def library(self, text):
        """A static library of one source, built beside the tree."""
        source = self.plant('src/base/a.c', text)
        build = os.path.join(self.root, 'build-x')
        os.makedirs(build, exist_ok=True)
        thing = os.path.join(build, 'a.o')
        subprocess.run(['gcc', '-g', '-O0', '-c', '-o', thing, source], check=True)
        archive = os.path.join(build, 'liba.a')
        if os.path.exists(archive):
            os.unlink(archive)
        subprocess.run(['ar', 'rcs', archive, thing], check=True)
        return build

    def test_finds_every_taken_prefix_in_sources(self):
        for prefix in ('bpf_', 'btf_', 'libbpf_', 'sd_', 'g_'):
            self.plant('src/base/a.c', f'static int {prefix}thing(void) {{\n        return 0;\n}}\n')
            self.finds(symbols.prefixes, prefix + 'thing')
        self.plant('src/base/a.c', 'static int good_thing(void) {\n        return 0;\n}\n')
        self.finds_nothing(symbols.prefixes)

    def test_finds_variables_and_pasted_names_in_libraries(self):
        build = self.library('int sd_number = 1;\n#define MAKE(x) int g_##x(void) { return sd_number; }\nMAKE(y)\n')
        self.finds(symbols.prefixes, 'g_y', 'sd_number', build=build)
        self.finds_nothing(symbols.prefixes, build=self.library('int number = 1;\n'))

    def test_passes_over_inline_functions_of_libraries(self):
        with tempfile.TemporaryDirectory() as other:
            with open(os.path.join(other, 'lib.h'), 'w', encoding='utf-8') as file:
                file.write('static inline int g_inline(void) { return 1; }\n')
            build = self.library(f'#include "{other}/lib.h"\nint number(void) {{\n        return g_inline();\n}}\n')
            self.finds_nothing(symbols.prefixes, build=build)

    def test_cannot_judge_what_is_not_built(self):
        with self.assertRaises(Missing):
            self.check(symbols.prefixes, os.path.join(self.root, 'nowhere'))

    def test_the_list_of_the_library_is_exact(self):
        self.plant('src/lib/a.c', '_public_ int unitbpf_open(void) {\n        return 0;\n}\n')
        self.plant('src/lib/a.sym', 'V1 {\nglobal:\n        unitbpf_open;\nlocal:\n        *;\n};\n')
        self.finds_nothing(symbols.exports)
        self.plant('src/lib/b.c', '_public_ struct X *unitbpf_new(\n        int a\n) {\n}\n')
        self.finds(symbols.exports, 'unitbpf_new() is _public_')
        os.unlink(os.path.join(self.root, 'src/lib/b.c'))
        self.plant('src/lib/a.sym', 'V1 {\nglobal:\n        unitbpf_open;\n        unitbpf_gone;\n};\n')
        self.finds(symbols.exports, 'unitbpf_gone is listed')

    def test_public_functions_without_a_list(self):
        self.plant('src/lib/a.c', '_public_ int unitbpf_open(void) {\n        return 0;\n}\n')
        self.finds(symbols.exports, 'unitbpf_open')


class Tools(RuleTest):
    def test_finds_a_header_that_needs_another(self):
        self.plant('src/base/good.h', '#pragma once\n#include <stddef.h>\nsize_t good(void);\n')
        self.finds_nothing(tools.headers)
        self.plant('src/base/bad.h', '#pragma once\nsize_t bad(void);\n')
        self.finds(tools.headers, 'src/base/bad.h')

    def test_finds_a_kernel_header_that_needs_another(self):
        self.plant('bpf/progs/good.bpf.h', '#pragma once\n#include <linux/types.h>\nstruct a {\n__u32 b;\n};\n')
        self.finds_nothing(tools.headers)
        self.plant('bpf/progs/bad.bpf.h', '#pragma once\nstruct a {\n__u32 b;\n};\n')
        self.finds(tools.headers, 'bpf/progs/bad.bpf.h')

    def test_finds_a_badly_formatted_file(self):
        if not shutil.which('clang-format'):
            self.skipTest('clang-format is not installed')
        self.plant('.clang-format', 'BasedOnStyle: LLVM\n')
        self.plant('src/base/a.c', 'int x;\n')
        self.finds_nothing(tools.style)
        self.plant('src/base/a.c', 'int    x ;\n')
        self.assertTrue(self.check(tools.style))

    def test_finds_what_shellcheck_finds(self):
        if not shutil.which('shellcheck'):
            self.skipTest('shellcheck is not installed')
        self.plant('good', '#!/bin/sh\necho "$1"\n')
        self.finds_nothing(tools.shell)
        self.plant('bad', '#!/bin/sh\necho $1\n')
        self.finds(tools.shell, 'SC2086')


class Program(RuleTest):
    def test_says_it_by_its_exit_status(self):
        self.plant('src/base/a.c', HEAD)
        with open(os.devnull, 'w', encoding='utf-8') as nothing:
            stdout, stderr, sys.stdout, sys.stderr = sys.stdout, sys.stderr, nothing, nothing
            try:
                good = lint.main(['licence', self.root])
                self.plant('src/base/a.c', 'int x;\n')
                bad = lint.main(['licence', self.root])
                unknown = lint.main(['nonsense', self.root])
                missing = lint.main(['prefixes', self.root, os.path.join(self.root, 'nowhere')])
            finally:
                sys.stdout, sys.stderr = stdout, stderr
        self.assertEqual((good, bad, unknown, missing), (0, 1, 2, 77))

    def test_every_rule_is_a_row_of_meson(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, 'meson.build'), encoding='utf-8') as file:
            text = file.read()
        for rule in lint.RULES:
            self.assertIn(f"'{rule}'", text)


if __name__ == '__main__':
    unittest.main()
