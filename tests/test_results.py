#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sum at the end of tests/run counts every test once, and none that did not run as passed."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import results  # noqa: E402


def record(name, result, returncode=0, stdout=''):
    return json.dumps({'name': f'unitbpf:unit / {name}', 'result': result, 'returncode': returncode,
                       'duration': 1.5, 'stdout': stdout})


class Results(unittest.TestCase):
    def setUp(self):
        os.environ.pop('UNITBPF_TEST_REQUIRE', None)

    def run_with(self, lines, expected):
        with tempfile.TemporaryDirectory() as folder:
            log, names, counts = (os.path.join(folder, n) for n in ('log', 'names', 'counts'))
            if lines is not None:
                with open(log, 'w', encoding='utf-8') as file:
                    file.write('\n'.join(lines))
            with open(names, 'w', encoding='utf-8') as file:
                file.write('\n'.join(f'unitbpf:unit / {n}' for n in expected))
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                results.main(log, names, counts)
            with open(counts, encoding='utf-8') as file:
                return file.read().strip(), said.getvalue()

    def test_counts_each_outcome(self):
        counts, said = self.run_with(
            [record('a', 'OK'), record('b', 'FAIL', 1, 'one\ntwo\n'), record('c', 'TIMEOUT', -15),
             record('d', 'SKIP', 77, 'x\nno kernel\n\n'), record('e', 'ERROR', 99),
             record('f', 'UNEXPECTEDPASS'), record('g', 'INTERRUPT')], 'abcdefg')
        self.assertEqual(counts, '1 5 1')
        self.assertIn('skipped d: no kernel\n', said)
        self.assertIn('| two\n', said)

    def test_a_required_test_that_skips_has_failed(self):
        os.environ['UNITBPF_TEST_REQUIRE'] = 'all'
        counts, said = self.run_with([record('d', 'SKIP', 77, 'no kernel')], 'd')
        self.assertEqual(counts, '0 1 0')
        self.assertIn('FAILED d: SKIPPED', said)

    def test_what_did_not_run_has_failed(self):
        counts, said = self.run_with([record('a', 'OK'), '{"name": "unitbpf:unit / b", "res'], 'abc')
        self.assertEqual(counts, '1 2 0')
        self.assertIn('FAILED c: has not run', said)
        self.assertEqual(self.run_with(None, 'ab')[0], '0 2 0')


if __name__ == '__main__':
    unittest.main()
