# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the shell programs of the tests share. Source it; it sets root (the checkout) and the
# environment in which everything runs: Debian's own tools first, one locale, enough descriptors.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
export PYTHONUTF8=1
# Nothing of the caller's may choose a compiler or look like a socket handed over to us.
unset CC CFLAGS CPPFLAGS LDFLAGS LISTEN_FDS LISTEN_PID LISTEN_FDNAMES NOTIFY_SOCKET CDPATH
umask 022
ulimit -c 0
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"

say() {
    printf '%s\n' "$*"
}

# Seconds since an earlier $EPOCHREALTIME, with one decimal.
seconds_since() {
    local now=$EPOCHREALTIME
    local tenths=$(((${now//[.,]/} - ${1//[.,]/}) / 100000))

    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# Whether a directory and all above it are root's alone, as unitbpfd asks of objects and unit files, and can be
# entered by everybody, as the tests of plain users need.
is_common_ground() { # DIRECTORY
    local directory=$1 owner mode

    while :; do
        read -r owner mode < <(stat -c '%u %a' "$directory") || return 1
        [ "$owner" -eq 0 ] && [ $((8#$mode & 8#022)) -eq 0 ] && [ $((8#$mode & 8#001)) -ne 0 ] || return 1
        [ "$directory" != / ] || return 0
        directory=$(dirname "$directory")
    done
}

# Runs a command with its output in a file; shows the end of it only if the command fails.
run_logged() { # LOG COMMAND...
    local log=$1 status=0

    shift
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        say "   failed with status $status: $*"
        grep -vE '^(\[[0-9]+/[0-9]+\]|cc|gcc|clang|ninja:) ' "$log" | tail -n 40 | cut -c -300 | sed 's/^/   | /'
    fi
    return "$status"
}

# The files of the last commit, or where there is no git all files but those of builds, as a tar stream.
checkout_archive() {
    local git=(git -c safe.directory='*' -C "$root")

    if [ -e "$root/.git" ] && command -v git >/dev/null; then
        "${git[@]}" archive --format=tar HEAD
    else
        tar -C "$root" --exclude='./build*' --exclude=./.git -cf - .
    fi
}
