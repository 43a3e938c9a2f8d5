# SPDX-License-Identifier: Apache-2.0
#
# Results of runs as tables in Markdown, one for each group, in the order in which they came.
# A line of results has fields with tabs between them:
#   group, work, round, operations a second, p50, p99, p99.9 in microseconds, microseconds of
#   processor time of all servers for an operation, how many servers, the same time of the client
# -v floors='echo fanout' names the works that ratios are to. A ratio is the median over the rounds
# of the ratio within a round: what slows the machine down for a round slows both sides of it.

BEGIN {
    FS = "\t"
    floor_count = split(floors, floor_of, " ")
}


# Sorted in place.
function sort(list, count,    i, j, value) {
    for (i = 2; i <= count; i++) {
        value = list[i]
        for (j = i - 1; j >= 1 && list[j] > value; j--)
            list[j + 1] = list[j]
        list[j + 1] = value
    }
}

function median(list, count) {
    if (count == 0)
        return ""
    sort(list, count)
    return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
}

# The median over the rounds of field `f` of a work; sets low and high.
function over_rounds(g, w, f,    i, count, values) {
    for (i = 1; i <= rounds; i++) {
        if ((g, w, i) in row)
            values[++count] = field(row[g, w, i], f)
    }
    median_of = median(values, count)
    low = values[1]
    high = values[count]
    return median_of
}

function field(line, f,    parts) {
    split(line, parts, "\t")
    return parts[f] + 0
}

function ratio(g, w, base,    i, count, values, below) {
    for (i = 1; i <= rounds; i++) {
        below = (g, base, i) in row ? field(row[g, base, i], 4) : 0
        if ((g, w, i) in row && below > 0)
            values[++count] = field(row[g, w, i], 4) / below
    }
    return count ? sprintf("%.2f", median(values, count)) : ""
}

function thousands(value,    text, out) {
    text = sprintf("%.0f", value)
    while (length(text) > 3) {
        out = "," substr(text, length(text) - 2) out
        text = substr(text, 1, length(text) - 3)
    }
    return text out
}

# A time of that many microseconds, in ms.
function ms(value) {
    return sprintf(value < 1000 ? "%.3f" : value < 100000 ? "%.2f" : "%.0f", value / 1000)
}

function cell(text, width) {
    return sprintf(" %*s |", width, text)
}

# Of the column of ratios to a floor.
function width(i) {
    return length(floor_of[i]) + 3
}

function header(    i, line, rule) {
    line = sprintf("| %-24s |", "work") cell("median/s", 9) cell("min to max", 20)
    rule = "|" dashes(26) "|" dashes(10) ":|" dashes(21) ":|"
    for (i = 1; i <= floor_count; i++) {
        line = line cell("to " floor_of[i], width(i))
        rule = rule dashes(width(i) + 1) ":|"
    }
    line = line cell("p50 ms", 8) cell("p99 ms", 8) cell("p99.9 ms", 8)
    line = line cell("CPU us: servers", 15) cell("each", 6) cell("client", 6)
    print line
    print rule dashes(9) ":|" dashes(9) ":|" dashes(9) ":|" dashes(16) ":|" dashes(7) ":|" \
        dashes(7) ":|"
}

function dashes(count,    out) {
    while (count-- > 0)
        out = out "-"
    return out
}

function show(g, w,    i, line, servers, busy) {
    over_rounds(g, w, 4)
    line = sprintf("| %-24s |", w) cell(thousands(median_of), 9)
    line = line cell(thousands(low) " to " thousands(high), 20)
    for (i = 1; i <= floor_count; i++)
        line = line cell(ratio(g, w, floor_of[i]), width(i))
    line = line cell(ms(over_rounds(g, w, 5)), 8) cell(ms(over_rounds(g, w, 6)), 8)
    line = line cell(ms(over_rounds(g, w, 7)), 8)
    busy = over_rounds(g, w, 8)
    servers = over_rounds(g, w, 9)
    line = line cell(servers ? sprintf("%.1f", busy) : "", 15)
    line = line cell(servers ? sprintf("%.1f", busy / servers) : "", 6)
    print line cell(sprintf("%.1f", over_rounds(g, w, 10)), 6)
}

{
    if (!($1 in seen_group)) {
        seen_group[$1] = 1
        groups[++group_count] = $1
    }
    if (!(($1, $2) in seen_work)) {
        seen_work[$1, $2] = 1
        works[$1, ++work_count[$1]] = $2
    }
    row[$1, $2, $3] = $0
    if ($3 > rounds)
        rounds = $3
}

END {
    for (g = 1; g <= group_count; g++) {
        printf("%s**%s**\n\n", (g > 1 ? "\n" : ""), groups[g])
        header()
        for (w = 1; w <= work_count[groups[g]]; w++)
            show(groups[g], works[groups[g], w])
    }
}
