// SPDX-License-Identifier: Apache-2.0
// A store over a disk that completes late, tears, loses and fills, side by side with the naive
// model; and steps for both, drawn at random. What is not equal fails the test (cmocka).
#ifndef TESTS_LIB_STORE_RANDOM_H
#define TESTS_LIB_STORE_RANDOM_H

#include "base/rng.h"
#include "node/store/disk_memory.h"
#include "node/store/state.h"
#include "node/store/tree_memory.h"
#include "tests/lib/store_model.h"

enum { RANDOM_VALUE_SIZE_MAX = 300, RANDOM_ACTORS = 3, RANDOM_SEGMENT_BYTES = 16 << 10 };

struct world {
    struct rng rng;
    struct disk *disk;
    struct tree *tree;
    struct store *store;
    struct store_settings settings;
    struct store_found found;
    struct model *model;
    char names[MODEL_KEYS][8];
    uint64_t remote[MODEL_SHARDS][RANDOM_ACTORS]; // last counter used by a peer
    struct arena arena;
    uint64_t now_ms;
    uint64_t lives;
    uint64_t issued[MODEL_SHARDS]; // own counters used in this life
    uint32_t refused;
    uint32_t done[MODEL_FORGET + 1]; // operations carried out, by kind
};

uint64_t random_below(struct world *world, uint64_t bound);

void random_open(struct world *world, uint64_t seed);
void random_start(struct world *world); // the next life
void random_close(struct world *world);

// Everything that can be asked of the store is what the model has.
void random_compare(struct world *world);
void random_compare_object(const struct world *world, uint32_t key, const struct object *object);

// An operation with empty sets; what was not added is freed.
struct model_op random_op(enum model_kind kind);
void random_op_done(struct model_op *op);
void random_op_version(struct model_op *op, struct dot dot);

// A dot of a peer: mostly the next one, sometimes one that was left out before; and the key of the
// shard that it was given to.
struct dot random_dot(struct world *world, uint32_t shard);
uint32_t random_key_of(const struct world *world, uint32_t shard, struct dot dot);

void random_clock(struct world *world, const struct model_set *set, struct clock *out);
struct version *random_versions(struct world *world, const struct model_op *op);

// Remembers an operation that the store has just carried out, at this position.
void random_did(struct world *world, struct model_op *op, uint64_t position);

// One step each.
void random_fill(struct world *world);
void random_erase(struct world *world);
void random_born(struct world *world);
void random_forget(struct world *world);
void random_prune(struct world *world);

// What others would be sent.
void random_ask_missing(struct world *world);
void random_ask_page(struct world *world);
void random_ask_rests(struct world *world);

#endif
