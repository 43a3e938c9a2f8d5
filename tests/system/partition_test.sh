#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Five real nodes, each on a network link of its own. The network is parted for a minute while
# clients on both sides write with w = 2, and stand-ins take what owners cannot be sent. When it is
# whole again all owners have the same, within seconds (printed): clocks and digests equal, each acknowledged
# write there, nothing left at stand-ins, nothing kept for sync.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

quorate=${QUORATE_BIN:?}/quorate
apart=${QUORATE_APART:-60}
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# writer SIDE ADDRESS...: writes until the file `over` is there; what was acknowledged goes to
# SIDE.acked, the rest is counted.
writer() {
    local side=$1 number=0 refused=0
    shift
    while [ ! -e "$TMPDIR/over" ]; do
        number=$((number + 1))
        if net_in "$side" "$quorate" put "$side-$number" "value $side-$number" --w 2 --timeout 1s \
            "$@" >/dev/null 2>>"$TMPDIR/$side.err"; then
            echo "$side-$number" >>"$TMPDIR/$side.acked"
        else
            refused=$((refused + 1))
        fi
    done
    echo "side $side: $number writes, $refused not acknowledged"
}

net_begin 5 a b
for number in 1 2 3 4 5; do
    net_node $number
done
net_wait 'five members' 30 net_in a "${QUORATE_BIN}/quorate-members" 10.77.0.1:7401 --wait 5
net_in a "$quorate" cluster init --nodes 5 --shards 16 -e 10.77.0.1:7400 >/dev/null ||
    fail 'cluster init'
for number in $(seq 300); do
    printf 'before-%s\tvalue before-%s\n' "$number" "$number"
done >"$TMPDIR/before.tsv"
net_in a "$quorate" load "$TMPDIR/before.tsv" -e 10.77.0.1:7400 >/dev/null 2>&1 || fail 'load'
cut -f 1 "$TMPDIR/before.tsv" >"$TMPDIR/before.acked"

net_move b1 3 4 5 b
echo 'parted: n1 n2 | n3 n4 n5'
writer a -e 10.77.0.1:7400 -e 10.77.0.2:7400 &
writer_a=$!
writer b -e 10.77.0.3:7400 -e 10.77.0.4:7400 -e 10.77.0.5:7400 &
writer_b=$!
sleep "$apart"
touch "$TMPDIR/over"
wait "$writer_a" "$writer_b"
[ "$(wc -l <"$TMPDIR/a.acked")" -gt "$apart" ] || fail "few writes on side a: $(tail -1 "$TMPDIR/a.err")"
[ "$(wc -l <"$TMPDIR/b.acked")" -gt "$apart" ] || fail "few writes on side b: $(tail -1 "$TMPDIR/b.err")"

net_move b0 3 4 5 b
started=$EPOCHREALTIME
net_in a "$quorate" verify --wait 60s --keys 3 -e 10.77.0.1:7400 >"$TMPDIR/verify.out" 2>&1 || {
    fail 'a minute after the network was whole again'
    tail -n 30 "$TMPDIR/verify.out"
}
awk -v a="${started/,/.}" -v b="${EPOCHREALTIME/,/.}" 'BEGIN { printf "equal after %.1f s\n", b - a }'
tail -n 1 "$TMPDIR/verify.out"
settled() {
    net_in a "$quorate" verify -e 10.77.0.1:7400 | grep -q '; 0 dots kept for sync)'
}
net_wait 'empty dot logs' 60 settled

net_in a "$quorate" dump --format tsv -e 10.77.0.1:7400 2>/dev/null | cut -f 1 | sort >"$TMPDIR/there"
sort "$TMPDIR"/*.acked | comm -23 - "$TMPDIR/there" >"$TMPDIR/lost"
if [ -s "$TMPDIR/lost" ]; then
    fail "$(wc -l <"$TMPDIR/lost") acknowledged writes are lost, such as $(head -3 "$TMPDIR/lost")"
fi
echo "$(cat "$TMPDIR"/*.acked | wc -l) acknowledged writes, all there"
[ "$failures" -eq 0 ] || exit 1
