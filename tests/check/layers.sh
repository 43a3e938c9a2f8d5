#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Arrows between folders point one way. Reads every #include and fails on an arrow that is not in
# the table below, on lmdb.h and uv.h outside their folders, on rings (of headers, and of
# folders), on an include not written from the top, and on umbrella headers.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/files.sh

files=$(c_files)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
awk -f tests/check/layers.awk $files
