#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# For long: the kill loop over real nodes, ROUNDS (2000) rounds, and a campaign of `quorate-sim check`
# over QUORATE_SOAK_SEEDS (50000) seeds, both from SEED (drawn and printed when not given). A bad seed
# is repeated by the command printed with it; a failing kill loop with its seed, though which moments
# the kills fall into is not in the seed's hands alone.
set -u
cd "$(dirname "$0")/.." || exit 1

export ROUNDS=${ROUNDS:-2000}
export SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export QUORATE_BIN=${QUORATE_BIN:-$PWD/build/release/bin}
seeds=${QUORATE_SOAK_SEEDS:-50000}
program=build/release/tests/system/kill_test
failed=0
make --no-print-directory CFG=release "$program" || exit 1

echo "campaign: QUORATE_SOAK_SEEDS=$seeds SEED=$SEED"
if [ "$seeds" -gt 0 ]; then
    "$QUORATE_BIN/quorate-sim" check --seeds "$SEED..$((SEED + seeds - 1))" --failures 16 || failed=1
fi

echo "kill loop: ROUNDS=$ROUNDS SEED=$SEED"
folder=$(mktemp -d "${TMPDIR:-/tmp}/quorate-soak.XXXXXX") || exit 1
if TMPDIR=$folder "$program"; then
    rm -rf "$folder"
else
    echo "failed; again with: QUORATE_SOAK_SEEDS=0 ROUNDS=$ROUNDS SEED=$SEED tests/soak.sh"
    echo "its files: $folder"
    failed=1
fi
exit $failed
