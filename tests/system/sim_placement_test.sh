#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate-sim placement as its users meet it: the same bytes for the same seed, with any number of
# threads; what it refuses, with which words and exit code; files whole or not at all.
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
    timeout 180 "$sim" placement "$@" >out 2>err </dev/null
    status=$?
    [ $status = "$code" ] || fail "exit $status, not $code: placement $*"
    [ -s out ] && fail "wrote to standard output: placement $*"
    [ "$(wc -l <err)" -le 4 ] || fail "many lines: placement $*"
    for word in "${words[@]}"; do
        grep -qF -- "$word" err || fail "no '$word' in '$(head -1 err)': placement $*"
    done
}

small=(--keys 2000 --repetitions 4 --vnodes 8 --requests 1000 --trials 1000)

# ---- the same bytes
"$sim" placement balance movement latency staleness --scheme all "${small[@]}" --threads 1 \
    --format csv >one.csv || fail 'a small run'
"$sim" placement balance movement latency staleness --scheme all "${small[@]}" --threads 5 \
    --format csv >five.csv || fail 'a small run on five threads'
cmp one.csv five.csv || fail 'threads change the result'
"$sim" placement --seed 2 "${small[@]}" --format csv >other.csv
"$sim" placement --seed 1 "${small[@]}" --format csv >first.csv
cmp -s first.csv other.csv && fail 'another seed gives the same'
[ "$(wc -l <one.csv)" -gt 500 ] || fail 'few rows'

# ---- a value given twice is one value, and default events are those that fit
"$sim" placement "${small[@]}" --scheme static --theta 0.9 --format csv >once.csv
"$sim" placement "${small[@]}" --scheme static,static --theta 0.9,0.9 --format csv >twice.csv
cmp once.csv twice.csv || fail 'a value given twice counts twice'
"$sim" placement movement "${small[@]}" --event add --format csv >once.csv
"$sim" placement movement "${small[@]}" --event add,add --format csv >twice.csv
cmp once.csv twice.csv || fail 'an event given twice counts twice'
"$sim" placement movement "${small[@]}" --nodes 3 >out || fail 'movement of three nodes'

# ---- all forms
for format in table csv json; do
    "$sim" placement all --scheme static,ring "${small[@]}" --format $format >out 2>err ||
        fail "format $format: $(cat err)"
    [ -s err ] && fail "format $format wrote to standard error: $(head -1 err)"
    [ -s out ] || fail "format $format is empty"
done
"$sim" placement all --scheme all "${small[@]}" --nodes 5,10,20 --theta 0,0.8,0.99 >out ||
    fail 'several values'
awk 'length > 100 { bad = 1; print } END { exit bad }' out || fail 'a line over 100 columns'
grep -q "$(printf '\033')" out && fail 'colour into a file'

# ---- what is refused
refused 2 'no question' balance -- speed
refused 2 'no scheme' static rendezvous -- --scheme circle
refused 2 'no workload' zipf hotspot -- --workload gauss
refused 2 'power of two' -- --shards 100 --keys 100
refused 2 2 3 -- --nodes 2 --keys 100
refused 2 theta 2 -- --theta -1
refused 2 theta -- --theta 0,x
refused 2 theta -- --theta nan
refused 2 keys -- --keys 0
refused 2 keys -- --keys 1e12
refused 2 bound -- --scheme bounded --bound 1
refused 2 missing.txt -- --trace missing.txt
refused 2 --trace -- --workload trace
refused 2 'r 5' 3 -- latency --r 5 --keys 100
refused 2 event double -- movement --event grow
refused 2 remove:9 -- movement --event remove:9 --keys 100
refused 2 exp -- staleness --leg W=exp:0
refused 2 --keys -- --scheme split --keys inf
refused 2 const:0 mean -- latency --service const:0
refused 2 mean alpha -- latency --service pareto:1,1
refused 2 --pair -- staleness --sites a,b --pair a-z=const:1
refused 2 lnkd-ssd -- staleness --legs fast
refused 2 8571428 -- --scheme bounded --keys 10M --replicas 7 --operations 10
refused 2 trials 10000000 -- staleness --trials 1e8
refused 2 inf -- --keys 100,inf
refused 2 whole -- --value-bytes 1.5
refused 2 --sites 7 -- staleness --sites a,b,c,d,e,f,g,h
refused 2 --client -- staleness --sites a,b --client a,b,c
refused 2 const:40 -- staleness --sites a,b --pair a-b
refused 2 pair z -- staleness --sites a,b,c,d,e,f,g --client h --pair a-z=const:1
refused 8 'No such file' -- --report '' --keys 100
refused 8 'No such file' -- --report missing/report.html --keys 100
refused 8 'directory' -- --report . --keys 100
mkdir folder && : >folder/empty.txt && printf 'a\nb\na\n' >trace.txt
refused 2 empty.txt -- --trace folder/empty.txt
refused 2 folder -- --trace folder

# ---- traces
"$sim" placement --trace trace.txt --scheme static --format csv >file.csv || fail 'a trace'
"$sim" placement --trace - --scheme static --format csv <trace.txt >stdin.csv || fail 'a trace on -'
cmp file.csv stdin.csv || fail 'the same trace, another result'
grep -q ',trace,,2,' file.csv || fail 'two keys were expected'

# ---- files
mkfifo pipe
timeout 60 cat pipe >piped.html &
"$sim" placement "${small[@]}" --report pipe >/dev/null || fail 'a report into a named pipe'
wait
[ -p pipe ] || fail 'a report replaced a named pipe'
grep -q '</html>' piped.html || fail 'what came through the pipe has no end'
"$sim" placement "${small[@]}" --report /dev/stdout --format csv | grep -q '</html>' ||
    fail 'a report into a pipe'
"$sim" placement "${small[@]}" --report early.html | true
grep -q '</html>' early.html || fail 'who reads no table still gets the report'
"$sim" placement "${small[@]}" --report report.html --charts charts >/dev/null || fail 'a report'
grep -q '</html>' report.html || fail 'the report has no end'
ls charts/*.svg >/dev/null 2>&1 || fail 'no charts'
[ "$(ls ./*.part charts/*.part 2>/dev/null)" = '' ] || fail 'parts are left over'
timeout -s INT 0.5 "$sim" placement --keys 50M --repetitions 1000 --report broken.html >/dev/null 2>&1
[ $? = 124 ] || fail 'an interrupt did not end it'
[ "$(ls broken.html* 2>/dev/null)" = '' ] || fail 'an interrupted run left a file'
"$sim" placement "${small[@]}" >/dev/full 2>err
[ $? = 8 ] || fail 'a full disk on standard output is no success'
grep -q 'standard output' err || fail 'a full disk is not named'

exit $failed
