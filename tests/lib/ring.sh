# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# A ring of members of several kinds for scripts, to be sourced; see tests/system/gossip_member.go
# for what members are told and say. They end with the script, however it ends.

ring_failures=0
declare -A ring_pids ring_inputs
ring_folder=${TMPDIR:?}/ring
ring_member=${QUORATE_BIN:?}/../tests/system/gossip_member_main
ring_port=$QUORATE_BIN/../tests/system/free_port_main
ring_traffic=$QUORATE_BIN/../tests/system/traffic_main
mkdir -p "$ring_folder"

ring_skip() {
    echo "$*"
    exit 77
}

ring_need() {
    local program
    for program in "$@"; do
        [ -x "$program" ] || command -v "$program" >/dev/null ||
            ring_skip "$(basename "$program") is not installed (make deps-extra)"
    done
}

fail() {
    echo "FAIL: $*"
    ring_failures=$((ring_failures + 1))
}

ring_end() {
    local pid
    for pid in "${ring_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
}
trap ring_end EXIT

# Builds the Go member into $ring_folder/go_member, without the network.
ring_build_go() {
    local source=/usr/share/gocode/src/github.com/hashicorp/memberlist
    command -v go >/dev/null || ring_skip 'go is not installed (make deps-extra)'
    [ -d "$source" ] ||
        ring_skip 'golang-github-hashicorp-memberlist-dev is not installed (make deps-extra)'
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' GOPROXY=off GOCACHE=$ring_folder/go_cache \
        go build -o "$ring_folder/go_member" tests/system/gossip_member.go >"$ring_folder/go.log" 2>&1 ||
        { cat "$ring_folder/go.log"; exit 1; }
}

# ring_start NAME COMMAND...: its standard input is a pipe for ring_tell, its output NAME.out.
ring_start() {
    local name=$1 input
    shift
    rm -f "$ring_folder/$name.in"
    mkfifo "$ring_folder/$name.in"
    "$@" <"$ring_folder/$name.in" >>"$ring_folder/$name.out" 2>>"$ring_folder/$name.err" &
    ring_pids[$name]=$!
    exec {input}>"$ring_folder/$name.in"
    ring_inputs[$name]=$input
}

ring_tell() {
    local name=$1
    shift
    echo "$*" >&"${ring_inputs[$name]}"
}

# Lines of its output.
ring_lines() {
    wc -l <"$ring_folder/$1.out"
}

# wait_for WHAT COMMAND...: until the command succeeds; after a minute that is the end of the script.
wait_for() {
    local what=$1 end=$((SECONDS + ${RING_PATIENCE:-60}))
    shift
    until "$@"; do
        if [ $SECONDS -ge $end ]; then
            fail "not in time: $what"
            ring_result
        fi
        sleep 0.1
    done
    echo "ok: $what"
}

# True when the member says such a line (a pattern of grep -E) behind its first LINE lines.
ring_says() {
    tail -n "+$(($2 + 1))" "$ring_folder/$1.out" | grep -Eq "$3"
}

# ring_hears WHAT NAME PATTERN COMMAND...: the command makes the member say so.
ring_hears() {
    local what=$1 name=$2 pattern=$3 before
    before=$(ring_lines "$name")
    shift 3
    "$@"
    wait_for "$what" ring_says "$name" "$before" "$pattern"
}

# The same for what may get lost (a datagram, a broadcast): told again each second.
ring_hears_in_the_end() {
    local what=$1 name=$2 pattern=$3 before
    before=$(ring_lines "$name")
    shift 3
    said_or_again() {
        local tries=10
        "$@" >/dev/null
        until ring_says "$name" "$before" "$pattern"; do
            tries=$((tries - 1))
            [ $tries -gt 0 ] || return 1
            sleep 0.1
        done
    }
    wait_for "$what" said_or_again "$@"
}

# The lines with which a member answers to "members".
ring_members() {
    local name=$1 before tries=100
    before=$(ring_lines "$name")
    ring_tell "$name" members
    until ring_says "$name" "$before" '^members '; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
    tail -n "+$((before + 1))" "$ring_folder/$name.out" | grep '^member'
}

# Whether each of these members counts COUNT that are here.
ring_all_see() {
    local count=$1 name
    shift
    for name in "$@"; do
        ring_members "$name" | grep -qx "members $count" || return 1
    done
}

ring_kill() {
    kill -KILL "${ring_pids[$1]}"
    wait "${ring_pids[$1]}" 2>/dev/null
    unset "ring_pids[$1]"
}

# Until a member that was told to end has ended.
ring_wait_end() {
    wait "${ring_pids[$1]}" || fail "$1 ended with $?"
    unset "ring_pids[$1]"
}

# For the end of a script: shows what members wrote when something failed.
ring_result() {
    local file
    [ "$ring_failures" -eq 0 ] && exit 0
    for file in "$ring_folder"/*.out "$ring_folder"/*.err; do
        echo "--- $(basename "$file")"
        tail -n 15 "$file"
    done
    exit 1
}
