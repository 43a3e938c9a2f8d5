# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Real nodes on a network of the test's own, to be sourced: each node and each client in a network
# namespace, all of them on one switch whose ports can be moved to another switch and back, which
# parts the network without anybody being told. Needs root; net_begin ends the script as skipped
# where namespaces cannot be made. Everything goes with the script, however it ends.

net_prefix=q$$
net_pids=()
net_made=()

net_skip() {
    echo "$*"
    exit 77
}

net_end() {
    local pid space
    for pid in "${net_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    for space in "${net_made[@]}"; do
        ip netns del "$space" 2>/dev/null
    done
}
trap net_end EXIT

# net_space NAME: makes a namespace with a loopback that is up.
net_space() {
    ip netns add "$net_prefix$1" 2>/dev/null || return 1
    net_made+=("$net_prefix$1")
    ip -n "$net_prefix$1" link set lo up
}

# net_plug NAME HOST: makes namespace NAME with the address 10.77.0.HOST on the first switch.
net_plug() {
    local space=$net_prefix$1
    net_space "$1" &&
        ip -n "${net_prefix}s" link add "p$1" type veth peer name e0 netns "$space" &&
        ip -n "${net_prefix}s" link set "p$1" master b0 up &&
        ip -n "$space" addr add "10.77.0.$2/24" dev e0 &&
        ip -n "$space" link set e0 up
}

# net_begin NODES CLIENT...: nodes are 1..NODES at 10.77.0.1.., clients (letters) from .101 on.
net_begin() {
    local nodes=$1 host
    shift
    [ "$(id -u)" = 0 ] || net_skip 'network namespaces need root'
    command -v ip >/dev/null || net_skip 'ip (iproute2) is not installed'
    net_space s || net_skip 'network namespaces cannot be made here'
    for host in b0 b1; do
        ip -n "${net_prefix}s" link add "$host" type bridge 2>/dev/null ||
            net_skip 'bridges cannot be made here'
        ip -n "${net_prefix}s" link set "$host" up
    done
    for ((host = 1; host <= nodes; host++)); do
        net_plug "$host" "$host" || net_skip 'virtual network links cannot be made here'
    done
    host=101
    for client in "$@"; do
        net_plug "$client" $host
        host=$((host + 1))
    done
}

# net_in NAME COMMAND...: runs it there.
net_in() {
    local space=$net_prefix$1
    shift
    ip netns exec "$space" "$@"
}

# net_move SWITCH NAME...: b0 or b1.
net_move() {
    local switch=$1 name
    shift
    for name in "$@"; do
        ip -n "${net_prefix}s" link set "p$name" master "$switch"
    done
}

# net_node N [SETTING...]: starts node N; the first one is everybody's seed.
net_node() {
    local number=$1 join=()
    shift
    [ "$number" = 1 ] || join=(--join 10.77.0.1:7401)
    mkdir -p "${TMPDIR:?}/n$number"
    ip netns exec "$net_prefix$number" "${QUORATE_BIN:?}/quorate-node" \
        --data "$TMPDIR/n$number/data" --name "n$number" --listen "10.77.0.$number:7400" \
        --peer "10.77.0.$number:7402" --gossip "10.77.0.$number:7401" "${join[@]}" "$@" \
        >>"$TMPDIR/n$number.log" 2>&1 &
    net_pids[number]=$!
}

# net_wait WHAT SECONDS COMMAND...: until the command succeeds; else that is the end of the script.
net_wait() {
    local what=$1 end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "FAIL: waited too long for $what"
            tail -n 5 "$TMPDIR"/n*.log
            exit 1
        fi
        sleep 0.1
    done
}
