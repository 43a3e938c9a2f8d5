#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each planted bug is found again by the seed that tests/plants.txt has for it, and without the bug
# the seed is clean. Traces change with the code: a bug that its seed does not show any more is
# searched for from seed 1 on, for a while; `make plants T=name` then records the new seed. A bug with
# a dash for a seed is a hole that is known: nothing has found it yet.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$root/build/plant/bin/quorate-sim
file=$root/tests/plants.txt

# one NAME SEED: prints how it went; anything that begins with FAIL is bad.
one() {
    local output
    if [ "$2" = - ]; then
        echo "open $1"
        return
    fi
    QUORATE_PLANT=$1 "$program" check --seeds "$2..$2" --jobs 1 --no-shrink --no-progress >/dev/null
    case $? in
    8) echo "ok $1" ;;
    0)
        output=$(QUORATE_PLANT=$1 timeout 60 "$program" check --seeds 3000 --no-shrink \
            --no-progress)
        if [ $? = 8 ]; then
            echo "stale $1: now found by $(sed -n 's/^\(seed [0-9]*\): .*/\1/p' <<<"$output" |
                head -n 1): make plants T=$1"
        else
            echo "FAIL $1 is not found: make plants T=$1"
        fi
        ;;
    *) echo "FAIL $1: the check cannot be run" ;;
    esac
    "$program" check --seeds "$2..$2" --jobs 1 --no-shrink --no-progress >"clean.$1" ||
        echo "FAIL seed $2 ($1) without the plant: $(head -n 3 "clean.$1")"
}

if [ "${1:-}" = --one ]; then
    unset QUORATE_PLANT
    one "$2" "$3"
    exit 0
fi

cd "${TMPDIR:?}" || exit 1
[ -x "$program" ] || { echo "there is no $program" && exit 1; }
grep -rhoE --include='*.c' 'planted\("[a-z-]+"\)' "$root"/{base,gossip,node,sim} |
    sed 's/.*"\(.*\)".*/\1/' | sort -u >planted
grep -v '^#' "$file" | awk '{ print $1, $2 }' | sort >recorded
if ! awk '{ print $1 }' recorded | cmp - planted; then
    awk '{ print $1 }' recorded | diff - planted
    echo 'FAIL tests/plants.txt has not all planted bugs, or others: make plants T=name'
    exit 1
fi
xargs -n 2 -P 2 "$root/tests/system/plants_test.sh" --one <recorded >results
sed -n 's/^stale /note: /p' results
sed -n 's/^open /note: not found yet: /p' results
echo "note: $(wc -l <planted) planted bugs, $(grep -c '^ok\|^stale' results) found," \
    "$(grep -c '^ok' results) of them by their recorded seeds"
! grep '^FAIL' results
