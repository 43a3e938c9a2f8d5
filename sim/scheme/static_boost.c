// SPDX-License-Identifier: Apache-2.0
// Static sharding where the hottest shards get more copies: the hope that a hot shard is cured by
// giving it more servers.
//
// Load is learned by the finest shards that there can be, so that halves of a doubled shard are
// known too. The hottest shards then get their copies in turn, the hottest first, each copy on the
// node that has least for its weight and does not own the shard yet. What a shard's load is, its
// copies share; a node's load is counted along, so the next copy knows of those before. When nodes
// change, copies stay where they were if they can: only those that are missing are given anew.
#include "base/check.h"
#include "node/data/key.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/shards.h"

#include <stdlib.h>

struct hot_shard {
    uint32_t shard;
    double load;
};

struct boost {
    struct shards shards;
    double learned[SHARDS_MAX]; // load by the low bits of the hash
};

// What is needed while copies are given out.
struct giving {
    struct scheme *scheme;
    struct ranges *ranges;
    double load[SCHEME_NODES_MAX]; // of each node
};

static void boost_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct boost));
    scheme->width = scheme->setup.replicas + scheme->setup.boost_copies;
}

static void boost_observe(struct scheme *scheme, const struct scheme_batch *batch)
{
    struct boost *boost = scheme->state;

    for (uint32_t i = 0; i < batch->count; i++)
        boost->learned[batch->hash[i] & (SHARDS_MAX - 1)] += batch->load[i];
}

static int hotter(const void *left, const void *right)
{
    const struct hot_shard *a = left;
    const struct hot_shard *b = right;

    if (a->load != b->load)
        return a->load > b->load ? -1 : 1;
    return a->shard < b->shard ? -1 : 1;
}

// All shards, the hottest first. The caller frees them.
static struct hot_shard *shards_by_load(const struct scheme *scheme)
{
    const struct boost *boost = scheme->state;
    uint32_t count = scheme->setup.shards;
    struct hot_shard *shards = memory_new(count * sizeof *shards);

    for (uint32_t shard = 0; shard < count; shard++)
        shards[shard].shard = shard;
    for (uint32_t i = 0; i < SHARDS_MAX; i++)
        shards[i & (count - 1)].load += boost->learned[i];
    qsort(shards, count, sizeof *shards, hotter);
    return shards;
}

static uint32_t boosted_count(const struct scheme *scheme)
{
    uint32_t hundredth = scheme->setup.shards / 100;

    if (scheme->setup.boost_shards)
        return scheme->setup.boost_shards;
    return hundredth ? hundredth : 1;
}

static uint16_t *shard_row(const struct ranges *ranges, uint32_t shard)
{
    return ranges->owners + (size_t)ranges_find(ranges, shard) * ranges->width;
}

static uint32_t row_count(const uint16_t *row, uint32_t width)
{
    uint32_t count = 0;

    while (count < width && row[count] != SCHEME_NOBODY)
        count += 1;
    return count;
}

static bool row_has(const uint16_t *row, uint32_t count, uint16_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (row[i] == node)
            return true;
    }
    return false;
}

// Takes over the copies that a shard had beside its owners in the map before.
static void copies_keep(struct giving *giving, uint32_t shard)
{
    const struct scheme *scheme = giving->scheme;
    const struct ranges *old = scheme->ranges;
    uint16_t *row = shard_row(giving->ranges, shard);
    uint32_t count = scheme->setup.replicas;
    const uint16_t *before;

    if (!old)
        return;
    before = shard_row(old, shard);
    for (uint32_t i = scheme->setup.replicas; i < scheme->width; i++) {
        uint16_t node = before[i];

        if (node != SCHEME_NOBODY && scheme->nodes[node].weight && !row_has(row, count, node))
            row[count++] = node;
    }
}

// Adds a shard's load, or takes it off, in equal parts to its copies.
static void load_share(struct giving *giving, const struct hot_shard *shard, double sign)
{
    const uint16_t *row = shard_row(giving->ranges, shard->shard);
    uint32_t count = row_count(row, giving->ranges->width);

    for (uint32_t i = 0; i < count; i++)
        giving->load[row[i]] += sign * shard->load / count;
}

static uint32_t copies_in_zone(const struct scheme *scheme, const uint16_t *row, uint32_t count,
                               uint16_t node)
{
    uint16_t zone = scheme->nodes[node].zone;
    uint32_t copies = 0;

    if (zone == SCHEME_NO_ZONE)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        copies += scheme->nodes[row[i]].zone == zone;
    return copies;
}

// The node for one more copy: of those whose zone has fewest, the one with least load.
static uint16_t copy_place(const struct giving *giving, const uint16_t *row, uint32_t count)
{
    const struct scheme *scheme = giving->scheme;
    uint16_t best = SCHEME_NOBODY;
    uint32_t best_copies = 0;
    double best_load = 0;

    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        uint16_t node = (uint16_t)i;
        uint32_t copies;
        double load;

        if (scheme->nodes[i].weight == 0 || row_has(row, count, node))
            continue;
        copies = copies_in_zone(scheme, row, count, node);
        load = giving->load[i] / scheme->nodes[i].weight;
        if (best != SCHEME_NOBODY &&
            (copies > best_copies || (copies == best_copies && load >= best_load)))
            continue;
        best = node;
        best_copies = copies;
        best_load = load;
    }
    return best;
}

static void copies_give(struct giving *giving, const struct hot_shard *shard)
{
    uint32_t width = giving->scheme->width;
    uint16_t *row = shard_row(giving->ranges, shard->shard);

    for (uint32_t count = row_count(row, width); count < width; count++) {
        uint16_t node = copy_place(giving, row, count);

        if (node == SCHEME_NOBODY)
            break;
        load_share(giving, shard, -1);
        row[count] = node;
        load_share(giving, shard, 1);
    }
}

static void shards_boost(struct scheme *scheme, struct ranges *ranges)
{
    struct giving giving = {.scheme = scheme, .ranges = ranges};
    struct hot_shard *shards = shards_by_load(scheme);
    uint32_t boosted = boosted_count(scheme);

    for (uint32_t i = 0; i < boosted; i++)
        copies_keep(&giving, shards[i].shard);
    for (uint32_t i = 0; i < scheme->setup.shards; i++)
        load_share(&giving, &shards[i], 1);
    for (uint32_t i = 0; i < boosted; i++)
        copies_give(&giving, &shards[i]);
    free(shards);
}

static void boost_build(struct scheme *scheme)
{
    struct boost *boost = scheme->state;
    struct ranges *ranges;

    shards_plan(&boost->shards, scheme);
    ranges = shards_ranges(&boost->shards, scheme);
    ranges_index(ranges);
    if (scheme->settled && scheme->setup.boost_copies)
        shards_boost(scheme, ranges);
    ranges_free(scheme->ranges);
    scheme->ranges = ranges;
}

static void boost_twice(struct scheme *scheme)
{
    struct boost *boost = scheme->state;

    shards_double(&boost->shards, scheme);
}

static uint64_t boost_metadata(const struct scheme *scheme)
{
    uint64_t row = sizeof(uint32_t) + (uint64_t)scheme->setup.boost_copies * SCHEME_OWNER_BYTES;

    return scheme_list_bytes(scheme) + shards_bytes(scheme) + boosted_count(scheme) * row;
}

static void boost_close(struct scheme *scheme)
{
    struct boost *boost = scheme->state;

    shards_done(&boost->shards);
    free(boost);
}

const struct scheme_kind scheme_static_boost = {
    .name = "static-boost",
    .text = "static, with more copies of the shards that were seen to be hottest",
    .paper = "an old hope; compare Fan et al., \"Small Cache, Big Effect\", SoCC 2011",
    .uses = SCHEME_USES_SHARDS | SCHEME_USES_TABLE | SCHEME_USES_BOOST | SCHEME_LEARNS,
    .refuse = shards_refuse,
    .open = boost_open,
    .build = boost_build,
    .observe = boost_observe,
    .twice = boost_twice,
    .metadata = boost_metadata,
    .close = boost_close,
};
