#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate-sim cluster as its users meet it: the same bytes for the same seed, with any number of
# threads; what hot keys, hedges, quorums and faults do; what it refuses.
set -u
sim=${QUORATE_BIN:?}/quorate-sim
work=${TMPDIR:?}
cd "$work" || exit 1
failed=0

fail() {
    echo "FAIL $*"
    failed=1
}

# refused CODE WORD... -- ARGUMENT...: the exit code, nothing on standard output, all words on
# standard error, in at most four lines.
refused() {
    local code=$1 words=() status
    shift
    while [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    timeout 180 "$sim" cluster "$@" >out 2>err </dev/null
    status=$?
    [ $status = "$code" ] || fail "exit $status, not $code: cluster $*"
    [ -s out ] && fail "wrote to standard output: cluster $*"
    [ "$(wc -l <err)" -le 4 ] || fail "many lines: cluster $*"
    for word in "${words[@]}"; do
        grep -qF -- "$word" err || fail "no '$word' in '$(head -1 err)': cluster $*"
    done
}

small=(--keys 200 --nodes 4 --rate 2000 --seconds 0.2 --warm-up 0.05 --repetitions 2 --probes 5)

# value FILE SUBJECT METRIC [FIELD=VALUE]...: the mean of the one row like that.
value() {
    awk -F, -v subject="$2" -v metric="$3" -v more="${*:4}" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["subject"] == subject && $column["metric"] == metric {
            good = 1
            count = split(more, pairs, " ")
            for (i = 1; i <= count; i++) {
                split(pairs[i], pair, "=")
                good = good && $column[pair[1]] == pair[2]
            }
            if (good) { print $column["mean"]; exit }
        }' "$1"
}

# holds EXPRESSION: in the words of awk.
holds() {
    awk "BEGIN { exit !($1) }" || fail "not so: $1 ($2)"
}

# ---- the same bytes
"$sim" cluster "${small[@]}" --threads 1 --format csv --report one.html >one.csv ||
    fail 'a small run'
"$sim" cluster "${small[@]}" --threads 3 --format csv --report three.html >three.csv ||
    fail 'a small run on three threads'
cmp one.csv three.csv || fail 'threads change the result'
cmp one.html three.html || fail 'threads change the page'
"$sim" cluster "${small[@]}" --seed 2 --format csv >other.csv
cmp -s one.csv other.csv && fail 'another seed gives the same'
grep -q '<svg' one.html || fail 'a page without charts'
"$sim" cluster "${small[@]}" --csv beside.csv >out || fail '--csv'
cmp one.csv beside.csv || fail '--csv and --format csv differ'

# ---- all forms
for format in table csv json; do
    "$sim" cluster "${small[@]}" --scheme all --format $format >out 2>err ||
        fail "format $format: $(cat err)"
    [ -s out ] || fail "format $format is empty"
    grep -q 'split: left out' err || fail 'not said what was left out'
done
"$sim" cluster "${small[@]}" --nodes 3,5 --theta 0,0.99 --clients 1,8 --rate 1000 >out 2>err &&
    fail 'both kinds of load'
"$sim" cluster --keys 200 --nodes 3,5 --theta 0,0.99 --clients 1,8 --seconds 0.1 --probes 5 \
    --repetitions 2 >out || fail 'several values'
awk 'length > 100 { bad = 1; print } END { exit bad }' out || fail 'a line over 100 columns'
grep -q 'P(consistent)' out || fail 'no staleness'

# ---- what is found
"$sim" cluster "${small[@]}" --scheme static --theta 0.99 --r 1,2 --w 1,2 --latency lnkd-disk \
    --probes 100 --format csv >quorums.csv
holds "$(value quorums.csv '' p-consistent r=1 w=1 at=0) < 0.6" 'a read right after a write'
holds "$(value quorums.csv '' p-consistent r=2 w=2 at=0) == 1" 'quorums that overlap'
holds "$(value quorums.csv reads stale r=2 w=2) == 0" 'quorums that overlap, under load'
holds "$(value quorums.csv reads stale r=1 w=1) > 0" 'quorums that do not'
"$sim" cluster "${small[@]}" --scheme static --theta 0 --latency const:1,const:3 --r 2 --w 2 \
    --service-us 0 --hedge none --format csv >legs.csv
holds "$(value legs.csv reads p50 legs=const:1) == 2" 'there and back at 1 ms a leg'
holds "$(value legs.csv writes p99 legs=const:3) == 6" 'there and back at 3 ms a leg'
"$sim" cluster "${small[@]}" --scheme static --theta 0 --hedge none --format csv >plain.csv
holds "$(value plain.csv reads hedges) == 0" 'no hedges'
holds "$(value plain.csv request messages/operation) >= 1" 'requests are counted'
"$sim" cluster "${small[@]}" --scheme static --theta 0 --route any --format csv >any.csv
holds "$(value any.csv forward messages/operation) > 0.1" 'a node that is no owner forwards'
"$sim" cluster "${small[@]}" --scheme static --theta 0 --timeout 100 --kill 1,2,3@0.1 \
    --format csv >killed.csv
holds "$(value killed.csv reads available) < 0.8" 'three of four nodes are gone'
holds "$(value killed.csv operations answered at=0.05) == 1" 'not yet'
"$sim" cluster "${small[@]}" --scheme static --theta 0 --timeout 100 --strict --partition 1,2@0.05 \
    --format csv >parted.csv
holds "$(value parted.csv reads available) < 0.9" 'two nodes were cut off'

# ---- what is refused
refused 2 'no scheme' static ring -- --scheme circle
refused 2 split 'by the load' -- --scheme split
refused 2 nodes 128 -- --nodes 129
refused 2 'power of two' -- --shards 100
refused 2 'more than there are copies' -- --r 4
refused 2 trace -- --workload trace
refused 2 NODES@FROM -- --kill 1
refused 2 'no node 9' -- --nodes 3 --kill 9@1
refused 2 --rate --clients -- --rate 5 --clients 5
refused 2 --clients --client-leg -- --clients 5 --service-us 0,10
refused 2 lnkd-ssd -- --latency dial-up
refused 2 route owner -- --route nowhere
refused 2 'operations' -- --rate 1e8 --seconds 1000
refused 2 'nothing to name' -- balance
refused 8 'cannot write' -- --csv /nowhere/at/all.csv

exit $failed
