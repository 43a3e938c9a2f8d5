#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate compact: trees become smaller while writes go on and every value stays, one node after the
# other; a node that writes too fast is left as it is; one that is killed meanwhile starts well.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh
# shellcheck source=tests/lib/says.sh
. tests/lib/says.sh

quorate=${QUORATE_BIN:?}/quorate
free_port=$QUORATE_BIN/../tests/system/free_port_main
keys=8000
window=64
cd "${TMPDIR:?}" || exit 1

# records WORD: a line key TAB value for each key.
records() {
    awk -v word="$1" -v keys=$keys 'BEGIN {
        for (i = 1; i <= keys; i++) printf "key-%06d\t%s-%090d\n", i, word, i }'
}

# load WORD. A blind write covers what its coordinator has seen: the next one must not meet a node
# that is behind.
load() {
    records "$1" | "$quorate" load -b held --blind overwrite --window $window - >load 2>&1 ||
        fail "load $1: $(tail -n 1 load)"
    says 0 verify --wait 30s
}

# all_are WORD: so says a dump.
all_are() {
    "$quorate" dump -b held --format tsv 2>dump.err | sort >dump
    records "$1" | cmp -s - dump ||
        fail "not all values are those of '$1': $(wc -l <dump) lines, $(cat dump.err)"
}

# ---- three nodes -------------------------------------------------------------------------------

# A small memtable: the tree is written in random order.
cluster_begin 3 --memtable 1M
export QUORATE_ENDPOINTS=${clients[0]},${clients[1]},${clients[2]}
load first
load second
"$quorate" bench write -b light --rate 300 --duration 2 --warm-up 0 --keys 1000 >bench 2>&1 &
bench=$!

# Sizes as the nodes tell them.
says 0 compact --format json
[ "$(wc -l <<<"$out")" = 3 ] || fail "not a line for each node: $out"
sed 's/.*_before":\([0-9]*\),.*_after":\([0-9]*\),.*/\1 \2/' <<<"$out" | while read -r before after; do
    [ "$after" -gt 0 ] && [ "$after" -lt $((before * 2 / 3)) ] || echo "$before to $after"
done >sizes
[ -s sizes ] && fail "trees are not smaller: $(cat sizes)"
all_are second
load third
all_are third
wait "$bench" || fail "writes failed meanwhile: $(tail -n 5 bench)"
grep -q 'failed' bench && fail "writes failed meanwhile: $(cat bench)"

says 0 compact -e "${clients[1]}"
has "${clients[1]}  "
has ' before, '
has ' after, '
says 5 compact -e 127.0.0.1:1 -e "${clients[2]}"
has 'cannot connect'
has "${clients[2]}  "
says 2 compact too many
says 0 verify --wait 20s
all_are third
cluster_end || fail 'a node did not end well'

# ---- one that is killed, and writes too fast ---------------------------------------------------

client=127.0.0.1:$("$free_port")
window=16 # its memtable is very small
export QUORATE_ENDPOINTS=$client

node_start() {
    "$QUORATE_BIN/quorate-node" --data killed --listen "$client" --peer 127.0.0.1:0 \
        --gossip 127.0.0.1:0 --memtable 256K 2>>node.log &
    node=$!
    for _ in $(seq 200); do
        "$quorate" ping >/dev/null 2>&1 && return
        sleep 0.02
    done
    fail "the node does not start: $(tail -n 3 node.log)"
}

trap 'kill -KILL "$node" 2>/dev/null' EXIT
node_start
"$quorate" cluster init --nodes 1 --replicas 1 >init 2>&1 || fail "init: $(cat init)"
load first
for delay in 0 0.01 0.02 0.04; do
    "$quorate" compact >/dev/null 2>&1 &
    compacting=$!
    sleep $delay
    kill -KILL "$node"
    wait "$node" 2>/dev/null
    kill "$compacting" 2>/dev/null
    wait "$compacting" 2>/dev/null
    node_start
    [ -e killed/tree-new ] && fail 'half a copy is left'
    all_are first
done
says 0 compact
all_are first

"$quorate" bench write -b fast --depth 16 --duration 30 --keys 100000 >bench 2>&1 &
bench=$!
for _ in $(seq 50); do
    out=$("$quorate" compact 2>&1)
    code=$?
    [ "$code" = 0 ] || break
done
[ "$code" = 3 ] || fail "it does not give way: exit code $code: $out"
has "$client: the node is writing too fast to compact now: try again when it is quieter"
kill -INT "$bench"
wait "$bench"
all_are first
kill "$node"
wait "$node" || fail "the node ends with $?: $(tail -n 3 node.log)"
[ "$failures" -eq 0 ] || exit 1
