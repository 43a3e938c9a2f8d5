#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What grows with keys, shards, nodes and values, and what overload, checkpoints and time do to a
# cluster on this machine.
#   make bench-scale            short, some eight minutes
#   BENCH=full make bench-scale larger and longer: an hour
#   make bench-scale WRITE=1    writes tests/BENCH-SCALE.md as well
# PARTS (size shards nodes values beside overload checkpoint sustained) chooses; the last one is run when
# SUSTAINED, its seconds, is given. KEYS, SIZES, SHARDS, NODES, VALUES, DURATION (seconds of a
# measurement) and OVERLOAD (seconds) change what a part does; BENCH_DIR is where data goes.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh

full=$([ "${BENCH:-}" = full ] && echo 1)
sustained=${SUSTAINED:-}
parts=${PARTS:-size shards nodes values beside overload checkpoint${sustained:+ sustained}}
duration=${DURATION:-${full:+10}}
duration=${duration:-2}
keys=${KEYS:-100000}
connections=64
small=(--value-size 100 --connections "$connections")
bulk=(--connections 64 --depth 4) # for loading

wanted() { [[ " $parts " == *" $1 "* ]]; }

# ---- what is measured ---------------------------------------------------------------------------

# bench NAME OPTION...: one run; what it said is kept under the name.
bench() {
    local name=$1
    shift
    "$bench_bin/quorate" bench --endpoint "$cluster_endpoints" --watch "$cluster_watch" \
        --format json "$@" >"$bench_dir/$name.json" 2>"$bench_dir/$name.err" ||
        bench_fail "$name: $*" "$bench_dir/$name.err"
    awk -f tests/bench/flat.awk "$bench_dir/$name.json" >"$bench_dir/$name.flat"
}

# The same beside what else goes on; bench_wait NAME takes its result.
bench_aside() {
    local name=$1
    shift
    "$bench_bin/quorate" bench --endpoint "$cluster_endpoints" --watch "$cluster_watch" \
        --format json "$@" >"$bench_dir/$name.json" 2>"$bench_dir/$name.err" </dev/null &
    aside=$!
    bench_pids+=("$aside")
}

bench_wait() {
    wait "$aside" || bench_fail "$1" "$bench_dir/$1.err"
    bench_forget "$aside"
    awk -f tests/bench/flat.awk "$bench_dir/$1.json" >"$bench_dir/$1.flat"
}

# got NAME PATH: a number of it; 0 when it is not there.
got() { awk -v path="$2" '$1 == path { v = $2 } END { print v + 0 }' "$bench_dir/$1.flat"; }

# calc EXPRESSION [FORMAT]
calc() { awk "BEGIN { printf \"${2:-%.2f}\", $1 }"; }

anonymous_kib() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }

# The largest of all nodes, in MiB.
anonymous() {
    local pid
    for pid in "${cluster_pids[@]}"; do
        anonymous_kib "$pid"
    done | awk '$1 > most { most = $1 } END { printf "%.1f", most / 1024 }'
}

# Processor time of all nodes so far, in ms (the clock of /proc ticks 100 times a second).
busy_ms() {
    local pid
    for pid in "${cluster_pids[@]}"; do
        sed 's/.*) //' "/proc/$pid/stat"
    done | awk '{ sum += $12 + $13 } END { print sum * 10 }'
}

disk_bytes() { du -sc --block-size=1 "$@" | awk 'END { print $1 }'; }

row() {
    local cell line='|'
    for cell in "$@"; do
        line+=" $cell |"
    done
    say "$line"
}

head_row() {
    local rule='|' i
    row "$@"
    for i in "$@"; do
        rule+='---:|'
    done
    say "$rule"
}

# begin NODES SHARDS: a cluster with default settings.
begin() {
    progress "starting $1 nodes, $2 shards"
    cluster_init=(--shards "$2")
    cluster_start scale "$1"
}

# Nothing has been written to the trees for two seconds: checkpoints are over.
tree_is_calm() {
    find "$cluster_dir" -name data.mdb -newermt '-2 seconds' | grep -q . && return 1
    return 0
}

fill() {
    progress "loading $1 keys of $2 bytes"
    bench_load --endpoint "$cluster_endpoints" --keys "$1" --value-size "$2" "${@:3}"
    bench_await tree_is_calm
}

# ---- size ---------------------------------------------------------------------------------------

part_size() {
    local count memory tree compacted rest
    say '**Against the number of keys** (3 nodes, 100 B): each in a cluster of its own. CPU is of all'
    say 'nodes; memory is RssAnon, without the page cache, of the largest node, after the load and'
    say 'after the runs; the disk is what the trees take for a key and copy, before and after a'
    say 'compaction.'
    say
    head_row keys 'GET r=1 /s' 'CPU us' 'PUT w=2 /s' 'CPU us' 'MiB loaded' 'MiB after' 'tree B' \
        'compacted B' 'log MiB'
    for count in ${SIZES:-10000 100000 1000000 ${full:+10000000}}; do
        begin 3 256
        fill "$count" 100 "${bulk[@]}"
        memory=$(anonymous)
        progress "$count keys: get, put"
        bench get --workload read --r 1 --keys "$count" "${small[@]}" --duration "$duration"
        bench put --workload write --w 2 --keys "$count" "${small[@]}" --duration "$duration"
        bench_await tree_is_calm
        rest=$(anonymous)
        "$bench_bin/quorate" compact --endpoint "$cluster_endpoints" --format json \
            >"$bench_dir/compact" 2>&1 || bench_fail "$count keys: compact" "$bench_dir/compact"
        read -r tree compacted < <(sed 's/.*_before":\([0-9]*\),.*_after":\([0-9]*\),.*/\1 \2/' \
            "$bench_dir/compact" | awk '{ before += $1; after += $2 } END { print before, after }')
        bench_stop "${cluster_pids[@]}"
        row "$count" "$(got get rate | cut -d. -f1)" "$(got get watched_together.us_each)" \
            "$(got put rate | cut -d. -f1)" "$(got put watched_together.us_each)" "$memory" "$rest" \
            "$(calc "$tree / $count / 3" %.0f)" "$(calc "$compacted / $count / 3" %.0f)" \
            "$(calc "$(disk_bytes "$cluster_dir"/n?/log) / 3 / 1048576" %.0f)"
        rm -rf "$cluster_dir"
    done
    say
}

# ---- shards and nodes ---------------------------------------------------------------------------

idle_seconds=${IDLE:-5}

# one_shape NODES SHARDS: a row.
one_shape() {
    local nodes=$1 before fresh idle
    local wide=(--value-size 100 --connections $((connections * nodes / 3)))
    begin "$nodes" "$2"
    sleep 3
    fresh=$(anonymous)
    before=$(busy_ms)
    sleep "$idle_seconds"
    idle=$(calc "($(busy_ms) - $before) / $idle_seconds / $nodes" %.1f)
    fill "$keys" 100 "${bulk[@]}"
    progress "$nodes nodes, $2 shards"
    bench get --workload read --r 1 --keys "$keys" "${wide[@]}" --duration "$duration"
    bench put --workload write --w 2 --keys "$keys" "${wide[@]}" --duration "$duration"
    row "$nodes" "$2" "$fresh" "$idle" "$(got get rate | cut -d. -f1)" \
        "$(got get watched_together.us_each)" "$(got put rate | cut -d. -f1)" \
        "$(got put watched_together.us_each)" "$(anonymous)"
    cluster_stop
}

shape_head() {
    head_row nodes shards 'idle MiB' 'idle ms/s' 'GET r=1 /s' 'CPU us' 'PUT w=2 /s' 'CPU us' 'MiB after'
}

part_shards() {
    local count
    say "**Against the number of shards** (3 nodes, $keys keys of 100 B). Idle: RssAnon and"
    say 'processor time of a node without keys.'
    say
    shape_head
    for count in ${SHARDS:-64 256 4096 ${full:+65536}}; do
        one_shape 3 "$count"
    done
    say
}

part_nodes() {
    local count
    say "**Against the number of nodes** (256 shards, $keys keys of 100 B), all on this machine; the"
    say 'connections grow with them, so that a node and its log have as much to do at a time.'
    say
    shape_head
    for count in ${NODES:-3 5 9 15}; do
        one_shape "$count" 256
    done
    say
}

# ---- values -------------------------------------------------------------------------------------

# MB/s of a copy in memory, of 1 MiB pieces.
copy_rate() {
    LC_ALL=C dd if=/dev/zero of=/dev/null bs=1M count=4000 2>&1 |
        awk '/copied/ { for (i = 1; i < NF; i++) if ($i == "s,") s = $(i - 1); printf "%.0f", $1 / s / 1e6 }'
}

# MB/s of pieces written to the disk one after the other, each made durable.
append_rate() {
    mkdir -p "$bench_dir/disk"
    "$bench_programs/disk_main" append "$bench_dir/disk" 1048576 1 1 |
        awk '{ printf "%.0f", $1 * 1048576 / 1e6 }'
    rm -rf "$bench_dir/disk"
}

mb_per_s() { calc "$(got "$1" rate) * $2 / 1e6" %.0f; }

part_values() {
    local size count connections
    progress 'memory and disk alone'
    say "**Against the size of values** (3 nodes, r=1, w=2). This machine copies $(copy_rate) MB/s in"
    say "memory, and appends $(append_rate) MB/s to its disk durably, 1 MiB at a time. MB/s are of"
    say 'values that the client had or gave; a PUT writes each three times, to log and tree.'
    say
    head_row value 'GET /s' 'GET MB/s' 'CPU us' 'p99 ms' 'PUT /s' 'PUT MB/s' 'CPU us' 'p99 ms' 'MiB after'
    for size in ${VALUES:-1024 65536 1048576 8388608}; do
        count=$(calc "($size < 4096 ? 20000 : 200000000 / $size)" %.0f)
        connections=$((size > 1000000 ? 8 : 32))
        begin 3 256
        fill "$count" "$size" --connections "$((size > 4000000 ? 1 : connections))"
        progress "values of $size bytes"
        bench get --workload read --r 1 --keys "$count" --connections "$connections" \
            --value-size "$size" --duration "$duration"
        bench put --workload write --w 2 --keys "$count" --connections "$connections" \
            --value-size "$size" --duration "$duration"
        row "$size" "$(got get rate | cut -d. -f1)" "$(mb_per_s get "$size")" \
            "$(got get watched_together.us_each)" \
            "$(calc "$(got get latency.all.p99_us) / 1000")" \
            "$(got put rate | cut -d. -f1)" "$(mb_per_s put "$size")" \
            "$(got put watched_together.us_each)" \
            "$(calc "$(got put latency.all.p99_us) / 1000")" "$(anonymous)"
        cluster_stop
    done
    say
}

# ---- small beside large -------------------------------------------------------------------------

# small_get NAME: an open loop of small reads.
small_get() {
    bench "$1" --workload read --r 1 --keys 10000 "${small[@]}" --rate 2000 \
        --duration "$((duration * 2))"
}

beside() {
    local what=$1
    shift
    bench_aside big --workload "$@" --bucket big --keys 100 --value-size 1048576 --warm-up 0 \
        --duration "$((duration * 2 + 4))"
    sleep 1
    small_get beside
    bench_wait big
    row "$what" "$(calc "$(got beside latency.all.p50_us) / 1000")" \
        "$(calc "$(got beside latency.all.p99_us) / 1000")" \
        "$(calc "$(got beside latency.all.p99_us) / $(got alone latency.all.p99_us)" %.1f)" \
        "$(mb_per_s big 1048576)"
}

part_beside() {
    begin 3 256
    fill 10000 100
    bench_load --endpoint "$cluster_endpoints" --bucket big --keys 100 --value-size 1048576 \
        --connections 4
    bench_await tree_is_calm
    say '**Small reads beside large values**: 2,000 GET r=1 of 100 B a second, from a client of their'
    say 'own, while another moves values of 1 MiB over so many connections.'
    say
    head_row beside 'p50 ms' 'p99 ms' 'to alone' 'MB/s beside'
    small_get alone
    row nothing "$(calc "$(got alone latency.all.p50_us) / 1000")" \
        "$(calc "$(got alone latency.all.p99_us) / 1000")" 1.0 -
    beside 'GET, 1 connection' read --r 1 --connections 1
    beside 'GET, 8 connections' read --r 1 --connections 8
    beside 'PUT, 1 connection' write --w 2 --connections 1
    beside 'PUT, 8 connections' write --w 2 --connections 8
    say
    cluster_stop
}

# ---- overload -----------------------------------------------------------------------------------

overload_seconds=${OVERLOAD:-${full:+60}}
overload_seconds=${overload_seconds:-6}

# How often the nodes' logs say so of another.
said_of_members() {
    cat "$cluster_dir"/n*.log | grep -c "gossip: .* $1\$"
}

errors_of() {
    awk '$1 ~ /^errors\./ { sub(/^errors\./, "", $1); printf "%s%s %d", sep, $1, $2; sep = ", " }
         END { if (!sep) printf "none" }' "$bench_dir/$1.flat"
}

# The median over the seconds of a run of their p99, in us.
usual_p99() {
    awk '$1 ~ /^seconds\.[0-9]+\.p99_us$/ { print $2 }' "$bench_dir/$1.flat" | sort -n |
        awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'
}

# Until after how many seconds a p99 was beyond 3 times what is usual, or a request failed.
normal_after() {
    awk -v normal="$1" '
        $1 ~ /^seconds\.[0-9]+\.(p99_us|failed)$/ {
            split($1, path, ".")
            if (path[2] >= last) last = path[2] + 1
            if (path[3] == "p99_us" ? $2 > 3 * normal : $2 > 0) bad = path[2] + 1
        }
        END { print (bad == last ? "not within " last : bad + 0) }' "$bench_dir/after.flat"
}

overload_row() {
    local work=$1 peak modest normal dead suspected most=0 now
    shift
    bench peak --workload "$@" --keys "$keys" "${small[@]}" --depth 16 --duration "$((duration * 2))"
    peak=$(got peak rate)
    modest=$(calc "$peak / 5" %.0f)
    bench_await tree_is_calm
    bench calm --workload "$@" --keys "$keys" "${small[@]}" --depth 16 --rate "$modest" \
        --duration "$((duration * 2 + 1))"
    normal=$(usual_p99 calm)
    dead=$(said_of_members 'is dead') suspected=$(said_of_members 'does not answer')
    progress "$work: overload"
    bench_aside over --workload "$@" --keys "$keys" --value-size 100 --connections 1024 --depth 128 \
        --rate "$(calc "$peak * 10" %.0f)" --warm-up 0 --duration "$overload_seconds" --timeout 2s
    while kill -0 "$aside" 2>/dev/null; do
        now=$(anonymous)
        most=$(calc "($now > $most ? $now : $most)" %.0f)
        sleep 0.5
    done
    bench_wait over
    progress "$work: after it"
    bench after --workload "$@" --keys "$keys" "${small[@]}" --depth 16 --rate "$modest" \
        --warm-up 0 --duration "${AFTER:-10}"
    row "$work" "$(calc "$peak" %.0f)" "$(calc "$(got over rate)" %.0f)" \
        "$(calc "$(got over rate) / $peak")" "$(errors_of over)" \
        "$(calc "$normal / 1000")" "$(calc "$(got after seconds.0.p99_us) / 1000")" \
        "$(normal_after "$normal")" "$most" \
        "$(($(said_of_members 'is dead') - dead)), $((
            $(said_of_members 'does not answer') - suspected))"
}

part_overload() {
    begin 3 256
    fill "$keys" 100 "${bulk[@]}"
    say "**Overload** (3 nodes, $keys keys of 100 B): ten times the rate of the closed loop for"
    say "$overload_seconds s, over 1,024 connections with up to 128 requests each. p99 is that of"
    say 'single seconds at a fifth of the peak, before (the median) and after; normal is below 3 times'
    say 'the former, without failures.'
    say
    head_row work 'peak /s' 'goodput /s' ratio refusals 'p99 ms before' 'in the 1st s after' \
        'normal after s' 'MiB at most' 'taken for dead, suspected'
    overload_row 'GET r=1' read --r 1
    overload_row 'GET r=2' read --r 2
    overload_row 'PUT w=2' write --w 2
    say
    cluster_stop
}

# ---- checkpoints --------------------------------------------------------------------------------

# Says at which times (seconds since the epoch) a tree was written.
watch_trees() {
    local latest=0 now
    while :; do
        now=$(stat -c %.3Y "$cluster_dir"/n?/tree/data.mdb | sort -n | tail -n 1)
        [ "$now" = "$latest" ] || echo "$now"
        latest=$now
        sleep 0.1
    done
}

part_checkpoint() {
    local peak ended seconds=${full:+120}
    seconds=${CHECKPOINT:-${seconds:-30}}
    begin 3 256
    fill "${KEYS:-300000}" 100 "${bulk[@]}"
    progress 'checkpoints: peak'
    bench peak --workload write --w 2 --keys "${KEYS:-300000}" "${small[@]}" --duration "$((duration * 2))"
    peak=$(got peak rate)
    bench_await tree_is_calm
    watch_trees >"$bench_dir/trees" &
    local watcher=$!
    bench_pids+=("$watcher")
    progress "checkpoints: $seconds s"
    bench half --workload write --w 2 --keys "${KEYS:-300000}" "${small[@]}" --warm-up 1 \
        --rate "$(calc "$peak / 2" %.0f)" --duration "$seconds"
    ended=$(date +%s.%N)
    bench_stop "$watcher"
    say "**Checkpoints** (3 nodes, ${KEYS:-300000} keys of 100 B): PUT w=2 at half of the"
    say "peak, $(calc "$peak / 2" %.0f)/s for $seconds s. A second counts as with a checkpoint when a"
    say 'tree was written in it or in the one after it. Medians over the seconds.'
    say
    head_row seconds number 'p99 ms' 'longest ms'
    awk -v began="$(calc "$ended - $seconds" %.3f)" '
        function median(list, count,    i, j, value) {
            for (i = 2; i <= count; i++) {
                value = list[i]
                for (j = i - 1; j >= 1 && list[j] > value; j--)
                    list[j + 1] = list[j]
                list[j + 1] = value
            }
            return count ? list[int((count + 1) / 2)] / 1000 : 0
        }
        NR == FNR { at = int($1 - began); with[at] = with[at - 1] = 1; next }
        $1 ~ /^seconds\.[0-9]+\./ { split($1, path, "."); of[path[2], path[3]] = $2
                                    if (path[2] > last) last = path[2] }
        END {
            for (s = 0; s < last; s++) {
                if (s in with) { p[++n] = of[s, "p99_us"]; m[n] = of[s, "max_us"] }
                else { q[++k] = of[s, "p99_us"]; x[k] = of[s, "max_us"] }
            }
            a = median(p, n); b = median(q, k)
            printf "| with a checkpoint | %d | %.2f | %.2f |\n", n, a, median(m, n)
            printf "| without | %d | %.2f | %.2f |\n", k, b, median(x, k)
            printf "| ratio | | %.1f | |\n", b ? a / b : 0
        }' "$bench_dir/trees" "$bench_dir/half.flat" | tee -a "$output"
    say
    cluster_stop
}

# ---- for long -----------------------------------------------------------------------------------

part_sustained() {
    local count=${KEYS:-10000000} every run
    begin 3 256
    fill "$count" 100 "${bulk[@]}"
    say "**For long** (3 nodes, $count keys of 100 B): random PUT w=2 for $sustained s. Memory is the"
    say 'RssAnon of the largest node.'
    say
    bench_aside long --workload write --w 2 --keys "$count" "${small[@]}" --warm-up 1 --duration "$sustained"
    run=$aside
    every=$((sustained > 100 ? sustained / 10 : 10))
    head_row s MiB 'tree GiB'
    local at=0
    while kill -0 "$run" 2>/dev/null && [ "$at" -lt "$sustained" ]; do
        row "$at" "$(anonymous)" \
            "$(calc "$(disk_bytes "$cluster_dir"/n?/tree) / 1073741824")"
        sleep "$every"
        at=$((at + every))
    done
    bench_wait long
    row "$sustained" "$(anonymous)" "$(calc "$(disk_bytes "$cluster_dir"/n?/tree) / 1073741824")"
    say
    awk -v span="$((sustained > 180 ? 60 : sustained / 3))" '
        $1 ~ /^seconds\.[0-9]+\.operations$/ { split($1, path, "."); of[path[2]] = $2
                                               if (path[2] + 0 > last) last = path[2] + 0 }
        END {
            for (s = 0; s < span; s++) { first += of[s]; end += of[last - s] }
            printf "First %d s %.0f/s, last %d s %.0f/s, ratio %.2f.\n", span, first / span, span,
                end / span, first ? end / first : 0
        }' "$bench_dir/long.flat" | tee -a "$output"
    say
    cluster_stop
}

# ---- all of it ----------------------------------------------------------------------------------

: >"$output"
times=$(bench_times)
say "$(bench_machine)"
say
say "Client and nodes share the processors; durability sync; ${duration} s for each measurement."
read -r load _ </proc/loadavg
say "$(awk -v l="$load" -v n="$(nproc)" 'BEGIN {
    if (l < n / 4) print "The machine had nothing else to do before (load " l ")."
    else print "The machine was busy with other things when this began (load " l "): rates are too low" \
        " and p99 too high by an unknown factor; CPU, memory and bytes of the disk are good." }')"
say
for part in size shards nodes values beside overload checkpoint sustained; do
    wanted "$part" || continue
    [ "$part" != sustained ] || [ -n "$sustained" ] || continue
    "part_$part"
done
say "The host took $(bench_stolen "$times") % of the processors' time meanwhile."
[ "${1:-}" != --write ] || bench_page tests/BENCH-SCALE.md '# Measured: scale and overload' 'make bench-scale'
