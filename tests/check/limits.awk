# SPDX-License-Identifier: Apache-2.0
#
# See limits.sh.

BEGIN {
    file_lines_max = 600
    columns_max = 100
    parameters_max = 5
    levels_max = 3
}

function complain(line, what) {
    printf "%s:%d: %s\n", FILENAME, line, what
    bad = 1
}

# Parameters of a definition: commas of the last outer pair of parentheses, plus one.
function parameters(text,    i, c, depth, commas, content) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(" && depth++ == 0)
            commas = content = 0
        else if (c == ")")
            depth--
        else if (c == "," && depth == 1)
            commas++
        if (depth > 0 && c ~ /[a-z]/)
            content = 1
    }
    return content ? commas + 1 : 0
}

function function_name(text) {
    sub(/\(.*/, "", text)
    sub(/.*[ *]/, "", text)
    return text
}

function end_function(    lines, lines_max) {
    lines = FNR - signature_line + 1
    lines_max = FILENAME ~ /^tests\// ? 100 : 70
    if (lines > lines_max)
        complain(signature_line, name " has " lines " lines (" lines_max " at most)")
    inside = 0
}

function begin_function(    count) {
    inside = 1
    name = function_name(signature)
    count = parameters(signature)
    if (count > parameters_max)
        complain(signature_line, name " has " count " parameters (" parameters_max \
                 " at most; then a struct)")
}

# A line that opens a level: a control word, or a block that is no initialiser.
function opens_level(line) {
    if (line ~ /^ *(\} )?(if|else|for|while|do|switch|[a-z_]*_each(_safe)?|HASH_ITER)( |$|\()/)
        return line !~ /^ *\} while/
    return line ~ /\{$/ && line !~ /[=(,{] *\{$/ && line !~ /^ *\{$/ && line !~ /\}.*\{$/
}

FNR == 1 {
    inside = 0
    signature = ""
}

{
    columns = $0
    gsub(/[\200-\277]/, "", columns)
    if (length(columns) > columns_max)
        complain(FNR, length(columns) " columns (" columns_max " at most)")
    if (FNR == file_lines_max + 1)
        complain(FNR, "more than " file_lines_max " lines in a file")
}

inside {
    match($0, /^ */)
    if (RLENGTH % 4 == 0 && RLENGTH / 4 > levels_max && opens_level($0))
        complain(FNR, "level " RLENGTH / 4 " of nesting in " name " (" levels_max " at most)")
    if ($0 ~ /^\}/)
        end_function()
    next
}

/^\{/ && signature != "" {
    begin_function()
    signature = ""
    next
}

# Outside functions: a signature starts at a name in the first column and runs to its `{`.
/^[A-Za-z_]/ && signature == "" && /\(|^[a-z_ *]+$/ && !/[;{]$/ {
    signature = $0
    signature_line = FNR
    next
}

signature != "" && !/[;}]$/ && !/^#/ && !/^$/ {
    signature = signature " " $0
    next
}

{
    signature = ""
}

END {
    if (bad)
        print "mend: wrap the line, split the function or the file; see the limits in tests/check/limits.awk"
    exit bad
}
