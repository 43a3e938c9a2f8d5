# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What the command line says, for scripts, to be sourced: says runs it, has looks at what it said,
# and failures counts what was otherwise.

failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# says CODE ARGUMENT...: runs quorate; its output is in $out, its exit code must be CODE.
says() {
    local wanted=$1 code
    shift
    out=$(timeout 60 "${QUORATE_BIN:?}/quorate" "$@" 2>&1 </dev/null)
    code=$?
    [ "$code" = "$wanted" ] || fail "quorate $*: exit code $code instead of $wanted: $out"
}

# has WORDS: they stand in $out.
has() {
    case $out in
    *"$1"*) ;;
    *) fail "no '$1' in: $out" ;;
    esac
}
