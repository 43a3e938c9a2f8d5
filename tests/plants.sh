#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Are planted bugs found? For each name in planted("...") anywhere in the sources, or those that
# contain a word given, runs `quorate-sim check` of the plant build until a seed is bad, SEEDS
# (10000) at most, and prints after how many that was.
set -u
cd "$(dirname "$0")/.." || exit 1

program=build/plant/bin/quorate-sim
word=${1:-}
seeds=${SEEDS:-10000}
missed=0

names=$(grep -rhoE --include='*.[ch]' 'planted\("[a-z-]+"\)' base gossip node sim |
    sed 's/.*"\(.*\)".*/\1/' | grep -v '^put-early$' | sort -u | grep -e "$word")
for name in $names; do
    output=$(QUORATE_PLANT=$name timeout "${LIMIT:-600}" "$program" check --seeds "$seeds" \
        --no-shrink --no-progress)
    case $? in
    8)
        found=$(echo "$output" | sed -n 's/^\([0-9]*\) seeds, .*/\1/p')
        why=$(echo "$output" | sed -n '2s/:.*//p')
        printf '%-20s found after %5s seeds: %s\n' "$name" "$found" "$why"
        ;;
    0) printf '%-20s NOT FOUND in %s seeds\n' "$name" "$seeds" && missed=$((missed + 1)) ;;
    *) printf '%-20s NOT FOUND in the time given\n' "$name" && missed=$((missed + 1)) ;;
    esac
done
[ "$missed" = 0 ]
