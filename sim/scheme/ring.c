// SPDX-License-Identifier: Apache-2.0
// Consistent hashing: Karger, Lehman, Leighton, Panigrahy, Levine, Lewin, "Consistent Hashing and
// Random Trees", STOC 1997. Each node has V random tokens on a ring, a key belongs to the first
// token clockwise at or after it, and its copies to the next distinct nodes (Dynamo, SOSP 2007,
// sections 4.2, 4.3, and strategy 1 of 6.2):
//
//     0 ───a────c──────b──a─────────c──b───▶ 2^64        N = 2
//       ac   cb    ba   ac    cb     ba  ac              copies of the keys in between
//
// One range for each token and one for what lies behind the last, which belongs to the first token.
// A node that joins takes over arcs with its own tokens and touches nobody else's.
#include "sim/scheme/kinds.h"
#include "sim/scheme/tokens.h"
#include "sim/scheme/walk.h"

static void row_set(struct ranges *ranges, uint32_t range, const struct walk *walk)
{
    memcpy(&ranges->owners[(size_t)range * ranges->width], walk->owners,
           ranges->width * sizeof *walk->owners);
}

static void ring_build(struct scheme *scheme)
{
    struct tokens tokens = tokens_make(scheme);
    struct ranges *ranges = ranges_new(tokens.count + 1, scheme->width);
    struct walk walk;

    walk_init(&walk, scheme);
    for (uint32_t i = 0; i < tokens.count && !walk_offer(&walk, tokens.list[i].node);)
        i += 1;
    walk_turn(&walk);
    row_set(ranges, tokens.count, &walk);
    ranges->ends[tokens.count] = UINT64_MAX;
    for (uint32_t i = tokens.count; i-- > 0;) {
        walk_back(&walk, tokens.list[i].node);
        row_set(ranges, i, &walk);
        ranges->ends[i] = tokens.list[i].position;
    }
    tokens_done(&tokens);
    ranges_index(ranges);
    ranges_free(scheme->ranges);
    scheme->ranges = ranges;
}

static void ring_twice(struct scheme *scheme)
{
    scheme->setup.vnodes *= 2;
}

static uint64_t ring_metadata(const struct scheme *scheme)
{
    return tokens_total(&scheme->setup) * (SCHEME_POSITION_BYTES + SCHEME_OWNER_BYTES) +
           scheme_list_bytes(scheme);
}

const struct scheme_kind scheme_ring = {
    .name = "ring",
    .text = "consistent hashing: random tokens on a ring",
    .paper = "Karger et al., Consistent Hashing and Random Trees, STOC 1997",
    .uses = SCHEME_USES_VNODES,
    .build = ring_build,
    .twice = ring_twice,
    .metadata = ring_metadata,
};
