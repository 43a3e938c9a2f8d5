#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# One of three real nodes is cut off without a word while a client that reaches the other two reads
# and writes at r = w = 2. There is no moment without an answer, and once the first requests sent to
# the lost node have timed out nothing fails any more. Prints the latency before and after.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/netns.sh
. tests/lib/netns.sh

quorate=${QUORATE_BIN:?}/quorate
outage=$QUORATE_BIN/../tests/system/outage_main
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

net_begin 3 a
for number in 1 2 3; do
    net_node $number
done
net_wait 'three members' 30 net_in a "${QUORATE_BIN}/quorate-members" 10.77.0.1:7401 --wait 3
net_in a "$quorate" cluster init --nodes 3 --shards 16 -e 10.77.0.1:7400 >/dev/null ||
    fail 'cluster init'

net_in a "$outage" 10.77.0.1:7400,10.77.0.2:7400,10.77.0.3:7400 20 \
    >"$TMPDIR/seconds" 2>"$TMPDIR/failures" &
client=$!
lines() {
    [ "$(wc -l <"$TMPDIR/seconds")" -ge "$1" ]
}
net_wait 'five seconds of work' 30 lines 5
net_move b1 3
net_wait 'the end' 60 lines 20
wait "$client"

sed 's/^/  /' "$TMPDIR/seconds"
echo "$(wc -l <"$TMPDIR/failures") requests failed:"
sort "$TMPDIR/failures" | uniq -c | sort -rn | head -n 5
# second ok failed longest_ms p99_us; the cut is at second 5, a request times out after 2 s.
awk '$2 == 0 { print "FAIL: no success in second", $1; bad = 1 }
     $1 >= 8 && $3 > 0 { print "FAIL:", $3, "failures in second", $1; bad = 1 }
     END { exit bad }' "$TMPDIR/seconds" || fail 'an outage'
awk '$4 > longest { longest = $4 }
     $1 >= 1 && $1 < 5 { before[++n] = $5 }
     $1 >= 8 { after[++m] = $5 }
     function median(list, count,    i, j, t) {
         for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++)
             if (list[j] < list[i]) { t = list[i]; list[i] = list[j]; list[j] = t }
         return list[int((count + 1) / 2)]
     }
     END { b = median(before, n); a = median(after, m)
           printf "longest time without a success %d ms; p99 before %.1f ms, after %.1f ms (%.2f x)\n",
               longest, b / 1000, a / 1000, a / b }' "$TMPDIR/seconds"
[ "$failures" -eq 0 ] || exit 1
