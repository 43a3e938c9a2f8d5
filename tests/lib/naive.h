// SPDX-License-Identifier: Apache-2.0
// Sets of dots as one 64-bit mask: four actors with sixteen counters each. What clocks do with runs
// is here a bit operation, too simple to be wrong.
#ifndef TESTS_LIB_NAIVE_H
#define TESTS_LIB_NAIVE_H

#include "base/rng.h"
#include "node/data/clock.h"

enum { NAIVE_ACTORS = 4, NAIVE_COUNTERS = 16, NAIVE_DOTS = 64 };

struct dot naive_dot(unsigned bit);

// The bit of a dot; aborts for one outside the universe.
unsigned naive_bit(struct dot dot);

// Into an empty clock.
void naive_clock(uint64_t dots, struct clock *out);

// Also checks that the clock is as it should be: sorted, with as few runs as the dots allow.
uint64_t naive_dots(const struct clock *clock);

// Sparse, dense, or mostly runs from 1.
uint64_t naive_random(struct rng *rng);

#endif
