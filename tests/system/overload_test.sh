#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Far more requests than a node lets in: it goes on answering, says OVERLOADED to the others, and
# whoever asks again at once is not read from for a while, so that refusing costs it little. Who
# writes faster than checkpoints follow is slowed down.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

fail() {
    echo "$1"
    exit 1
}

connections=16 depth=4
cluster_begin 3 --operations-max 1
"$QUORATE_BIN/quorate" bench write --w 2 -e "${clients[0]}" --spread first --keys 1000 \
    --connections $connections --depth $depth --warm-up 0 --duration 2 --format json \
    >"$TMPDIR/run.json" 2>"$TMPDIR/run.err" || fail "$(cat "$TMPDIR/run.err")"
awk -f tests/bench/flat.awk "$TMPDIR/run.json" >"$TMPDIR/run"
of() { awk -v path="$1" '$1 == path { v = $2 } END { print v + 0 }' "$TMPDIR/run"; }
[ "$(of operations)" -gt 0 ] || fail 'nothing was answered'
[ "$(of errors.OVERLOADED)" -gt 0 ] || fail 'nobody was refused'
[ "$(of failed)" = "$(of errors.OVERLOADED)" ] || fail "other failures: $(grep errors "$TMPDIR/run")"
# Once in 50 ms what a connection has sent, whatever the machine is like, and some at both ends.
most=$((connections * depth * ($(of elapsed_us) / 50000 + 4)))
[ "$(of errors.OVERLOADED)" -le "$most" ] ||
    fail "$(of errors.OVERLOADED) refusals, more than $most: connections are read from at once"
# Afterwards it takes requests as before.
"$QUORATE_BIN/quorate" -e "${clients[0]}" put k v >/dev/null || fail 'no put afterwards'
cluster_end || fail 'a node did not end well'

# Far more than a memtable of this size takes while the one before is written.
cluster_begin 1 --memtable 64K
records=5000
awk -v records=$records 'BEGIN { for (i = 1; i <= records; i++) printf "key-%06d\t%04000d\n", i, i }' |
    "$QUORATE_BIN/quorate" -e "${clients[0]}" load --window 1024 --timeout 30s - >"$TMPDIR/load" 2>&1 ||
    fail "the load fails: $(cat "$TMPDIR/load")"
grep -q "^$records written, 0 failed" "$TMPDIR/load" || fail "of the load: $(cat "$TMPDIR/load")"
"$QUORATE_BIN/quorate" bench write -e "${clients[0]}" --load-only --keys $records --value-size 4000 \
    --connections 64 --depth 64 --timeout 30s >"$TMPDIR/load" 2>&1 || fail "the load fails: $(cat "$TMPDIR/load")"
cluster_end || fail 'a node did not end well'

# Writes wait for room, on the node that coordinates and on the others: nobody is refused.
cluster_begin 3 --memtable 64K
"$QUORATE_BIN/quorate" bench write --w 2 -e "$(IFS=, && echo "${clients[*]}")" --keys 20000 \
    --connections 64 --depth 4 --timeout 30s --warm-up 0 --duration 2 --format json \
    >"$TMPDIR/run.json" 2>"$TMPDIR/run.err" || fail "$(cat "$TMPDIR/run.err")"
awk -f tests/bench/flat.awk "$TMPDIR/run.json" >"$TMPDIR/run"
[ "$(of operations)" -gt 0 ] || fail 'nothing was written'
[ "$(of failed)" = 0 ] || fail "writes failed: $(grep errors "$TMPDIR/run")"
cluster_end || fail 'a node did not end well'
