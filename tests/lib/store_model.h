// SPDX-License-Identifier: Apache-2.0
// What a store should hold, computed the slow and obvious way: sets of dots are lists, a state is
// the outcome of a list of operations, and a crash is a shorter list.
#ifndef TESTS_LIB_STORE_MODEL_H
#define TESTS_LIB_STORE_MODEL_H

#include "node/data/key.h"
#include "node/data/object.h"

enum {
    MODEL_KEYS = 20,
    MODEL_SHARDS = 4,
    MODEL_SET_MAX = 4096,
    MODEL_VERSIONS_MAX = 64,
    MODEL_FILLS_MAX = 64,
};

struct model_set {
    struct dot dots[MODEL_SET_MAX];
    uint32_t count;
};

bool set_has(const struct model_set *set, struct dot dot);
void set_add(struct model_set *set, struct dot dot);
void set_remove(struct model_set *set, struct dot dot);
void set_of_clock(const struct clock *clock, struct model_set *out);
bool set_is(const struct model_set *set, const struct clock *clock);

struct model_version {
    struct dot dot;
    uint64_t expires_ms;
    uint32_t size; // of the value, which follows from the dot
};

// PASS and FILL_ITEM need a fill that goes on, FILL_END one that has passed all.
enum model_kind {
    MODEL_APPLY,
    MODEL_EXPIRE,
    MODEL_BORN,
    MODEL_FILL_BEGIN, // context: the start clock
    MODEL_FILL_ITEM,
    MODEL_FILL_PASS, // up to tree_key
    MODEL_FILL_END,
    MODEL_ERASE,
    MODEL_FORGET,
};

struct model_op {
    enum model_kind kind;
    uint64_t position;
    uint32_t key;
    struct model_version versions[4];
    uint32_t version_count;
    struct model_set *context;
    struct model_set *dots;
    uint64_t wall_ms;
    uint32_t shard;
    uint8_t tree_key[TREE_KEY_SIZE];
};

struct model_object {
    struct model_version versions[MODEL_VERSIONS_MAX];
    uint32_t count;
    struct model_set rest; // as stored; what the clock has meanwhile is taken off when compared
};

struct model_fill {
    const struct model_set *start; // of the operation that began it
    uint8_t cursor[TREE_KEY_SIZE];
    bool moved;
};

struct model {
    struct key keys[MODEL_KEYS];
    struct model_fill fills[MODEL_SHARDS][MODEL_FILLS_MAX]; // all count, the last may go on
    uint32_t fill_count[MODEL_SHARDS];
    bool filling[MODEL_SHARDS];
    bool born[MODEL_SHARDS];
    struct model_object objects[MODEL_KEYS];
    struct model_set clocks[MODEL_SHARDS];
    struct model_op *ops;
    uint32_t op_count;
    uint32_t op_capacity;
};

// The keys; nothing else.
void model_init(struct model *model, char names[MODEL_KEYS][8]);
void model_done(struct model *model);

// Remembers an operation and carries it out. Sets are taken over.
void model_add(struct model *model, const struct model_op *op);

// Forgets the operations behind a position and starts over with the others.
void model_cut(struct model *model, uint64_t position);

// Whether the fills that have passed the key have seen the dot.
bool model_has_passed(const struct model *model, uint32_t key, struct dot dot);

// Whether the rest of the key, as given out, has the dot; and whether a record must have a rest.
bool model_rest_has(const struct model *model, uint32_t key, struct dot dot);
bool model_has_rest(const struct model *model, uint32_t key);

// What is given out as the rest: seen, be it by fills, and not in the clock.
void model_rest(const struct model *model, uint32_t key, struct model_set *out);

// The bytes of a dot's value.
void model_value(struct dot dot, uint32_t size, uint8_t *out);

#endif
