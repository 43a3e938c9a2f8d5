// SPDX-License-Identifier: Apache-2.0
// Damage done to the files of a node that does not run.
#ifndef TESTS_LIB_DAMAGE_H
#define TESTS_LIB_DAMAGE_H

#include "tests/lib/files.h"

// The newest segment of a data directory's log and its groups, as log_recover would find them.
struct damage_log {
    char path[FILES_PATH_SIZE];
    uint32_t groups;
    uint64_t last_at;   // offset of the last group
    uint64_t last_size; // its whole size
    uint64_t end;       // offset behind it
    uint64_t segment;   // id
    uint32_t salt;
    uint64_t position;  // in the log, of the end
    uint64_t marked_at; // offset of the newest group that a later group's mark covers; 0: none
};

// False when there is no segment with a group.
bool damage_find_log(const char *data, struct damage_log *out);

// Writes the first half of one more group, as a process does that dies in the middle.
bool damage_add_torn_group(const struct damage_log *log);

// Flips one byte within each place of a file that has these bytes; how many places there were.
uint32_t damage_flip_all(const char *path, struct slice bytes);

#endif
