#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The campaign of every build: a thousand seeds of `quorate-sim check`, whole clusters under all
# faults, no promise broken, at least ten simulated hours, and nothing that a campaign is for left
# out (the probes).
set -u
sim=${QUORATE_BIN:?}/quorate-sim
cd "${TMPDIR:?}" || exit 1

timeout 560 "$sim" check --seeds 1000 --failures 16 --no-shrink --no-progress >campaign.txt
status=$?
sed 's/^/note: /' <(tail -n 4 campaign.txt | grep 'seeds\|operations\|never')
if [ $status != 0 ]; then
    head -n 60 campaign.txt
    exit 1
fi
if grep '^never happened' campaign.txt; then
    echo 'mend the knobs (sim/check/knobs.c) so that it happens, or delete the probe'
    exit 1
fi
awk '/simulated hours/ { hours = $3 } END { exit !(hours >= 10) }' campaign.txt || {
    echo 'less than ten simulated hours'
    exit 1
}
