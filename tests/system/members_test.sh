#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate-members as scripts see it: exit codes, filters, waiting, differences, labels and keys,
# completion.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/ring.sh
. tests/lib/ring.sh

asker=$QUORATE_BIN/quorate-members
ring_need "$QUORATE_BIN/quorate-node" "$asker" "$ring_port" timeout
port=$("$ring_port")
out=$ring_folder/out err=$ring_folder/err
settings=()
address() { echo "127.0.0.$1:$port"; }

start_node() {
    ring_start "n$1" "$QUORATE_BIN/quorate-node" --data "$ring_folder/data$1" --name "n$1" \
        --zone "z$1" --listen 127.0.0.1:0 --peer 127.0.0.1:0 --gossip "$(address "$1")" \
        --join "$(address 1)" --gossip-profile local "${settings[@]}"
}

# run CODE ARGUMENT...: wants the exit code.
run() {
    local wanted=$1 code
    shift
    timeout 60 "$asker" "$@" >"$out" 2>"$err" </dev/null
    code=$?
    [ "$code" = "$wanted" ] ||
        fail "quorate-members $*: exit code $code instead of $wanted: $(cat "$err")"
}

has() {
    local file=$1 word
    shift
    for word in "$@"; do
        grep -qF -- "$word" "$file" || fail "no '$word': $(cat "$file")"
    done
}

rows() { [ "$(grep -c '^n[0-9]' "$out")" = "$1" ] || fail "not $1 rows: $(cat "$out")"; }

check_usage() {
    run 2
    run 2 "$(address 1)" --state gone
    has "$err" '--state gone' suspect
    run 2 "$(address 1)" --format xml
    run 2 "$(address 1)" --timeout 0
    run 2 "$(address 1)" --wait many
    run 2 "$(address 1)" --watch
    has "$err" terminal
    run 2 "$(address 1)" --diff --wait 1
    run 2 "$(address 1)" --key short
    has "$err" 'base64'
    run 2 "$(address 1)" --key-file "$ring_folder/none"
    run 0 --help
    run 0 --version
}

check_ring() {
    run 0 --wait 3 --timeout 50s "$(address 1)" "$(address 2)" "$(address 3)"
    has "$out" 'healthy: 3 members, 3 alive' 'the 3 asked agree'
    rows 3
    run 0 --zone 'z[12]' "$(address 1)"
    has "$out" '3 members' '2 shown'
    rows 2
    run 0 --name n3 --state alive,suspect --format plain "$(address 1)"
    rows 1
    [ "$(awk -F '\t' '{ print NF }' "$out")" = 16 ] || fail "not 16 cells: $(cat "$out")"
    run 0 --diff "$(address 2)"
    has "$out" 'the 3 asked agree' 'no differences'
    run 0 --all --format json "$(address 1)"
    has "$out" '"asked":3,"answered":3' '"keys":0'
    grep -q "$(printf '\033')" "$out" && fail 'colour in a pipe'
    COLUMNS=40 run 0 "$(address 1)"
    awk 'NR > 1 && length > 40 { exit 1 }' "$out" || fail "wider than 40: $(cat "$out")"
}

check_trouble() {
    run 5 127.0.0.1:1 "127.0.0.1:$("$ring_port")"
    has "$err" '0 of 2 asked answered' 'cannot connect'
    run 5 no-such-host.invalid
    has "$err" 'no such host'
    run 3 "$(address 1)" 127.0.0.1:1
    has "$err" '1 of 2 asked answered'
    rows 3
    run 0 --wait 3 --timeout 50 "$(address 1)" # seconds
    run 3 --wait 9 --timeout 500ms "$(address 1)"
    has "$err" '3 of 9'
    ring_kill n3
    wait_for 'a killed node is dead' dead_is_seen
    has "$out" degraded '1 dead'
    run 0 --wait 2 "$(address 1)" "$(address 2)"
    start_node 3
    run 0 --wait 3 --timeout 50s "$(address 1)" "$(address 2)" "$(address 3)"
}

dead_is_seen() {
    "$asker" "$(address 1)" >"$out" 2>"$err"
    [ $? = 3 ] && grep -q '^n3 .* dead' "$out"
}

check_guarded() {
    local label=(--label blue) keys=(--key-file "$ring_folder/keys")
    head -c 32 /dev/urandom | base64 >"$ring_folder/keys"
    head -c 32 /dev/urandom | base64 >"$ring_folder/others"
    chmod 600 "$ring_folder/keys"
    port=$("$ring_port")
    rm -rf "$ring_folder"/data*
    settings=(--gossip-label blue)
    start_node 1
    run 0 --wait 1 "${label[@]}" "$(address 1)"
    run 5 "$(address 1)"
    has "$err" '--label'
    run 5 --label red "$(address 1)"
    ring_kill n1
    settings+=(--gossip-key "$ring_folder/keys")
    start_node 1
    start_node 2
    run 0 --wait 2 "${label[@]}" "${keys[@]}" "$(address 1)" "$(address 2)"
    run 0 "${label[@]}" --key "$(cat "$ring_folder/keys")" "$(address 1)"
    run 0 "${label[@]}" "${keys[@]}" --key-file "$ring_folder/others" "$(address 1)"
    run 5 "${label[@]}" --key-file "$ring_folder/others" "$(address 1)"
    has "$err" '--key-file'
    run 5 "${label[@]}" "$(address 1)"
    has "$err" '--key-file'
}

completes() {
    local wanted=$1
    shift
    # shellcheck disable=SC2034
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _quorate_members
    [ "${COMPREPLY[*]}" = "$wanted" ] || fail "completion of $*: ${COMPREPLY[*]}"
}

check_completion() {
    # shellcheck source=gossip/completion/quorate-members.bash
    . gossip/completion/quorate-members.bash
    completes --state quorate-members --st
    completes 'alive,dead' quorate-members --state alive,d
    completes json quorate-members --format = j
    # Each option that there is.
    COMP_WORDS=(quorate-members --) COMP_CWORD=1
    _quorate_members
    "$asker" --help | grep -o '^ *\(-., \)\?  *--[a-z-]*' | grep -o -- '--[a-z-]*' |
        while read -r option; do
            [[ $option == --usage || " ${COMPREPLY[*]} " == *" $option "* ]] ||
                echo "$option"
        done >"$out"
    [ ! -s "$out" ] || fail "not completed: $(cat "$out")"
}

check_usage
check_completion
start_node 1
start_node 2
start_node 3
check_ring
check_trouble
ring_kill n1
ring_kill n2
ring_kill n3
check_guarded
ring_result
