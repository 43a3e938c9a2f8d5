// SPDX-License-Identifier: Apache-2.0
#include "sim/scheme/ranges.h"

#include "base/bits.h"
#include "base/check.h"

#include <stdlib.h>

// Twice as many entries as ranges, or more: most walks are then of no step at all, and what costs
// time is a step that nobody could foresee. Shards, a power of two themselves, never need one.
static unsigned guide_bits_for(uint32_t count)
{
    unsigned bits = 1;

    while ((uint64_t)1 << bits < (uint64_t)2 * count)
        bits += 1;
    return bits;
}

struct ranges *ranges_new(uint32_t count, uint32_t width)
{
    struct ranges *ranges = memory_new(sizeof *ranges);

    check(count >= 1 && count <= RANGES_MAX && width >= 1);
    ranges->count = count;
    ranges->width = width;
    ranges->ends = memory_new(count * sizeof *ranges->ends);
    ranges->owners = memory_new((size_t)count * width * sizeof *ranges->owners);
    ranges->guide_bits = guide_bits_for(count);
    ranges->guide = memory_new(((size_t)1 << ranges->guide_bits) * sizeof *ranges->guide);
    return ranges;
}

void ranges_free(struct ranges *ranges)
{
    if (!ranges)
        return;
    free(ranges->ends);
    free(ranges->owners);
    free(ranges->guide);
    free(ranges);
}

void ranges_index(struct ranges *ranges)
{
    size_t entries = (size_t)1 << ranges->guide_bits;
    uint32_t range = 0;

    check(ranges->ends[ranges->count - 1] == UINT64_MAX);
    for (uint32_t i = 1; i < ranges->count; i++)
        check(ranges->ends[i - 1] <= ranges->ends[i]);
    for (size_t i = 0; i < entries; i++) {
        while (ranges->ends[range] < (uint64_t)i << (64 - ranges->guide_bits))
            range += 1;
        ranges->guide[i] = range;
    }
}

static inline uint64_t position_of(const struct ranges *ranges, uint64_t hash)
{
    return ranges->reversed ? bits_reverse(hash) : hash;
}

static inline uint32_t find(const struct ranges *ranges, uint64_t hash)
{
    uint64_t position = position_of(ranges, hash);
    uint32_t range = ranges->guide[position >> (64 - ranges->guide_bits)];

    while (ranges->ends[range] < position)
        range += 1;
    return range;
}

uint64_t ranges_position(const struct ranges *ranges, uint64_t hash)
{
    return position_of(ranges, hash);
}

uint32_t ranges_find(const struct ranges *ranges, uint64_t hash)
{
    return find(ranges, hash);
}

void ranges_find_all(const struct ranges *ranges, const uint64_t *hash, uint32_t count,
                     uint32_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = find(ranges, hash[i]);
}

double ranges_length(const struct ranges *ranges, uint32_t range)
{
    uint64_t end = ranges->ends[range];

    check(range < ranges->count);
    if (range == 0)
        return ((double)end + 1) * 0x1p-64;
    return (double)(end - ranges->ends[range - 1]) * 0x1p-64;
}

uint32_t ranges_number(const struct ranges *ranges, uint32_t range)
{
    check(range < ranges->count);
    if (!ranges->reversed || range == 0)
        return range;
    return (uint32_t)bits_reverse(ranges->ends[range - 1] + 1);
}
