# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# The files that the checks look at: what git tracks or would add; without git, all but build/.

all_files() {
    { git ls-files -co --exclude-standard 2>/dev/null ||
        find . -type f ! -path './build/*' ! -path './.git/*' | sed 's|^\./||'; } |
        while IFS= read -r file; do
            [ -f "$file" ] && echo "$file"
        done
}

c_files() {
    all_files | grep '\.[ch]$'
}
