#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Serf agents, as Debian has them, a quorate node, a Go member on memberlist and our machine in one
# ring: all see all, tags and user events cross, killing, leaving and coming back are seen on both
# sides; quorate-members shows the ring. Then with encryption. All announce Serf's delegate versions
# here (--gossip-serf): memberlist lets no ring mix them with others.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/ring.sh
. tests/lib/ring.sh

asker=$QUORATE_BIN/quorate-members
ring_need "$QUORATE_BIN/quorate-node" "$asker" "$ring_member" "$ring_port" timeout
ring_build_go
command -v serf >/dev/null || ring_skip 'serf is not installed (make deps-extra)'
port=$("$ring_port")
rpc=$("$ring_port")
own=00000000000000aa
tags=ff81a4726f6c65a36f776e # role=own
key=() serf_key=() ask_key=() node_key=()
address() { echo "127.0.0.$1:$port"; }

start_serf() {
    ring_start "$1" serf agent -node "$1" -bind "$(address "$2")" -rpc-addr "127.0.0.$2:$rpc" \
        -profile local -tag dc=east -tag "role=$1" "${serf_key[@]}" \
        -event-handler "user:greeting=cat >'$ring_folder/$1.heard'" \
        ${3:+-join "$(address "$3")"}
}

start_own() {
    ring_start own "$ring_member" --serf --name $own --bind "$(address 3)" --join "$(address 1)" \
        --meta "$tags" "${key[@]}"
}

start_node() {
    ring_start n4 "$QUORATE_BIN/quorate-node" --data "$ring_folder/data4" --name n4 --gossip-serf yes \
        --listen 127.0.0.1:0 --peer 127.0.0.1:0 --gossip "$(address 4)" --join "$(address 1)" \
        "${node_key[@]}"
}

start_go() {
    ring_start g5 "$ring_folder/go_member" -serf -name g5 -bind "$(address 5)" \
        -join "$(address 1)" "${key[@]/#--/-}"
}

ask() {
    timeout 30 "$asker" "${ask_key[@]}" "$@" >"$ring_folder/ask.out" 2>"$ring_folder/ask.err"
}

# serf_says STATE NAME [WORD]: the first agent's list has such a line.
serf_says() {
    timeout 10 serf members -rpc-addr "127.0.0.1:$rpc" 2>/dev/null |
        awk -v name="$2" -v state="$1" -v word="${3:-}" \
            '$1 == name && $3 == state && index($0, word) { found = 1 } END { exit !found }'
}

all_agree() {
    ask --wait 5 --timeout 1s "$(address 1)" "$(address 2)" "$(address 3)" "$(address 4)" \
        "$(address 5)"
}

all_here() {
    wait_for "$1: all see 5 alive, whoever is asked" all_agree
    wait_for "$1: serf lists ours, with its tag" serf_says alive $own role=
    wait_for "$1: ours and Go's count 5" ring_all_see 5 own g5
}

start_all() {
    start_serf s1 1
    wait_for "$1: an agent" ask --wait 1 --timeout 1s "$(address 1)"
    start_serf s2 2 1
    start_own
    start_node
    start_go
    all_here "$1"
}

# A node's name in gossip is its id: serf shows that.
node_id() { ask --format json "$(address 4)" && grep -o '"id":"[0-9a-f]*","address":"127.0.0.4' \
    "$ring_folder/ask.out" | cut -d '"' -f 4; }

check_node() {
    local id
    id=$(node_id)
    wait_for "$1: serf lists the node" serf_says alive "$id"
    ring_kill n4
    wait_for "$1: a killed node has failed for serf" serf_says failed "$id"
    start_node
    all_here "$1: the node came back"
    ring_hears "$1: a node that left is gone for Go" g5 "^leave $id" kill -TERM "${ring_pids[n4]}"
    ring_wait_end n4
    start_node
    all_here "$1: the node joined again"
}

check_tags() {
    ask --format json "$(address 1)"
    grep -q '"id":"s2".*"tags":{"dc":"east","role":"s2"}' "$ring_folder/ask.out" ||
        fail "$1: no tags: $(cat "$ring_folder/ask.out")"
    ask --zone east --name 's*' "$(address 3)"
    [ "$(grep -c '^s[12] .*east.*role=s' "$ring_folder/ask.out")" = 2 ] ||
        fail "$1: not two members of zone east: $(cat "$ring_folder/ask.out")"
    ring_hears "$1: serf's new tags are seen" own '^update s2 ff.*76657273696f6e' \
        serf tags -rpc-addr "127.0.0.2:$rpc" -set version=9
    ring_tell own meta "${tags}ff"
    ring_tell own meta ff81a4726f6c65a36e6577
    wait_for "$1: our new tag is seen" serf_says alive $own role=new
}

# A user event: 03 and {CC, LTime, Name, Payload}.
check_events() {
    local event=0384a24343c2a54c54696d65${2}a44e616d65a86772656574696e67a75061796c6f6164a568656c6c6f
    ring_hears_in_the_end "$1: a user event from serf" own '^heard 03.*68757272616879' \
        serf event -rpc-addr "127.0.0.2:$rpc" hurrahy
    wait_for "$1: a user event to serf" greet_serf "$event"
}

greet_serf() {
    ring_tell own shout s1 "0x$1"
    sleep 0.3
    grep -qs '^hello' "$ring_folder/s1.heard"
}

check_kills() {
    ring_hears "$1: a killed agent is dead for ours" own '^leave s2' ring_kill s2
    start_serf s2 2 1
    all_here "$1: it came back"
    ring_kill own
    wait_for "$1: our killed member has failed for serf" serf_says failed $own
    start_own
    all_here "$1: ours came back"
}

check_leaving() {
    ring_hears "$1: an agent that left is gone" own '^leave s2' \
        serf leave -rpc-addr "127.0.0.2:$rpc"
    ring_wait_end s2
    ask --format plain "$(address 3)"
    grep -q "^s2$(printf '\t').*$(printf '\t')left$(printf '\t')" "$ring_folder/ask.out" ||
        fail "$1: ours does not know that it left: $(cat "$ring_folder/ask.out")"
    start_serf s2 2 1
    all_here "$1: it joined again"
    ring_tell own leave
    ring_wait_end own
    wait_for "$1: our member that left is gone" serf_says failed $own
    start_own
    all_here "$1: ours joined again"
}

stop_all() {
    local name
    for name in "${!ring_pids[@]}"; do
        ring_kill "$name"
    done
    rm -rf "$ring_folder"/*.out "$ring_folder"/*.heard "$ring_folder"/data*
    port=$("$ring_port")
}

start_all plain
check_tags plain
check_events plain 32
check_kills plain
check_leaving plain
check_node plain
stop_all

secret=$(head -c 32 /dev/urandom | base64)
(umask 077 && echo "$secret" >"$ring_folder/keys")
key=(--key "$secret") serf_key=(-encrypt "$secret") ask_key=(--key-file "$ring_folder/keys")
node_key=(--gossip-key "$ring_folder/keys")
start_all encrypted
check_tags encrypted
check_events encrypted 32
ring_hears 'encrypted: a killed agent is dead for ours' own '^leave s2' ring_kill s2
ring_result
