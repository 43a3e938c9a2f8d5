// SPDX-License-Identifier: Apache-2.0
// The ordered tables under the store, as a table of calls: LMDB (tree_lmdb) or memory
// (tree_memory). Reads happen on the loop's thread and see the last committed transaction; the
// slices that they give live until turn_end. Writes happen in one sorted transaction at a time,
// inside a job.
#ifndef NODE_STORE_TREE_H
#define NODE_STORE_TREE_H

#include "base/slice.h"

#include <stdatomic.h>

enum tree_table {
    TREE_OBJECTS, // tree key -> object record
    TREE_RESTS,   // tree key -> nothing: the objects whose rest is not empty
    TREE_DOTS,    // shard, actor, counter (all big-endian) -> tree key: the dot log
    TREE_CLOCKS,  // shard (u32 big-endian) -> replica record
    TREE_META,    // name -> meta record
    TREE_TABLES,
};

// A piece of work that writes: `work` is called once, on the tree's own thread if it has one, with
// only the writing calls allowed in it. Its result is told by `poll`.
struct tree_job {
    int (*work)(struct tree_job *job);
    int err; // 0, ERR_MAP_FULL (call grow, submit again), ERR_DISK_FULL (submit again), ERR_IO
};

struct tree;

struct tree_calls {
    // ERR_NOT_FOUND, ERR_IO, ERR_DAMAGED (the table itself is malformed).
    int (*get)(struct tree *tree, enum tree_table table, struct slice key, struct slice *out);
    // The first record whose key is greater than `after` (an empty one: the first at all).
    int (*next)(struct tree *tree, enum tree_table table, struct slice after, struct slice out[2]);
    void (*turn_end)(struct tree *tree);

    // One job at a time.
    void (*submit)(struct tree *tree, struct tree_job *job);
    // The job if it has ended, else NULL.
    struct tree_job *(*poll)(struct tree *tree);
    // Waits until the job has ended; at once when there is none.
    void (*wait)(struct tree *tree);
    // More room after ERR_MAP_FULL. Between turns only.
    int (*grow)(struct tree *tree);
    // Goes over to the copy that `compact` made, after its job; between turns only. ERR_IO, for
    // ever: nobody knows whether a start would find the copy or what was there before, so that
    // nothing more may be written to either.
    int (*adopt)(struct tree *tree);
    // Opens the file anew, if it is still in its place, which gives back the memory that earlier
    // transactions needed; between turns, while no job runs. ERR_IO, for ever: nothing can be read
    // or written any more.
    int (*reopen)(struct tree *tree);

    // Inside a job. After any error: abort.
    int (*begin)(struct tree *tree);
    int (*put)(struct tree *tree, enum tree_table table, struct slice key, struct slice value);
    int (*remove)(struct tree *tree, enum tree_table table, struct slice key); // 0 also if absent
    // Removes at most `max` records with keys from range[0] to range[1] (both included); in a
    // transaction that changes nothing else of the table.
    int (*remove_some)(struct tree *tree, enum tree_table table, const struct slice range[2],
                       uint32_t max, uint32_t *out_removed);
    int (*commit)(struct tree *tree);
    void (*abort)(struct tree *tree);

    // Inside a job, without a transaction: copies all tables into a fresh file, as small as can be,
    // and puts it in the place of the one that there is; a crash leaves either of the two.
    // Reads go on in the old one until `adopt`, which must follow a 0. ERR_AGAIN: `stop` was set;
    // ERR_DISK_FULL; ERR_READ_ONLY; ERR_DAMAGED; others: nothing has changed then.
    int (*compact)(struct tree *tree, const atomic_bool *stop);

    // Bytes on disk.
    uint64_t (*used)(struct tree *tree);
    // Waits for a job and frees everything.
    void (*close)(struct tree *tree);
};

struct tree {
    const struct tree_calls *calls;
};

#endif
