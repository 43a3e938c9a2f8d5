#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Every .c and .h stands as clang-format with .clang-format would write it.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/files.sh

files=$(c_files)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
out=$(clang-format --dry-run -Werror $files 2>&1) && exit 0
echo "$out" | sed -n 's/^\([^ :]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format writes it/p' |
    sort -u -t : -k 1,1 -k 2,2n
echo 'mend: clang-format -i FILE...'
exit 1
