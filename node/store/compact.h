// SPDX-License-Identifier: Apache-2.0
// A compaction: the tree copied into a file that is as small as can be.
//
//     none ─▶ wanted ─(checkpoint done)─▶ copying ─▶ none (done, or failed)
//                                            │ memtable full: told to stop
//
// No checkpoint runs while the tree is copied. So the copy is given up as soon as the memtable is
// as full as it may become behind a checkpoint: puts are not refused for it.
#ifndef NODE_STORE_COMPACT_H
#define NODE_STORE_COMPACT_H

#include "node/data/compaction.h"
#include "node/store/tree.h"

enum compact_phase {
    COMPACT_NONE,
    COMPACT_WANTED,
    COMPACT_COPYING,
};

struct compact {
    struct tree_job job; // first: the job is the compaction
    struct tree *tree;
    enum compact_phase phase;
    atomic_bool stop;
    uint64_t position; // the tree shall have everything up to here before
    uint64_t asked_ms;
    struct compaction told;
};

struct store;

// One move of the state machine, between turns and while no checkpoint is being written. ERR_IO for
// ever.
int compact_turn(struct store *store);

// True while the tree is being copied: nothing else may be submitted to it.
bool compact_copying(const struct store *store);

// Gives up the one that is wanted or copied, and waits for that. ERR_IO for ever.
int compact_stop(struct store *store);

#endif
