#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sizes a reader can hold: 600 lines a file, 100 columns, 70 lines a function (100 in tests),
# 5 parameters, 3 levels of nesting. Relies on the layout that format.sh enforces: a function's
# braces stand in the first column, four blanks are one level.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/files.sh

files=$(c_files)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
awk -f tests/check/limits.awk $files
