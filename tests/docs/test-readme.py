# SPDX-License-Identifier: LGPL-2.1-or-later
"""README.md says what is so: its tests, commands, options, directives, messages and folders exist, and its unit file
is one that unitbpfctl finds nothing wrong with. The quickstart keeps the shape by which tests/fresh follows it.

usage: test-readme.py SOURCE-ROOT BUILD-ROOT UNITBPFCTL UNITBPFD OBJECTS
"""

import glob
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, BUILD, CTL, DAEMON, OBJECTS = sys.argv[1:6]
INSTALLED = '/usr/local/lib/unitbpf/bpf/'
PROMPT = re.compile(r'[#$] ')


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


README = read('README.md')


def output(*command, expect=0):
    answer = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=60)
    text = answer.stdout + answer.stderr
    if answer.returncode != expect:
        raise AssertionError(f'{command}: status {answer.returncode}, not {expect}: {text}')
    return text


def blocks(kind):
    return re.findall(rf'^```{kind}\n(.*?)^```$', README, re.M | re.S)


def section(title):
    """Text below a heading, up to the next one. (Commands at the prompt of root begin as headings do.)"""
    match = re.search(rf'^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} [A-Z]|\Z)', README, re.M | re.S)
    if not match:
        raise AssertionError(f'README.md has no section {title}')
    return match.group(2)


def rows(title):
    """Cells of the table in a section, without its head."""
    lines = [line for line in section(title).split('\n') if line.startswith('|')]
    return [[cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]] for line in lines[2:]]


def quoted(text):
    return re.findall(r'`([^`]+)`', text)


def commands():
    """Every command line a reader is told to type, continuation lines joined."""
    for block in blocks('console'):
        lines = block.replace('\\\n', '').split('\n')
        for line in lines:
            if PROMPT.match(line):
                yield line[2:].strip()


def words_of(line):
    """The words of the first simple command; what a comment of the README adds after two blanks is none of it."""
    lexer = shlex.shlex(re.split(r' {3,}', line)[0], posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if word in (';', '|', '&', '&&', '||'):
            break
        words.append(word)
    return words


def calls(program):
    return [words[1:] for words in map(words_of, commands()) if words and words[0] == program]


class Verbs:
    """What unitbpfctl says that it can do."""

    def __init__(self):
        text = output(CTL, 'help')
        self.names = set(re.findall(r'^  ([a-z]+(?:-[a-z]+)?)(?: |$)', text.split('Options:')[0], re.M))
        self.options = {}

    def options_of(self, verb):
        if verb not in self.options:
            text = output(CTL, 'help', verb).split('Options:')[1]
            self.options[verb] = set(re.findall(r'(?<![\w-])(--?[A-Za-z][a-z-]*)', text))
        return self.options[verb]


class Commands(unittest.TestCase):
    def test_there_is_a_tour(self):
        self.assertGreaterEqual(len(calls('unitbpfctl')), 12)
        for verb in ('run', 'list', 'status', 'maps', 'tree', 'plan', 'verify', 'daemon-reload', 'daemon-reexec'):
            self.assertIn(verb, [next(w for w in call if w[0] != '-') for call in calls('unitbpfctl')])

    def test_verbs_and_options_of_unitbpfctl_exist(self):
        verbs = Verbs()
        for call in calls('unitbpfctl'):
            verb = next(word for word in call if word[0] != '-')
            self.assertIn(verb, verbs.names, call)
            ours = call[:call.index('--')] if '--' in call else call
            for word in ours:
                if word[0] == '-':
                    self.assertIn(word.split('=')[0], verbs.options_of(verb), call)

    def test_verbs_named_in_the_text_exist(self):
        names = Verbs().names
        for verb in re.findall(r'`unitbpfctl ([a-z][a-z-]*)', README):
            self.assertIn(verb, names)
        for verb in quoted(re.search(r'`unitbpfctl help` has the rest: (.*?)\.', README, re.S).group(1)):
            self.assertIn(verb, names)

    def test_options_of_unitbpfd_exist(self):
        self.assertTrue(calls('unitbpfd'))
        known = output(DAEMON, '--help')
        for call in calls('unitbpfd'):
            for word in call:
                self.assertIn(word.split('=')[0], known)

    def test_programs_of_the_checkout_exist(self):
        named = set(re.findall(r'(?:^|\s|`)\./([a-z/]+)', README))
        self.assertLessEqual({'units/quickstart', 'tests/run'}, named)
        for path in named:
            self.assertTrue(os.access(os.path.join(ROOT, path), os.X_OK), path)

    def test_suites_of_the_test_command_are_all_there_are(self):
        known = re.findall(r'known=\(([a-z -]+)\)', read('tests/run'))
        self.assertEqual(len(known), 2)
        for suites in known:
            self.assertIn(suites, section('Tests'))


class Promises(unittest.TestCase):
    def test_each_names_tests_that_exist(self):
        with open(os.path.join(BUILD, 'meson-info/intro-tests.json'), encoding='utf-8') as file:
            there = {test['name'] for test in json.load(file)}
        promises = rows('Promises')
        self.assertGreaterEqual(len(promises), 8)
        for promise, tests in promises:
            self.assertTrue(quoted(tests), promise)
            for name in quoted(tests):
                self.assertIn(name, there, promise)

    def test_each_promise_of_the_project_is_made(self):
        text = ' '.join(promise for promise, _ in rows('Promises'))
        for word in ('first instruction', 're-execut', 'kill', 'replaced', 'left behind', 'silent', 'else'):
            self.assertIn(word, text)


class UnitFiles(unittest.TestCase):
    """Objects count only in directories that are root's alone, as those below /run are."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='unitbpf-docs-', dir='/run')
        self.addCleanup(shutil.rmtree, self.directory)
        for path in glob.glob(os.path.join(OBJECTS, '*.bpf.o')):
            shutil.copy(path, self.directory)
        self.path = os.path.join(self.directory, 'hello.service')

    def verify(self, text, expect):
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(text.replace(INSTALLED, self.directory + '/'))
        return output(CTL, 'verify', self.path, expect=expect).replace(self.path, 'FILE')

    def tour(self):
        [text] = blocks('ini')
        self.assertIn(INSTALLED, text)
        return text

    def test_that_of_the_tour_is_well(self):
        said = self.verify(self.tour(), 0)
        self.assertIn(said.strip(), README)

    def test_the_misspelt_hook_is_named_as_the_tour_shows(self):
        added = re.search(r'^Add a line to the file: `(.*)`\.', README, re.M).group(1)
        [wrong, right] = re.search(r"unknown hook '(\w+)', did you mean '(\w+)'\?", README).groups()
        self.assertIn(f'={right}:', added)
        said = self.verify(self.tour() + added.replace(f'={right}:', f'={wrong}:') + '\n', 1)
        for line in said.strip().split('\n'):
            self.assertIn(line.replace('FILE', '/etc/unitbpf/system/hello.service'), README)

    def test_the_added_line_is_well(self):
        added = re.search(r'^Add a line to the file: `(.*)`\.', README, re.M).group(1)
        self.verify(self.tour() + added + '\n', 0)

    def test_directives_of_the_table_exist(self):
        directives = [name for row in rows('Directives') for name in quoted(row[0])]
        self.assertGreaterEqual(len(directives), 7)
        for name in directives:
            said = self.verify(f'[X-BPF]\n{name}\n', 0)
            self.assertNotIn('unknown', said)

    def test_what_is_not_in_this_build_is_refused_and_by_that_name(self):
        words = ' '.join(quoted(section('Limits'))).split()
        values = {
            'TCProgram=': f'ingress:lo:{INSTALLED}count.bpf.o', 'XDPProgram=': f'lo:{INSTALLED}count.bpf.o',
            'IPAddressAllow=': 'any', 'IPAddressDeny=': 'any', 'IPAccounting=': 'yes', 'DevicePolicy=': 'closed',
            'DeviceAllow=': '/dev/null rw', 'SocketBindAllow=': 'any', 'SocketBindDeny=': 'any',
            'RestrictNetworkInterfaces=': 'lo', 'RestrictFileSystems=': 'ext4',
        }
        for name, value in values.items():
            self.assertIn(name, words)
            self.assertIn(f'{name} is not supported by this build', self.verify(f'[X-BPF]\n{name}{value}\n', 1))
        for option in ('before=a.service', 'after=a.service', 'first', 'last', 'preorder'):
            self.assertIn(re.sub('=.*', '=', option), words)
            line = f'BPFProgram=ingress,{option}:{INSTALLED}count.bpf.o'
            self.assertIn(f"'{option}' is not supported by this build", self.verify(f'[X-BPF]\n{line}\n', 1))
        for hook in ('tc_ingress', 'tc_egress', 'xdp', 'sk_lookup', 'flow_dissector'):
            self.assertIn(hook, words)
            line = f'BPFProgram={hook}:{INSTALLED}count.bpf.o'
            self.assertIn('is not supported by this build', self.verify(f'[X-BPF]\n{line}\n', 1))


class Places(unittest.TestCase):
    def test_rooms_are_those_of_the_build(self):
        named = [quoted(row[0])[0] for row in rows('Rooms')]
        for room in named:
            self.assertTrue(os.path.isdir(os.path.join(ROOT, room)), room)
        built = re.findall(r"subdir\('([^']+)'\)", read('meson.build'))
        for room in built:
            if room != 'man':
                self.assertIn(room, named)

    def test_keys_of_the_configuration_exist(self):
        table = read('src/daemon/config.c')
        keys = [key for row in rows('Files') for key in re.findall(r'([A-Za-z]+)=', row[1])]
        self.assertGreaterEqual(len(keys), 7)
        for key in keys:
            self.assertIn(f'"{key}"', table)

    def test_nothing_was_left_open(self):
        self.assertIsNone(re.search(r'^@.*@$', README, re.M))
        for target in re.findall(r'\]\(#([^)]+)\)', README):
            self.assertRegex(README, rf'(?im)^#+ {target.replace("-", " ")}$')


class Quickstart(unittest.TestCase):
    def test_each_part_has_a_head_that_can_be_told(self):
        text = read('units/quickstart')
        heads = re.findall(r'^ *step "([^"$`\\]+)"$', text, re.M)
        self.assertEqual(len(heads), len(re.findall(r'^ *step\b(?!\()', text, re.M)))
        self.assertGreaterEqual(len(heads), 6)
        self.assertEqual(len(heads), len(set(heads)))
        self.assertEqual(heads[-1], 'Done')


if __name__ == '__main__':
    if os.geteuid() != 0:
        print('only root can make directories that are root\'s alone')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
