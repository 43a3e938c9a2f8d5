#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line as scripts see it: exit codes, what goes to which stream, formats, pipes.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/cluster.sh
. tests/lib/cluster.sh

quorate=$QUORATE_BIN/quorate
members=$QUORATE_BIN/quorate-members
for program in "$quorate" "$members"; do
    [ -x "$program" ] || {
        echo "$(basename "$program") is not built"
        exit 77
    }
done
cd "${TMPDIR:?}" || exit 1
failures=0

fail() {
    echo "FAIL: $*"
    failures=$((failures + 1))
}

# run CODE ARGUMENT... runs quorate, keeps its streams in out and err, wants the exit code.
run() {
    local wanted=$1 code
    shift
    timeout 30 "$quorate" "$@" >out 2>err </dev/null
    code=$?
    [ "$code" = "$wanted" ] || fail "quorate $*: exit code $code instead of $wanted: $(head -c 300 err)"
}

out_is() {
    [ "$(cat out)" = "$1" ] || fail "output is '$(head -c 200 out)' instead of '$1'"
}

# has STREAM WORD...: each word stands in it.
has() {
    local file=$1 word
    shift
    for word in "$@"; do
        grep -qF -- "$word" "$file" || fail "no '$word' in $file: $(head -c 300 "$file")"
    done
}

lacks() {
    grep -qF -- "$2" "$1" && fail "'$2' in $1: $(head -c 300 "$1")"
    return 0
}

is_json() {
    command -v python3 >/dev/null || return 0
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" 2>/dev/null ||
        fail "no JSON in $1: $(head -c 300 "$1")"
}

# ---- before there is a cluster -----------------------------------------------------------------

check_usage() {
    run 2
    run 2 no-such-command
    has err no-such-command
    run 2 get
    run 2 get k --no-such-option
    run 2 get k --r many
    has err one quorum all
    run 2 put k
    run 2 get k --endpoint 'host:99999'
    has err HOST:PORT
    run 2 get k --endpoint ''
    QUORATE_ENDPOINTS=::1 run 2 get k
    has err QUORATE_ENDPOINTS '[IPV6]:PORT'
    run 2 get k --timeout 61s
    has err 60s
    run 2 put k v --ttl none
    has err 'bucket set'
    run 0 --help
    has out get put
    [ "$(wc -L <out)" -le 80 ] && [ "$(wc -l <out)" -le 24 ] || fail 'help does not fit a screen'
    run 0 --version
    run 5 get k --endpoint 127.0.0.1:1
    [ -s out ] && fail 'a failure writes to standard output'
    has err 127.0.0.1:1
}

# What a fresh node proposes in its log can be run as it stands.
check_hint() {
    local node hint i
    "$QUORATE_BIN/quorate-node" --data hinted --listen 127.0.0.1:0 --gossip 127.0.0.1:0 2>log &
    node=$!
    for i in $(seq 200); do
        hint=$(sed -n 's/.*run once: quorate //p' log)
        [ -n "$hint" ] && break
        sleep 0.05
    done
    # shellcheck disable=SC2086
    run 0 ${hint/COUNT/1} --replicas 1
    kill "$node"
    wait "$node" || fail "a node ends with $?: $(tail -n 1 log)"
}

# ---- data --------------------------------------------------------------------------------------

check_values() {
    run 1 get missing
    [ -s out ] && fail 'a missing key writes to standard output'
    run 0 put key 'a value'
    run 0 get key
    out_is 'a value'
    run 0 get key --format json
    is_json out
    has out '"found":true' '"key":"key"' '"value":"a value"' '"encoding":"utf8"' '"context":"' \
        '"unanimous":' '"r":2' '"dot":"'
    run 0 put key2 v --w all --format json
    is_json out
    has out '"acks":3' '"w":3' '"dot":"' '"context":"'
    run 1 get missing --format json
    is_json out
    has out '"found":false' '"values":[]'
    run 0 get key --explain --format json
    is_json out
    has out '"explain":{' '"coordinator":"n' '"role":"owner"' '"trace":['
}

check_bytes() {
    local size
    head -c 100000 /dev/urandom >bytes
    run 0 put binary @bytes
    run 0 get binary
    cmp -s out bytes || fail 'binary value differs'
    run 0 get binary --format json
    is_json out
    has out '"encoding":"base64"'
    "$quorate" put piped - <bytes >/dev/null || fail 'put from standard input'
    run 0 get piped
    cmp -s out bytes || fail 'piped value differs'
    for size in 0 1; do
        head -c "$size" bytes >small
        run 0 put small-$size @small
        run 0 get small-$size
        cmp -s out small || fail "value of $size bytes differs"
    done
    run 0 put literal --literal -- -
    run 0 get literal
    out_is -
    run 2 put no-file @/no/such/file
}

check_conflict() {
    local token
    run 0 put sibling red
    run 0 put sibling green
    run 6 get sibling
    [ -s out ] && fail 'siblings go into a pipe'
    has err 2
    run 0 get sibling --format json
    is_json out
    has out '"value":"red"' '"value":"green"'
    token=$(sed 's/.*"context":"\([^"]*\)".*/\1/' out)
    run 2 put other brown --context "$token"
    run 2 put sibling brown --context 'no token!'
    run 0 put sibling brown --context "$token"
    run 0 get sibling
    out_is brown
    run 0 get sibling --format json
    token=$(sed 's/.*"context":"\([^"]*\)".*/\1/' out)
    run 0 del sibling --context "$token"
    run 1 get sibling
}

check_buckets() {
    run 0 put --bucket one key 1
    run 1 get --bucket two key
    run 0 bucket set latest --conflict lww
    run 0 bucket show latest --format json
    is_json out
    has out lww
    has out '"strict":false'
    run 0 bucket set latest --strict yes
    has out 'yes (owners only)'
    has out lww
    run 0 bucket set latest --strict no --format json
    has out '"strict":false'
    run 2 bucket set latest --strict maybe
    run 0 put --bucket latest key a
    run 0 put --bucket latest key b
    run 0 get --bucket latest key
    out_is b
    run 0 put --ttl 300ms short lived
    for _ in $(seq 200); do
        "$quorate" get short >/dev/null 2>&1 || break
        sleep 0.05
    done
    run 1 get short
    run 2 put --ttl soon k v
}

check_limits() {
    head -c 8388609 /dev/zero >big
    run 2 put big @big
    has err 8388608
    head -c 20000000 /dev/zero >big
    run 2 put big @big
    has err '8.0 MiB'
    run 2 put "$(head -c 2049 /dev/zero | tr '\0' k)" v
    has err 2048
    run 2 get k --r 4
}

check_streams() {
    # A full disk behind the output is a failure, a reader that goes away is none of our business.
    "$quorate" get binary >/dev/full 2>err
    [ $? = 8 ] || fail '/dev/full is not noticed'
    [ -s err ] || fail '/dev/full is not told'
    "$quorate" get binary | head -c 1 >/dev/null
    case ${PIPESTATUS[0]} in
    0 | 141) ;;
    *) fail "a closed pipe gives ${PIPESTATUS[0]}" ;;
    esac
    # No colour outside a terminal.
    run 0 cluster status
    lacks out $'\033'
    run 0 get key --format text
    lacks out $'\033'
}

# ---- many keys ---------------------------------------------------------------------------------

check_dump_and_load() {
    local i format
    for i in $(seq 200); do
        printf 'dump-%s\tvalue %s\n' "$i" "$i"
    done >plain.tsv
    run 0 load --bucket source plain.tsv
    run 0 put --bucket source binary @bytes
    for format in tsv json; do
        run 0 dump --bucket source --format $format
        mv out "dumped.$format"
        [ "$(wc -l <"dumped.$format")" = 201 ] ||
            fail "dump has $(wc -l <"dumped.$format") lines in $format"
        run 0 load --bucket "copy-$format" --format $format "dumped.$format"
        run 0 get --bucket "copy-$format" dump-77
        out_is 'value 77'
        run 0 get --bucket "copy-$format" binary
        cmp -s out bytes || fail "binary value differs after dump and load as $format"
    done
}

# What editors and other systems make of files.
check_load_lines() {
    printf 'crlf-1\tone\r\n\r\ncrlf-2\ttwo\\r\r\n' >lines
    run 0 load lines
    run 0 get crlf-1
    out_is one
    run 0 get crlf-2
    out_is $'two\r'
    printf '\n \xef\xbb\xbf' >lines
    run 2 load lines
    has err ':2:' 'no tab'
    printf '\xef\xbb\xbfmarked\tv' >lines
    run 0 load lines
    run 0 get marked
    out_is v
    printf '\n {"key":"json","value":"v"}\r\n\r\n{"key":"json-2","value":"v"}' >lines
    run 0 load lines
    has out '2 written'
    run 0 get json-2
    out_is v
    run 0 load /dev/null
    run 2 load /
    has err directory
    # Large values go a few at a time.
    head -c 3000000 /dev/zero | tr '\0' x >large
    for i in $(seq 12); do
        printf 'large-%s\t%s\n' "$i" "$(cat large)"
    done >lines
    run 0 load lines --timeout 10s
    has out '12 written'
    seq 6000 | sed 's/.*/window-&\t&/' >lines
    run 0 load lines --window 4096 --timeout 30s
    has out '6000 written'
}

# ---- the cluster -------------------------------------------------------------------------------

check_cluster() {
    run 7 cluster init --nodes 3
    has err already
    run 0 cluster status
    has out n1 n2 n3 alive
    run 0 cluster status --format json
    is_json out
    has out '"epoch":1' '"n1"' '"n3"'
    run 0 ping
}

check_members() {
    "$members" "${gossips[0]}" >out 2>err || fail "quorate-members: $(cat err)"
    has out n1 n2 n3 alive
    lacks out $'\033'
    "$members" --format json "${gossips[0]}" "${gossips[1]}" >out 2>err || fail 'members as JSON'
    is_json out
    has out '"n1"' '"alive"'
    "$members" 127.0.0.1:1 >out 2>err
    [ $? = 5 ] || fail 'members of a node that is not there'
    "$members" "${gossips[0]}" 127.0.0.1:99999 >out 2>err
    [ $? = 2 ] || fail 'members of what is no address'
    has err 127.0.0.1:99999
    "$members" --no-such-option >out 2>err
    [ $? = 2 ] || fail 'members with a wrong option'
}

check_losses() {
    kill -KILL "${pids[2]}"
    for _ in $(seq 300); do
        "$members" "${gossips[0]}" >out 2>&1
        grep -q '1 dead' out && break
        sleep 0.1
    done
    has out n3 dead
    run 3 cluster status
    has out n3
    "$members" --format json "${gossips[0]}" >out 2>&1
    [ $? = 3 ] || fail 'a dead member is no exit code 3'
    is_json out
    has out '"dead"'
    run 0 get key
    run 0 put key3 v
    run 3 put key3 v --w 3
    has err 'of 3' n3
    # Two of three stop: nobody answers, and nobody can say that they are gone.
    kill -STOP "${pids[1]}"
    timeout 30 "$quorate" put slow v --w 2 --timeout 300ms --endpoint "${clients[0]}" >out 2>err
    case $? in
    3 | 4) ;;
    *) fail "a write that nobody answers: $(cat err)" ;;
    esac
    kill -CONT "${pids[1]}"
}

check_usage
check_hint
cluster_begin 3
QUORATE_ENDPOINTS=$(
    IFS=,
    echo "${clients[*]}"
)
export QUORATE_ENDPOINTS
check_values
check_bytes
check_conflict
check_buckets
check_limits
check_streams
check_dump_and_load
check_load_lines
check_cluster
check_members
check_losses
cluster_end || fail 'a node did not end well'
[ "$failures" = 0 ] || {
    echo "$failures failures"
    exit 1
}
