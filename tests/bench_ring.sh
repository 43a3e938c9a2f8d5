#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Rings of 5, 10, 20 and 40 members on this machine, of quorate nodes and, where it is installed, of
# Serf agents, with the lan profile of each: how long until all know a join (TIMES=3 times) and a
# kill -9 (KILLS=3 times), what they say at rest (over REST=60 seconds, SETTLE=20 after the start),
# what memory one takes. SIZES="5 40" and KINDS=node choose; SETTINGS are given to each node.
#
# All members are asked every 40 ms or so: times are late by that much at most.
set -u
cd "$(dirname "$0")/.." || exit 1
TMPDIR=$(mktemp -d) || exit 1
export TMPDIR
# shellcheck source=tests/lib/ring.sh
. tests/lib/ring.sh
trap 'ring_end; rm -rf "$TMPDIR"' EXIT

ring_need "$QUORATE_BIN/quorate-node" "$QUORATE_BIN/quorate-members" "$ring_port" "$ring_traffic"
forty_kind=node
forty_count=0
forty_patience=200ms # one try, and not one each 200 ms
port=0
# shellcheck source=tests/lib/forty.sh
. tests/lib/forty.sh

# Milliseconds until the command succeeds.
until_ms() {
    local began
    began=$(forty_now_ms)
    until "$@"; do
        [ $(($(forty_now_ms) - began)) -lt 120000 ] || break
        sleep 0.02
    done
    echo $(($(forty_now_ms) - began))
}

listens() { "$forty_asker" --wait 1 --timeout 300ms "$(forty_address "$1")" >/dev/null 2>&1; }

stop_all() {
    local name
    for name in "${!ring_pids[@]}"; do
        ring_kill "$name"
    done
    rm -rf "$ring_folder"/data* "$ring_folder"/*.err "$ring_folder"/*.out
}

join_one() {
    forty_start $((forty_count + 1))
    until listens $((forty_count + 1)); do
        sleep 0.01
    done
    forty_count=$((forty_count + 1))
    until_ms forty_all_alive
}

kill_one() {
    kill -KILL "${ring_pids[m$1]}"
    wait "${ring_pids[m$1]}" 2>/dev/null
    unset "ring_pids[m$1]"
    until_ms forty_all_say dead "$1"
    forty_gone="$forty_gone $1"
}

one_size() {
    local number times=() size=$1
    forty_count=1 forty_gone=''
    port=$("$ring_port") rpc=$("$ring_port")
    forty_start 1
    until listens 1; do
        sleep 0.01
    done
    for number in $(seq 2 "$size"); do
        forty_start "$number"
    done
    forty_count=$size
    until_ms forty_all_alive >/dev/null
    sleep "${SETTLE:-20}" # until the news of the start are told often enough
    echo "$forty_kind $size: memory $(forty_memory 2) KiB; $(forty_rest "${REST:-60}")"
    for number in $(seq "${TIMES:-3}"); do
        join_one >"$TMPDIR/ms"
        times+=("$(cat "$TMPDIR/ms")")
    done
    echo "$forty_kind $size: a join known to all after ${times[*]} ms"
    times=()
    for number in $(seq "${KILLS:-3}"); do
        kill_one $((number + 1)) >"$TMPDIR/ms"
        times+=("$(cat "$TMPDIR/ms")")
    done
    echo "$forty_kind $size: a kill -9 known to all after ${times[*]} ms"
    stop_all
}

kinds=${KINDS:-node serf}
command -v serf >/dev/null || kinds=${kinds/serf/}
for size in ${SIZES:-5 10 20 40}; do
    for forty_kind in $kinds; do
        one_size "$size"
    done
done
