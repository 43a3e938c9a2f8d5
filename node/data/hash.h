// SPDX-License-Identifier: Apache-2.0
// XXH3, the one hash of stored, placed and compared things: same bytes, same hash, on every
// machine. Not for secrets. (Tables in memory mix their ids with rng_mix.)
#ifndef NODE_DATA_HASH_H
#define NODE_DATA_HASH_H

#include "base/slice.h"

struct hash128 {
    uint64_t low;
    uint64_t high;
};

// XXH3-64, seed 0.
uint64_t hash_64(struct slice bytes);

// XXH3-128 with a seed.
struct hash128 hash_128(struct slice bytes, uint64_t seed);

#endif
