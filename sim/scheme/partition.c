// SPDX-License-Identifier: Apache-2.0
#include "sim/scheme/partition.h"

__extension__ typedef unsigned __int128 wide;

uint64_t partition_end(uint32_t number, uint32_t count)
{
    return (uint64_t)(((wide)(number + 1) << 64) / count - 1);
}

void partitions_cut(struct ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++)
        ranges->ends[i] = partition_end(i, ranges->count);
}
