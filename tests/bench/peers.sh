#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# quorate beside Redis (a primary and two replicas) and etcd (three members), on loopback, with the
# same number of copies, the same values, the same connections, and the same promise when a write is
# answered. Each round measures all of them, every second one in the other order.
#   make bench-peers            ROUNDS=5 DURATION=2 CONNECTIONS=64 SIZE=100 KEYS=20000
# Redis is driven by `quorate bench --protocol redis`, etcd over gRPC by tests/bench/etcd_main.c.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/bench/lib.sh
. tests/bench/lib.sh

rounds=${ROUNDS:-5}
duration=${DURATION:-2}
connections=${CONNECTIONS:-64}
size=${SIZE:-100}
keys=${KEYS:-20000}
settle=${SETTLE:-2} # after writes, whose servers may tidy up yet
shared="--connections $connections --depth 1 --value-size $size --keys $keys --warm-up 0.5"

has() { command -v "$1" >/dev/null; }

# Numbers with commas between them.
joined() { (IFS=, && echo "$*"); }

free_port() { "$bench_programs/../system/free_port_main" || bench_fail 'no free port'; }

# ---- Redis --------------------------------------------------------------------------------------

redis_settings=(--save '' --appendonly yes --appendfsync always)

redis_one() {
    local name=$1 port=$2
    shift 2
    mkdir -p "$bench_dir/$name"
    bench_spawn "$bench_dir/$name.log" redis-server --bind 127.0.0.1 --port "$port" \
        --dir "$bench_dir/$name" "${redis_settings[@]}" --repl-diskless-sync-delay 0 "$@"
    redis_pids+=("$bench_pid")
    redis_ports+=("$port")
    bench_await redis-cli -p "$port" ping || bench_fail "$name does not start" "$bench_dir/$name.log"
}

redis_is_whole() {
    redis-cli -p "${redis_ports[0]}" info replication | grep -c 'state=online' | grep -qx 2
}

redis_start() {
    local i
    redis_pids=() redis_ports=()
    redis_one redis1 "$(free_port)"
    for i in 2 3; do
        redis_one "redis$i" "$(free_port)" --replicaof 127.0.0.1 "${redis_ports[0]}"
    done
    bench_await redis_is_whole || bench_fail 'the replicas do not follow' "$bench_dir/redis2.log"
    # shellcheck disable=SC2086
    bench_load --protocol redis --endpoint "127.0.0.1:${redis_ports[0]}" $shared
}

redis_sync() {
    local port
    for port in "${redis_ports[@]}"; do
        redis-cli -p "$port" config set appendfsync "$1" >/dev/null || bench_fail "appendfsync $1"
    done
}

# ---- etcd ---------------------------------------------------------------------------------------

etcd_is_whole() { ETCDCTL_API=3 etcdctl --endpoints "$etcd_endpoints" endpoint health; }

etcd_start() {
    local i members='' client=() peer=()
    etcd_pids=() etcd_endpoints=''
    for i in 1 2 3; do
        client[i]=127.0.0.1:$(free_port) peer[i]=127.0.0.1:$(free_port)
        members+=${members:+,}e$i=http://${peer[i]}
        etcd_endpoints+=${etcd_endpoints:+,}${client[i]}
    done
    for i in 1 2 3; do
        bench_spawn "$bench_dir/etcd$i.log" etcd --name "e$i" --data-dir "$bench_dir/etcd$i" \
            --listen-client-urls "http://${client[i]}" \
            --advertise-client-urls "http://${client[i]}" \
            --listen-peer-urls "http://${peer[i]}" \
            --initial-advertise-peer-urls "http://${peer[i]}" --initial-cluster "$members"
        etcd_pids+=("$bench_pid")
    done
    bench_await etcd_is_whole || bench_fail 'etcd does not start' "$bench_dir/etcd1.log"
    # Its best: nothing is forwarded when the leader is asked.
    etcd_leader=$(ETCDCTL_API=3 etcdctl --endpoints "$etcd_endpoints" endpoint status |
        awk -F ', ' '$5 == "true" { print $1 }')
    [ -n "$etcd_leader" ] || bench_fail 'etcd has no leader' "$bench_dir/etcd1.log"
    "$bench_programs/etcd_main" load "$etcd_leader" "$connections" "$keys" "$size" 1 \
        >"$bench_dir/load.out" 2>&1 || bench_fail 'etcd: loading failed' "$bench_dir/load.out"
}

# ---- works --------------------------------------------------------------------------------------

quorate_start() {
    cluster_start quorate 3 --durability sync
    sync_endpoints=$cluster_endpoints sync_pids=$cluster_watch
    # shellcheck disable=SC2086
    bench_load --endpoint "$cluster_endpoints" $shared
    cluster_start quorate-interval 3 --durability interval=1000
    # shellcheck disable=SC2086
    bench_load --endpoint "$cluster_endpoints" $shared
}

# one GROUP ROUND WORK: a run of quorate bench, or of etcd_main.
one() {
    local group=$1 round=$2 work=$3 options
    progress "$group: round $round of $rounds, $work"
    case $work in
    echo | fanout | fanout-log) options="--workload write --floor $work" ;;
    quorate-sync) options="--workload write --w 2 --endpoint $sync_endpoints --watch $sync_pids" ;;
    quorate-interval)
        options="--workload write --w 2 --endpoint $cluster_endpoints --watch $cluster_watch"
        ;;
    quorate-r?)
        options="--workload read --r ${work#quorate-r} --endpoint $sync_endpoints"
        options+=" --watch $sync_pids"
        ;;
    redis-always | redis-everysec) options="--workload write --wait 1" && redis_sync "${work#redis-}" ;;
    redis-get) options='--workload read' ;;
    esac
    case $work in
    redis-*)
        options+=" --protocol redis --endpoint 127.0.0.1:${redis_ports[0]}"
        options+=" --watch $(joined "${redis_pids[@]}")"
        ;;
    etcd-*)
        bench_take "$group" "$work" "$round" "$bench_programs/etcd_main" "${work#etcd-}" \
            "$etcd_leader" "$connections" "$keys" "$size" "$(printf '%.0f' "$duration")" \
            "$(joined "${etcd_pids[@]}")"
        return
        ;;
    esac
    # shellcheck disable=SC2086
    bench_run "$group" "$work" "$round" $options $shared --duration "$duration"
}

# group TITLE FLOORS WORK...
group() {
    local title=$1 floors=$2 round work
    shift 2
    for round in $(seq "$rounds"); do
        sleep "$settle"
        for work in $(printf '%s\n' "$@" | if [ $((round % 2)) = 1 ]; then cat; else tac; fi); do
            one "$title" "$round" "$work"
        done
    done
    show_tables "$floors"
}

redis_works() { has redis-server && printf 'redis-%s\n' "$@"; }
etcd_works() { has etcd && printf 'etcd-%s\n' "$@"; }

times=$(bench_times)
say "$(bench_machine)"
say
say "$connections connections x 1, values of $size B, $keys keys, three copies of each; medians of" \
    "$rounds rounds of $duration s (etcd: whole seconds). CPU is that of all servers, the replicas included."
say '- quorate: three nodes, each request to an owner of its key.'
if has redis-server && has redis-cli; then
    say "- $(redis-server --version | awk '{ print $1, $3 }'): a primary and two replicas, all with" \
        "--appendonly yes, --appendfsync always (or everysec), no snapshots; a write is SET and WAIT 1, a read is GET at the primary." \
        'A replica with appendfsync always syncs before it acknowledges.'
    redis_start
else
    say '- redis-server or redis-cli is missing and left out.'
fi
if has etcd && has etcdctl; then
    say "- $(etcd --version | awk '{ print $1, $3; exit }'): three members, as they come, over gRPC;" \
        'all requests to the leader. Gets are linearizable, "local" ones serializable.'
    etcd_start
else
    say '- etcd or etcdctl is missing and left out.'
fi
say
quorate_start
# shellcheck disable=SC2046
{
    group 'Writes, durable on two of three disks before the answer' 'echo fanout-log quorate-sync' \
        echo fanout-log quorate-sync $(redis_works always) $(etcd_works put)
    group 'Writes, two of three have it before the answer; on disk within a second' \
        'echo fanout quorate-interval' echo fanout quorate-interval $(redis_works everysec)
    group 'Reads (r1 of quorate, redis and local of etcd ask one copy)' 'echo quorate-r1 quorate-r2' \
        echo quorate-r1 quorate-r2 $(redis_works get) $(etcd_works local get)
}
say "The host took $(bench_stolen "$times") % of the processors' time meanwhile."
