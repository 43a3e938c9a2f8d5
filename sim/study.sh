#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# sim/study.sh FOLDER: everything that sim/STUDY.md shows, made again. FOLDER gets the charts
# (*.svg), all numbers (*.csv) and the study's tables (tables.md); at the end it says which charts
# are not those of sim/study. The tables of costs are measured, so they differ from run to run.
# $QUORATE_SIM is the program, build/release/bin/quorate-sim if unset.
#
# It takes 395 s of processor time here, on all cores. The same seed gives the same bytes anywhere.
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
    "$sim" placement "$@" --seed 1 --no-progress --format csv --charts "$out/$name" |
        tr -d '\r' >"$out/$name.csv"
}

# chart NAME CHART: one of its charts, for the study.
chart() {
    cp "$out/$1/$2.svg" "$out/$1.svg"
}

# table GLOB COLUMN FILTER...: a table of Markdown from the experiments of these names: a row for
# each scheme, a column for each value of COLUMN (or COLUMN,COLUMN), and "mean [p5-p95]" of the rows
# that have all FILTERs (metric=moved).
table() {
    local names=$1 columns=$2 name
    shift 2
    printf '\n%s: %s\n\n' "$names" "$*" >>"$out/tables.md"
    for name in "$out"/$names.csv; do
        sed 's/"[^"]*"//g' "$name"
    done | awk -F, -v by="$columns" -v filter="$*" '
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
        function heading(text, i) {
            for (i = 1; i <= by_count; i++)
                text = text (i > 1 ? ", " : "") by_list[i] " " $at[by_list[i]]
            return text
        }
        $1 == "question" {
            for (i = 1; i <= NF; i++)
                at[$i] = i
            wanted = split(filter, filters, " ")
            by_count = split(by, by_list, ",")
            next
        }
        {
            for (i = 1; i <= wanted; i++) {
                split(filters[i], part, "=")
                if ($at[part[1]] != part[2])
                    next
            }
            row = label()
            column = heading()
            if (!(row in row_seen))
                rows[++row_count] = row
            row_seen[row] = 1
            if (!(column in column_seen))
                columns[++column_count] = column
            column_seen[column] = 1
            cells[row, column] = cell($at["mean"], $at["p5"], $at["p95"])
        }
        END {
            printf "| |"
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

# throughput GLOB: what static-boost buys, with r=1 and three copies: requests until the hottest
# node saturates, where static carries 1. A request is (read share) x 1 + (1 - read share) x copies
# services, and writes to boosted shards go to more copies; the hottest node does peak/average
# times its part of them.
throughput() {
    local names=$1 name
    printf '\n%s: requests until the hottest node saturates\n\n' "$names" >>"$out/tables.md"
    for name in "$out"/$names.csv; do
        sed 's/"[^"]*"//g' "$name"
    done | awk -F, '
        $1 == "question" {
            for (i = 1; i <= NF; i++)
                at[$i] = i
            next
        }
        {
            boost = $at["boost"]
            reads = $at["read_share"]
        }
        $at["subject"] == "hot-shard" {
            share[boost, reads, $at["at"]] = $at["mean"]
        }
        $at["subject"] == "load" && $at["copies"] == "all" && $at["metric"] == "peak/average" {
            peak[boost, reads] = $at["mean"]
            if (!(boost in boost_seen))
                boosts[++boost_count] = boost
            boost_seen[boost] = 1
            if (!(reads in reads_seen))
                columns[++column_count] = reads
            reads_seen[reads] = 1
        }
        function hottest(boost, reads, part, i, copies) {
            split(boost, part, "x")
            copies = 3
            for (i = 1; i <= part[1]; i++)
                copies += part[2] * share[boost, reads, i]
            return peak[boost, reads] * (reads + (1 - reads) * copies)
        }
        END {
            printf "| |"
            for (j = 1; j <= column_count; j++)
                printf " read_share %s |", columns[j]
            printf "\n|---|"
            for (j = 1; j <= column_count; j++)
                printf "---|"
            printf "\n"
            for (i = 1; i <= boost_count; i++) {
                printf "| %s |", boosts[i] == "" ? "static" : "static-boost " boosts[i]
                for (j = 1; j <= column_count; j++)
                    printf " %.3f |", hottest("", columns[j]) / hottest(boosts[i], columns[j])
                printf "\n"
            }
        }' >>"$out/tables.md"
}

# 1. How even?
run even --scheme static,ring --shards 64,256,1024 --vnodes 16,128,256 \
    --theta 0,0.8,0.99,1.2 --repetitions 100
run even-one-token --scheme ring --vnodes 1 --theta 0,0.8,0.99,1.2 --repetitions 100
chart even balance-load-theta
for copies in 1 all; do
    table 'even*' theta subject=load metric=peak/average copies=$copies
done
run noise --scheme static,ring --theta 0.99 --repetitions 400
for copies in 1 all; do
    table noise theta subject=load metric=peak/average copies=$copies
done

# 2. The relatives.
for replicas in 1 3; do
    for load in uniform zipf; do
        run relatives-$replicas-$load --replicas $replicas --workload $load --repetitions 60 \
            --scheme static,modulo,jump,rendezvous,ring,ring-equal,ring-token-equal,bounded,split \
            --theta 0.99
    done
done
chart relatives-1-zipf balance-load
table 'relatives-*' replicas,workload subject=load metric=peak/average copies=all

# 3. Shards per node.
run steps --scheme static,ring --shards 64,256,1024,4096 --vnodes 128 --keys inf \
    --nodes 5,10,20,30,50,70,100 --repetitions 100
chart steps balance-keys-nodes
for copies in 1 all; do
    table steps nodes subject=keys metric=peak/average copies=$copies
done
table steps nodes subject=keys metric=min/average copies=1
run doubled --scheme static --shards 64,128,256,512,1024,2048,4096 --keys inf --nodes 20,50,100 \
    --repetitions 1
table doubled nodes,copies subject=keys metric=peak/average
run weights --scheme static,ring,ring-equal,rendezvous --shards 64,256,1024,4096 --vnodes 128 \
    --theta 0 --nodes 10,100 --weights 1,2,3,4 --repetitions 20
table weights nodes,copies subject=keys metric=peak/average

# 4. Growth and loss.
run growth movement --scheme all --keys 100k --theta 0.99 --event add,fail,to:15,double \
    --repetitions 30
chart growth movement-moved
table growth event subject=keys metric=moved copies=all
table growth event subject=keys metric=moved copies=1
table growth event subject=keys metric=peak/average copies=all
run join movement --scheme static,ring --shards 64,256,1024 --vnodes 128 --keys inf \
    --nodes 5,10,20,50,100 --event add --repetitions 100
for metric in moved minimum peak/average; do
    table join nodes subject=keys metric=$metric copies=all
done

# 5. The hot key.
for replicas in 1 3; do
    run hot-$replicas --scheme static,ring,bounded,split --replicas $replicas --theta 0.99 \
        --nodes 5,10,20,50,100 --repetitions 40
    table hot-$replicas nodes subject=load metric=peak/average copies=all
done
chart hot-1 balance-load-nodes

# 6. Queues; with one copy a request is one service.
run queues latency --scheme static,ring --shards 64,256 --vnodes 16,128 --replicas 1 --theta 0 \
    --load 0.3,0.5,0.6,0.7,0.8,0.9 --requests 500k --repetitions 10
chart queues latency-reads
table queues at subject=reads metric=p99
table queues theta metric=max-load
for replicas in 1 3; do
    run queues-hot-$replicas latency --scheme static,ring,bounded,split --replicas $replicas \
        --r 1 --theta 0.99 --load 0.3,0.4,0.5,0.6,0.7,0.8 --requests 500k --repetitions 10
    table queues-hot-$replicas at subject=reads metric=p99
done
chart queues-hot-1 latency-reads
table 'queues-hot-*' replicas metric=max-load

# 7. More copies for the hottest shards.
for theta in 0.99 1.2; do
    for reads in 1 0.95 0.5; do
        run boost-$theta-$reads --scheme static,static-boost --shards 256 --boost-shards 3,5 \
            --boost-copies 1,2,4,7 --theta $theta --read-share $reads --r 1 --repetitions 40
    done
    table "boost-$theta-*" read_share subject=load metric=peak/average copies=all
    throughput "boost-$theta-*"
done
run limits latency --scheme static,static-boost --shards 256 --boost-shards 3,5 \
    --boost-copies 1,2,4,7 --theta 0.99 --read-share 1 --r 1 --load 0.3 --requests 1k \
    --repetitions 40
chart limits latency-max-load

# 8. Cost: measured here and now.
run cost cost --scheme all --nodes 10,100 --repetitions 5
for metric in metadata look-up rebuild; do
    table cost nodes metric=$metric
done

for figure in "$here"/study/*.svg; do
    cmp -s "$figure" "$out/${figure##*/}" || echo "${figure##*/} is not as in sim/study"
done
