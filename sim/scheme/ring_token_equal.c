// SPDX-License-Identifier: Apache-2.0
// Random tokens and equal partitions: Dynamo's second strategy (SOSP 2007, section 6.2, "T random
// tokens per node and equal-sized partitions"), which led from the first to the third. The hash
// space is cut into Q partitions of one size; tokens only say where they are placed. The copies of
// a partition are on the first N distinct nodes that own the tokens met clockwise from its end:
//
//     |────a─────|─c──────b─|──a───────|───c──b───|      Q = 4, N = 2
//          cb         ac         cb         ac           (behind the last end: from the beginning)
//
// Tokens decide nothing inside a partition, so a partition moves as a whole. With many more tokens
// than partitions each of these falls to a node as good as drawn by lot, and balance gets no better
// with further tokens.
#include "sim/scheme/kinds.h"
#include "sim/scheme/partition.h"
#include "sim/scheme/tokens.h"
#include "sim/scheme/walk.h"

enum { PARTITIONS_DEFAULT = 1024 };

static void token_equal_open(struct scheme *scheme)
{
    scheme->setup.partitions = scheme_partitions(scheme->kind, &scheme->setup);
}

static void token_equal_build(struct scheme *scheme)
{
    struct tokens tokens = tokens_make(scheme);
    struct ranges *ranges = ranges_new(scheme->setup.partitions, scheme->width);
    uint32_t behind = tokens.count; // the first token behind the partition's end
    struct walk walk;

    partitions_cut(ranges);
    walk_init(&walk, scheme);
    for (uint32_t i = 0; i < tokens.count && !walk_offer(&walk, tokens.list[i].node);)
        i += 1;
    walk_turn(&walk);
    for (uint32_t i = ranges->count; i-- > 0;) {
        while (behind > 0 && tokens.list[behind - 1].position > ranges->ends[i])
            walk_back(&walk, tokens.list[--behind].node);
        memcpy(&ranges->owners[(size_t)i * ranges->width], walk.owners,
               ranges->width * sizeof *walk.owners);
    }
    tokens_done(&tokens);
    ranges_index(ranges);
    ranges_free(scheme->ranges);
    scheme->ranges = ranges;
}

static void token_equal_twice(struct scheme *scheme)
{
    scheme->setup.partitions *= 2;
}

// Tokens say it all.
static uint64_t token_equal_metadata(const struct scheme *scheme)
{
    return tokens_total(&scheme->setup) * (SCHEME_POSITION_BYTES + SCHEME_OWNER_BYTES) +
           scheme_list_bytes(scheme);
}

const struct scheme_kind scheme_ring_token_equal = {
    .name = "ring-token-equal",
    .text = "equal partitions, placed by random tokens (Dynamo's strategy 2)",
    .paper = "DeCandia et al., Dynamo, SOSP 2007, section 6.2",
    .uses = SCHEME_USES_VNODES | SCHEME_USES_PARTITIONS,
    .partitions = PARTITIONS_DEFAULT,
    .open = token_equal_open,
    .build = token_equal_build,
    .twice = token_equal_twice,
    .metadata = token_equal_metadata,
};
