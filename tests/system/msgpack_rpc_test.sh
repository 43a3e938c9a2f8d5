#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A MessagePack-RPC client that nobody here wrote (npm's msgpack-rpc-lite) talks to a cluster.
# Needs node, npm and its registry; without them the test is skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

script=$PWD/tests/system/msgpack_rpc.js
for program in node npm timeout; do
    command -v "$program" >/dev/null || {
        echo "$program is not installed"
        exit 77
    }
done
folder=${TMPDIR:?}/client
mkdir -p "$folder"
if ! (cd "$folder" && timeout 60 npm install --ignore-scripts --no-save --no-audit --no-fund \
    --prefix "$folder" msgpack-rpc-lite@1.0.2 >npm.log 2>&1); then
    tail -n 5 "$folder/npm.log"
    echo 'npm cannot install msgpack-rpc-lite (no registry?)'
    exit 77
fi

cluster_begin 3
NODE_PATH=$folder/node_modules timeout 60 node "$script" "${clients[@]}" || {
    echo "the client failed with $?"
    exit 1
}
cluster_end || {
    echo 'a node did not end well'
    exit 1
}
