#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A node that was away comes back and is level again by sync alone, and what it is sent is little
# more than what it missed: QUORATE_AWAY seconds (10) of 5,000 writes a second. Then an owner's disk
# is emptied, and filled.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

quorate=${QUORATE_BIN:?}/quorate
away=${QUORATE_AWAY:-10}
missed=$((away * 5000))
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# records FIRST LAST: lines key TAB value of 100 bytes.
records() {
    awk -v first="$1" -v last="$2" 'BEGIN {
        for (i = first; i <= last; i++) printf "key-%08d\t%0100d\n", i, i }'
}

# status NAME NUMBER: a number of a node's status.
status_of() {
    "$quorate" cluster status --format json | grep -o "\"name\":\"$1\".*" |
        grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d : -f 2
}

cluster_begin 3
export QUORATE_ENDPOINTS=${clients[0]},${clients[1]}
gone=${names[2]}
records 1 20000 | "$quorate" load - >/dev/null 2>&1 || fail 'load'
"$quorate" verify --wait 60s >/dev/null || fail 'not level at first'
before=$(status_of "$gone" pulled_bytes)

kill -STOP "${pids[2]}"
# The first requests may be on their way to the one that stands still.
records 20001 $((20000 + missed)) | "$quorate" load --continue-on-error - 2>&1 | tail -n 1
started=$EPOCHREALTIME
kill -CONT "${pids[2]}"
"$quorate" verify --wait 120s >"$TMPDIR/verify" || {
    fail 'not level after its return'
    tail -n 20 "$TMPDIR/verify"
}
awk -v a="${started/,/.}" -v b="${EPOCHREALTIME/,/.}" -v n="$missed" \
    'BEGIN { printf "%d missed writes: level %.1f s after its return\n", n, b - a }'
tail -n 1 "$TMPDIR/verify"
after=$(status_of "$gone" pulled_bytes)
# A record's own bytes: bucket 7, key 12, value 100, and its dot and stamp 24.
awk -v sent=$((after - ${before:-0})) -v records="$missed" 'BEGIN {
    ratio = sent / (records * 143)
    printf "%d bytes pulled, %.2f x the bytes of the records missed\n", sent, ratio
    exit ratio > 1.3 }' || fail 'more was sent than was missed'
[ "$failures" -eq 0 ] || exit 1
cluster_end || fail 'a node did not end well'
[ "$failures" -eq 0 ] || exit 1
