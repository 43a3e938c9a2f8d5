#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The published numbers of tests/reference/placement.txt, with few repetitions and wide tolerances;
# `make sim-reference` is the full setting.
cd "$(dirname "$0")/../.." || exit 1
exec tests/reference.sh quick
