#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate verify: equal copies, copies that differ and which of their keys, copies that cannot be
# seen.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh
# shellcheck source=tests/lib/says.sh
. tests/lib/says.sh

quorate=${QUORATE_BIN:?}/quorate

cluster_begin 3
export QUORATE_ENDPOINTS=${clients[0]}
for i in $(seq 200); do
    printf 'k%s\tvalue %s\n' "$i" "$i"
done | "$quorate" load - >/dev/null 2>&1 || fail 'load'

says 0 verify --wait 30s
has '16 shards, 3 copies of each: all equal (200 keys, 200 writes and deletes seen;'
says 0 verify --shard 3 --wait 30s
has '1 shard, 3 copies of each: all equal'
says 0 verify --format json
has '"equal":true'
has '"differing":[]'
says 2 verify --shard 16
has 'shards are numbered 0..15'
says 2 verify --shard x
says 2 verify --wait 0s

# A member that does not answer, and what is written meanwhile.
kill -STOP "${pids[2]}"
for i in $(seq 5); do
    "$quorate" put "late$i" value >/dev/null || fail "put late$i"
done
says 3 verify --wait 250ms --timeout 500ms
has "${names[2]} at ${clients[2]} did not say what it holds"
has '16 of 16 shards were not seen at all of their owners'
kill -CONT "${pids[2]}"
says 0 verify --wait 30s
has '(205 keys, 205 writes and deletes seen;'

cluster_end || fail 'a node did not end well'
[ "$failures" -eq 0 ] || exit 1
