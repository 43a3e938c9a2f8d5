// SPDX-License-Identifier: Apache-2.0
// The dot log: which key each recent dot of each shard belongs to, so that a sync can send exactly
// what another replica lacks. One for all shards of the node, under one budget: when it is spent
// the oldest dots go, and the shard's floor says so.
#ifndef NODE_STORE_DOT_LOG_H
#define NODE_STORE_DOT_LOG_H

#include "node/data/clock.h"
#include "node/data/key.h"

struct dot_entry {
    struct dot dot;
    uint8_t tree_key[TREE_KEY_SIZE];
    uint32_t shard;
    uint32_t by_dot; // chains and the list by age: indices + 1, 0: none
    uint32_t by_key;
    uint32_t by_key_back; // a hot key has many dots: taking one out must not walk them
    uint32_t older;
    uint32_t newer;
    bool saved; // has a record of its own in the tree
};

// A dot that was in the tree and is to go from there.
struct dot_gone {
    struct dot dot;
    uint32_t shard;
};

struct dot_log {
    struct dot_entry *entries;
    uint32_t used; // entries ever taken
    uint32_t free; // first of the list of free ones (by_dot)
    uint32_t capacity;
    uint32_t count;
    uint32_t count_max; // the budget
    uint32_t *dots;     // hash tables of `slots` chains
    uint32_t *keys;
    uint32_t slots;
    uint32_t oldest;
    uint32_t newest;
    uint32_t kept;    // the newest of those that eviction has passed by; 0: it begins anew
    uint32_t unsaved; // the oldest entry that is not saved; all newer ones are not either
    struct dot_gone *gone;
    size_t gone_count;
    size_t gone_capacity;
    struct clock scratch; // of one call that takes dots out, kept for its memory
};

void dot_log_init(struct dot_log *log, uint64_t budget_bytes);
void dot_log_done(struct dot_log *log);

// Adds a dot, which is not in the log, as the newest. The caller empties dot_log_over.
void dot_log_add(struct dot_log *log, uint32_t shard, struct dot dot,
                 const uint8_t tree_key[TREE_KEY_SIZE]);

// NULL when it is not in the log.
const struct dot_entry *dot_log_find(const struct dot_log *log, uint32_t shard, struct dot dot);

// The first dot of a key when `after` is NULL, else the next one; NULL at the end.
const struct dot_entry *dot_log_of_key(const struct dot_log *log,
                                       const uint8_t tree_key[TREE_KEY_SIZE],
                                       const struct dot_entry *after);

// False when it is not in the log.
bool dot_log_remove(struct dot_log *log, uint32_t shard, struct dot dot);

// The oldest entry while the budget is exceeded, else NULL: the caller removes it and moves the
// floor, or keeps it (dot_log_keep) and is given the next one. Kept ones are not offered again,
// until dot_log_keep_none.
const struct dot_entry *dot_log_over(const struct dot_log *log);
void dot_log_keep(struct dot_log *log, const struct dot_entry *entry);
void dot_log_keep_none(struct dot_log *log);

// For a checkpoint: the entries without a record of their own in the tree, oldest first, from NULL
// on; and afterwards the `count` oldest of them count as saved, and the list `gone` is the caller's
// (it frees it).
const struct dot_entry *dot_log_unsaved(const struct dot_log *log, const struct dot_entry *after);
struct dot_gone *dot_log_take_gone(struct dot_log *log, size_t *out_count);
void dot_log_saved(struct dot_log *log, uint32_t count);

uint64_t dot_log_bytes(const struct dot_log *log);

#endif
