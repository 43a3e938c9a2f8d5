# SPDX-License-Identifier: Apache-2.0
#
# Completion for quorate; goes to /usr/share/bash-completion/completions/quorate, or source it.

_quorate() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local common='-e --endpoint -f --format --timeout --no-color --help'
    local read='--r --pr -c --strict --bucket --explain'
    local write='--w --pw -c --strict --bucket --context --blind --explain'
    local bench='a b c d f read write mixed= --workload --keys --distribution --theta --hot-operations
        --hot-keys --value-size --seed --load --load-only --connections --depth --threads --spread
        --rate --arrivals --warm-up --duration --operations --protocol --wait --floor --check --watch
        --histogram --r --w --pr --pw -c --strict --bucket --blind'
    local command='' sub='' word words

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $command:$word in
        :get | :put | :del | :load | :dump | :bucket | :cluster | :verify | :bench | :ping) command=$word ;;
        bucket:set | bucket:show | cluster:init | cluster:status) sub=$word ;;
        esac
    done
    case $previous in
    -f | --format)
        words='text json raw tsv'
        [[ $command == bench ]] && words='text json csv'
        ;;
    --r | --w | --pr | --pw | -c | --consistency)
        words='one quorum all 1 2 3'
        ;;
    --blind)
        words='siblings overwrite'
        ;;
    --workload)
        words='a b c d f read write mixed='
        ;;
    --distribution)
        words='uniform zipf zipf-scrambled latest hotspot'
        ;;
    --spread)
        words='owner any first'
        ;;
    --arrivals)
        words='poisson uniform'
        ;;
    --protocol)
        words='quorate redis'
        ;;
    --floor)
        words='echo fanout fanout-log'
        ;;
    --watch)
        words=$(pgrep -d ' ' quorate-node)
        ;;
    --histogram)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --conflict)
        words='siblings lww'
        ;;
    -e | --endpoint | -b | --bucket | --context | --ttl | --timeout | --nodes | --shards | \
        --replicas | --window | --shard | --wait | --keys | --theta | --hot-operations | --hot-keys | \
        --value-size | --seed | --connections | --depth | --threads | --rate | --warm-up | \
        --duration | --operations)
        return
        ;;
    *)
        case $command:$sub in
        :) words="get put del load dump bucket cluster verify compact bench ping $common" ;;
        get:) words="$read $common" ;;
        put:) words="$write --ttl --literal $common" ;;
        del:) words="$write $common" ;;
        load:) words="--w --pw -c --strict --bucket --blind --ttl --continue-on-error --window $common" ;;
        dump:) words="--bucket $common" ;;
        bucket:) words='set show' ;;
        bucket:set)
            words="--conflict --r --w --pr --pw -c --ttl --strict $common"
            [[ $previous == --strict ]] && words='yes no'
            ;;
        cluster:) words='init status' ;;
        verify:) words="--shard --wait --keys $common" ;;
        bench:) words="$bench $common" ;;
        cluster:init) words="--nodes --shards --replicas $common" ;;
        *) words=$common ;;
        esac
        ;;
    esac
    case $command:$current in
    load:[!-]* | load:)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        ;;
    put:@*)
        mapfile -t COMPREPLY < <(compgen -f -P @ -- "${current#@}")
        ;;
    *)
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        ;;
    esac
}

complete -o filenames -F _quorate quorate
