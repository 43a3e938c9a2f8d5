// SPDX-License-Identifier: Apache-2.0
#include "sim/question/hedges.h"

#include "base/check.h"

#include <stdlib.h>

void hedges_init(struct hedges *hedges, double delay)
{
    *hedges = (struct hedges){.delay = delay};
}

void hedges_done(struct hedges *hedges)
{
    free(hedges->ring);
    hedges->ring = NULL;
}

// Twice the room; what lies at the front of the ring unrolls behind the rest.
static void grow(struct hedges *hedges)
{
    size_t capacity = hedges->capacity ? hedges->capacity * 2 : 64;
    struct hedge *ring = memory_grow(NULL, capacity * sizeof *ring);

    for (size_t i = 0; i < hedges->count; i++)
        ring[i] = hedges->ring[(hedges->first + i) & (hedges->capacity - 1)];
    free(hedges->ring);
    hedges->ring = ring;
    hedges->first = 0;
    hedges->capacity = capacity;
}

void hedges_add(struct hedges *hedges, const struct hedge *hedge)
{
    if (hedges->count == hedges->capacity)
        grow(hedges);
    hedges->ring[(hedges->first + hedges->count) & (hedges->capacity - 1)] = *hedge;
    hedges->count += 1;
}

bool hedges_due(struct hedges *hedges, double now, struct hedge *out)
{
    if (hedges->count == 0 || hedges->ring[hedges->first].start + hedges->delay > now)
        return false;
    *out = hedges->ring[hedges->first];
    hedges->first = (hedges->first + 1) & (hedges->capacity - 1);
    hedges->count -= 1;
    return true;
}

// With an answer more, the r-th is the old one before it, the new one or the old r-th: whichever is
// in the middle.
double hedge_outcome(const struct hedges *hedges, const struct hedge *hedge, double answer)
{
    double late = hedges->delay + answer;

    if (late >= hedge->last)
        return hedge->last;
    return late > hedge->before ? late : hedge->before;
}
