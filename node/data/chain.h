// SPDX-License-Identifier: Apache-2.0
// Chains: numbered items, each in at most one of several numbered lists, with everything O(1). The
// planner keeps with them which places of the table each member fills.
#ifndef NODE_DATA_CHAIN_H
#define NODE_DATA_CHAIN_H

#include "base/arena.h"

#define CHAIN_END UINT32_MAX

struct chains {
    uint32_t *next; // per item
    uint32_t *previous;
    uint32_t *first; // per chain
    uint32_t *last;
};

// All chains empty; memory in the arena.
void chains_init(struct chains *chains, struct arena *arena, uint32_t items, uint32_t count);

// Adds an item that is in no chain.
void chain_add_first(struct chains *chains, uint32_t chain, uint32_t item);
void chain_add_last(struct chains *chains, uint32_t chain, uint32_t item);

void chain_remove(struct chains *chains, uint32_t chain, uint32_t item);

#endif
