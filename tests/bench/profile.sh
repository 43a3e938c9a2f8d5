#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Where the first of three nodes spends its time under GET r=1, GET r=2 and PUT w=2 (the 25 symbols
# with most time of their own), and how often it allocates meanwhile. With perf; where that is
# missing or not permitted with callgrind, which counts instructions of our own and not the kernel's.
#   make profile                DURATION=4 seconds each, MODE=sync, SHAPE=64x1, SIZE=100, KEYS=100000
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh

duration=${DURATION:-4}
shape=${SHAPE:-64x1}
top=25
counter=$bench_programs/malloc_count.so
shared="--connections ${shape%x*} --depth ${shape#*x} --value-size ${SIZE:-100}"
shared+=" --keys ${KEYS:-100000} --warm-up 1"

options_of() {
    case $1 in
    get*) echo "--workload read --r ${1#get}" ;;
    put*) echo "--workload write --w ${1#put}" ;;
    esac
}

# Allocations of the first node so far.
allocations() {
    od -An -tu8 -N8 "$bench_dir/malloc.${cluster_pids[0]}" | tr -d ' '
}

# Starts a run of the work in the background and waits until it is warm.
run_begin() {
    # shellcheck disable=SC2046,SC2086
    bench_spawn "$bench_dir/run.json" "$bench_bin/quorate" bench --format json \
        --endpoint "$cluster_endpoints" $(options_of "$1") $shared --duration $((duration + 1))
    run=$bench_pid
    sleep 1.5
}

# Waits for its end; rate is what it came to.
run_end() {
    wait "$run" || bench_fail "$1 failed" "$bench_dir/run.json"
    rate=$(awk -f tests/bench/flat.awk "$bench_dir/run.json" | awk '$1 == "rate" { print $2 }')
}

say_allocations() {
    awk -v n="$2" -v s="$duration" -v rate="$rate" -v work="$1" 'BEGIN {
        printf "%s: %.0f operations/s in all; the node allocates %.0f times a second, %.4f times " \
            "for an operation\n", work, rate, n / s, n / s / rate }'
}

with_perf() {
    local work before after
    for work in "$@"; do
        run_begin "$work"
        before=$(allocations)
        perf record -q -F 997 -p "${cluster_pids[0]}" -o "$bench_dir/perf.data" -- sleep "$duration" \
            >"$bench_dir/perf.out" 2>&1 || bench_fail 'perf record failed' "$bench_dir/perf.out"
        after=$(allocations)
        run_end "$work"
        echo
        say_allocations "$work" $((after - before))
        perf report --stdio -q --no-children -s dso -i "$bench_dir/perf.data" 2>/dev/null |
            grep -v '^$' | head -n 5
        echo
        perf report --stdio -q --no-children -s symbol,dso -i "$bench_dir/perf.data" 2>/dev/null |
            grep -v '^$' | sed 's/[ -]*$//' | head -n $top
    done
}

# One work for a start: callgrind writes at the end.
with_callgrind() {
    local work before after
    for work in "$@"; do
        cluster_wrap_first=(valgrind -q --tool=callgrind "--callgrind-out-file=$bench_dir/$work.calls")
        cluster_begin
        run_begin "$work"
        before=$(allocations)
        sleep "$duration"
        after=$(allocations)
        run_end "$work"
        echo
        say_allocations "$work" $((after - before))
        cluster_stop
        callgrind_annotate "$bench_dir/$work.calls" 2>/dev/null |
            sed -n '/^Ir/,$p' | head -n $((top + 3)) | cut -c 1-110
    done
}

cluster_begin() {
    cluster_start profile 3 --durability "${MODE:-sync}"
    # shellcheck disable=SC2086
    bench_load --endpoint "$cluster_endpoints" ${shared% --warm-up*}
}

[ -f "$counter" ] || bench_fail "$counter is not built: make profile"
cluster_wrap=(env "LD_PRELOAD=$counter" "QUORATE_MALLOC_COUNT=$bench_dir/malloc")
bench_machine
echo "one of three nodes, durability ${MODE:-sync}, $shape, ${SIZE:-100} B, for $duration s"
works=${WORKS:-get1 get2 put2}
# shellcheck disable=SC2086
if perf record -q -o "$bench_dir/perf.data" true >/dev/null 2>&1; then
    cluster_begin
    with_perf $works
elif command -v valgrind >/dev/null; then
    echo 'perf is missing or not permitted: instructions are counted with callgrind'
    with_callgrind $works
else
    bench_fail 'neither perf (package linux-perf) nor valgrind is there'
fi
