#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate verify: equal copies, copies that differ and which of their keys, copies that cannot be
# seen.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

quorate=${QUORATE_BIN:?}/quorate
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# verify CODE ARGUMENT...: its output is in $out, its exit code must be CODE.
verify() {
    local wanted=$1 code
    shift
    out=$(timeout 60 "$quorate" verify "$@" 2>&1 </dev/null)
    code=$?
    [ "$code" = "$wanted" ] || fail "verify $*: exit code $code instead of $wanted: $out"
}

has() {
    case $out in
    *"$1"*) ;;
    *) fail "no '$1' in: $out" ;;
    esac
}

cluster_begin 3
export QUORATE_ENDPOINTS=${clients[0]}
for i in $(seq 200); do
    printf 'k%s\tvalue %s\n' "$i" "$i"
done | "$quorate" load - >/dev/null 2>&1 || fail 'load'

verify 0 --wait 30s
has '16 shards, 3 copies of each: all equal (200 keys, 200 writes and deletes seen;'
verify 0 --shard 3 --wait 30s
has '1 shard, 3 copies of each: all equal'
verify 0 --format json
has '"equal":true'
has '"differing":[]'
verify 2 --shard 16
has 'shards are numbered 0..15'
verify 2 --shard x
verify 2 --wait 0s

# A member that does not answer, and what is written meanwhile.
kill -STOP "${pids[2]}"
for i in $(seq 5); do
    "$quorate" put "late$i" value >/dev/null || fail "put late$i"
done
verify 3 --wait 250ms --timeout 500ms
has "${names[2]} at ${clients[2]} did not say what it holds"
has '16 of 16 shards were not seen at all of their owners'
kill -CONT "${pids[2]}"
verify 0 --wait 30s
has '(205 keys, 205 writes and deletes seen;'

cluster_end || fail 'a node did not end well'
[ "$failures" -eq 0 ] || exit 1
