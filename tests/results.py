#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what one `meson test` left behind and says it in a few lines.

usage: results.py LOG.json LIST COUNTS

LOG.json is meson's log (one JSON object a line), LIST the names of the tests that should have run, and
COUNTS the file that gets "PASSED FAILED SKIPPED". A test of the list that is missing in the log has
failed: meson was ended before it came to it. With UNITBPF_TEST_REQUIRE=all a skip is a failure.
"""

import json
import os
import sys

TAIL_LINES = 40
SKIP_CODE = 77


def read_log(path):
    """The records of the log; a last line cut short by a dying meson is left out."""
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            lines = log.read().splitlines()
    except FileNotFoundError:
        return []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def short_name(name):
    """'unitbpf:unit / base/text' -> 'base/text', as the tables of tests/meson.build have it."""
    return name.split(' / ', 1)[-1].strip()


def output_lines(record):
    text = (record.get('stdout') or '') + (record.get('stderr') or '')
    return [line for line in text.splitlines() if line.strip()]


def verdict(record, require_all):
    """(column, text): column 0 passed, 1 failed, 2 skipped."""
    result = record.get('result')
    if result in ('OK', 'EXPECTEDFAIL'):
        return 0, ''
    if result == 'SKIP' and record.get('returncode') == SKIP_CODE:
        lines = output_lines(record)
        reason = lines[-1].strip() if lines else 'gave no reason'
        if require_all:
            return 1, f'SKIPPED, but all tests are required: {reason}'
        return 2, reason
    return 1, f'{result} after {record.get("duration", 0):.1f} s, status {record.get("returncode")}'


def main(log_path, list_path, counts_path):
    require_all = os.environ.get('UNITBPF_TEST_REQUIRE') == 'all'
    with open(list_path, encoding='utf-8') as file:
        expected = [short_name(line) for line in file if line.strip()]
    counts = [0, 0, 0]
    seen = set()
    for record in read_log(log_path):
        name = short_name(record.get('name', '?'))
        seen.add(name)
        column, text = verdict(record, require_all)
        counts[column] += 1
        if column == 1:
            print(f'   FAILED {name}: {text}')
            for line in output_lines(record)[-TAIL_LINES:]:
                print(f'   | {line}')
        elif column == 2:
            print(f'   skipped {name}: {text}')
    for name in expected:
        if name not in seen:
            counts[1] += 1
            print(f'   FAILED {name}: has not run')
    with open(counts_path, 'w', encoding='utf-8') as file:
        print(*counts, file=file)


if __name__ == '__main__':
    main(*sys.argv[1:])
