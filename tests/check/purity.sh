#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The deterministic folders, and some files of client/bench, reach nothing outside themselves but
# what purity.allow lists: no clock, no random source, no socket, no file, no lock. Asks the release
# objects, so that a call hidden in a macro or an inline function is seen as well. Programs are
# exempt, and so is base/log, which prints.
set -u
cd "$(dirname "$0")/../.." || exit 1

objects=build/release/obj
sources=$(ls base/*.c gossip/*.c node/data/*.c node/wire/*.c node/core/*.c \
    sim/number/*.c sim/workload/*.c sim/scheme/*.c sim/question/*.c sim/output/*.c \
    sim/checker/*.c client/bench/latency.c client/bench/mix.c client/bench/schedule.c \
    client/bench/speak_*.c client/bench/tally.c client/bench/value.c 2>/dev/null |
    grep -v -e '_main\.c$' -e '^base/log\.c$')
[ -n "$sources" ] || exit 0
for source in $sources; do
    if [ ! -f "$objects/${source%.c}.o" ]; then
        echo "$source:1: no object in $objects; run make CFG=release cfg-everything"
        exit 1
    fi
done

# Lines for the judge: "defined SYMBOL" and "wants OBJECT SYMBOL".
list_symbols() {
    for source in $sources; do
        nm --defined-only -g "$objects/${source%.c}.o" | awk 'NF == 3 { print "defined", $3 }'
    done
    for source in $sources; do
        nm -u "$objects/${source%.c}.o" | awk -v object="${source%.c}.o" '{ print "wants", object, $2 }'
    done
}

list_symbols | awk '
    # purity.allow: SYMBOL [OBJECT-PREFIX]; a symbol may end in *.
    FILENAME == "tests/check/purity.allow" {
        sub(/#.*/, "")
        if (NF > 0) {
            pattern[++rules] = $1
            where[rules] = $2
        }
        next
    }
    $1 == "defined" { defined[$2] = 1; next }
    function matches(symbol, rule) {
        if (rule ~ /\*$/)
            return index(symbol, substr(rule, 1, length(rule) - 1)) == 1
        return symbol == rule
    }
    function is_allowed(symbol, object,    i) {
        for (i = 1; i <= rules; i++)
            if (matches(symbol, pattern[i]) && index(object, where[i]) == 1)
                return 1
        return 0
    }
    !($3 in defined) && !is_allowed($3, $2) {
        source = $2
        sub(/\.o$/, ".c", source)
        name = $3
        gsub(/^_*|_chk$/, "", name) # fortified: __printf_chk stands as printf
        command = "grep -nw -m 1 " name " " source " | cut -d : -f 1"
        line = 1
        command | getline line
        close(command)
        printf "%s:%d: uses %s, which the deterministic folders may not\n", source, line, $3
        bad = 1
    }
    END {
        if (bad)
            print "mend: let the driver do it and hand the result in as an event; only a pure " \
                  "function belongs in tests/check/purity.allow"
        exit bad
    }' tests/check/purity.allow -
