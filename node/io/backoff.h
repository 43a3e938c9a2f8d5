// SPDX-License-Identifier: Apache-2.0
// How long to wait before trying again: doubling from `min_ms` to `max_ms`, each wait drawn from
// the upper half of its range, so that many who failed together do not come back together.
#ifndef NODE_IO_BACKOFF_H
#define NODE_IO_BACKOFF_H

#include "base/rng.h"

struct backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t failures; // in a row; set to 0 after a success
};

// The next wait, 1 to max_ms.
static inline uint32_t backoff_next_ms(struct backoff *backoff, struct rng *rng)
{
    uint64_t range = backoff->min_ms ? backoff->min_ms : 1;
    uint32_t i;

    for (i = 0; i < backoff->failures && range < backoff->max_ms; i++)
        range *= 2;
    if (range > backoff->max_ms)
        range = backoff->max_ms;
    backoff->failures++;
    return (uint32_t)(range - rng_below(rng, range / 2 + 1));
}

#endif
