// SPDX-License-Identifier: Apache-2.0
// A compacted copy of an LMDB environment, put in the place of its file:
//
//     PATH-new/data.mdb   the copy, while it grows    ─▶ renamed to PATH/data.mdb, then synced
//     PATH-new/lock.mdb   its lock                    ─▶ renamed to PATH/lock.mdb
//
// Until the first rename a start finds the old file, from then on the copy. The environment that
// made the copy stays open through the renames and is the one that goes on.
#ifndef NODE_STORE_LMDB_COPY_H
#define NODE_STORE_LMDB_COPY_H

#include "node/store/lmdb_env.h"

struct lmdb_copy {
    const struct lmdb_env *from; // nobody writes to it meanwhile
    const char *path;            // its directory
    const atomic_bool *stop;     // looked at between transactions
    bool no_sync;                // tests only
};

// Makes the copy, complete and on stable storage, and gives it open, in the mode of a tree. On
// errors (ERR_AGAIN: stopped; ERR_DISK_FULL, ERR_READ_ONLY, ERR_DAMAGED, others) nothing is left.
int lmdb_copy_make(const struct lmdb_copy *copy, struct lmdb_env *out);

// Gives it the place of the file. `out_placed`: it has it; together with ERR_IO: perhaps not after
// a crash.
int lmdb_copy_place(const struct lmdb_copy *copy, bool *out_placed);

// Removes what there is of a copy beside the directory.
void lmdb_copy_remove(const char *path);

#endif
