# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the tests of one file, which are functions that take a Machine, on one boot of it.

The environment says what is booted: UNITBPF_BUILD is the build directory that is installed into the machine,
UNITBPF_SYSTEM_ROOT the directory with the system to boot (default: that of the host).
"""

import inspect
import os
import signal
import sys
import time
import traceback

from machine import Machine, MachineError, why_impossible

BUILD = os.environ['UNITBPF_BUILD']
SYSTEM_ROOT = os.environ.get('UNITBPF_SYSTEM_ROOT', '/')
LONG = os.environ.get('UNITBPF_TEST_REPEATS') == 'full'
TEST_SECONDS = 600  # against hanging


class Failure(Exception):
    pass


def check(condition, *words):
    if not condition:
        raise Failure(' '.join(str(word) for word in words))


def equal(found, wanted, *words):
    check(found == wanted, *words, f'is {found!r}, not {wanted!r}')


def repeats(short, long):
    return long if LONG else short


def cannot(reason):
    print(f'cannot run: {reason}')
    sys.exit(77)


def hung(*_):
    raise Failure(f'not done after {TEST_SECONDS} s')


def run_test(test, machine):
    begin = time.monotonic()
    signal.alarm(TEST_SECONDS)
    try:
        test(machine)
        print(f'ok {test.__name__} ({time.monotonic() - begin:.1f} s)', flush=True)
        return True
    except Exception:  # pylint: disable=broad-except
        print(f'FAILED {test.__name__}: {traceback.format_exc()}', flush=True)
        return False
    finally:
        signal.alarm(0)
        machine.note_possessions()


def name_of_file():
    return os.path.basename(inspect.stack()[2].filename).removeprefix('test-').removesuffix('.py')


def last_words(machine):
    try:
        return machine.journal('-n', '60')
    except Exception as error:  # pylint: disable=broad-except
        return f'no journal: {error}; console: {machine.console.text()[-4000:]}'


def run_tests(machine, prepare, tests):
    machine.tree.install(BUILD)
    prepare(machine)
    print(f'booted: {machine.boot()}', flush=True)
    results = [run_test(test, machine) for test in tests]
    if not all(results):
        print(f'journal of the machine:\n{last_words(machine)}', flush=True)
    return results


def main(*tests, prepare=lambda machine: None):
    """Runs all tests, or those named on the command line; prepare(machine) puts in what must be there at the boot."""
    reason = why_impossible()
    if reason:
        cannot(reason)
    signal.signal(signal.SIGALRM, hung)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [test for test in tests if not sys.argv[1:] or test.__name__ in sys.argv[1:]]
    check(chosen, 'no such test')
    try:
        with Machine(name_of_file(), SYSTEM_ROOT) as machine:
            results = run_tests(machine, prepare, chosen)
    except MachineError as error:
        print(f'FAILED: {error}', flush=True)
        results = [False]
    sys.exit(0 if all(results) else 1)
