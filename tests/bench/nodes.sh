#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Clusters on this machine beside what they cannot be faster than, by the same client in the same
# run: an echo, a fan-out to two of three, the same with a log (client/bench/floor.h). Rounds of all
# works one after the other, so that what the machine does meanwhile falls on all of them.
#   make bench                  the rows that the aims are about; five minutes
#   BENCH=full make bench       all cells; hours
#   make bench WRITE=1          writes tests/BENCH.md as well
# ROUNDS, DURATION (seconds), KEYS, PARTS (disk rates calls space), and in a full run NODES, MODES,
# SIZES, SHAPES, DISTRIBUTIONS and WORKS choose; BENCH_DIR is where data goes, the folder of temporary
# files unless it is named.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh

rounds=${ROUNDS:-5}
duration=${DURATION:-1.5}
keys=${KEYS:-100000}
settle=${SETTLE:-1.5} # after writes: their checkpoint belongs to no other work
parts=${PARTS:-disk rates calls space}
warm_up=0.4
floors='echo fanout fanout-log'

wanted() { [[ " $parts " == *" $1 "* ]]; }

# The words for the client of a work: get1, get1-one (all at one owner), put2, a, echo, ...
options_of() {
    case $1 in
    get1-one) echo '--workload read --r 1 --spread first' ;;
    echo | fanout | fanout-log) echo "--workload write --floor $1" ;;
    get[0-9]) echo "--workload read --r ${1#get}" ;;
    put[0-9]) echo "--workload write --w ${1#put}" ;;
    *) echo "--workload $1 --r 2 --w 2" ;;
    esac
}

name_of() {
    case $1 in
    get1-one) echo 'GET r=1, all at one' ;;
    get[0-9]) echo "GET r=${1#get}" ;;
    put[0-9]) echo "PUT w=${1#put}" ;;
    [a-f]) echo "workload ${1^^}, r=2 w=2" ;;
    *) echo "$1" ;;
    esac
}

# Who the client talks to, and whom it watches; a floor is its own affair.
target_of() {
    case $1 in
    echo | fanout | fanout-log) ;;
    *) echo "--endpoint $cluster_endpoints --watch $cluster_watch" ;;
    esac
}

# The options that a group of works shares: SHAPE (64x1), SIZE, DISTRIBUTION.
shared_options() {
    echo "--connections ${1%x*} --depth ${1#*x} --value-size $2 --distribution $3 --keys $keys" \
        "--warm-up $warm_up"
}

# The shared options that a work takes: D has a distribution of its own.
shared_of() {
    case $1 in
    d) sed 's/--distribution [a-z]*//' <<<"$2" ;;
    *) echo "$2" ;;
    esac
}

# group TITLE SHARED_OPTIONS WORK...: all rounds.
group() {
    local title=$1 shared=$2 round work
    shift 2
    wanted rates || return 0
    for round in $(seq "$rounds"); do
        sleep "$settle"
        for work in "$@"; do
            progress "$title: round $round of $rounds, $(name_of "$work")"
            # shellcheck disable=SC2046,SC2086
            bench_run "$title" "$(name_of "$work")" "$round" $(target_of "$work") \
                $(options_of "$work") $(shared_of "$work" "$shared") --duration "$duration"
        done
    done
}

# ---- what is counted in runs of its own ---------------------------------------------------------

calls=(epoll_wait epoll_pwait read recvmsg write writev sendmsg futex pwrite64 fdatasync)

perf_events() {
    printf 'raw_syscalls:sys_enter'
    printf ',syscalls:sys_enter_%s' "${calls[@]}"
}

# A second in the midst of a run: system calls of all servers for an operation. The floors' servers
# are the client's children.
count_calls() {
    local work=$1 shared=$2 pids run
    # shellcheck disable=SC2046,SC2086
    bench_spawn "$bench_dir/run.json" "$bench_bin/quorate" bench --format json \
        $(target_of "$work") $(options_of "$work") $(shared_of "$work" "$shared") --duration 2
    run=$bench_pid
    sleep 1
    pids=$(tr ' ' ',' <"/proc/$run/task/$run/children")
    pids=${pids%,}
    perf stat -x, -e "$(perf_events)" -p "${pids:-$cluster_watch}" -o "$bench_dir/perf" -- sleep 1 ||
        bench_fail 'perf stat failed' "$bench_dir/perf"
    wait "$run" || bench_fail "$work failed" "$bench_dir/run.json"
    awk -f tests/bench/flat.awk "$bench_dir/run.json" |
        awk -v group=- -v work="$work" -v round=1 -f tests/bench/result.awk >"$bench_dir/run.row"
    awk -F, -v work="$(name_of "$work")" -v rate="$(cut -f 4 "$bench_dir/run.row")" '
        /sys_enter/ { sub(/.*sys_enter_?/, "", $3); count[$3] = $1 }
        END { printf "| %-12s | %6.2f | %6.2f | %6.2f | %6.2f | %6.2f | %6.2f |\n", work,
                  count[""] / rate, (count["epoll_wait"] + count["epoll_pwait"]) / rate,
                  (count["read"] + count["recvmsg"]) / rate,
                  (count["write"] + count["writev"] + count["sendmsg"]) / rate,
                  count["futex"] / rate, (count["pwrite64"] + count["fdatasync"]) / rate }' \
        "$bench_dir/perf" | tee -a "$output"
}

show_calls() {
    local title=$1 shared=$2 work
    shift 2
    wanted calls || return 0
    if ! perf stat -e "$(perf_events)" -o "$bench_dir/perf" true >/dev/null 2>&1; then
        say 'System calls were not counted: perf (package linux-perf) is missing or not permitted.'
        return
    fi
    say "System calls of all servers for an operation, $title:"
    say
    say '| work         |    all |  epoll |   read |  write |  futex |   disk |'
    say '|--------------|-------:|-------:|-------:|-------:|-------:|-------:|'
    for work in "$@"; do
        count_calls "$work" "$shared"
    done
    say
}

# What a key takes in memory, and on disk when the nodes have stopped. The cluster is gone then.
show_space() {
    local size=$1 memory disk
    if ! wanted space; then
        cluster_stop
        return
    fi
    memory=$(bench_memory "${cluster_pids[@]}" | awk '{ printf "%s%.0f", sep, $1 / 1024; sep = ", " }')
    bench_stop "${cluster_pids[@]}"
    disk=$(du -sc --block-size=1 "$cluster_dir"/n?/tree | tail -n 1)
    disk=${disk%%[!0-9]*}
    say "Memory of each node with $keys keys of $size bytes: $memory MiB. Tree on disk: $(
        awk -v b="$disk" -v k="$keys" 'BEGIN { printf "%.0f", b / k / 3 }') bytes for a copy of a key."
    say
    rm -rf "$cluster_dir"
}

# What a byte of key and value makes the disk write, in a run of a work and the checkpoint after it.
amplification() {
    local work=$1 size=$2 shared=$3 seconds=4 before after
    progress "$(name_of "$work"): write amplification"
    sleep "$settle"
    sync -f "$bench_dir"
    before=$(bench_written)
    # shellcheck disable=SC2046,SC2086
    bench_run - - 1 $(target_of "$work") $(options_of "$work") $shared --warm-up 0 \
        --duration "$seconds"
    sed -i '$d' "$bench_dir/results"
    sleep "$settle"
    sync -f "$bench_dir"
    after=$(bench_written)
    awk -v b=$((after - before)) -v n="$(awk -v r="$bench_rate" -v s=$seconds 'BEGIN { print r * s }')" \
        -v s="$size" -v work="$(name_of "$work")" -v rate="$bench_rate" '
        BEGIN { w = b / n / (s + 16)
                printf "| %-12s | %9.0f | %12.1f | %18.1f |\n", work, rate, w, w / 3 }' |
        tee -a "$output"
}

show_amplification() {
    local size=$1 shared=$2 work
    shift 2
    wanted space || return 0
    if ! bench_written >/dev/null; then
        say 'What the disk writes is not known here.'
        return
    fi
    say "Bytes that the disk (the whole machine's) wrote for a byte of key and value ($size B):"
    say
    say '| work         |  writes/s |   altogether |  for each of three |'
    say '|--------------|----------:|-------------:|-------------------:|'
    for work in "$@"; do
        amplification "$work" "$size" "$shared"
    done
    say
}

show_disk() {
    local line
    progress 'disk and LMDB alone'
    local rate half most name
    wanted disk || return 0
    mkdir -p "$bench_dir/disk"
    say '| alone                    |    rate/s |  p50 us |  p99 us |'
    say '|--------------------------|----------:|--------:|--------:|'
    for line in 'append 4096 1' 'append 4096 3' 'append 65536 1' "get $keys 100"; do
        # shellcheck disable=SC2086
        set -- $line
        "$bench_programs/disk_main" "$1" "$bench_dir/disk" "$2" "$3" 2 >"$bench_dir/disk.out" ||
            bench_fail 'disk_main failed'
        read -r rate half most <"$bench_dir/disk.out"
        case $1 in
        append) name="append $(($2 >> 10)) KiB, $3 at once" ;;
        *) name="LMDB get, 1 thread" ;;
        esac
        say "$(printf '| %-24s | %9.0f | %7.1f | %7.1f |' "$name" "$rate" "$half" "$most")"
    done
    say
    rm -rf "$bench_dir/disk"
}

# ---- plans --------------------------------------------------------------------------------------

load() {
    progress "loading $keys keys"
    bench_load --endpoint "$cluster_endpoints" --keys "$keys" --value-size "$1"
}

# title NODES MODE SHAPE SIZE DISTRIBUTION
title() {
    echo "$1 nodes, durability $2, $3 (connections x depth), $4 B, $5"
}

plan_short() {
    local shape shared works='get1 get1-one get2 put1 put2 put3'
    show_disk
    cluster_start sync3 3 --durability sync
    load 100
    for shape in 64x1 64x16; do
        shared=$(shared_options $shape 100 uniform)
        # shellcheck disable=SC2086
        group "$(title 3 sync $shape 100 uniform)" "$shared" $floors $works
    done
    # shellcheck disable=SC2086
    group "$(title 3 sync 1x1 100 uniform)" "$(shared_options 1x1 100 uniform)" $floors get1 get2 put2
    show_tables "$floors"
    shared=$(shared_options 64x1 100 uniform)
    # shellcheck disable=SC2086
    show_calls '64 x 1' "$shared" $floors get1 get2 put2
    show_amplification 100 "$shared" fanout-log put2
    show_space 100
    cluster_start interval3 3 --durability interval=1000
    load 100
    group "$(title 3 interval=1000 64x1 100 uniform)" "$shared" echo fanout put2
    cluster_stop
    cluster_start sync5 5 --durability sync
    load 100
    group "$(title 5 sync 64x1 100 uniform)" "$shared" echo fanout-log get2 put2
    cluster_stop
    show_tables "$floors"
}

plan_full() {
    local nodes mode size shape spread works
    show_disk
    for nodes in ${NODES:-3 5}; do
        for mode in ${MODES:-sync interval=1000}; do
            works=${WORKS:-get1 get1-one get2 put1 put2 put3 a b c d f}
            [ "$mode" = sync ] || works=${WORKS:-put1 put2 put3 a f}
            for size in ${SIZES:-100 1024}; do
                cluster_start full "$nodes" --durability "$mode"
                load "$size"
                full_groups
            done
        done
    done
}

full_groups() {
    local shared
    for shape in ${SHAPES:-1x1 16x1 64x1 64x16}; do
        for spread in ${DISTRIBUTIONS:-uniform zipf}; do
            shared=$(shared_options "$shape" "$size" "$spread")
            # shellcheck disable=SC2086
            group "$(title "$nodes" "$mode" "$shape" "$size" "$spread")" "$shared" $floors $works
            show_tables "$floors"
        done
    done
    shared=$(shared_options 64x1 "$size" uniform)
    # shellcheck disable=SC2086
    show_calls "$nodes nodes, $mode, 64 x 1, $size B" "$shared" $floors $works
    show_amplification "$size" "$shared" fanout-log put2
    show_space "$size"
}

: >"$bench_dir/results"
times=$(bench_times)
say "$(bench_machine)"
say
say "Medians of $rounds rounds of $duration s after $warm_up s of warm-up, $keys keys, client and" \
    "servers on the same cores. Ratios are medians of ratios within a round."
say
if [ "${BENCH:-}" = full ]; then
    plan_full
else
    plan_short
fi
say "The host took $(bench_stolen "$times") % of the processors' time meanwhile."
[ "${1:-}" != --write ] || bench_page tests/BENCH.md '# Measured' 'make bench'
