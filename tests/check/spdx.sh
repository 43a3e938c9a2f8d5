#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Each source and script says its licence in exactly one line, and no file names a path of
# somebody's machine.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/files.sh

bad=0
tag=SPDX-License-Identifier
for file in $(all_files); do
    case $file in
    *.c | *.h | *.sh | *.awk | *.py | *.go | *.js | *.mjs | *.ts | *.mk | Makefile | .ci/run) ;;
    *) continue ;;
    esac
    count=$(grep -c "$tag: Apache-2.0" "$file")
    if [ "$count" -ne 1 ]; then
        echo "$file:1: $count lines say '$tag: Apache-2.0', one must"
        bad=1
    fi
done

# The brackets keep this line from finding itself.
paths='(^|[^A-Za-z0-9_.}-])/(hom[e]|roo[t]|wor[k])/'
found=$(all_files | tr '\n' '\0' | xargs -0 grep -nIE "$paths" /dev/null | cut -c 1-160)
if [ -n "$found" ]; then
    echo "$found" | sed 's/^\([^:]*:[0-9]*\):/\1: a path of one machine: /'
    bad=1
fi
[ $bad = 0 ] || echo 'mend: add the line at the top of the file; write paths relative to the repository'
exit $bad
