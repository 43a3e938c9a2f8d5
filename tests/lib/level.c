// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/level.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PAGE = 64, STEP_US = 100000 };

static char sentence[200];

static const char *trouble(uint32_t node, uint32_t shard, const char *what)
{
    snprintf(sentence, sizeof sentence, "n%u, shard %u: %s", node + 1, shard, what);
    return sentence;
}

static bool rest_left(struct store *store, uint32_t shard)
{
    struct arena arena = {0};
    struct store_scan scan = {.shard = shard, .items_max = PAGE, .bytes_max = 1 << 20};
    struct store_page page;
    bool left = false;

    do {
        check(store_rests(store, &scan, &arena, &page) == 0);
        for (uint32_t i = 0; i < page.count; i++) {
            struct clock rest = clock_in(&arena);

            clock_copy(&rest, &page.items[i].object.rest);
            clock_subtract(&rest, store_clock(store, shard));
            left |= rest.count > 0;
        }
        scan.after = page.reached;
    } while (page.more && !left);
    arena_done(&arena);
    return left;
}

static bool page_same(const struct store_page *left, const struct store_page *right)
{
    bool same = left->count == right->count && left->more == right->more;

    for (uint32_t i = 0; i < left->count && same; i++)
        same = slice_equal(left->items[i].key, right->items[i].key) &&
               object_same_versions(&left->items[i].object, &right->items[i].object) &&
               left->items[i].object.count > 0;
    return same;
}

// The objects of two replicas, item by item.
static bool objects_same(struct store *a, struct store *b, uint32_t shard)
{
    struct arena arena = {0};
    struct store_scan scan = {.shard = shard, .items_max = PAGE, .bytes_max = (size_t)1 << 30};
    struct store_page left;
    struct store_page right;
    bool same;

    do {
        check(store_scan(a, &scan, &arena, &left) == 0);
        check(store_scan(b, &scan, &arena, &right) == 0);
        same = page_same(&left, &right);
        scan.after = left.count ? left.items[left.count - 1].tree_key : NULL;
    } while (same && left.more && left.count);
    arena_done(&arena);
    return same;
}

static const char *owner_trouble(struct world *world, uint32_t node, uint32_t shard, int first)
{
    struct store *store = world_node(world, node)->store;
    struct store_shard state;

    store_shard(store, shard, &state);
    if (!state.born || state.filling)
        return trouble(node, shard, state.born ? "is filling" : "is not complete");
    if (state.unknown)
        return trouble(node, shard, "has damaged keys");
    if (first >= 0) {
        struct store *other = world_node(world, (uint32_t)first)->store;
        struct store_shard others;

        store_shard(other, shard, &others);
        if (!clock_equal(store_clock(store, shard), store_clock(other, shard)))
            return trouble(node, shard, "another clock than the first owner");
        if (state.digest != others.digest)
            return trouble(node, shard, "another digest than the first owner");
        if (!objects_same(store, other, shard))
            return trouble(node, shard, "other objects than the first owner");
    }
    if (state.dots)
        return trouble(node, shard, "the dot log is not empty");
    return rest_left(store, shard) ? trouble(node, shard, "a rest is left") : NULL;
}

static const char *shard_trouble(struct world *world, const struct topology *topology,
                                 uint32_t shard)
{
    int first = -1;

    for (uint32_t node = 0; node < topology->member_count; node++) {
        const struct world_node *at = world_node(world, node);
        int member = topology_member(topology, at->member.id);
        const char *what = NULL;

        if (store_shards(at->store) == 0)
            return trouble(node, shard, "knows of no topology");
        if (topology_rank(topology, shard, member) < 0) {
            if (store_clock(at->store, shard)->count)
                return trouble(node, shard, "a guest holds something");
            continue;
        }
        what = owner_trouble(world, node, shard, first);
        if (what)
            return what;
        if (first < 0)
            first = (int)node;
    }
    return NULL;
}

const char *level_trouble(struct world *world)
{
    const struct topology *topology = NULL;

    for (uint32_t node = 0; !topology; node++)
        topology = node_topology(world_node(world, node)->node);
    for (uint32_t shard = 0; shard < topology->shards; shard++) {
        const char *what = shard_trouble(world, topology, shard);

        if (what)
            return what;
    }
    return NULL;
}

uint64_t level_wait(struct world *world, uint64_t us_max)
{
    uint64_t begin_us = world_now_us(world);

    while (level_trouble(world)) {
        if (world_now_us(world) - begin_us > us_max)
            fail_msg("not level after %llu ms: %s", (unsigned long long)us_max / 1000,
                     level_trouble(world));
        world_run(world, STEP_US);
    }
    return world_now_us(world) - begin_us;
}
