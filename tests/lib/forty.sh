# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Many members on this machine, of one kind, and how they do; to be sourced behind ring.sh. Times
# are printed; who knows what is asked of all members at once, some times a second.
#
# Set before: forty_kind (node or serf), forty_count, port, rpc.

forty_asker=$QUORATE_BIN/quorate-members
forty_address() { echo "127.0.0.$1:$port"; }

forty_start() {
    local number=$1 join=()
    if [ "$forty_kind" = serf ]; then
        [ "$number" = 1 ] || join=(-join "$(forty_address 1)")
        ring_start "m$number" serf agent -node "m$number" -bind "$(forty_address "$number")" \
            -rpc-addr "127.0.0.$number:$rpc" "${join[@]}"
    else
        [ "$number" = 1 ] || join=(--join "$(forty_address 1)")
        ring_start "m$number" "$QUORATE_BIN/quorate-node" --data "$ring_folder/data$number" \
            --name "m$number" --listen "127.0.0.$number:0" --peer "127.0.0.$number:0" \
            --gossip "$(forty_address "$number")" "${join[@]}" ${SETTINGS:-}
    fi
}

# All but those that are gone, and those given.
forty_gone=''
forty_addresses() {
    local number
    for number in $(seq "$forty_count"); do
        [[ " $forty_gone $* " == *" $number "* ]] || forty_address "$number"
    done
}

forty_now_ms() { echo $(($(date +%s%N) / 1000000)); }

# forty_all_say STATE NUMBER: all others say so of the member.
forty_all_say() {
    # shellcheck disable=SC2046
    "$forty_asker" --format plain --name "m$2" $(forty_addresses "$2") 2>/dev/null |
        cut -f 3 | grep -qx "$1"
}

forty_all_alive() {
    # shellcheck disable=SC2046
    "$forty_asker" --wait "$forty_count" --timeout "${forty_patience:-500ms}" $(forty_addresses) >/dev/null 2>&1
}

# forty_time WHAT COMMAND...: waits for it and prints how long that took.
forty_time() {
    local what=$1 began
    began=$(forty_now_ms)
    shift
    wait_for "$what" "$@" >/dev/null
    echo "$what: $(($(forty_now_ms) - began)) ms"
}

# Resident memory of a member, KiB.
forty_memory() {
    awk '/^VmRSS/ { print $2 }' "/proc/${ring_pids[m$1]}/status"
}

# forty_rest SECONDS: packets and bytes a second for each member.
forty_rest() {
    local counted
    if ! counted=$("$ring_traffic" "$port" "$1"); then
        echo 'at rest: not counted: packets cannot be watched here'
        return
    fi
    echo "$counted" | awk -v n="$forty_count" -v s="$1" '{
        printf "at rest, a second and member: %.2f datagrams, %.0f bytes; ", $1 / n / s, $2 / n / s
        printf "by streams %.2f segments, %.0f bytes; all %.0f bytes\n", $3 / n / s, $4 / n / s,
            ($2 + $4) / n / s }'
}
