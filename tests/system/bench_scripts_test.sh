#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The measuring scripts: what JSON and tables they make of known input, and a very short run of a
# cluster beside its floors, which must leave nothing behind.
set -u
cd "$(dirname "$0")/../.." || exit 1

fail() {
    echo "$1"
    exit 1
}

[ "$(echo '{"a": [{"b": 1.5, "c": "x, {\"y"}, []], "d": null}' | awk -f tests/bench/flat.awk)" = \
    'a.0.b 1.5
a.0.c x, {\"y
d null' ] || fail 'flat.awk'

# Medians of three rounds, out of order; the ratio is the median of 1/2, 3/4 and 4/1, and not 3/2.
{
    for line in '1 2 1' '2 4 3' '3 1 4'; do
        read -r round echo get <<<"$line"
        printf 'a group\techo\t%s\t%s\t100\t200\t300\t5\t1\t2\n' "$round" "${echo}000"
        printf 'a group\tGET r=1\t%s\t%s\t1500\t200000\t300\t9\t3\t2\n' "$round" "${get}000"
    done
} | awk -v floors=echo -f tests/bench/table.awk >"$TMPDIR/table"
row=$(grep 'GET r=1' "$TMPDIR/table" | tr -s ' ')
[ "$row" = '| GET r=1 | 3,000 | 1,000 to 4,000 | 0.75 | 1.50 | 200 | 0.300 | 9.0 | 3.0 | 2.0 |' ] ||
    fail "table.awk: $row"

echo '{"rate": 10, "failed": 1}' | awk -f tests/bench/flat.awk |
    awk -f tests/bench/result.awk >/dev/null && fail 'failed requests pass for a result'

BENCH=full PARTS=rates NODES=3 MODES=sync SIZES=100 SHAPES=4x1 DISTRIBUTIONS=uniform ROUNDS=1 \
    WORKS='get1 put2 d' DURATION=0.2 SETTLE=0 KEYS=500 tests/bench/nodes.sh >"$TMPDIR/out" 2>&1 ||
    fail "$(cat "$TMPDIR/out")"
for work in echo fanout fanout-log 'GET r=1' 'PUT w=2' 'workload D, r=2 w=2'; do
    grep -q "^| $work  *|  *[1-9]" "$TMPDIR/out" || fail "$work is missing: $(cat "$TMPDIR/out")"
done

# Two parts of the scaling script, as short as may be. The p99 of the open loop is of no interest.
PARTS='size overload' SIZES=1000 KEYS=1000 DURATION=1 IDLE=1 \
    OVERLOAD=1 AFTER=2 tests/bench/scale.sh >"$TMPDIR/out" 2>&1 || fail "$(cat "$TMPDIR/out")"
for row in '1000 | [1-9]' 'PUT w=2 | [1-9]'; do
    grep -q "^| $row" "$TMPDIR/out" || fail "$row is missing: $(cat "$TMPDIR/out")"
done
rm "$TMPDIR/table" "$TMPDIR/out"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
