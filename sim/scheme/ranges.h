// SPDX-License-Identifier: Apache-2.0
// The hash space cut into ranges, each with a row of owners: what static shards, rings, partitions
// and splitting ranges have in common. A position is a 64-bit number; range i holds the positions
// from the end of range i-1 (exclusive; for 0: from 0) to ends[i] (inclusive).
//
// A look-up goes through a guide: for each value of a position's first bits, the range that holds
// the first such position. From there it walks; the guide has at least twice as many entries as
// there are ranges, so most walks end where they begin.
#ifndef SIM_SCHEME_RANGES_H
#define SIM_SCHEME_RANGES_H

#include <stdbool.h>
#include <stdint.h>

enum { RANGES_MAX = 1 << 23 };

struct ranges {
    uint32_t count;
    uint32_t width;   // owners in a row
    uint64_t *ends;   // ascending; the last is UINT64_MAX
    uint16_t *owners; // count x width, in order of preference; UINT16_MAX behind the last
    // Positions are the hash with its bits in reverse order: a shard, which is the hash modulo a
    // power of two, is then one range (as in the node's tree of keys).
    bool reversed;
    uint32_t *guide;
    unsigned guide_bits;
};

// Room for `count` ranges; ends and owners are the caller's to fill, then ranges_index makes the
// guide. 1 <= count <= RANGES_MAX.
struct ranges *ranges_new(uint32_t count, uint32_t width);
void ranges_free(struct ranges *ranges);
void ranges_index(struct ranges *ranges);

// The position of a hash.
uint64_t ranges_position(const struct ranges *ranges, uint64_t hash);

// The range of a hash.
uint32_t ranges_find(const struct ranges *ranges, uint64_t hash);

// The ranges of many hashes.
void ranges_find_all(const struct ranges *ranges, const uint64_t *hash, uint32_t count,
                     uint32_t *out);

// The length of a range as a share of the whole space, 0..1.
double ranges_length(const struct ranges *ranges, uint32_t range);

// The number by which people know a range: reversed, its shard (the same low bits of each hash in
// it); else its place.
uint32_t ranges_number(const struct ranges *ranges, uint32_t range);

#endif
