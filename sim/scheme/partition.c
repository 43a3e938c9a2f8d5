// SPDX-License-Identifier: Apache-2.0
#include "sim/scheme/partition.h"

// The last position of a partition: (number + 1) x 2^64 / count, less one, in halves: 2^64 is whole
// x count + rest.
static uint64_t partition_end(uint32_t number, uint32_t count)
{
    uint64_t whole = UINT64_MAX / count;
    uint64_t rest = UINT64_MAX % count + 1; // count itself, when it divides 2^64

    return (number + UINT64_C(1)) * whole + (number + UINT64_C(1)) * rest / count - 1;
}

void partitions_cut(struct ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++)
        ranges->ends[i] = partition_end(i, ranges->count);
}
