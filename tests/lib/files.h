// SPDX-License-Identifier: Apache-2.0
// Files and folders of tests.
#ifndef TESTS_LIB_FILES_H
#define TESTS_LIB_FILES_H

#include "base/buffer.h"

enum { FILES_PATH_SIZE = 512 };

// A whole file; false when it cannot be read. `out` is appended to.
bool files_read(const char *path, struct buffer *out);
bool files_write(const char *path, struct slice bytes);
bool files_contain(const char *path, const char *text);

// The size of a file, 0 when there is none.
uint64_t files_size(const char *path);

// Writes bytes at a place of an existing file, flips the bits of one byte there, or cuts it to a
// size.
bool files_patch(const char *path, uint64_t at, struct slice bytes);
bool files_flip(const char *path, uint64_t at);
bool files_cut(const char *path, uint64_t size);

// The last `lines` lines of a file, on stdout, under a heading.
void files_show_tail(const char *path, const char *heading, uint32_t lines);

// An empty folder below TMPDIR.
void files_make_folder(char path[FILES_PATH_SIZE]);

// Removes a folder and all below it.
void files_remove_folder(const char *path);

#endif
