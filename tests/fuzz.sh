#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Runs fuzz programs one after another, each for FUZZ_SECONDS.
#   tests/fuzz.sh build/fuzz/tests/fuzz/packet_fuzz ...
#
# What a run finds on its way is kept in build/fuzz/corpus/; an input that breaks the code is
# kept in build/fuzz/found/ and belongs, with the fix, into tests/fuzz/corpus/.
set -u
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || {
    echo 'no tests/fuzz/*_fuzz.c yet'
    exit 0
}
failed=0
for program in "$@"; do
    name=$(basename "$program" _fuzz)
    mkdir -p "build/fuzz/corpus/$name" "build/fuzz/found/$name" build/fuzz/log
    seeds=tests/fuzz/corpus/$name
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086
    if "$program" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/found/$name/" \
        "build/fuzz/corpus/$name" $seeds >"build/fuzz/log/$name.log" 2>&1; then
        runs=$(awk '/stat::number_of_executed_units/ { print $2 }' "build/fuzz/log/$name.log")
        echo "ok   fuzz/$name ($runs runs, ${FUZZ_SECONDS:-60} s)"
    else
        failed=1
        echo "FAIL fuzz/$name"
        tail -n 60 "build/fuzz/log/$name.log" | sed 's/^/     | /'
    fi
done
exit $failed
