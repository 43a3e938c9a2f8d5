// SPDX-License-Identifier: Apache-2.0
// The ordered tables in one LMDB environment. Reads share one read transaction a turn; a job runs
// in a thread of its own and commits with sync (no WRITEMAP, no NOSYNC: see README.md).
#ifndef NODE_STORE_TREE_LMDB_H
#define NODE_STORE_TREE_LMDB_H

#include "node/store/tree.h"

struct tree_lmdb_settings {
    const char *path;         // of a directory that exists
    uint64_t map_bytes;       // at first; a larger file is opened as large as it is
    bool no_sync;             // tests only
    void (*wake)(void *data); // called from the thread when a job has ended; may be NULL
    void *wake_data;
};

// ERR_DAMAGED: not a file of LMDB, or cut short. ERR_IO, ERR_READ_ONLY, ERR_DISK_FULL. The same
// directory must not be opened twice (the lock of engine_open_directory sees to it).
int tree_lmdb_open(const struct tree_lmdb_settings *settings, struct tree **out);

#endif
