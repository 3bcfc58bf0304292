# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example units do what they say, with real calls and traffic; list, tree, maps and bpftool agree on them.
(acceptance 17)"""

import os
import re
import sys

import lib
from lib import Traffic, check, equal

EXAMPLES = os.environ['UNITBPF_EXAMPLES']
INSTALLED = re.compile(r'/usr/local/lib/unitbpf/bpf/([a-z-]+)\.bpf\.o')


def install(host, name, *more):
    """The example as it is, but for where the objects lie; more: lines that come after."""
    with open(f'{EXAMPLES}/{name}', encoding='utf-8') as file:
        text, found = INSTALLED.subn(lambda match: host.object(match.group(1)), file.read())
    check(found, f'{name} names no installed object')
    with open(f'{host.units}/{name}', 'w', encoding='utf-8') as file:
        file.write(text + ''.join(f'{line}\n' for line in more))


def python(host, unit, program):
    """What a Python program says that runs as the unit."""
    result = host.run(unit, sys.executable, '-c', 'import os, socket, sys\n' + program)
    equal(result.returncode, 0, f'{program!r} in {unit}: {result.stderr}')
    return result.stdout.split()


def end(host, *units):
    for unit in units:
        host.wait_no_unit(unit)
    host.stop_and_check_nothing_left()


def counted_counts(host):
    install(host, 'counted.service')
    host.start()
    traffic = Traffic(host, 'counted.service')
    traffic.check_none_unseen()
    traffic.pause()
    into, out = host.traffic_of('counted.service')
    equal((out, into), (traffic.sent, traffic.received), 'counted')
    shown = host.ctl('maps', 'counted.service').stdout
    for number in (into, out):
        check(str(number) in shown, f'maps does not show {number}:', shown)
    host.agree()  # while nothing changes: also the contents
    traffic.go_on()
    traffic.end()
    end(host, 'counted.service')


CONNECT = '''
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    s = socket.socket(socket.AF_INET, kind)
    for address in sys.argv[1:] or ADDRESSES:
        try:
            s.connect((address, 9))
            print('connected')
        except OSError as error:
            print(type(error).__name__)
'''


def no_metadata_refuses_the_address(host):
    install(host, 'no-metadata.service', '', '[X-BPF]', 'BPFVariable=deny4=0x7f000002')
    host.start()
    equal(python(host, 'no-metadata.service',
                 f'ADDRESSES = ["127.0.0.2", "127.0.0.3"]\n{CONNECT}'),
          ['PermissionError', 'ConnectionRefusedError', 'PermissionError', 'connected'], 'connect()')
    host.wait_no_unit('no-metadata.service')
    equal(python(host, 'no-metadata.service', '''
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
for address in "::ffff:127.0.0.2", "::ffff:127.0.0.3":
    try:
        s.sendto(b"x", (address, 9))
        print("sent")
    except OSError as error:
        print(type(error).__name__)
'''), ['PermissionError', 'sent'], 'sendto()')
    end(host, 'no-metadata.service')


def no_metadata_as_it_is_refuses_the_metadata_address(host):
    install(host, 'no-metadata.service')
    host.start()
    # refused by the program, before any route is looked for
    equal(python(host, 'no-metadata.service', f'ADDRESSES = ["169.254.169.254"]\n{CONNECT}'),
          ['PermissionError'] * 2, 'connect()')
    end(host, 'no-metadata.service')


BIND = '''
for port in 0, 8049, 8050, 8099, 8100:
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.9.8.7", port))
        print("bound")
    except OSError as error:
        print(type(error).__name__)
'''


def web_ports_binds_its_ports_only(host):
    install(host, 'web-ports@.service')
    host.start()
    refused, bound = 'PermissionError', 'bound'
    equal(python(host, 'web-ports@8050.service', BIND), [refused, refused, bound, bound, refused],
          'bind() of 8050')
    equal(python(host, 'web-ports@8049.service', BIND), [refused, bound, bound, bound, refused],
          'bind() of 8049')
    one = host.sleeper('web-ports@8080.service')
    other = host.sleeper('web-ports@8081.service')
    host.agree()
    programs = {row['prog_id'] for row in host.list() if row['hook'] == 'bind4'}
    equal(len(programs), 2, 'programs of instances with other variables')
    host.end(one, 'web-ports@8080.service')
    host.end(other, 'web-ports@8081.service')
    end(host, 'web-ports@8049.service', 'web-ports@8050.service')


def device_log_refuses_full_and_logs(host):
    install(host, 'device-log.service')
    host.start()
    process = host.run_async('device-log.service', '/bin/sh', '-c',
                             'cat </dev/zero | head -c 1 >/dev/null; '
                             'if ( : </dev/full ) 2>/dev/null; then echo open; else echo refused; fi; cat')
    equal(process.stdout.readline(), b'refused\n', '/dev/full')
    shown = host.ctl('maps', 'device-log.service').stdout
    check(re.search(r'\b7\b', shown) and re.search(r'\b5\b', shown),
          'maps does not show the devices 1:7 and 1:5:', shown)
    host.agree()
    host.end(process, 'device-log.service')
    end(host)


def marked_marks_and_keeps_the_mark(host):
    install(host, 'marked.service')
    host.start()
    equal(python(host, 'marked.service', '''
s = socket.socket()
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_MARK), s.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
try:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 7)
    print("changed")
except OSError as error:
    print(type(error).__name__)
'''), ['42', '6', 'PermissionError'], 'mark, priority, change')
    end(host, 'marked.service')


lib.main(counted_counts, no_metadata_refuses_the_address,
         no_metadata_as_it_is_refuses_the_metadata_address, web_ports_binds_its_ports_only,
         device_log_refuses_full_and_logs, marked_marks_and_keeps_the_mark)
