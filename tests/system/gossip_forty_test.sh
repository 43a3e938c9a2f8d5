#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Forty nodes on this machine, with the timings of the lan profile. What must hold on any machine
# is asked for: that all learn of a join, of a death, of a return; that nobody is taken for dead who
# is not, be the processors busy or the member stopped for a while. How long things take, and what
# they cost, is printed and not judged here; tests/bench_ring.sh puts Serf beside it.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/ring.sh
. tests/lib/ring.sh

ring_need "$QUORATE_BIN/quorate-node" "$QUORATE_BIN/quorate-members" "$ring_port" "$ring_traffic"
forty_kind=node
forty_count=40
port=$("$ring_port")
# shellcheck source=tests/lib/forty.sh
. tests/lib/forty.sh
busy_seconds=20

# Lines that say that a member is dead who is none of those given.
false_deaths() {
    local names
    names=$(printf '|m%s' "$@")
    cat "$ring_folder"/m*.err | grep ' is dead$' | grep -vE "gossip: (none$names) " | head -n 5
}

none_dead() {
    local found
    found=$(false_deaths 0 "${@:2}")
    [ -z "$found" ] || fail "$1: taken for dead: $found"
}

somebody_suspects() { cat "$ring_folder"/m*.err | grep -q "gossip: m$1 .* does not answer"; }

start_all() {
    local number alone
    forty_start 1
    wait_for 'the first node' "$forty_asker" --wait 1 --timeout 500ms "$(forty_address 1)" >/dev/null
    alone=$(forty_memory 1)
    for number in $(seq 2 $((forty_count - 1))); do
        forty_start "$number"
    done
    forty_count=39
    forty_time 'thirty-eight more join' forty_all_alive
    forty_count=40
    forty_start 40
    forty_time 'the fortieth starts, and all know it' forty_all_alive
    echo "memory of a node: alone $alone KiB, among 40 $(forty_memory 1) KiB"
    [ $(($(forty_memory 1) - alone)) -le 8192 ] ||
        fail "39 others cost a node $(($(forty_memory 1) - alone)) KiB"
}

check_busy() {
    local loops=() number
    for number in 1 2 3 4 5 6 7 8; do
        (while :; do :; done) &
        loops+=($!)
        ring_pids[busy$number]=$!
    done
    sleep "$busy_seconds"
    kill -KILL "${loops[@]}"
    wait "${loops[@]}" 2>/dev/null
    for number in 1 2 3 4 5 6 7 8; do
        unset "ring_pids[busy$number]"
    done
    none_dead "eight busy loops for $busy_seconds s"
    echo "eight busy loops for $busy_seconds s: nobody taken for dead"
}

# Stopped until somebody suspects it, which is before anybody could give it up.
check_stopped() {
    kill -STOP "${ring_pids[m7]}"
    wait_for 'a stopped node is suspected' somebody_suspects 7
    kill -CONT "${ring_pids[m7]}"
    forty_time 'it goes on, and all know that it is alive' forty_all_say alive 7
    none_dead 'a stopped node'
}

check_kill() {
    kill -KILL "${ring_pids[m13]}"
    wait "${ring_pids[m13]}" 2>/dev/null
    forty_time 'kill -9 of one, known to all' forty_all_say dead 13
    none_dead 'kill -9 of one' 13
    forty_start 13
    forty_time 'it comes back, known to all' forty_all_say alive 13
}

check_asker() {
    local began
    began=$(forty_now_ms)
    "$forty_asker" "$(forty_address 1)" >/dev/null
    echo "quorate-members, one asked: $(($(forty_now_ms) - began)) ms"
    began=$(forty_now_ms)
    "$forty_asker" --all "$(forty_address 1)" >"$ring_folder/all"
    echo "quorate-members --all: $(($(forty_now_ms) - began)) ms"
    began=$(forty_now_ms)
    "$forty_asker" --diff "$(forty_address 1)" >"$ring_folder/diff"
    echo "quorate-members --diff: $(($(forty_now_ms) - began)) ms"
    grep -q '40 asked' "$ring_folder/all" || fail "--all asks not all: $(head -n 1 "$ring_folder/all")"
}

start_all
check_asker
check_busy
forty_rest 8 # the news of the start are told by now
check_stopped
check_kill
check_asker
ring_result
