# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include what: one table for the rooms and one for the libraries, strict in both directions."""

import re

from tree import C_FILES, is_program_for_the_kernel, line_of

# room: (rooms it may include besides itself, libraries)
ROOMS = {
    'src/base': ((), ()),
    'serialize': (('src/base',), ()),
    'bpf/look': (('src/base',), ('libelf',)),
    'bpf': (('src/base', 'bpf/look'), ('libbpf', 'libmount', 'libmnl')),
    'units': (('src/base',), ('glib',)),
    'src/resolve': (('src/base', 'units', 'bpf/look'), ('glib',)),
    'src/track': (('src/base', 'serialize', 'bpf', 'bpf/look'), ('glib',)),
    'src/daemon': (('src/base', 'serialize', 'bpf/look', 'bpf', 'units', 'src/resolve', 'src/track'),
                   ('sd-event', 'sd-bus', 'sd-daemon', 'sd-id128', 'sd-journal',
                    'glib')),
    'src/hook': (('src/base',), ()),
    'src/generator': (('src/base', 'units'), ('glib',)),
    'src/cli': (('src/base', 'units', 'src/resolve', 'bpf/look'),
                ('sd-bus', 'glib', 'json-glib', 'libsmartcols')),
    'src/lib': (('src/base', 'serialize', 'bpf', 'src/track'), ()),
}

# Programs for the kernel share nothing with ours but headers that lie beside them.
PROGRAMS = ('vmlinux.h', 'bpf/progs/')

LIBRARIES = {
    'libelf': r'(gelf|libelf)\.h|elfutils/.*',
    'libbpf': r'bpf/(bpf|libbpf|btf|libbpf_common|libbpf_legacy|libbpf_version)\.h',
    'libmount': r'(libmount/)?libmount\.h',
    'libmnl': r'libmnl/libmnl\.h',
    'glib': r'(glib|glib-unix|glib-object)\.h|glib/.*|gio/.*',
    'sd-event': r'systemd/sd-event\.h',
    'sd-bus': r'systemd/sd-bus(-protocol|-vtable)?\.h',
    'sd-daemon': r'systemd/sd-daemon\.h',
    'sd-id128': r'systemd/sd-id128\.h',
    'sd-journal': r'systemd/sd-journal\.h',
    'json-glib': r'json-glib/json-glib\.h',
    'libsmartcols': r'(libsmartcols/)?libsmartcols\.h',
    'check': r'check\.h',
}
LIBC = re.compile(
    r'(arpa|asm|asm-generic|linux|net|netinet|netpacket|sys)/[\w./-]+\.h|'
    r'(assert|byteswap|ctype|dirent|elf|endian|errno|execinfo|fcntl|fnmatch|ftw|getopt|glob|grp|ifaddrs|'
    r'inttypes|langinfo|libgen|limits|link|locale|malloc|math|mntent|netdb|paths|poll|pthread|pwd|regex|'
    r'sched|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|'
    r'stdatomic|stdbool|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|string|strings|sysexits|syslog|'
    r'termios|threads|time|uchar|unistd|utime|wchar|wctype)\.h')
KERNEL_SIDE = re.compile(
    r'(linux|asm|asm-generic)/[\w./-]+\.h|std(bool|def|int)\.h|(sys/socket|netinet/in)\.h|'
    r'bpf/bpf_(helpers|helper_defs|endian|tracing|core_read)\.h')

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(?:"([^"]*)"|<([^>]*)>|(\S+))', re.M)


def room_of(path):
    """The room whose folder is the longest that holds path, or None."""
    rooms = [r for r in ROOMS if path.startswith(r + '/')]
    return max(rooms, key=len, default=None)


def library_of(header):
    return next((name for name, form in LIBRARIES.items() if re.fullmatch(form, header)), None)


def _own(room, header):
    target = room_of(header)
    if target is None:
        return f'"{header}" is in no room: give the full path from the source root'
    if target != room and target not in ROOMS[room][0]:
        return f'"{header}": {room} may not include {target}'
    return None


def _foreign(room, header):
    library = library_of(header)
    if library is None:
        if LIBC.fullmatch(header):
            return None
        return f'<{header}> is neither libc nor a library in the table of rooms'
    if library not in ROOMS[room][1]:
        return f'<{header}>: {room} may not use {library}'
    return None


def _kernel_side(own, header):
    if own and (header.startswith(PROGRAMS) or header.endswith('.bpf.h')):
        return None
    if not own and KERNEL_SIDE.fullmatch(header):
        return None
    return f'{header}: a program for the kernel may not include it'


def includes(tree):
    """Each file includes only what its room may."""
    found = []
    for path in tree.files(*C_FILES):
        room = room_of(path)
        if path.startswith('tests/'):
            continue
        text = tree.text(path)
        for match in _INCLUDE.finditer(text):
            own, foreign, macro = match.groups()
            if macro:
                problem = f'include of {macro}: write the name out'
            elif is_program_for_the_kernel(path):
                problem = _kernel_side(own is not None, own or foreign)
            elif room is None:
                problem = 'the file is in no room'
            else:
                problem = _own(room, own) if own is not None else _foreign(room, foreign)
            if problem:
                found.append(f'{path}:{line_of(text, match.start())}: {problem}')
    return found
