# SPDX-License-Identifier: LGPL-2.1-or-later
"""What unitbpf-generator writes for unit files, on search paths of its own.

usage: test-generator.py UNITBPF-GENERATOR
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

GENERATOR = os.path.abspath(sys.argv[1])
DROP_IN = 'zz-unitbpf.conf'
PROGRAM = 'BPFProgram=egress:/usr/lib/x.bpf.o'


class Failure(Exception):
    pass


def check(condition, *words):
    if not condition:
        raise Failure(' '.join(str(word) for word in words))


def equal(found, wanted, *words):
    check(found == wanted, *words, f'is {found!r}, not {wanted!r}')


class Tree:
    """A search path of two directories, and one for what is generated."""

    def __init__(self):
        # not below /tmp: files that others could change are not believed
        self.root = tempfile.mkdtemp(prefix='unitbpf-generator-', dir='/run')
        os.chmod(self.root, 0o755)
        for name in ('etc', 'lib', 'out'):
            os.mkdir(f'{self.root}/{name}')

    def write(self, name, text, where='lib', mode=0o644):
        path = f'{self.root}/{where}/{name}'
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, mode)

    def service(self, name, lines='', xbpf=PROGRAM, where='lib'):
        section = 'Socket' if name.endswith('.socket') else 'Slice' if name.endswith('.slice') else 'Service'
        self.write(name, f'[{section}]\n{lines}\n' + (f'[X-BPF]\n{xbpf}\n' if xbpf is not None else ''), where)

    def run(self):
        shutil.rmtree(f'{self.root}/out')
        os.mkdir(f'{self.root}/out')
        return subprocess.run([GENERATOR, f'{self.root}/out', '/nonexistent', '/nonexistent'], check=True,
                              env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{self.root}/etc:{self.root}/lib'},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    def generated(self):
        self.run()
        found = {}
        for folder in os.listdir(f'{self.root}/out'):
            with open(f'{self.root}/out/{folder}/{DROP_IN}', encoding='utf-8') as file:
                found[folder.removesuffix('.d')] = file.read()
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)


def commands(text, key='ExecCondition'):
    return [line.split('=', 1)[1] for line in text.splitlines() if line.startswith(key + '=')]


def is_hook(command, policy='required'):
    return command.startswith('+/') and command.endswith(f'/unitbpf-hook --policy={policy} %n')


def units_without_the_section_get_nothing():
    with Tree() as tree:
        tree.service('a.service', xbpf=None)
        tree.service('b.target')
        tree.write('c.service', '[Service]\nX-BPF=1\n# [X-BPFs]\n')
        equal(tree.generated(), {})


def a_service_waits_for_the_hook_and_never_requires_the_daemon():
    with Tree() as tree:
        tree.service('a.service')
        text = tree.generated()['a.service']
        check('\nWants=unitbpfd.service\nAfter=unitbpfd.service\n' in text, text)
        check('Requires' not in text and '[Service]' in text, text)
        found = commands(text)
        equal(found[0], '')
        check(len(found) == 2 and is_hook(found[1]), text)


def own_conditions_follow_as_they_were():
    with Tree() as tree:
        tree.service('a.service', 'ExecCondition=/bin/gone\nExecCondition=\nExecCondition=-/bin/one %i "a b" \\\n  more\n')
        tree.write('a.service.d/20-two.conf', '[Service]\nExecCondition=+/bin/two $HOME\n', 'etc')
        found = commands(tree.generated()['a.service'])
        equal(found[2:], ['-/bin/one %i "a b"  more', '+/bin/two $HOME'], 'the own lines')
        check(is_hook(found[1]), found)


def a_socket_waits_before_it_is_made():
    with Tree() as tree:
        tree.service('a.socket', 'ListenStream=/run/x\nExecStartPre=/bin/one\nExecCondition=/bin/not')
        text = tree.generated()['a.socket']
        found = commands(text, 'ExecStartPre')
        check('[Socket]' in text and is_hook(found[1]) and found[2:] == ['/bin/one'], text)
        equal(commands(text), [])


def the_strictest_line_decides():
    with Tree() as tree:
        tree.service('required.service', xbpf='BPFProgram=egress,optional:/x\nBPFProgram=ingress:/x')
        tree.service('wanted.service', xbpf='BPFPolicy=wanted\nBPFProgram=egress:/x\nBPFProgram=ingress,optional:/x')
        tree.service('one.service', xbpf='BPFPolicy=optional\nBPFProgram=egress,required:/x')
        tree.service('misspelt.service', xbpf='BPFPorgram=egress:/x')
        tree.service('reset.service')
        tree.write('reset.service.d/x.conf', '[X-BPF]\nBPFProgram=\n', 'etc')
        found = tree.generated()
        equal({name: commands(text)[1].split('--policy=')[1] for name, text in found.items()},
              {'required.service': 'required %n', 'wanted.service': 'wanted %n', 'one.service': 'required %n',
               'misspelt.service': 'required %n'})


def a_drop_in_alone_is_enough():
    with Tree() as tree:
        tree.service('a.service', xbpf=None)
        tree.write('a.service.d/50-bpf.conf', f'[X-BPF]\n{PROGRAM}\n', 'etc')
        tree.service('foo-bar.service', xbpf=None)
        tree.service('foo.service', xbpf=None)
        tree.write('foo-.service.d/50-bpf.conf', f'[X-BPF]\n{PROGRAM}\n', 'etc')
        equal(sorted(tree.generated()), ['a.service', 'foo-bar.service'])


def templates_and_instances_have_each_their_own_lines():
    with Tree() as tree:
        tree.service('t@.service', 'ExecCondition=/bin/any %i')
        tree.write('t@one.service.d/x.conf', '[Service]\nExecCondition=/bin/one\n', 'etc')
        found = tree.generated()
        equal(sorted(found), ['t@.service', 't@one.service'])
        equal(commands(found['t@.service'])[2:], ['/bin/any %i'])
        equal(commands(found['t@one.service'])[2:], ['/bin/any %i', '/bin/one'])


def members_of_a_slice_with_programs_are_hooked():
    with Tree() as tree:
        tree.service('a.slice', xbpf='BPFPolicy=wanted\n' + PROGRAM)
        tree.service('in.service', 'Slice=a.slice', xbpf=None)
        tree.service('below.service', 'Slice=a-b-c.slice', xbpf=None)
        tree.service('other.service', 'Slice=ab.slice', xbpf=None)
        tree.service('nowhere.service', xbpf=None)
        tree.service('strict.service', 'Slice=a.slice')
        found = tree.generated()
        equal(sorted(found), ['below.service', 'in.service', 'strict.service'])
        check(is_hook(commands(found['in.service'])[1], 'wanted'), found)
        check(is_hook(commands(found['strict.service'])[1]), found)


def the_default_slices_count():
    with Tree() as tree:
        tree.service('system-t.slice')
        tree.service('t@.service', xbpf=None)
        tree.service('plain.service', xbpf=None)
        equal(sorted(tree.generated()), ['t@.service'])
        tree.service('system.slice')
        equal(sorted(tree.generated()), ['plain.service', 't@.service'])


def masked_units_and_links_to_nothing_get_nothing():
    with Tree() as tree:
        tree.service('a.service')
        os.symlink('/dev/null', f'{tree.root}/etc/a.service')
        os.symlink('/nonexistent', f'{tree.root}/etc/b.service')
        equal(tree.generated(), {})


def what_the_daemon_needs_is_refused():
    with Tree() as tree:
        for name in ('unitbpfd.service', 'systemd-journald.socket', 'systemd-fsck@.service', 'dbus.service',
                     'systemd-journald.service'):
            tree.service(name)
        equal(sorted(tree.generated()), ['dbus.service', 'systemd-journald.service'])


def a_drop_in_for_all_services_spares_the_daemon():
    with Tree() as tree:
        tree.write('service.d/all.conf', f'[X-BPF]\n{PROGRAM}\n', 'etc')
        tree.service('a.service', 'ExecCondition=/bin/one', xbpf=None)
        tree.service('unitbpfd.service', xbpf=None)
        found = tree.generated()
        # no reset there: what a unit without a file of its own says is not known
        check([len(commands(found['service'])), is_hook(commands(found['service'])[0])] == [1, True], found['service'])
        equal(commands(found['a.service'])[2:], ['/bin/one'])
        equal(commands(found['unitbpfd.service']), [])
        check('[' not in found['unitbpfd.service'], found['unitbpfd.service'])


def a_view_of_its_own_gets_the_hook_bound_in():
    with Tree() as tree:
        tree.service('root.service', 'RootDirectory=/srv/x')
        tree.service('image.service', 'RootImage=/srv/x.raw')
        tree.service('tmp.service', 'TemporaryFileSystem=/run')
        tree.service('less.service', 'NoExecPaths=/\nInaccessiblePaths=/run')
        tree.service('bind.service', 'BindPaths=/srv/x:/run')
        tree.service('back.service', 'RootDirectory=/srv/x\nRootDirectory=')
        tree.service('plain.service')
        found = tree.generated()
        for name in ('root', 'image', 'tmp', 'bind'):
            text = found[name + '.service']
            check('/unitbpf-hook\nBindReadOnlyPaths=-/run/unitbpf\n' in text, text)
        for name in ('back', 'less', 'plain'):
            check('BindReadOnlyPaths' not in found[name + '.service'], found)


def files_that_cannot_be_read_or_believed_do_not_stop_it():
    with Tree() as tree:
        tree.service('good.service')
        tree.write('nul.service', '[Service]\nExecStart=/x\0\n[X-BPF]\n' + PROGRAM + '\n')
        tree.service('open.service')
        os.chmod(f'{tree.root}/lib/open.service', 0o666)
        os.mkfifo(f'{tree.root}/lib/fifo.service')
        os.mkdir(f'{tree.root}/lib/folder.service')
        tree.write('deep.service', '[X-BPF]\n' + 'x' * 200000 + '\n')
        found = tree.generated()
        check('good.service' in found, found)
        # what they say is not known, but that they have the section is: the daemon has to judge
        for name in ('nul.service', 'open.service'):
            check(name in found and is_hook(commands(found[name])[0]), name, found)


def what_is_wrong_is_said_once_in_the_log_of_the_kernel():
    with Tree() as tree:
        tree.service('t@.service', xbpf='BPFPorgram=egress:/x')
        tree.write('t@one.service.d/x.conf', '[Service]\nNice=1\n')
        tree.write('t@two.service.d/x.conf', '[Service]\nNice=1\n')
        tree.service('unitbpfd.service')
        os.mkfifo(f'{tree.root}/kmsg')
        reader = os.open(f'{tree.root}/kmsg', os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            result = subprocess.run(
                ['unshare', '--mount', 'sh', '-c', f'mount --bind {tree.root}/kmsg /dev/kmsg && exec "$0" "$@"',
                 GENERATOR, f'{tree.root}/out'], env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{tree.root}/lib'},
                check=True, capture_output=True, text=True, timeout=60)
            said = os.read(reader, 65536).decode().splitlines()
        finally:
            os.close(reader)
        check(len(said) == 2 and all(re.match(r'<4>unitbpf-generator\[\d+\]: ', line) for line in said), said)
        check(f"]: {tree.root}/lib/t@.service:4: unknown" in said[0] and 'BPFPorgram' in said[0], said)
        check(']: unitbpfd.service: ' in said[1] and 'it is unitbpfd itself' in said[1], said)
        equal(result.stderr, '', 'standard error')


def systemd_accepts_what_is_written():
    if not shutil.which('systemd-analyze'):
        raise Failure('systemd-analyze is missing')
    with Tree() as tree:
        tree.service('a.service', 'ExecStart=/bin/true\nExecCondition=/bin/true a b')
        tree.service('t@.service', 'ExecStart=/bin/true %i\nRootDirectory=/\nTemporaryFileSystem=/srv')
        tree.service('a.socket', 'ListenStream=/run/x')
        tree.service('unitbpfd.service', 'ExecStart=/bin/true', xbpf=None)
        tree.run()
        hook = commands(tree.generated()['a.service'])[1].split()[0].removeprefix('+')
        installed = os.path.exists(hook)
        result = subprocess.run(['systemd-analyze', 'verify', '--man=no', 'a.service', 't@x.service', 'a.socket'],
                                env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{tree.root}/out:{tree.root}/lib:'},
                                capture_output=True, text=True, check=False, timeout=60)
        said = [line for line in result.stderr.splitlines()
                if tree.root in line or 'a.service' in line or 't@x.service' in line or 'a.socket' in line]
        if not installed:  # a build that is not installed has no hook at the place it will have
            said = [line for line in said if f'Command {hook} is not executable' not in line]
        equal(said, [], 'what systemd-analyze says')


def main():
    if os.geteuid() != 0:
        print('needs root: files of others are not believed')
        return 77
    tests = [value for name, value in globals().items()
             if callable(value) and getattr(value, '__module__', '') == '__main__' and value.__doc__ is None
             and name not in ('main', 'check', 'equal', 'commands', 'is_hook', 'Failure')]
    failed = 0
    for test in tests:
        try:
            test()
            print(f'ok {test.__name__}')
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f'FAILED {test.__name__}: {traceback.format_exc()}')
    print(f'{len(tests) - failed} of {len(tests)} passed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
