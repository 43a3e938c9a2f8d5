#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# quorate-sim check as it is typed: seeds are clean, a run repeats, a bad one ends with 8 and a
# command.
set -u

sim=$QUORATE_BIN/quorate-sim
seeds=$(cd "$(dirname "$0")/.." && pwd)/seeds.txt
cd "${TMPDIR:?}" || exit 1
fail() {
    echo "$1"
    exit 1
}

"$sim" check --seeds 20 --set seconds=5 --no-progress >clean.txt || fail "$(cat clean.txt)"
grep -q '^0 bad seeds' clean.txt || fail 'clean seeds are not told to be'

"$sim" check --seeds 3 --jobs 2 --set seconds=2 --format json --no-progress >clean.json ||
    fail 'json: a promise is broken'
grep -q '"bad_seeds": 0' clean.json || fail 'json does not tell bad seeds'

"$sim" check --replay 7 --set seconds=5 >first.txt || fail 'a clean run is not clean again'
"$sim" check --replay 7 --set seconds=5 >second.txt
cmp first.txt second.txt || fail 'the same seed gave another trace'
grep -q 'cluster of\|link to' first.txt || fail 'the trace tells nothing'

# What once was bad.
grep '^--replay' "$seeds" >once.txt || fail 'tests/seeds.txt has no seeds'
while read -r line; do
    # shellcheck disable=SC2086
    "$sim" check $line >once.out </dev/null ||
        fail "quorate-sim check $line: $(tail -n 5 once.out)"
done <once.txt

# This run takes hours, so it does not end in time.
"$sim" check --seeds 1..1 --limit 1 --no-shrink --no-progress \
    --set seconds=100000,think-us=100,clients=64,reads=50 >bad.txt
[ $? = 8 ] || fail 'a bad seed does not end with 8'
grep -q '^repeat it: quorate-sim check --replay 1 --set ' bad.txt || fail 'no command repeats it'

for wrong in '--seeds x' '--set nodes=0' '--set knots=1' '--faults knots' '--keep 1-' 'word'; do
    # shellcheck disable=SC2086
    "$sim" check $wrong 2>wrong.txt
    [ $? = 2 ] || fail "$wrong is taken"
    [ -s wrong.txt ] || fail "$wrong is refused without a word"
done
