#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The report and its charts in a real browser, without looking: titles of axes, nothing cut off,
# nothing upon another, nothing to scroll sideways on a phone, nothing fetched. $TMPDIR/report.png
# is for who wants to look.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
sim=${QUORATE_BIN:?}/quorate-sim
rows=${QUORATE_BIN:?}/../tests/system/sim_rows_main
work=${TMPDIR:?}
failed=0

for program in chromium node timeout; do
    command -v "$program" >/dev/null || {
        echo "$program is not installed"
        exit 77
    }
done

# Made-up results of all kinds: what one run does not have at once.
files=()
for size in one plain nodes theta both large hard; do
    "$rows" html $size >"$work/$size.html" || exit 1
    files+=("$work/$size.html")
done

# The charts alone, one file each.
split_charts() {
    awk -v folder="$1" '/^[a-z0-9-]+\.svg$/ { file = folder "/" $0; next } { print > file }'
}
for size in plain both hard; do
    mkdir "$work/$size" || exit 1
    "$rows" svg $size | split_charts "$work/$size" || exit 1
    files+=("$work/$size"/*.svg)
done

# A real one, which is looked at first.
if [ -x "$sim" ]; then
    "$sim" placement balance movement latency staleness cost --scheme static,ring,jump,split \
        --nodes 5,10 --keys 2000 --repetitions 3 --requests 2000 --trials 2000 \
        --report "$work/real.html" >"$work/real.txt" || {
        echo 'no report'
        exit 1
    }
    files=("$work/real.html" "${files[@]}")
fi

timeout 250 node tests/system/sim_report.js chromium "$work/report.png" "${files[@]}" || {
    echo "the browser found faults ($?)"
    failed=1
}
[ -s "$work/report.png" ] || {
    echo 'no picture'
    failed=1
}
exit $failed
