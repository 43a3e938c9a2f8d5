// SPDX-License-Identifier: Apache-2.0
// Ranks: in which order the owners of a shard stand. The first is asked first.
#ifndef NODE_DATA_RANK_H
#define NODE_DATA_RANK_H

#include "base/arena.h"

// Reorders the owners within shards, as few as it can, until every member stands at each rank in
// its copies / replicas shards, rounded up or down. `owners` is shards x replicas, all of them
// below `members` and different within a shard. Scratch memory in the arena.
void rank_balance(struct arena *arena, uint16_t *owners, uint32_t shards, uint32_t replicas,
                  uint32_t members);

#endif
