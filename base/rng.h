// SPDX-License-Identifier: Apache-2.0
// Seeded pseudo-random numbers: xoshiro256** of Blackman and Vigna ("Scrambled linear pseudorandom
// number generators", 2018, section 4), seeded through splitmix64. The same seed gives the same
// numbers everywhere. Not for secrets: ids and seeds come from the operating system, at the edge.
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_init(struct rng *rng, uint64_t seed);

// Uniform over all 64-bit values.
uint64_t rng_u64(struct rng *rng);

// Uniform over 0..bound-1, without bias (Lemire, "Fast random integer generation in an interval",
// 2019, algorithm 5). bound >= 1.
uint64_t rng_below(struct rng *rng, uint64_t bound);

// One splitmix64 step: a good 64-bit mix of `value`.
uint64_t rng_mix(uint64_t value);

#endif
