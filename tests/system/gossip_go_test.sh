#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# One ring of quorate nodes, of members on hashicorp/memberlist as Debian has it, and of our machine
# in a program of the test's own (nodes have no use for user messages): all see all; joining,
# killing, leaving and coming back are seen on both sides; meta and user messages cross. Then the
# same with encryption, and with a label where that memberlist has them.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/ring.sh
. tests/lib/ring.sh

node=$QUORATE_BIN/quorate-node
asker=$QUORATE_BIN/quorate-members
ring_need "$node" "$asker" "$ring_member" "$ring_port" timeout
ring_build_go
go_member=$ring_folder/go_member
port=$("$ring_port")
own=00000000000000aa
hurry=(--gossip-timing probe-interval=500ms --gossip-timing probe-timeout=250ms
    --gossip-timing gossip-interval=100ms --gossip-timing push-pull=2s --gossip-timing reclaim=1s)

key=() node_key=() ask_key=()
address() { echo "127.0.0.$1:$port"; }

start_node() {
    local number=$1
    ring_start "n$number" "$node" --data "$ring_folder/data$number" --name "n$number" \
        --listen 127.0.0.1:0 --peer 127.0.0.1:0 --gossip "$(address "$number")" \
        --join "$(address 1)" --join "$(address 2)" "${hurry[@]}" "${node_key[@]}"
}

start_go() {
    ring_start "$1" "$go_member" -name "$1" -bind "$(address "$2")" -join "$(address 1)" \
        -meta "$3" "${key[@]/#--/-}"
}

start_own() {
    ring_start own "$ring_member" --name $own --bind "$(address 5)" --join "$(address 1)" \
        --meta 6f776e "${key[@]}"
}

ask() {
    timeout 30 "$asker" "${ask_key[@]}" "$@" >"$ring_folder/ask.out" 2>"$ring_folder/ask.err"
}

# asked_says STATE NAME: node n1 sees the member so.
asked_says() {
    ask --format plain "$(address 1)"
    awk -F '\t' -v state="$1" -v name="$2" '$1 == name && $3 == state { found = 1 }
        END { exit !found }' "$ring_folder/ask.out"
}

all_agree() {
    ask --wait "$1" --timeout 1s "$(address 1)" "$(address 2)" "$(address 3)" "$(address 4)" \
        "$(address 5)"
}

all_here() {
    wait_for "$1: all see 5 alive, whoever is asked" all_agree 5
    wait_for "$1: members of both kinds count 5" ring_all_see 5 ga gb own
}

check_meta() {
    ring_members ga >"$ring_folder/ga.members"
    grep -q "^member $own 0 6f776e$" "$ring_folder/ga.members" || fail "$1: our meta at Go's"
    # The node's own: a map with its name, n1, in it.
    [ "$(grep -c 'a26e6da26e[31]' "$ring_folder/ga.members")" -ge 1 ] ||
        fail "$1: no node's meta at Go's: $(cat "$ring_folder/ga.members")"
    ring_members own | grep -q '^member gb 0 626c7565$' || fail "$1: Go's meta at ours"
    ring_hears "$1: Go's new meta is seen" own '^update ga 726564$' ring_tell ga meta 726564
    ring_hears "$1: our new meta is seen" gb "^update $own 6e6577$" ring_tell own meta 6e6577
}

check_messages() {
    ring_hears_in_the_end "$1: a datagram from Go" own '^heard ping$' ring_tell ga shout $own ping
    ring_hears "$1: a stream from Go" own '^heard pong one two$' ring_tell ga say $own pong one two
    ring_hears_in_the_end "$1: a datagram to Go" gb '^heard ding$' ring_tell own shout gb ding
    ring_hears_in_the_end "$1: a broadcast to Go" ga '^heard hooray$' ring_tell own cry hooray
    ring_hears "$1: a stream to Go" gb '^heard dong one two$' ring_tell own say gb dong one two
}

check_kills() {
    ring_hears "$1: a killed Go member is dead for ours" own '^leave gb$' ring_kill gb
    wait_for "$1: and for nodes" asked_says dead gb
    start_go gb 4 626c7565
    all_here "$1: it came back"
    ring_hears "$1: our killed member is dead for Go" ga "^leave $own$" ring_kill own
    start_own
    all_here "$1: ours came back"
    ring_hears "$1: a killed node is dead for Go" ga '^leave [0-9a-f]{16}$' ring_kill n2
    wait_for "$1: and for nodes" asked_says dead n2
    start_node 2
    all_here "$1: the node came back"
}

check_leaving() {
    ring_hears "$1: a Go member that left is gone" own '^leave gb$' ring_tell gb leave
    wait_for "$1: and nodes know that it left" asked_says left gb
    ring_wait_end gb
    start_go gb 4 626c7565
    all_here "$1: it joined again"
    ring_hears "$1: our member that left is gone" ga "^leave $own$" ring_tell own leave
    wait_for "$1: and nodes know that it left" asked_says left $own
    ring_wait_end own
    start_own
    all_here "$1: ours joined again"
    ring_hears "$1: a node that left is gone" ga '^leave [0-9a-f]{16}$' \
        kill -TERM "${ring_pids[n2]}"
    wait_for "$1: and nodes know that it left" asked_says left n2
    ring_wait_end n2
    start_node 2
    all_here "$1: the node joined again"
}

start_all() {
    start_node 1
    start_node 2
    wait_for "$1: two nodes" ask --wait 2 --timeout 1s "$(address 1)" "$(address 2)"
    start_go ga 3 6761
    wait_for "$1: a Go member" ring_says ga 0 '^ready'
    start_go gb 4 626c7565
    start_own
    all_here "$1"
}

stop_all() {
    local name
    for name in "${!ring_pids[@]}"; do
        ring_kill "$name"
    done
    rm -rf "$ring_folder"/data* "$ring_folder"/*.out
    port=$("$ring_port")
}

start_all plain
check_meta plain
check_messages plain
check_kills plain
check_leaving plain
stop_all

secret=$(head -c 32 /dev/urandom | base64)
(umask 077 && echo "$secret" >"$ring_folder/keys")
key=(--key "$secret") node_key=(--gossip-key "$ring_folder/keys")
ask_key=(--key-file "$ring_folder/keys")
start_all encrypted
check_meta encrypted
check_messages encrypted
ring_hears 'encrypted: a killed Go member is dead' own '^leave gb$' ring_kill gb
start_go gb 4 626c7565
all_here 'encrypted: it came back'
ask_key=()
ask "$(address 1)" "$(address 3)"
[ $? = 5 ] || fail 'an encrypted ring answers who has no key'
grep -q 'key' "$ring_folder/ask.err" || fail "no word about keys: $(cat "$ring_folder/ask.err")"
stop_all

if "$go_member" -label x -bind 127.0.0.1:1 | grep -q 'no labels'; then
    echo 'labels: not tried with Go: this memberlist has none (they came with 0.3)'
else
    key+=(--label blue) node_key+=(--gossip-label blue)
    ask_key=(--key-file "$ring_folder/keys" --label blue)
    start_all labelled
    check_messages labelled
fi
ring_result
