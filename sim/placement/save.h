// SPDX-License-Identifier: Apache-2.0
// Files that are there whole or not at all: written beside their place under another name, synced,
// then renamed. While that happens, signals that end the program wait. What is no file (a pipe, a
// device) stays what it is and is written to.
#ifndef SIM_PLACEMENT_SAVE_H
#define SIM_PLACEMENT_SAVE_H

#include "base/slice.h"

// 0, or the errno of what failed; the file is then as it was.
int file_save(const char *path, struct slice bytes);

// 0 when a file can probably be saved there (its folder can be written to), or an errno.
int file_savable(const char *path);

#endif
