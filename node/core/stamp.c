// SPDX-License-Identifier: Apache-2.0
#include "node/core/stamp.h"
#include "base/plant.h"

uint64_t stamp_next(uint64_t *last, uint64_t wall_ms)
{
    uint64_t physical = wall_ms << 16;

    if (planted("stamp-wall")) // the wall clock alone
        return *last = physical;
    *last = physical > *last ? physical : *last + 1;
    return *last;
}

bool stamp_see(uint64_t *last, uint64_t wall_ms, uint64_t seen)
{
    if (seen >> 16 > wall_ms + STAMP_AHEAD_MS_MAX)
        return false;
    if (seen > *last)
        *last = seen;
    return true;
}
