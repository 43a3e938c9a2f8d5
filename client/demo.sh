#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A tour: five nodes in two zones on this machine, real records, siblings, a killed node. Takes some
# seconds, leaves nothing behind. QUORATE_BIN is the folder of the programs.
set -u

bin=$(cd "${QUORATE_BIN:-$(dirname "$0")/../build/release/bin}" && pwd) || exit 1
node=$bin/quorate-node
members=$bin/quorate-members
sim=$bin/quorate-sim
folder=
declare -A pids=() clients=() gossips=()

# ---- saying ---------------------------------------------------------------------------------------

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\33[1m' dim=$'\33[2m' plain=$'\33[0m'
else
    bold='' dim='' plain=''
fi

chapter() {
    printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

note() {
    echo "$1" | fold -s -w 79 | sed 's/ *$//'
}

fail() {
    echo "demo: failed: $*" >&2
    for log in "$folder"/*.log; do
        [ -s "$log" ] && tail -n 5 "$log" | sed "s|^|$(basename "$log"): |" >&2
    done
    exit 1
}

# ---- nodes ----------------------------------------------------------------------------------------

cleanup() {
    local pid
    trap - EXIT INT TERM
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null
    done
    [ -z "$folder" ] || rm -rf "$folder"
}

# wait_for WHAT COMMAND...: until the command succeeds, 20 seconds at most.
wait_for() {
    local what=$1 left=400
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "waited too long for $what"
        sleep 0.05
    done
}

port_of() {
    sed -n "s/^$2=//p" "$folder/$1.ports"
}

# start NAME ZONE: any free ports, told in a file once the node is ready.
start() {
    local name=$1 zone=$2 join=()
    [ "$name" = n1 ] || join=(--join "${gossips[n1]}")
    rm -f "$folder/$name.ports"
    "$node" --data "$folder/$name" --name "$name" --zone "$zone" --listen 127.0.0.1:0 \
        --gossip 127.0.0.1:0 --peer 127.0.0.1:0 --gossip-profile local \
        --port-file "$folder/$name.ports" "${join[@]}" >>"$folder/$name.log" 2>&1 &
    pids[$name]=$!
    wait_for "$name to start" test -s "$folder/$name.ports"
    clients[$name]=$(port_of "$name" client)
    gossips[$name]=$(port_of "$name" gossip)
}

# ---- requests -------------------------------------------------------------------------------------

quorate() {
    "$bin/quorate" "$@"
}

# Shows a command and runs it; its failure ends the demo. What a terminal gets without asking, a pipe
# gets as well here.
show() {
    printf '%s$ quorate %s%s\n' "$dim" "$*" "$plain"
    quorate --format text "$@" || fail "quorate $* gave exit code $?"
}

endpoints() {
    local IFS=,
    export QUORATE_ENDPOINTS="${clients[*]}"
}

records() {
    local file
    if command -v dpkg-query >/dev/null &&
        dpkg-query -W -f '${Package}\t${binary:Summary}\n' >"$folder/all.tsv" 2>/dev/null; then
        what='the packages of this machine, name and description'
    else
        file=/etc/services
        [ -r $file ] || file=/etc/passwd
        what="the lines of $file"
        awk '{ gsub(/\t/, " "); print "line " NR "\t" $0 }' "$file" >"$folder/all.tsv"
    fi
    # A backslash would begin an escape.
    sed 's|\\|/|g' "$folder/all.tsv" >"$folder/records.tsv"
    [ -s "$folder/records.tsv" ] || fail 'found no records to load'
}

# Reads many keys, each by a program of its own, and tells how fast.
read_many() {
    local count=0 began ended key
    began=$(date +%s%N)
    while IFS=$'\t' read -r key _; do
        quorate get "$key" --r "$1" >/dev/null || fail "get $key --r $1 gave exit code $?"
        count=$((count + 1))
    done < <(head -n 100 "$folder/records.tsv")
    ended=$(date +%s%N)
    printf '%d reads at r %s, each by a program of its own: %d/s\n' "$count" "$1" \
        "$((count * 1000000000 / (ended - began + 1)))"
}

token_of() {
    quorate get "$1" --format json | sed 's/.*"context":"\([^"]*\)".*/\1/'
}

members_say() {
    "$members" "${gossips[n1]}" | grep -q "$1"
}

# Every node has links to all five (itself counted).
all_linked() {
    local name
    for name in "${!clients[@]}"; do
        [ "$(quorate cluster status -e "${clients[$name]}" --format json |
            grep -o '"linked":true' | wc -l)" = 5 ] || return 1
    done
}

# Every node finds all nodes well.
all_well() {
    local name
    for name in "${!clients[@]}"; do
        quorate cluster status -e "${clients[$name]}" || return 1
    done
}

# ---- the tour -------------------------------------------------------------------------------------

part_cluster() {
    local name
    chapter 'Five nodes in two zones, three copies of each key'
    for name in n1 n2 n3 n4 n5; do
        case $name in
        n1 | n3 | n5) start $name east ;;
        *) start $name west ;;
        esac
    done
    endpoints
    wait_for 'the nodes to see each other' members_say '5 members, 5 alive'
    wait_for 'links between all nodes' all_linked
    show cluster init --nodes 5 --replicas 3
    wait_for 'the cluster to be well' all_well
    show cluster status
}

part_records() {
    chapter 'Real records'
    records
    note "$(wc -l <"$folder/records.tsv") records: $what. Each is on two disks before it counts."
    show load records.tsv
    key=$(sed -n '7s/\t.*//p' "$folder/records.tsv")
    show get "$key" --r 1
    show get "$key" --r 2
    read_many 1
    read_many 2
}

part_placement() {
    chapter 'Would a ring of tokens have spread these keys better?'
    printf '%s$ quorate-sim placement --scheme static,ring --nodes 5 --zones 2 --trace KEYS%s\n' \
        "$dim" "$plain"
    cut -f 1 "$folder/records.tsv" >"$folder/keys"
    "$sim" placement --scheme static,ring --nodes 5 --zones 2 --trace "$folder/keys" \
        >"$folder/placement" || fail "quorate-sim gave exit code $?"
    sed -n '2p; /^Keys on nodes/,/^$/p; /^Under/,$p' "$folder/placement"
}

part_explain() {
    chapter 'How a read was carried out'
    show get "$key" --r all --explain
}

part_siblings() {
    chapter 'Two clients write one key, neither has seen the other'
    show put colour red -e "${clients[n1]}"
    show put colour blue -e "${clients[n2]}"
    note 'Nothing is thrown away: both values are there, with one token for both.'
    show get colour
    note 'A write with the token replaces all that the token has seen.'
    show put colour violet --context "$(token_of colour)"
    show get colour
    [ "$(quorate get colour)" = violet ] || fail 'the siblings are not resolved'
    chapter 'Delete'
    show del colour --context "$(token_of colour)"
    quorate get colour >/dev/null 2>&1
    [ $? = 1 ] || fail 'a deleted key is still there'
    note 'quorate get colour: exit code 1, not found'
}

part_death() {
    chapter 'A node dies: kill -9'
    kill -KILL "${pids[n5]}" || fail 'n5 has ended by itself'
    wait "${pids[n5]}" 2>/dev/null
    unset 'pids[n5]'
    note 'Reads and writes go on at quorum. The first seconds, before the others know:'
    show put during 'n5 is dead' --w quorum
    show get during --r quorum
    wait_for 'the others to see that n5 is dead' members_say '^n5 .*dead'
    printf '%s$ quorate-members %s%s\n' "$dim" "${gossips[n1]}" "$plain"
    "$members" "${gossips[n1]}"
    note 'Exit code 3: not all is well. All records once more, without n5:'
    unset 'clients[n5]'
    endpoints
    show load records.tsv --blind overwrite
}

part_return() {
    chapter 'It comes back, on its old disk'
    start n5 east
    endpoints
    wait_for 'n5 to serve again' all_well
    note 'It missed those writes; stand-ins took them. The copies compared, clock by clock:'
    show verify --wait 30s
    wait_for 'gossip to agree' "$members" "${gossips[n1]}"
    show cluster status
    printf '%s$ quorate-members %s%s\n' "$dim" "${gossips[n1]}" "$plain"
    "$members" "${gossips[n1]}" || fail "quorate-members gave exit code $?"
    show get during --r all
}

for program in quorate quorate-node quorate-members quorate-sim; do
    [ -x "$bin/$program" ] || {
        echo "demo: $bin/$program is missing: run make first" >&2
        exit 1
    }
done
trap cleanup EXIT
trap 'exit 130' INT TERM
folder=$(mktemp -d "${TMPDIR:-/tmp}/quorate-demo.XXXXXX") && cd "$folder" || exit 1
unset QUORATE_ENDPOINTS
part_cluster
part_records
part_placement
part_explain
part_siblings
part_death
part_return
chapter 'Done'
note 'Next: quorate --help, quorate-node --help, quorate-sim placement --help. The five nodes and their data are gone now.'
