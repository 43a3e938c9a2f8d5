#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Are planted bugs found? For each name in planted("...") anywhere in the sources, or those that
# contain a word given, runs `quorate-sim check` of the plant build from seed 1 on until a seed is
# bad, SEEDS (10000) at most, and writes to tests/plants.txt which seed and after how many.
# tests/system/plants_test.sh finds them again by these seeds.
set -u
cd "$(dirname "$0")/.." || exit 1

program=build/plant/bin/quorate-sim
file=tests/plants.txt
word=${1:-}
seeds=${SEEDS:-10000}
missed=0

head_lines() {
    cat <<'END'
# Planted bugs (base/plant.h) and how `quorate-sim check` finds them, from a cold start: seeds 1, 2, ..
# with the knobs that it draws. Written by `make plants`. Again: in the plant build,
#     QUORATE_PLANT=name build/plant/bin/quorate-sim check --replay SEED
#
# plant                  seed  after  finding
END
}

names=$(grep -rhoE --include='*.c' 'planted\("[a-z-]+"\)' base gossip node sim |
    sed 's/.*"\(.*\)".*/\1/' | sort -u)
lines=$(mktemp) || exit 1
trap 'rm -f "$lines"' EXIT
for name in $names; do
    if [[ $name != *"$word"* ]]; then # as it was
        grep "^$name " "$file" >>"$lines" 2>/dev/null
        continue
    fi
    output=$(QUORATE_PLANT=$name timeout "${LIMIT:-1200}" "$program" check --seeds "$seeds" \
        --no-shrink --no-progress)
    if [ $? = 8 ]; then
        found=$(sed -n 's/^\([0-9]*\) seeds, .*/\1/p' <<<"$output")
        seed=$(sed -n 's/^seed \([0-9]*\): .*/\1/p' <<<"$output" | head -n 1)
        why=$(sed -n '2s/:.*//p' <<<"$output")
        printf '%-22s %6s %6s  %s\n' "$name" "$seed" "$found" "$why" | tee -a "$lines"
    else
        printf '%-22s %6s %6s  %s\n' "$name" - - "not found in $seeds seeds or the time given" |
            tee -a "$lines"
        missed=$((missed + 1))
    fi
done
{ head_lines && cat "$lines"; } >"$file.new" && mv "$file.new" "$file"
[ "$missed" = 0 ]
