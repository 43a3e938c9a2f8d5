// SPDX-License-Identifier: Apache-2.0
// Dots of ended lives in rests: when all owners are equal and nobody is a guest, such a dot is
// nobody's. It is not forgotten, since a disk that was away may bring its version back: it is
// adopted, as if the key had been written without a version, and so enters all owners' clocks. The
// same with the clocks of fills that were given up.
#include "base/plant.h"
#include "node/core/repair.h"

enum {
    ADOPT_AGAIN_US = 2000000,
    ADOPT_DOTS = 65536, // of one key, at one time
    ADOPT_RUNS = 4096,  // as far as a clock may grow by it
    VERSIONS_PAGE = 512
};

static bool actor_lives(const struct node *node, uint64_t actor)
{
    for (uint32_t i = 0; i < node->topology->member_count; i++) {
        if (node->repair->heard[i].actor == actor)
            return true;
    }
    return store_mint(node->store, 0).actor == actor;
}

static void dead_dots(struct node *node, uint32_t shard, const struct clock *rest,
                      struct clock *out)
{
    struct clock beyond = clock_in(&node->arena);

    *out = clock_in(&node->arena);
    clock_copy(&beyond, rest);
    clock_subtract(&beyond, store_clock(node->store, shard));
    for (uint32_t i = 0; i < beyond.count; i++) {
        if (!actor_lives(node, beyond.runs[i].actor))
            clock_add_run(out, beyond.runs[i]);
    }
}

// The first so many dots: what a token that was made up names may be endless, and each enters the
// dot log. The others follow when all owners have these. What is of too many lives to be true stays
// in the rest, where it does no harm: in the clock it would end all writing.
static void dots_limit(struct clock *dots, const struct clock *clock)
{
    uint64_t left = clock->count < ADOPT_RUNS ? ADOPT_DOTS : 0;
    uint32_t runs = clock->count;
    uint32_t count = 0;

    for (; count < dots->count && left && runs < ADOPT_RUNS; count++, runs++) {
        struct run *run = &dots->runs[count];

        if (run->last - run->first >= left)
            run->last = run->first + left - 1;
        left -= run->last - run->first + 1;
    }
    dots->count = count;
}

// The key's context has the dots already; now the clock gains them, and the dot log, so that the
// other owners get them by sync.
int dots_adopt(struct node *node, const uint8_t *tree_key, struct clock *dead)
{
    struct key key = key_of_tree(tree_key, node->topology->shards);
    struct delta delta = {.context = clock_in(&node->arena)};
    uint64_t position;
    int err;

    if (planted("adopt-never")) // rests with dots of ended lives stay for ever
        return 0;
    dots_limit(dead, store_clock(node->store, key.shard));
    if (!dead->count)
        return 0;
    clock_copy(&delta.context, dead);
    delta.dots = *dead;
    err = store_apply(node->store, &key, &delta, &node->arena, &position);
    if (!err)
        node->repair->adopted += clock_size(dead);
    return err;
}

static void adopt_later(struct node *node, struct local *local)
{
    local->adopt_us = node->now_us + ADOPT_AGAIN_US;
    local->has_adopt_after = local->adopt_versions = false;
}

// The cursor moves on; false at the end.
static bool adopt_moves(struct node *node, struct local *local, const struct store_page *page)
{
    budget_spend(&node->repair->budget, 0, page->count);
    local->has_adopt_after = page->more;
    if (page->more)
        memcpy(local->adopt_after, page->reached, TREE_KEY_SIZE);
    return page->more;
}

// ---- the same for clocks of fills that were given up --------------------------------------------

// The dead dots of such clocks that the shard's clock lacks.
static void fills_dead(struct node *node, const struct local *local, struct clock *out)
{
    struct clock passed = clock_in(&node->arena);

    fill_clocks_join(node, local->shard, &passed);
    dead_dots(node, local->shard, &passed, out);
}

// A version that such a fill brought, and nobody else has now: it is written again, as it is.
static int item_adopt(struct node *node, const struct store_item *item, const struct clock *dead)
{
    struct key key = key_of_tree(item->tree_key, node->topology->shards);
    struct object object = item->object;
    struct delta delta = {.context = clock_in(&node->arena), .dots = clock_in(&node->arena)};
    uint64_t position;

    key.bucket = item->bucket;
    key.key = item->key;
    delta.versions = arena_alloc(&node->arena, (object.count + 1) * sizeof *delta.versions);
    for (uint32_t i = 0; i < object.count; i++) {
        if (!clock_contains(dead, object.versions[i].dot))
            continue;
        delta.versions[delta.count++] = object.versions[i];
        clock_add(&delta.context, object.versions[i].dot);
    }
    node->repair->adopted += delta.count;
    return delta.count ? store_apply(node->store, &key, &delta, &node->arena, &position) : 0;
}

// Which keys the other dots were of nobody knows, so they are entered for the first hash of the
// shard.
static void fills_adopt(struct node *node, struct local *local)
{
    struct store_scan scan = {.shard = local->shard,
                              .after = local->has_adopt_after ? local->adopt_after : NULL,
                              .items_max = VERSIONS_PAGE,
                              .bytes_max = PAGE_BYTES};
    uint8_t first[TREE_KEY_SIZE];
    struct store_page page;
    struct clock dead;
    int err;

    fills_dead(node, local, &dead);
    err = dead.count ? store_scan(node->store, &scan, &node->arena, &page) : 0;
    for (uint32_t i = 0; dead.count && !err && i < page.count; i++)
        err = item_adopt(node, &page.items[i], &dead);
    if (dead.count && !err && adopt_moves(node, local, &page))
        return;
    fills_dead(node, local, &dead);
    key_shard_first(local->shard, node->topology->shards, first);
    if (!err && dead.count)
        (void)dots_adopt(node, first, &dead);
    adopt_later(node, local);
}

static void rests_adopt(struct node *node, struct local *local)
{
    struct store_scan scan = {.shard = local->shard,
                              .after = local->has_adopt_after ? local->adopt_after : NULL,
                              .items_max = RESTS_PAGE,
                              .bytes_max = PAGE_BYTES};
    struct store_page page;
    int err = store_rests(node->store, &scan, &node->arena, &page);

    for (uint32_t i = 0; !err && i < page.count; i++) {
        struct clock dead;

        dead_dots(node, local->shard, &page.items[i].object.rest, &dead);
        if (dead.count)
            err = dots_adopt(node, page.items[i].tree_key, &dead);
    }
    if (err)
        adopt_later(node, local);
    else if (!adopt_moves(node, local, &page))
        local->adopt_versions = true;
}

bool adopt_wanted(const struct node *node, const struct local *local)
{
    return local->owned && (local->ours.flags & OFFER_RESTS) && local->equal_us &&
           node->now_us >= local->adopt_us &&
           node->now_us >= local->equal_us + node->settings.repair_calm_us;
}

void adopt_some(struct node *node, struct local *local)
{
    if (!local->adopt_versions)
        rests_adopt(node, local);
    if (local->adopt_versions)
        fills_adopt(node, local);
}
