// SPDX-License-Identifier: Apache-2.0
#include "node/data/chain.h"

static uint32_t *ends(struct arena *arena, uint32_t count)
{
    return memset(arena_alloc(arena, count * sizeof(uint32_t)), 0xff, count * sizeof(uint32_t));
}

void chains_init(struct chains *chains, struct arena *arena, uint32_t items, uint32_t count)
{
    chains->next = ends(arena, items);
    chains->previous = ends(arena, items);
    chains->first = ends(arena, count);
    chains->last = ends(arena, count);
}

// Makes b follow a; either may be the end.
static void link_items(struct chains *chains, uint32_t chain, uint32_t a, uint32_t b)
{
    *(a == CHAIN_END ? &chains->first[chain] : &chains->next[a]) = b;
    *(b == CHAIN_END ? &chains->last[chain] : &chains->previous[b]) = a;
}

void chain_add_first(struct chains *chains, uint32_t chain, uint32_t item)
{
    link_items(chains, chain, item, chains->first[chain]);
    link_items(chains, chain, CHAIN_END, item);
}

void chain_add_last(struct chains *chains, uint32_t chain, uint32_t item)
{
    link_items(chains, chain, chains->last[chain], item);
    link_items(chains, chain, item, CHAIN_END);
}

void chain_remove(struct chains *chains, uint32_t chain, uint32_t item)
{
    link_items(chains, chain, chains->previous[item], chains->next[item]);
}
