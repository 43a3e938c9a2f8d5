// SPDX-License-Identifier: Apache-2.0
// The ordered tables in memory, for tests and the simulator. What is committed survives a crash (of
// the store above); what is not does not.
#ifndef NODE_STORE_TREE_MEMORY_H
#define NODE_STORE_TREE_MEMORY_H

#include "node/store/tree.h"

// Eager at first: a job runs when it is submitted. Never NULL; freed by its `close` call.
struct tree *tree_memory_new(void);

// Not eager: a job waits for tree_memory_complete (or for `wait`).
void tree_memory_eager(struct tree *tree, bool eager);

// Runs the job that waits; false when there is none.
bool tree_memory_complete(struct tree *tree);

// Forgets a job that waits. Called before store_abandon, which else runs it.
void tree_memory_crash(struct tree *tree);

// The n-th commit from now fails with `err`, and all behind it if `forever`. 0: none fails. A
// compaction counts as a commit.
void tree_memory_fail(struct tree *tree, uint32_t n, int err, bool forever);

// Commits fail with ERR_MAP_FULL beyond so many bytes of keys and values; grow doubles it. 0: no
// limit.
void tree_memory_limit(struct tree *tree, uint64_t bytes);

// Changes one byte of a stored value: damage. What this turn has read before stays as it was. False
// when there is no such record or byte.
bool tree_memory_flip(struct tree *tree, enum tree_table table, struct slice key, size_t offset);

// True when a job waits for tree_memory_complete.
bool tree_memory_waiting(const struct tree *tree);

// A new tree with what is committed in this one. Freed by its own `close`.
struct tree *tree_memory_clone(const struct tree *tree);

// Some byte of some record's value, by a random number, for tree_memory_flip; the key is good until
// the table changes. False: there is none.
bool tree_memory_pick(const struct tree *tree, enum tree_table table, uint64_t draw,
                      struct slice *key, size_t *offset);

#endif
