#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate bench against floors, a made-up server of RESP, and real nodes: each workload, formats,
# checks, what it refuses, a node that dies and one that stands still, an interrupt. What it says is looked at, never how fast it was.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

quorate=$(cd "${QUORATE_BIN:?}" && pwd)/quorate
failures=0
command -v python3 >/dev/null || {
    echo 'python3 is missing'
    exit 77
}

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# bench CODE ARGUMENT...: keeps its streams in $dir/out and $dir/err, wants the exit code.
dir=${TMPDIR:?}
bench() {
    local wanted=$1 code
    shift
    timeout 120 "$quorate" bench "$@" >"$dir/out" 2>"$dir/err" </dev/null
    code=$?
    [ "$code" = "$wanted" ] ||
        fail "bench $*: exit code $code instead of $wanted: $(head -c 500 "$dir/err" "$dir/out")"
}

has() {
    grep -qF -- "$2" "$dir/$1" || fail "no '$2' in $1: $(head -c 500 "$dir/$1")"
}

# true_of EXPRESSION: holds of the JSON in out, which is `b` in it.
true_of() {
    python3 -c 'import json, sys
b = json.load(open(sys.argv[1]))
sys.exit(not eval(sys.argv[2]))' "$dir/out" "$1" || fail "not $1: $(head -c 2000 "$dir/out")"
}

# ---- without a cluster ---------------------------------------------------------------------------

check_usage() {
    local options
    bench 2
    has err 'lacks a workload'
    bench 2 e
    has err 'no scan'
    [ "$(wc -l <"$dir/err")" = 1 ] || fail "more than a line: $(cat "$dir/err")"
    while read -r options; do
        # shellcheck disable=SC2086
        bench 2 $options
    done <<'END'
mixed=101
a b
a --workload b
a --keys 0
a --value-size 10-9
a --value-size x
a --connections 0
a --connections 2 --threads 3
a --depth 5000
a --arrivals poisson
a --arrivals closed --rate 5
a --rate 0
a --rate 1 --threads 2
a --operations 5 --duration 5
a --theta 3
a --distribution trace
a --spread nobody
a --check --value-size 20
a --check --floor echo
a --load --floor echo
a --wait 1
a --protocol redis --spread owner
f --protocol redis
f --distribution latest
d --distribution uniform
a --watch 999999999
a --format raw
a --duration 0
a --no-such-option
END
    bench 5 read -e 127.0.0.1:1
    has err 'is the node running?'
    bench 2 read -e nonsense:
    bench 0 --help
    has out --rate
}

# ---- with one ------------------------------------------------------------------------------------

few=(--keys 500 --connections 6 --warm-up 0 --check --strict)

check_workloads() {
    local workload
    bench 0 --load-only "${few[@]}" --format json
    true_of 'b["operations"] == 500 and b["failed"] == 0'
    for workload in a b c d f read write mixed=30; do
        bench 0 "$workload" "${few[@]}" --operations 400 --format json
        true_of 'b["failed"] == 0 and b["missing"] == 0 and b["rate"] > 0'
        true_of 'b["check"]["stale_is_wrong"] and b["check"]["stale"] == 0'
        true_of 'b["latency"]["all"]["operations"] == b["operations"] >= 400'
        true_of 'b["latency"]["all"]["p50_us"] <= b["latency"]["all"]["max_us"]'
    done
    bench 0 f "${few[@]}" --operations 400 --format json
    true_of 'b["operations"] == 400 + b["latency"]["rmw"]["operations"]'
    true_of 'b["latency"]["write"]["operations"] == b["latency"]["rmw"]["operations"]'
    bench 0 d "${few[@]}" --operations 400 --format json
    true_of 'b["latency"]["insert"]["operations"] > 0'
}

check_options() {
    local pids
    pids=$(IFS=, && echo "${pids_all[*]}")
    bench 0 a "${few[@]}" --duration 300ms --threads 2 --depth 8 --watch "$pids" --format json
    true_of 'len(b["watched"]) == 3 and b["threads"] == 2 and b["operations"] > 0'
    true_of 'all(w["name"] == "quorate-node" and w["memory_bytes"] > 0 for w in b["watched"])'
    bench 0 a "${few[@]}" --rate 500 --duration 500ms --format json
    true_of 'b["schedule"]["rate"] == 500 and b["arrivals"] == "poisson"'
    bench 0 a "${few[@]}" --rate 1000 --arrivals uniform --operations 300 --threads 3 --format json
    true_of 'b["operations"] == 300 and b["service"]["operations"] == 300'
    for spread in owner any first; do
        bench 0 a "${few[@]}" --operations 100 --spread "$spread" --format json
        true_of "b['spread'] == '$spread' and b['failed'] == 0"
        true_of "b['servers'] == $([ "$spread" = first ] && echo 1 || echo 3)"
    done
    bench 0 mixed=50 "${few[@]}" --operations 100 --distribution hotspot --value-size 40-9000
    has out hotspot
    has out 'check'
    bench 0 read "${few[@]}" --operations 100 --r 1 --format json
    true_of 'b["r"] == 1 and not b["check"]["stale_is_wrong"]'
    bench 0 a "${few[@]}" --operations 200 --format csv --histogram "$dir/histogram"
    python3 -c 'import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
sys.exit(rows[-1]["kind"] != "all" or int(rows[-1]["operations"]) != 200)' "$dir/out" || fail csv
    grep -q 'Total count = 200' "$dir/histogram" || fail histogram
    bench 0 read --keys 5 --bucket empty --operations 10 --warm-up 0 --format json
    true_of 'b["missing"] == 10'
}

# What was not written by this program is told.
check_wrong() {
    "$quorate" put -b bench user000000000003 'somebody else was here, with enough bytes' >"$dir/out" ||
        fail put
    bench 8 read --keys 4 --check --operations 50 --warm-up 0
    has err 'user000000000003: not written by this program'
    has out 'check'
    bench 0 read --keys 4 --operations 50 --warm-up 0
    bench 0 read --keys 4 --load --check --operations 50 --warm-up 0
}

check_floors() {
    local floor
    for floor in echo fanout fanout-log; do
        bench 0 mixed=50 --floor "$floor" --operations 300 --connections 6 --warm-up 0 --format json
        true_of "b['against'] == 'floor $floor' and b['operations'] == 300 and b['failed'] == 0"
        true_of "len(b['watched']) == $([ "$floor" = echo ] && echo 1 || echo 3)"
    done
}

# A server of RESP that is good enough for GET, SET and WAIT, and then one that talks nonsense.
resp_server() {
    exec python3 -u - "$1" <<'END'
import socketserver, sys

keys = {}

class Talk(socketserver.StreamRequestHandler):
    def words(self):
        count = self.rfile.readline()
        for _ in range(int(count[1:] or 0)):
            size = int(self.rfile.readline()[1:])
            yield self.rfile.read(size + 2)[:-2]

    def handle(self):
        while words := list(self.words()):
            if sys.argv[1] == 'nonsense':
                self.wfile.write(b'HTTP/1.1 400\n\n')
            elif words[0] == b'SET':
                keys[words[1]] = words[2]
                self.wfile.write(b'+OK\r\n')
            elif words[0] == b'WAIT':
                self.wfile.write(b':1\r\n')
            elif words[1] in keys:
                value = keys[words[1]]
                self.wfile.write(b'$%d\r\n%s\r\n' % (len(value), value))
            else:
                self.wfile.write(b'$-1\r\n')

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

with Server(('127.0.0.1', 0), Talk) as server:
    print(server.server_address[1])
    server.serve_forever()
END
}

resp_begin() {
    local port
    coproc RESP { resp_server "$1"; }
    # shellcheck disable=SC2153
    resp_pid=$RESP_PID
    read -r port <&"${RESP[0]}"
    redis=(--protocol redis --endpoint "127.0.0.1:$port" --keys 50 --warm-up 0 --connections 4)
}

resp_end() {
    kill "$resp_pid"
    wait "$resp_pid" 2>/dev/null
}

check_redis() {
    resp_begin right
    bench 0 read "${redis[@]}" --operations 20 --format json
    true_of 'b["missing"] == 20 and b["servers"] == 1'
    bench 0 a "${redis[@]}" --load --wait 1 --depth 5 --check --operations 300 --format json
    true_of 'b["operations"] == 300 and b["failed"] == 0 and b["check"]["stale_is_wrong"]'
    true_of 'b["check"]["right"] > 0 and b["loaded"]["operations"] == 50'
    bench 0 write "${redis[@]}" --wait 2 --operations 20 --format json
    true_of 'b["errors"] == {"TIMEOUT": 20}'
    resp_end
    resp_begin nonsense
    bench 0 read "${redis[@]}" --operations 8 --format json
    true_of 'b["operations"] == 0 and b["errors"]["PROTOCOL"] > 0 and b["failed"] == 8'
    resp_end
}

# In the background, as bench_pid.
begin() {
    "$quorate" bench "$@" >"$dir/out" 2>"$dir/err" </dev/null &
    bench_pid=$!
}

# Requests that the first node has had.
requests() {
    "$quorate" --timeout 250ms -f json cluster status 2>/dev/null | python3 -c 'import json, sys
for member in json.load(sys.stdin)["members"]:
    if member["name"] == sys.argv[1]:
        print(member.get("requests", 0))' "${names[0]}"
}

# Until the first node has had so many more.
await_requests() {
    local wanted
    wanted=$(($(requests) + $1))
    until [ "$(requests)" -ge "$wanted" ]; do
        sleep 0.05
    done
}

interrupt() {
    kill -INT "$bench_pid"
    wait "$bench_pid"
    [ $? = 130 ] || fail "interrupted: $(cat "$dir/err")"
}

check_interrupt() {
    begin a "${few[@]}" --duration 1000 --format json
    await_requests 300
    interrupt
    true_of 'b["interrupted"] and b["operations"] > 0 and b["elapsed_us"] < 1000e6'
}

# One node stands still, then dies: errors are counted, the others answer, and nothing is wrong.
check_death() {
    begin a "${few[@]}" --duration 1000 --timeout 500ms --format json
    await_requests 300
    kill -STOP "${pids_all[2]}"
    await_requests 300
    kill -KILL "${pids_all[2]}"
    await_requests 300
    interrupt
    true_of 'b["operations"] > 100 and b["failed"] > 0 and b["check"]["stale"] == 0'
    true_of 'sum(s["operations"] for s in b["seconds"]) == b["operations"]'
    true_of 'sum(s["failed"] for s in b["seconds"]) == b["failed"]'
    true_of 'set(b["errors"]) <= {"TIMEOUT", "CLOSED", "UNAVAILABLE"}'
    bench 0 a "${few[@]}" --operations 200 --format json
    true_of 'b["operations"] == 200'
}

check_usage
check_floors
check_redis
cluster_begin 3
pids_all=("${pids[@]}")
export QUORATE_ENDPOINTS=${clients[0]},${clients[1]}
check_workloads
check_options
check_wrong
check_interrupt
check_death
cluster_end || fail 'a node did not end well'
[ "$failures" -eq 0 ] || exit 1
