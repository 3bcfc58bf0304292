# SPDX-License-Identifier: LGPL-2.1-or-later
"""Close-on-exec from birth: calls that make descriptors carry the flag, calls that cannot are refused, and
one file alone clears it."""

import re

from tree import C_FILES, arguments, functions, is_program_for_the_kernel, line_of

# call: what must stand in its arguments
FLAGS = {
    'open': 'O_CLOEXEC', 'open64': 'O_CLOEXEC', 'openat': 'O_CLOEXEC', 'openat64': 'O_CLOEXEC',
    'mkostemp': 'O_CLOEXEC', 'mkostemps': 'O_CLOEXEC', 'pipe2': 'O_CLOEXEC', 'dup3': 'O_CLOEXEC',
    'shm_open': 'O_CLOEXEC', 'open_by_handle_at': 'O_CLOEXEC',
    'socket': 'SOCK_CLOEXEC', 'socketpair': 'SOCK_CLOEXEC', 'accept4': 'SOCK_CLOEXEC',
    'recvmsg': 'MSG_CMSG_CLOEXEC', 'recvmmsg': 'MSG_CMSG_CLOEXEC',
    'epoll_create1': 'EPOLL_CLOEXEC', 'eventfd': 'EFD_CLOEXEC', 'eventfd2': 'EFD_CLOEXEC',
    'inotify_init1': 'IN_CLOEXEC', 'fanotify_init': 'FAN_CLOEXEC', 'memfd_create': 'MFD_CLOEXEC',
    'timerfd_create': 'TFD_CLOEXEC', 'signalfd': 'SFD_CLOEXEC', 'signalfd4': 'SFD_CLOEXEC',
    'perf_event_open': 'PERF_FLAG_FD_CLOEXEC', 'open_tree': 'OPEN_TREE_CLOEXEC',
    'fsopen': 'FSOPEN_CLOEXEC', 'fspick': 'FSPICK_CLOEXEC', 'fsmount': 'FSMOUNT_CLOEXEC',
    'userfaultfd': 'O_CLOEXEC',
}
# The flag is in a structure that the same function fills.
FLAGS_NEARBY = {'openat2': 'O_CLOEXEC'}
# call: what to use instead
REFUSED = {
    'accept': 'accept4', 'pipe': 'pipe2', 'dup': 'fd_duplicate', 'dup2': 'dup3', 'creat': 'open',
    'inotify_init': 'inotify_init1', 'epoll_create': 'epoll_create1', 'mkstemp': 'mkostemp',
    'mkstemps': 'mkostemps', 'tmpfile': 'open with O_TMPFILE', 'freopen': 'fopen',
    'posix_spawn_file_actions_adddup2': 'fork and fd_above_stdio',
}

MAY_SET = ('src/base/fd.c',)
MAY_CLEAR = ('src/daemon/reexec.c',)
# The standard streams are there to be inherited.
HAND_ON = ('dup2', 'dup3', 'posix_spawn_file_actions_adddup2')
STANDARD = re.compile(r',\s*STD(IN|OUT|ERR)_FILENO\s*(,\s*0\s*)?$')

_CALL = re.compile(r'(?<![\w.>])(\w+)\s*\(')
_SYSCALL = re.compile(r'\s*(?:SYS|__NR)_(\w+)')


def _carries(given, flag, around):
    """The flag stands in the call, or a variable of the call got it in the same function."""
    if flag in given:
        return True
    return any(re.search(r'\b' + word + r'\s*\|?=[^=;]*\b' + flag, around)
               for word in re.findall(r'\b[a-z_]\w*\b', given))


def _problem(path, name, given, text_given, around):
    """What is wrong with one call, or None. given: arguments without the insides of strings."""
    if name in HAND_ON and (path in MAY_CLEAR or STANDARD.search(given)):
        return None
    if name in FLAGS and not _carries(given, FLAGS[name], around):
        return f'{name}() without {FLAGS[name]}'
    if name in FLAGS_NEARBY and FLAGS_NEARBY[name] not in around:
        return f'{name}() without {FLAGS_NEARBY[name]} in the same function'
    if name in REFUSED:
        return f'{name}() makes a descriptor without close-on-exec: use {REFUSED[name]}'
    if name in ('fopen', 'fopen64', 'popen') and not re.search(r'"[^"]*e[^"]*"\s*$', text_given):
        return f'{name}() without "e" in its mode'
    if name == 'fcntl' and re.search(r'\bF_DUPFD\b', given):
        return 'fcntl(F_DUPFD): use fd_duplicate'
    return None


def _flag_problem(path, name, given):
    if name == 'fcntl' and re.search(r'\bF_SETFD\b', given) and path not in MAY_SET:
        return 'fcntl(F_SETFD): use fd_set_cloexec'
    if name == 'ioctl' and re.search(r'\bFIO(N)?CLEX\b', given):
        return 'ioctl() on close-on-exec: use fd_set_cloexec'
    if name == 'fd_set_cloexec' and path not in MAY_CLEAR + MAY_SET:
        if not re.search(r',\s*true\s*$', given):
            return f'close-on-exec is cleared in {MAY_CLEAR[0]} only'
    return None


def _is_declaration(code, start):
    """'int open(...' in the first column, or a type in front: no call."""
    line = code[code.rfind('\n', 0, start) + 1:start]
    return re.fullmatch(r'(static |extern |inline )*[A-Za-z_][\w ]*[ *]+', line) is not None and \
        not re.match(r'\s*(return|else|case|do)\b', line)


def close_on_exec(tree):
    """Every call that makes a descriptor sets close-on-exec; one file alone clears it."""
    found = []
    for path in tree.files(*C_FILES):
        if path.startswith('tests/') or is_program_for_the_kernel(path):
            continue
        code, text = tree.code(path), tree.text(path)
        bodies = functions(code)
        for match in _CALL.finditer(code):
            name, opening = match.group(1), match.end() - 1
            given = arguments(code, opening)
            if name == 'syscall' and _SYSCALL.match(given):
                name = _SYSCALL.match(given).group(1)
            line = line_of(code, match.start())
            if _is_declaration(code, match.start()):
                continue
            around = next((f.body for f in bodies if f.first <= line <= f.last), code)
            problem = _problem(path, name, given, text[opening + 1:opening + 1 + len(given)], around) or \
                _flag_problem(path, name, given)
            if problem:
                found.append(f'{path}:{line}: {problem}')
    return found
