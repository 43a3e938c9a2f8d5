# SPDX-License-Identifier: Apache-2.0
#
# Completion for quorate-sim; goes to /usr/share/bash-completion/completions/quorate-sim, or source
# it. Options come from the program's own help.

_quorate_sim() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words='' head=''

    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'placement cluster check --help --version' -- "$current")
        return
    fi
    if [ "${COMP_WORDS[1]}" = check ]; then
        case $previous in
        -f | --format) words='text json' ;;
        --faults)
            case $current in *,*) head=${current%,*}, current=${current##*,} ;; esac
            words="all none $("${COMP_WORDS[0]}" check --knobs 2>/dev/null |
                sed -n 's/^\([a-z-]*\) *(fault).*/\1/p')"
            ;;
        --set)
            case $current in *,*) head=${current%,*}, current=${current##*,} ;; esac
            words=$("${COMP_WORDS[0]}" check --knobs 2>/dev/null | sed 's/ .*/=/')
            compopt -o nospace
            ;;
        *) words=$("${COMP_WORDS[0]}" check --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*') ;;
        esac
        mapfile -t COMPREPLY < <(compgen -P "$head" -W "$words" -- "$current")
        return
    fi
    # Lists are completed at their last word.
    case $previous in
    -s | --scheme | --workload | --distribution | --legs | --latency | --event)
        case $current in *,*) head=${current%,*}, current=${current##*,} ;; esac
        ;;
    esac
    case $previous in
    -s | --scheme)
        words='all static static-boost modulo ring ring-equal ring-token-equal bounded jump
            rendezvous split'
        ;;
    --workload | --distribution) words='uniform zipf zipf-scrambled hotspot latest' ;;
    --route) words='owner first any' ;;
    --hedge) words='none' ;;
    --coordinator) words='apart replica' ;;
    --legs | --latency) words='lnkd-ssd lnkd-disk ymmr' ;;
    --event) words='add remove fail reweigh double to:' ;;
    -f | --format) words='table csv json' ;;
    --reads) words='primary spread' ;;
    --table) words='planner successive' ;;
    --bound-on) words='load keys' ;;
    --r | --w) words='one quorum all' ;;
    --trace | --csv | --report)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --charts)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    *)
        words='balance movement latency cost staleness all'
        [ "${COMP_WORDS[1]}" = placement ] || words=''
        case $current in
        -*) words=$("${COMP_WORDS[0]}" "${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*') ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -P "$head" -W "$words" -- "$current")
}

complete -o filenames -F _quorate_sim quorate-sim
