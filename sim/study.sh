#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sim/study.sh FOLDER: everything that sim/STUDY.md shows, made again. FOLDER gets the charts
# (*.svg), all numbers (*.csv) and the study's tables (tables.md); at the end it says which charts
# are not those of sim/study. The table of costs is measured, so it differs from run to run.
# $QUORATE_SIM is the program, build/release/bin/quorate-sim if unset.
#
# Some six minutes on two cores. The same seed gives the same bytes on any machine.
set -eu

usage='usage: sim/study.sh FOLDER'
out=${1:?$usage}
here=$(cd "$(dirname "$0")" && pwd)
sim=${QUORATE_SIM:-$here/../build/release/bin/quorate-sim}

mkdir -p "$out"
: >"$out/tables.md"

# run NAME OPTION...: an experiment, into NAME.csv and charts in the folder NAME.
run() {
    local name=$1
    shift
    mkdir -p "$out/$name"
    echo "$name"
    "$sim" placement "$@" --seed 1 --no-progress --format csv --charts "$out/$name" \
        >"$out/$name.csv"
}

# chart NAME CHART: one of its charts is the study's chart of that name.
chart() {
    cp "$out/$1/$2.svg" "$out/$1.svg"
}

# table NAME COLUMN FILTER... [PROGRAM]: a table of Markdown with a row for each scheme, a column
# for each value of COLUMN, and "mean [p5-p95]" of the rows that have all FILTERs (metric=moved).
table() {
    local name=$1 column=$2
    shift 2
    printf '\n%s: %s\n\n' "$name" "$*" >>"$out/tables.md"
    # Commas within quotes (of weights and notes) would begin new columns.
    sed -E ':again; s/("[^",]*),([^"]*")/\1;\2/; t again' "$out/$name.csv" |
        awk -F, -v column="$column" -v filter="$*" '
        function number(x) { return sprintf(x < 9.995 ? "%.3f" : x < 99.95 ? "%.1f" : "%.0f", x) }
        function short(x) { return sprintf(x < 9.995 ? "%.2f" : x < 99.95 ? "%.1f" : "%.0f", x) }
        function cell(mean, low, high) {
            if (mean == "")
                return "-"
            if (short(low) == short(high))
                return number(mean)
            return number(mean) " [" short(low) "-" short(high) "]"
        }
        function label() {
            return $at["scheme"] ($at["shards"] != "" ? " S=" $at["shards"] : "") \
                ($at["vnodes"] != "" ? " V=" $at["vnodes"] : "") \
                ($at["bound"] != "" ? " c=" $at["bound"] : "") \
                ($at["boost"] != "" ? " " $at["boost"] : "")
        }
        NR == 1 {
            for (i = 1; i <= NF; i++)
                at[$i] = i
            wanted = split(filter, filters, " ")
            next
        }
        {
            for (i = 1; i <= wanted; i++) {
                split(filters[i], part, "=")
                if ($at[part[1]] != part[2])
                    next
            }
            if (!(label() in row_seen))
                rows[++row_count] = label()
            row_seen[label()] = 1
            if (!($at[column] in column_seen))
                columns[++column_count] = $at[column]
            column_seen[$at[column]] = 1
            cells[label(), $at[column]] = cell($at["mean"], $at["p5"], $at["p95"])
        }
        END {
            printf "| %s |", column
            for (j = 1; j <= column_count; j++)
                printf " %s |", columns[j]
            printf "\n|---|"
            for (j = 1; j <= column_count; j++)
                printf "---|"
            printf "\n"
            for (i = 1; i <= row_count; i++) {
                printf "| %s |", rows[i]
                for (j = 1; j <= column_count; j++)
                    printf " %s |", cells[rows[i], columns[j]]
                printf "\n"
            }
        }' >>"$out/tables.md"
}

# 1. How even?
run even --scheme static,ring --shards 64,256,1024 --vnodes 1,16,128,256 \
    --theta 0,0.8,0.99,1.2 --repetitions 100
chart even balance-load-theta
for copies in 1 all; do
    table even theta question=balance subject=load metric=peak/average copies=$copies
done

# 2. The relatives.
run relatives --scheme static,modulo,jump,rendezvous,ring,ring-equal,ring-token-equal,bounded,split \
    --theta 0,0.99 --repetitions 100
for copies in 1 all; do
    table relatives theta subject=load metric=peak/average copies=$copies
done

# 3. Shards per node.
run steps --scheme static,ring,ring-equal --shards 64,256,1024,4096 --vnodes 128 --keys inf \
    --nodes 5,10,20,30,40,50,60,70,80,90,100 --repetitions 100
chart steps balance-keys-nodes
for copies in 1 all; do
    table steps nodes subject=keys metric=peak/average copies=$copies
done
run weights --scheme static,ring,ring-equal,rendezvous --shards 64,256,1024,4096 --vnodes 128 \
    --keys 1M --theta 0 --nodes 10,100 --weights 1,2,3,4 --repetitions 20
for copies in 1 all; do
    table weights nodes subject=keys metric=peak/average copies=$copies
done

# 4. Growth and loss.
run growth movement --scheme all --keys 100k --theta 0.99 --event add,fail,to:15,double \
    --repetitions 30
chart growth movement-moved
table growth event subject=keys metric=moved copies=all
table growth event subject=keys metric=minimum copies=all
table growth event subject=keys metric=moved copies=1
table growth event subject=keys metric=peak/average copies=all
run join movement --scheme static,ring --shards 64,256,1024 --vnodes 128 --keys inf \
    --nodes 5,10,20,50,100 --event add --repetitions 100
for metric in moved minimum peak/average; do
    table join nodes subject=keys metric=$metric copies=all
done

# 5. The hot key.
run hot --scheme static,ring,bounded,split --theta 0.99 --nodes 5,10,20,50,100 --repetitions 40
chart hot balance-load-nodes
for copies in 1 all; do
    table hot nodes subject=load metric=peak/average copies=$copies
done

# 6. Queues: every node with one copy, so that a request is one service.
run queues latency --scheme static,ring --shards 64,256 --vnodes 1,16,128 --replicas 1 --theta 0 \
    --load 0.3,0.5,0.6,0.7,0.8,0.9 --requests 500k --repetitions 10
run queues-hot latency --scheme static,ring,bounded,split --replicas 1,3 --r 1 --theta 0.99 \
    --load 0.3,0.4,0.5,0.6,0.7,0.8 --requests 500k --repetitions 10
chart queues latency-reads
chart queues-hot latency-reads
table queues at subject=reads metric=p99
table queues replicas metric=max-load
table queues-hot at replicas=1 subject=reads metric=p99
table queues-hot at replicas=3 subject=reads metric=p99
table queues-hot replicas metric=max-load

# 7. More copies for the hottest shards.
for theta in 0.99 1.2; do
    run boost-$theta --scheme static,static-boost --shards 256 --boost-shards 3 \
        --boost-copies 1,2,4,7 --theta $theta --read-share 1,0.95,0.5 --r 1 --repetitions 50
    [ "$theta" = 1.2 ] || chart boost-$theta balance-load-read_share
    table boost-$theta read_share subject=load metric=peak/average copies=all
done

# 8. Cost: measured here and now.
run cost cost --scheme all --nodes 10,100 --repetitions 5
for metric in metadata look-up rebuild; do
    table cost nodes metric=$metric
done

for chart in "$out"/*.svg; do
    cmp -s "$chart" "$here/study/${chart##*/}" || echo "${chart##*/} is not as in sim/study"
done
