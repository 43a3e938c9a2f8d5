// SPDX-License-Identifier: Apache-2.0
// What a store should hold, computed the slow and obvious way: sets of dots are lists, a state is
// the outcome of a list of operations, and a crash is a shorter list.
#ifndef TESTS_LIB_STORE_MODEL_H
#define TESTS_LIB_STORE_MODEL_H

#include "node/data/key.h"
#include "node/data/object.h"

enum { MODEL_KEYS = 12, MODEL_SHARDS = 4, MODEL_SET_MAX = 4096, MODEL_VERSIONS_MAX = 64 };

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

enum model_kind { MODEL_APPLY, MODEL_EXPIRE };

struct model_op {
    enum model_kind kind;
    uint64_t position;
    uint32_t key;
    struct model_version versions[4];
    uint32_t version_count;
    struct model_set *context;
    struct model_set *dots;
    uint64_t wall_ms;
};

struct model_object {
    struct model_version versions[MODEL_VERSIONS_MAX];
    uint32_t count;
    struct model_set rest; // as stored; what the clock has meanwhile is taken off when compared
};

struct model {
    struct key keys[MODEL_KEYS];
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

// The bytes of a dot's value.
void model_value(struct dot dot, uint32_t size, uint8_t *out);

#endif
