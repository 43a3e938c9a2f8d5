// SPDX-License-Identifier: Apache-2.0
// Whether a world has converged: all owners of each shard hold the same objects under the same
// clock, their dot logs are empty and nothing is left to remember, and nobody else holds anything.
#ifndef TESTS_LIB_LEVEL_H
#define TESTS_LIB_LEVEL_H

#include "tests/lib/world.h"

// NULL when it has; else what the first thing is that is not so (static memory). All nodes are up.
const char *level_trouble(struct world *world);

// Lets time pass until it has, at most this long: how long it took, microseconds. Fails the running
// test when that was not enough.
uint64_t level_wait(struct world *world, uint64_t us_max);

#endif
