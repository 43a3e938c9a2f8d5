# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A cluster for scripts, to be sourced. cluster_begin NODES [SETTING...] sets the arrays names,
# clients, gossips and pids; the nodes end with the script, however it ends.

names=() clients=() gossips=() pids=()

cluster_begin() {
    local program=${QUORATE_BIN:?}/../tests/system/cluster_main name client gossip pid data line
    names=() clients=() gossips=() pids=()
    [ -x "$program" ] || {
        echo "$program is not built"
        exit 1
    }
    coproc CLUSTER { exec "$program" "$@"; }
    # shellcheck disable=SC2153
    cluster_pid=$CLUSTER_PID
    while read -r line <&"${CLUSTER[0]}"; do
        [ "$line" = ready ] && return 0
        read -r name client gossip pid data <<<"$line"
        case $data in
        /*) names+=("$name") clients+=("$client") gossips+=("$gossip") pids+=("$pid") ;;
        *) echo "cluster: $line" ;;
        esac
    done
    echo 'the cluster does not start'
    exit 1
}

# Stops the nodes; fails when one of them did not end well.
cluster_end() {
    eval "exec ${CLUSTER[1]}>&-"
    wait "$cluster_pid"
}
