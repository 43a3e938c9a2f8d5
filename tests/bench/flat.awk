# SPDX-License-Identifier: Apache-2.0
#
# JSON on standard input becomes lines "path value": {"a": [{"b": 1}]} is "a.0.b 1".

{ text = text $0 "\n" }

# The next token from `text`: a bracket, a comma or colon, or a whole value, with its quotes.
function token(    found) {
    if (!match(text, /^[ \t\r\n]*(\"([^\"\\]|\\.)*\"|[^][{}:, \t\r\n\"]+|[][{}:,])/))
        return ""
    found = substr(text, RSTART, RLENGTH)
    text = substr(text, RSTART + RLENGTH)
    sub(/^[ \t\r\n]+/, "", found)
    return found
}

function unquoted(found) {
    return found ~ /^"/ ? substr(found, 2, length(found) - 2) : found
}

function walk(path, found,    key, count, opening) {
    opening = found
    if (opening != "{" && opening != "[") {
        print path, unquoted(found)
        return
    }
    for (count = 0; (found = token()) != "" && found != "}" && found != "]"; count++) {
        if (found == ",")
            found = token()
        key = count
        if (opening == "{") {
            key = unquoted(found)
            token() # the colon
            found = token()
        }
        walk(path == "" ? key : path "." key, found)
    }
}

END { walk("", token()) }
