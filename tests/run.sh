#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs test programs and counts their test functions.
#   tests/run.sh build/asan/tests/unit/clock_test ... tests/system/smoke_test.sh ...
#
# One line per program, its lines that begin with `note: `, all its output when it fails, and as the very last line
# `N passed, N failed, N skipped` over all of them. Programs of tests/system run one after
# another, the others TEST_JOBS (2) at a time before them. Those of tests/system that only simulate
# take what the others there leave of the processors: their clock is virtual, so that they neither
# disturb nor mind. The status is non-zero when anything failed or nothing ran.
#
# A program gets QUORATE_BIN (folder of the programs under test), an empty folder TMPDIR of its
# own (kept when it fails) and TEST_TIMEOUT (300) seconds; what it leaves running is killed.
set -u
cd "$(dirname "$0")/.." || exit 1
timeout_seconds=${TEST_TIMEOUT:-300}
export CMOCKA_MESSAGE_OUTPUT=stdout
# handle_segv=2: the sanitizer's stack, not cmocka's one line, tells of a wild pointer.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:handle_segv=2}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# Sums cmocka's closing lines (a program may run several groups): "passed failed skipped groups".
cmocka_counts() {
    awk '/^\[  PASSED  \] [0-9]+ test/ { passed += $4; groups++ }
         /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
         /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
         END { print passed + 0, failed + 0, skipped + 0, groups + 0 }' "$1"
}

# Runs "$@" with its output in $log, in a process group of its own; sets status and seconds.
run_limited() {
    local started=$EPOCHREALTIME ended group
    timeout -k 10 "$timeout_seconds" "$@" </dev/null >"$log" 2>&1 &
    group=$!
    # Whatever ends this script must end the test as well.
    # shellcheck disable=SC2064
    trap "kill -KILL -- -$group 2>/dev/null; exit 130" INT TERM
    wait "$group"
    status=$?
    trap - INT TERM
    kill -KILL -- "-$group" 2>/dev/null
    ended=$EPOCHREALTIME
    seconds=$(awk -v a="${started/,/.}" -v b="${ended/,/.}" 'BEGIN { printf "%.1f", b - a }')
}

# A C program: its summary lines count, and they must agree with its exit status.
judge_program() {
    local groups
    read -r passed failed skipped groups < <(cmocka_counts "$log")
    why="$failed of $((passed + failed)) tests failed"
    if [ "$failed" -gt 0 ]; then
        return
    elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
        failed=1 why="stopped after $timeout_seconds s"
    elif [ "$status" -ne 0 ]; then
        failed=1 why="exit status $status"
    elif [ "$groups" = 0 ]; then
        failed=1 why='no summary line'
    fi
}

# A script is one test: 0 passed, 77 skipped with its last line as the reason, else failed.
judge_script() {
    passed=0 failed=0 skipped=0
    case $status in
    0) passed=1 ;;
    77) skipped=1 ;;
    124 | 137) failed=1 why="stopped after $timeout_seconds s" ;;
    *) failed=1 why="exit status $status" ;;
    esac
}

report() {
    local count=$((passed + skipped)) noun=tests
    [ "$count" = 1 ] && noun=test
    if [ "$failed" -gt 0 ]; then
        echo "FAIL $label ($why, $seconds s)"
        tail -n 60 "$log" | sed 's/^/     | /'
        [ -n "$(ls -A "$TMPDIR")" ] && echo "     its files: $TMPDIR"
    elif [ "$passed" = 0 ] && [ "$skipped" -gt 0 ]; then
        echo "skip $label ($(tail -n 1 "$log"))"
    else
        echo "ok   $label ($count $noun, $seconds s)"
        sed -n 's/^note: /     | /p' "$log"
    fi
}

# Runs one program and appends "passed failed skipped" to the results.
run_one() {
    local program=$1 results=$2 folder=build/release label log status seconds
    local passed failed skipped why='' arguments=()
    label=${program#*tests/}
    case $program in build/*) folder=${program%%/tests/*} ;; esac
    log=$folder/log/$label.log
    mkdir -p "$(dirname "$log")"
    export QUORATE_BIN=${QUORATE_BIN:-$PWD/$folder/bin}
    TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/quorate-test.XXXXXX") || exit 1
    export TMPDIR
    case $label in fuzz/*) arguments=("tests/fuzz/corpus/$(basename "$label" _fuzz)") ;; esac

    run_limited "./$program" "${arguments[@]}"
    case $program in
    *.sh) judge_script ;;
    *) judge_program ;;
    esac
    # One writer at a time keeps the lines of programs that run side by side apart.
    (
        flock 9
        echo "$passed $failed $skipped" >>"$results"
        report
    ) 9>>"$results"
    if [ "$failed" -eq 0 ]; then
        rm -rf "$TMPDIR"
    else
        rmdir "$TMPDIR" 2>/dev/null
    fi
    return 0
}

# run_one_by_one PATIENCE NICENESS RESULTS PROGRAM...: with so many times the time allowed. In the
# background, where bash does not hear of an interrupt: run_all passes it on.
run_one_by_one() {
    local patience=$1 niceness=$2 results=$3 program child=''
    shift 3
    trap 'kill $child 2>/dev/null; exit' TERM
    for program in "$@"; do
        TEST_TIMEOUT=$((timeout_seconds * patience)) \
            nice -n "$niceness" tests/run.sh --one "$results" "$program" &
        child=$!
        wait $child
    done
}

run_all() {
    local results program beside=() alone=() simulated=() lanes
    mkdir -p build
    results=$(mktemp build/results.XXXXXX) || exit 1
    # shellcheck disable=SC2064
    trap "rm -f $results" EXIT
    for program in "$@"; do
        case $program in
        *tests/system/sim_report_*) alone+=("$program") ;; # a browser
        *tests/system/sim_* | *tests/system/plants_*) simulated+=("$program") ;;
        *tests/system/*) alone+=("$program") ;;
        *) beside+=("$program") ;;
        esac
    done
    if [ ${#beside[@]} -gt 0 ]; then
        printf '%s\0' "${beside[@]}" |
            xargs -0 -n 1 -P "${TEST_JOBS:-2}" tests/run.sh --one "$results"
    fi
    run_one_by_one 2 19 "$results" "${simulated[@]}" &
    lanes=$!
    run_one_by_one 1 0 "$results" "${alone[@]}" &
    lanes="$lanes $!"
    # shellcheck disable=SC2064,SC2086
    trap "kill $lanes 2>/dev/null; exit 130" INT TERM
    wait
    trap - INT TERM
    if [ "$(wc -l <"$results")" -ne $# ]; then
        echo "only $(wc -l <"$results") of $# test programs came to an end"
        echo '0 1 0' >>"$results"
    fi
    awk '{ passed += $1; failed += $2; skipped += $3 }
         END { if (passed + failed + skipped == 0) print "no test ran"
               printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
               exit failed > 0 || passed + failed + skipped == 0 }' "$results"
}

if [ "${1:-}" = --one ]; then
    run_one "$3" "$2"
else
    run_all "$@"
fi
