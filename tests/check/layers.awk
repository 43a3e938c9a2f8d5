# SPDX-License-Identifier: Apache-2.0
#
# See layers.sh. Rules first, then reading, then the graph of headers at the end.

BEGIN {
    # folder: what it may include besides itself
    rule("base", "")
    rule("gossip", "base")
    rule("node/data", "base")
    rule("gossip/cli", "base gossip node/data node/wire")
    rule("node/wire", "base node/data")
    rule("node/core", "base gossip node/data")
    rule("node/store", "base node/data node/core")
    rule("node/io", "base gossip node/data node/wire node/core node/store")
    rule("client", "base node/data node/wire")
    rule("client/bench", "base node/data node/wire client sim/number sim/workload")
    rule("sim/number", "base")
    rule("sim/workload", "base node/data sim/number")
    rule("sim/scheme", "base node/data sim/number")
    rule("sim/question", "base node/data sim/number sim/workload sim/scheme")
    rule("sim/output", "base sim/number")
    rule("sim/placement", "base sim/number sim/workload sim/scheme sim/question sim/output")
    rule("sim/world", "base gossip node/data node/wire node/core node/store sim/number")
    rule("sim/cluster", "base node/data node/core node/store sim/number sim/workload " \
         "sim/scheme sim/question sim/output sim/placement sim/world client")
    rule("sim/check", "base node/data node/core node/store sim/world sim/checker")
    rule("sim/checker", "base node/data")
    folders["tests"] = 1
}

function rule(folder, list,    count, i, names) {
    folders[folder] = 1
    allowed[folder, folder] = 1
    count = split(list, names, " ")
    for (i = 1; i <= count; i++)
        allowed[folder, names[i]] = 1
}

# The layer a path belongs to; "" for a path outside all of them.
function folder_of(path,    parts, two) {
    split(path, parts, "/")
    two = parts[1] "/" parts[2]
    if (two in folders)
        return two
    return parts[1] in folders ? parts[1] : ""
}

# Programs and tests may include everything.
function is_free(path) {
    return path ~ /_main\.c$/ || folder_of(path) == "tests"
}

function complain(file, line, what) {
    printf "%s:%d: %s\n", file, line, what
    bad = 1
}

function check_own(target,    from, to) {
    to = folder_of(target)
    from = folder_of(FILENAME)
    if (target ~ /^gen\//)
        return
    if (to == "" || index(target, "/") == 0) {
        complain(FILENAME, FNR, "include \"" target "\" is not written from the top")
        return
    }
    if (FILENAME ~ /\.h$/ && target ~ /\.h$/)
        add_edge(FILENAME, target)
    if (is_free(FILENAME))
        return
    if (from == "")
        complain(FILENAME, FNR, "this folder is no layer; see tests/check/layers.awk")
    else if (!((from, to) in allowed))
        complain(FILENAME, FNR, from " must not include " to " (" target ")")
    else if (from ~ /^sim\// && target ~ /^node\/store\/tree_lmdb\./)
        complain(FILENAME, FNR, "sim has its own tree and must not include " target)
}

function check_system(target,    from) {
    from = folder_of(FILENAME)
    if (target == "lmdb.h" && from != "node/store" && from != "tests")
        complain(FILENAME, FNR, "lmdb.h belongs to node/store and tests alone")
    if ((target == "uv.h" || target ~ /^uv\//) && from != "node/io" && from != "client" &&
        from != "client/bench" && !is_free(FILENAME))
        complain(FILENAME, FNR, "uv.h belongs to node/io, client, tests and programs")
}

function add_edge(from, to,    a, b) {
    edges[from] = edges[from] " " to
    line_of[from, to] = FNR
    a = folder_of(from)
    b = folder_of(to)
    if (a != b && !((a, b) in between)) {
        between[a, b] = from
        line_of[a, b] = FNR
        edges[a] = edges[a] " " b
    }
}

# Depth first; trail is the way here. A node met again on its own trail closes a ring.
function walk(node, trail,    count, i, next_nodes, next_node) {
    state[node] = "open"
    count = split(edges[node], next_nodes, " ")
    for (i = 1; i <= count; i++) {
        next_node = next_nodes[i]
        if (state[next_node] == "open")
            complain((node, next_node) in between ? between[node, next_node] : node,
                     line_of[node, next_node], "closes a ring:" ring(trail " " node, next_node))
        else if (state[next_node] == "")
            walk(next_node, trail " " node)
    }
    state[node] = "done"
}

function ring(trail, start) {
    return substr(trail " ", index(trail " ", " " start " ")) "-> " start
}

function end_file() {
    if (last_file ~ /\.h$/ && includes > 0 && !declares)
        complain(last_file, 1, "umbrella header: it declares nothing but includes")
    if (last_file ~ /\.h$/)
        headers[last_file] = 1
}

FNR == 1 {
    if (last_file != "")
        end_file()
    last_file = FILENAME
    includes = declares = in_comment = 0
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    includes++
    split($0, quoted, "\"")
    check_own(quoted[2])
    next
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    includes++
    split($0, quoted, /[<>]/)
    check_system(quoted[2])
    next
}

# Everything else decides whether a header declares anything: a macro with a value counts, the
# guard, conditions and comments do not.
{
    line = $0
    if (in_comment) {
        if (line !~ /\*\//)
            next
        sub(/^.*\*\//, "", line)
        in_comment = 0
    }
    gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
    sub(/\/\/.*/, "", line)
    if (line ~ /\/\*/) {
        sub(/\/\*.*/, "", line)
        in_comment = 1
    }
    if (line ~ /^[ \t]*#[ \t]*define[ \t]+[A-Za-z0-9_]+(\(|[ \t]+[^ \t])/)
        declares = 1
    else if (line !~ /^[ \t]*(#.*|extern "C" \{|\})?[ \t]*$/)
        declares = 1
}

END {
    if (last_file != "")
        end_file()
    for (node in headers)
        if (state[node] == "")
            walk(node, "")
    for (node in folders)
        if (state[node] == "")
            walk(node, "")
    if (bad)
        print "mend: move the code to the layer that may know both, or pass in what it needs; " \
              "the allowed arrows stand in tests/check/layers.awk"
    exit bad
}
