// SPDX-License-Identifier: Apache-2.0
// A stage for stories about stand-ins: a world of which the owners of the key "k" (bucket "b") are
// known, and who stands in for them in which order.
#ifndef TESTS_LIB_STAGE_H
#define TESTS_LIB_STAGE_H

#include "tests/lib/query.h"

struct stage {
    struct world *world;
    uint32_t nodes;
    uint32_t owners[REPLICAS_MAX];
    uint32_t guests[WORLD_NODES_MAX];
    uint32_t guest_count;
    uint32_t guest_applies; // seen under way
    uint32_t repairs;
};

// A world of so many nodes with three copies; all know the properties of the bucket. Every message
// about "k" is looked at: exactly those who do not own it are asked as guests, and no guest is
// repaired. `stage` stays where it is until world_free(stage->world).
void stage_set(struct stage *stage, uint32_t nodes, uint64_t seed, uint64_t delay_us);

// Cuts owners first..last off from everybody but each other.
void stage_cut(struct stage *stage, uint32_t first, uint32_t last, bool notice);

bool stage_owns(const struct stage *stage, uint32_t node);
bool stage_holds(struct stage *stage, uint32_t node); // a version of "k"
uint32_t stage_copies(struct stage *stage);           // how many nodes do

struct world_reply stage_put(struct stage *stage, uint32_t node, int w, int pw);
struct world_reply stage_get(struct stage *stage, uint32_t node, int r, int pr);

// Makes the bucket strict or not, and lets all know.
void stage_strict(struct stage *stage, bool strict);

#endif
