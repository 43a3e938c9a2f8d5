// SPDX-License-Identifier: Apache-2.0
// Any placement as a table of shards, which is all that a node knows: its shard is the key's hash
// modulo S. Static shards are that already. Of another scheme many fine shards are made, at least
// OWNERS_FINE for each of its ranges as far as SHARDS_MAX and memory go; each takes the owners of
// the point in its middle. Shards are arcs of the circle of hashes with their bits reversed, so
// shards that lie side by side share arcs, and only at the ends of an arc is a shard cut short or
// long, by half a shard at most. Keys are hashed once and alike in all schemes.
#ifndef SIM_CLUSTER_OWNERS_H
#define SIM_CLUSTER_OWNERS_H

#include "sim/question/trial.h"

enum {
    OWNERS_FINE = 16,
    OWNERS_SHARDS = 1 << 14,      // of schemes without ranges
    OWNERS_REPLICAS_MAX = 1 << 22 // shards x nodes: each node keeps about 200 bytes for a shard
};

struct owners {
    uint32_t shards;
    uint32_t replicas;
    uint16_t *rows; // shards x replicas numbers of nodes
};

// False for schemes that go by load or by the keys before: what a key's owners are is then no
// matter of its hash alone.
bool owners_possible(const struct scheme_kind *kind);

void owners_init(struct owners *owners, const struct trial *trial, uint64_t seed);
void owners_done(struct owners *owners);

// The owners of a key, by the low half of its hash.
const uint16_t *owners_of(const struct owners *owners, uint64_t hash);

#endif
