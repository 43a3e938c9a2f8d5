#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts three nodes on loopback and compares them with a plain libuv echo: see tests/bench/rate_main.c.
#   SECONDS_EACH=3 ROUNDS=5 DURABILITY=sync make bench
set -u
bin=${QUORATE_BIN:-build/release/bin}
rate=$(dirname "$bin")/tests/bench/rate_main
dir=$(mktemp -d "${TMPDIR:-/tmp}/quorate-bench.XXXXXX")
pids=()
stop() {
    [ ${#pids[@]} -gt 0 ] && kill "${pids[@]}" 2>/dev/null && wait "${pids[@]}" 2>/dev/null
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

port_of() { sed -n "s/^$2=//p" "$dir/$1.ports"; }

join=()
endpoints=()
for name in n1 n2 n3; do
    "$bin/quorate-node" --data "$dir/$name" --name "$name" --listen 127.0.0.1:0 \
        --gossip 127.0.0.1:0 --peer 127.0.0.1:0 --port-file "$dir/$name.ports" \
        --gossip-profile local --durability "${DURABILITY:-sync}" "${join[@]}" 2>"$dir/$name.log" &
    pids+=($!)
    for _ in $(seq 100); do
        [ -s "$dir/$name.ports" ] && break
        sleep 0.05
    done
    [ -s "$dir/$name.ports" ] || { echo "bench: $name did not start:"; cat "$dir/$name.log"; exit 8; }
    join=(--join "$(port_of n1 gossip)")
    endpoints+=("$(port_of "$name" client)")
done
for _ in $(seq 50); do
    "$bin/quorate" -e "${endpoints[0]}" cluster init --nodes 3 >"$dir/init.log" 2>&1 && break
    sleep 0.2
done
echo "three nodes, 64 connections x 1 in flight, 100-byte values, durability ${DURABILITY:-sync}, $(nproc) cores"
"$rate" "${SECONDS_EACH:-3}" "${ROUNDS:-5}" "${endpoints[@]}" || { cat "$dir/init.log"; exit 8; }
echo "CPU seconds of each node (user + system):"
ps -o comm=,cputimes=,rss= -p "$(IFS=,; echo "${pids[*]}")"
