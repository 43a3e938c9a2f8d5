# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# What the measuring scripts share; to be sourced from the top folder. Sets bench_dir, a folder that
# goes with the script, however it ends, as do the processes of bench_spawn. Results are lines of
# tab-separated fields in $bench_dir/results: see table.awk.

bench_bin=$(cd "${QUORATE_BIN:-build/release/bin}" && pwd) || exit 8
bench_programs=$(dirname "$bench_bin")/tests/bench
bench_dir=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/quorate-bench.XXXXXX") || exit 8
bench_pids=()
export TMPDIR=$bench_dir # the files of floors too

bench_end() {
    local pid
    for pid in "${bench_pids[@]}"; do
        kill -TERM "$pid" 2>/dev/null
    done
    for pid in "${bench_pids[@]}"; do
        wait "$pid" 2>/dev/null
    done
    bench_pids=()
    rm -rf "$bench_dir"
}
trap bench_end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

bench_fail() {
    echo "bench: $1" >&2
    [ -z "${2:-}" ] || tail -n 20 "$2" >&2
    exit 8
}

# Starts a program whose output goes to a file; bench_pid is its process.
bench_spawn() {
    local output=$1
    shift
    "$@" >"$output" 2>&1 </dev/null &
    bench_pid=$!
    bench_pids+=("$bench_pid")
}

# Ends some processes of bench_spawn, by their pids.
bench_stop() {
    kill -TERM "$@" 2>/dev/null
    wait "$@" 2>/dev/null
    bench_forget "$@"
}

# They have ended: their pids may be others' now.
bench_forget() {
    local pid left=() gone=" $* "
    for pid in "${bench_pids[@]}"; do
        [[ $gone == *" $pid "* ]] || left+=("$pid")
    done
    bench_pids=("${left[@]}")
}

# Until the command succeeds; fails after 20 seconds.
bench_await() {
    local tries=200
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}

# ---- clusters -----------------------------------------------------------------------------------

# Words before the node's program: for the first node, and for all.
cluster_wrap_first=() cluster_wrap=()
cluster_init=() # further options of `cluster init`

# cluster_start NAME NODES [SETTING...]: sets cluster_dir, cluster_pids (cluster_watch: with commas)
# and cluster_endpoints (the client addresses, with commas).
cluster_start() {
    local name=$1 nodes=$2 i node join=() wrap=("${cluster_wrap_first[@]}")
    shift 2
    cluster_dir=$bench_dir/$name cluster_pids=() cluster_endpoints=''
    mkdir -p "$cluster_dir"
    for i in $(seq "$nodes"); do
        node=$cluster_dir/n$i
        bench_spawn "$node.log" "${wrap[@]}" "${cluster_wrap[@]}" "$bench_bin/quorate-node" --data "$node" --name "n$i" \
            --listen 127.0.0.1:0 --gossip 127.0.0.1:0 --peer 127.0.0.1:0 \
            --port-file "$node.ports" --gossip-profile local "${join[@]}" "$@"
        cluster_pids+=("$bench_pid")
        bench_await test -s "$node.ports" || bench_fail "n$i does not start" "$node.log"
        wrap=()
        join=(--join "$(sed -n 's/^gossip=//p' "$cluster_dir/n1.ports")")
        cluster_endpoints+=${cluster_endpoints:+,}$(sed -n 's/^client=//p' "$node.ports")
    done
    bench_await "$bench_bin/quorate" -e "${cluster_endpoints%%,*}" cluster init --nodes "$nodes" \
        "${cluster_init[@]}" ||
        bench_fail 'no cluster' "$cluster_dir/n1.log"
    cluster_watch=$(IFS=, && echo "${cluster_pids[*]}")
}

cluster_stop() {
    bench_stop "${cluster_pids[@]}"
    rm -rf "$cluster_dir"
}

# Bytes written so far to the disk that bench_dir is on, by everybody; fails where it cannot be known.
# (write_bytes of /proc/PID/io counts whole large folios when one block of them was changed: on recent
# kernels it is tens of times too large.)
bench_written() {
    awk '{ printf "%.0f\n", $7 * 512 }' "/sys/dev/block/$(stat -c %Hd:%Ld "$bench_dir")/stat" \
        2>/dev/null
}

# Resident KiB of processes, one after the other.
bench_memory() {
    local pid
    for pid in "$@"; do
        awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"
    done
}

# ---- runs ---------------------------------------------------------------------------------------

# bench_load OPTION...: writes every key.
bench_load() {
    "$bench_bin/quorate" bench --workload write --load-only "$@" >"$bench_dir/load.out" 2>&1 ||
        bench_fail 'loading failed' "$bench_dir/load.out"
}

# bench_run GROUP WORK ROUND OPTION...: one run of quorate bench, one line of results.
bench_run() {
    local group=$1 work=$2 round=$3
    shift 3
    bench_take "$group" "$work" "$round" "$bench_bin/quorate" bench --format json "$@"
}

# bench_take GROUP WORK ROUND COMMAND...: the same of a command that says what it measured in the
# same words. bench_rate is its rate.
bench_take() {
    local group=$1 work=$2 round=$3
    shift 3
    "$@" >"$bench_dir/run.json" 2>"$bench_dir/run.err" ||
        bench_fail "$work: $*" "$bench_dir/run.err"
    awk -f tests/bench/flat.awk "$bench_dir/run.json" |
        awk -v group="$group" -v work="$work" -v round="$round" -f tests/bench/result.awk \
            >"$bench_dir/run.row" || bench_fail "$work: not understood" "$bench_dir/run.json"
    cat "$bench_dir/run.row" >>"$bench_dir/results"
    bench_rate=$(cut -f 4 "$bench_dir/run.row")
}

# ---- telling --------------------------------------------------------------------------------------

output=$bench_dir/output # all that was said

progress() {
    [ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2
}

say() {
    progress ''
    echo "$@" | tee -a "$output"
}

# show_tables FLOORS: the tables of what was measured since the last call.
show_tables() {
    progress ''
    {
        echo
        awk -v floors="$1" -f tests/bench/table.awk "$bench_dir/results"
        echo
    } | tee -a "$output"
    : >"$bench_dir/results"
}

# bench_page FILE TITLE TARGET: what was said as a page of the project.
bench_page() {
    {
        head -n 1 tests/README.md
        echo "$2"
        echo
        echo "Written by $3 WRITE=1; see tests/README.md for what is measured how."
        echo
        cat "$output"
    } >"$1"
    echo "wrote $1"
}

# ---- the machine --------------------------------------------------------------------------------

bench_machine() {
    local processor memory disk
    processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
    memory=$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)
    disk=$(df --output=fstype "$bench_dir" | tail -n 1)
    echo "$(nproc) cores (${processor:-unknown}), $memory, $disk, $(uname -sr), $(date -u +%F);" \
        "quorate $(git rev-parse --short HEAD 2>/dev/null || echo without git)$(
            git diff --quiet HEAD 2>/dev/null || echo ' with changes')"
}

# Processor time of the machine so far: all of it, and what its host took.
bench_times() {
    awk '/^cpu / { for (i = 2; i <= 9; i++) sum += $i; printf "%.0f %.0f\n", sum, $9 }' /proc/stat
}

# Percent that the host took since bench_times said what is given.
bench_stolen() {
    echo "$1 $(bench_times)" | awk '{ printf("%.1f\n", ($3 > $1 ? 100 * ($4 - $2) / ($3 - $1) : 0)) }'
}
