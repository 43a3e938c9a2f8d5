# SPDX-License-Identifier: Apache-2.0
#
# Completion for quorate-members; goes to /usr/share/bash-completion/completions/quorate-members, or
# source it.

_quorate_members() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words before=''

    # Bash takes --option=value apart into three words.
    [ "$previous" = = ] && previous=${COMP_WORDS[COMP_CWORD - 2]}
    [ "$current" = = ] && current=''
    case $previous in
    -f | --format)
        words='table json plain'
        ;;
    --state)
        before=${current%"${current##*,}"}
        words='alive suspect dead left'
        ;;
    --key-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    -i | --interval | -t | --timeout | --wait | --zone | --name | --key | --label)
        return
        ;;
    *)
        words='--all --diff --watch --interval --wait --timeout --state --zone --name --key
            --key-file --label --format --no-color --help --version'
        [[ $current == -* ]] || return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "${current#"$before"}")
}

complete -o filenames -F _quorate_members quorate-members
