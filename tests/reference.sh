#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compares quorate-sim with published numbers: tests/reference.sh quick|full [WORD]
#
# Runs each `run` line of tests/reference/placement.txt (with WORD, only those that contain it) and
# holds the rows of its CSV against the `expect` lines under it. One line for each miss, or for all
# with full. Ends with 0 when every number was met.
set -u
cd "$(dirname "$0")/.." || exit 1
setting=${1:-quick}
word=${2:-}
program=${QUORATE_BIN:-build/release/bin}/quorate-sim
results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT

# Reads "VALUE FULL QUICK FILTER..." lines on standard input, the CSV in $1.
compare() {
    awk -v setting="$setting" -v csv="$1" '
        BEGIN {
            if ((getline line < csv) <= 0) {
                print "FAIL no output"
                exit 1
            }
            columns = split(line, names, ",")
            while ((getline line < csv) > 0)
                rows[++count] = line
        }
        function picks(row,    i, k, cells, pair, name_of) {
            split(row, cells, ",")
            for (i = 5; i <= NF; i++) {
                split($i, pair, "=")
                for (k = 1; k <= columns && names[k] != pair[1]; k++)
                    ;
                if (k > columns || cells[k] != pair[2])
                    return 0
            }
            for (k = 1; names[k] != "mean"; k++)
                ;
            found = cells[k]
            return 1
        }
        {
            matched = 0
            for (r = 1; r <= count; r++) {
                if (picks(rows[r])) {
                    matched++
                    value = found
                }
            }
            allowed = setting == "full" ? $3 : $4
            off = value - $2
            bound = allowed ~ /%$/ ? $2 * allowed / 100 : allowed + 0
            good = matched == 1 && value != "" && off <= bound && -off <= bound
            filter = ""
            for (i = 5; i <= NF; i++)
                filter = filter " " $i
            if (matched != 1)
                printf "FAIL %d rows match%s\n", matched, filter
            else if (!good)
                printf "FAIL expected %s, found %s (allowed: %s):%s\n", $2, value, allowed, filter
            else if (setting == "full")
                printf "ok   expected %s, found %s (allowed: %s):%s\n", $2, value, allowed, filter
            bad += !good
            total++
        }
        END { print bad + 0, total + 0 > "/dev/stderr" }'
}

run_one() {
    local arguments=$1 expects=$2 bad total
    # shellcheck disable=SC2086
    if ! "$program" placement $arguments --format csv --no-progress >"$results"; then
        echo "FAIL quorate-sim placement $arguments: exit status not 0"
        failed=$((failed + 1))
        return
    fi
    lines=$(printf '%s\n' "$expects" | compare "$results" 2>"$results.count")
    read -r bad total <"$results.count"
    rm -f "$results.count"
    checked=$((checked + total))
    if [ "$bad" -gt 0 ] || [ "$setting" = full ]; then
        echo "quorate-sim placement $arguments"
        printf '%s\n' "$lines" | sed 's/^/  /'
    fi
    failed=$((failed + bad))
}

failed=0 checked=0 arguments='' expects=''
finish() {
    [ -n "$arguments" ] && case $arguments in *"$word"*) run_one "$arguments" "$expects" ;; esac
    arguments='' expects=''
}
while read -r kind first second rest; do
    case $kind in
    run)
        finish
        repetitions=$first
        [ "$setting" = full ] && repetitions=$second
        arguments="$rest --repetitions $repetitions"
        ;;
    expect) expects+="${expects:+$'\n'}expect $first $second $rest" ;;
    esac
done <tests/reference/placement.txt
# The last line of a here-string is empty.
finish
echo "reference ($setting): $checked numbers compared, $failed missed"
[ "$failed" = 0 ] && [ "$checked" -gt 0 ]
