#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The kill loop over real nodes, for long: ROUNDS (2000) rounds from SEED (drawn and printed when not
# given). A failing run is repeated with its seed; which moments the kills fall into is not in the
# seed's hands alone.
set -u
cd "$(dirname "$0")/.." || exit 1

export ROUNDS=${ROUNDS:-2000}
export SEED=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export QUORATE_BIN=${QUORATE_BIN:-$PWD/build/release/bin}
program=build/release/tests/system/kill_test
make --no-print-directory CFG=release "$program" || exit 1

echo "kill loop: ROUNDS=$ROUNDS SEED=$SEED"
folder=$(mktemp -d "${TMPDIR:-/tmp}/quorate-soak.XXXXXX") || exit 1
if TMPDIR=$folder "$program"; then
    rm -rf "$folder"
    exit 0
fi
echo "failed; again with: ROUNDS=$ROUNDS SEED=$SEED tests/soak.sh"
echo "its files: $folder"
exit 1
