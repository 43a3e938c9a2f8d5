// SPDX-License-Identifier: Apache-2.0
#include "client/route.h"

#include "base/check.h"

// The lower the better.
static uint64_t choice_cost(const struct choice *choice)
{
    uint64_t cost = choice->tried;

    cost = cost << 1 | choice->failed;
    cost = cost << 1 | choice->silent;
    cost = cost << 1 | !choice->alive;
    cost = cost << 1 | !choice->owner;
    return cost << 1 | !choice->linked;
}

uint32_t route_choose(const struct choice *choices, uint32_t count, struct rng *rng)
{
    uint64_t best_cost = UINT64_MAX;
    uint32_t equals = 0;
    uint32_t best = 0;

    check(count > 0);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t cost = choice_cost(&choices[i]);

        if (cost > best_cost)
            continue;
        equals = cost < best_cost ? 1 : equals + 1;
        best_cost = cost;
        // Each of n equals ends up chosen with probability 1/n.
        if (rng_below(rng, equals) == 0)
            best = i;
    }
    return best;
}
