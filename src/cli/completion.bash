# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Completion of unitbpfctl. Verbs and options come from the tool's own help, units and ids from the daemon,
# hooks from the tool's table: nothing here has to be kept in step by hand.

_unitbpfctl_words() { # WORD...
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_unitbpfctl_options() { # [VERB]
    unitbpfctl help ${1:+"$1"} 2>/dev/null |
        sed -n -e '/^Options:/,$s/^ *\(-[a-zA-Z] \)\?\(--[a-z-]*=\?\).*/\2/p' -e 's/^Of all verbs: //p'
}

_unitbpfctl_verbs() {
    unitbpfctl help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z-]*\).*/\1/p'
}

_unitbpfctl_column() { # COLUMN VERB OPTION...
    local column=$1

    shift
    unitbpfctl --no-legend --no-pager --full "$@" 2>/dev/null |
        sed 's/^[^ ]* //' | awk -v column="$column" '{ print $column }'
}

_unitbpfctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' word i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == -* || $word == = || ${COMP_WORDS[i - 1]} == = ]] || { verb=$word && break; }
    done
    if [[ $previous == = && ${COMP_WORDS[COMP_CWORD - 2]} == --json ]]; then
        _unitbpfctl_words pretty short off
    elif [[ $cur == -* ]]; then
        _unitbpfctl_words "$(_unitbpfctl_options "$verb")"
        [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace
    elif [[ -z $verb ]]; then
        _unitbpfctl_words "$(_unitbpfctl_verbs)"
    else
        case $verb in
        list | units | status | cat | maps | attach | plan | adopt)
            _unitbpfctl_words "$(_unitbpfctl_column 1 units --all)"
            ;;
        show | detach)
            _unitbpfctl_words "$(_unitbpfctl_column 1 units --all) $(_unitbpfctl_column 1 list)"
            ;;
        hooks) _unitbpfctl_words "$(unitbpfctl --no-legend --no-pager hooks 2>/dev/null | awk '{ print $1 }')" ;;
        help) _unitbpfctl_words "$(_unitbpfctl_verbs)" ;;
        log-level) _unitbpfctl_words debug info notice warning err crit alert emerg ;;
        verify | inspect) compopt -o default ;;
        tree) compopt -o dirnames -o default ;;
        run) compopt -o default ;;
        esac
    fi
}

complete -F _unitbpfctl unitbpfctl
