// SPDX-License-Identifier: Apache-2.0
// A checkpoint: one sorted, synced transaction that brings the tree up to a log position.
//
//     idle ─▶ frozen ─(log synced up to it)─▶ running ─▶ idle
//                                              ▲  │ map full: grown; disk full: ballast released
//                                   (retry_ms) │  ▼
//                                             waiting (for room on the disk)
//
// The tree never gets ahead of what the log has on stable storage.
#ifndef NODE_STORE_CHECKPOINT_H
#define NODE_STORE_CHECKPOINT_H

#include "node/store/dot_log.h"
#include "node/store/memtable.h"
#include "node/store/record.h"

enum checkpoint_state {
    CHECKPOINT_IDLE,
    CHECKPOINT_FROZEN,
    CHECKPOINT_RUNNING,
    CHECKPOINT_WAITING,
};

struct checkpoint_dot {
    uint8_t key[DOT_KEY_SIZE];
    uint8_t tree_key[TREE_KEY_SIZE];
};

// A shard that was erased.
struct checkpoint_void {
    uint8_t first[TREE_KEY_SIZE];
    uint8_t last[TREE_KEY_SIZE];
    uint32_t shard;
    uint32_t erasures; // as of the freezing: when it was erased again since, it is void still
};

// All that the job writes, gathered when the memtable is frozen; from then on only the job touches
// it.
struct checkpoint_load {
    struct memtable_order *objects;
    size_t object_count;
    struct checkpoint_dot *dots;
    size_t dot_count;
    struct buffer tail;          // of the dot log: a record, not yet sealed
    struct checkpoint_dot *gone; // without tree keys
    size_t gone_count;
    struct checkpoint_void *voids; // shards to be purged first
    size_t void_count;
    struct buffer records; // of clocks and meta: see checkpoint_add
    uint64_t position;
};

struct checkpoint {
    struct tree_job job; // first: the job is the checkpoint
    struct tree *tree;
    enum checkpoint_state state;
    struct checkpoint_load load;
    uint64_t retry_at_ms;
    bool requested;
    bool clean; // the next one marks a clean end
};

struct store;

// Freezes the memtable and gathers the rest. The state is idle.
void checkpoint_freeze(struct store *store);

// One move of the state machine, between turns (no tree slice is in use). ERR_IO for ever.
int checkpoint_turn(struct store *store, uint64_t now_ms);

// True when a checkpoint should begin.
bool checkpoint_due(const struct store *store);

// True when the memtable is as full as it may become before the one in front of it is in the tree.
bool checkpoint_full(const struct store *store);

// True when what holds up checkpoints must end now.
bool checkpoint_presses(const struct store *store);

// How many times over the memtable would use up what the tree's changed pages may take: LMDB holds
// them in memory until the commit, and keeps that memory (relax.h).
uint32_t checkpoint_pages(const struct store *store);

// Frees a load that was not finished.
void checkpoint_done(struct checkpoint *checkpoint);

#endif
