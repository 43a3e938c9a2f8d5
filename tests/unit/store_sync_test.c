// SPDX-License-Identifier: Apache-2.0
// Three owners and two guests of one shard, real stores all, that write, sync, fill, prune, crash,
// lose disks and erase at random, driven here as the machine drives them. Every write is on two
// disks before it counts. In the end all owners hold the same: exactly the versions that no other
// write has covered.
#include "base/err.h"
#include "base/rng.h"
#include "node/store/disk_memory.h"
#include "node/store/state.h"
#include "node/store/tree_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OWNERS = 3, NODES = 5, KEYS = 8, WRITES_MAX = 400, SEGMENT = 64 << 10 };

struct node {
    struct disk *disk;
    struct tree *tree;
    struct store *store;
    struct clock durable; // what the others are told that it has
};

struct write {
    struct dot dot;
    uint32_t key;
    bool value;
    struct clock context;
};

struct ring {
    struct rng rng;
    struct node nodes[NODES];
    struct key keys[KEYS];
    char names[KEYS][8];
    struct write writes[WRITES_MAX];
    uint32_t write_count;
    uint64_t actor;
    bool wiped; // a disk was lost since all were last equal
    uint64_t dot_log_bytes;
    struct arena arena;
    uint32_t fills;
    uint32_t resumed;
    uint32_t erased;
    uint32_t stale;
    uint64_t now_ms;
};

static uint64_t below(struct ring *ring, uint64_t bound)
{
    return rng_below(&ring->rng, bound);
}

static void node_open(struct ring *ring, struct node *node)
{
    struct store_settings settings = store_settings_default();
    struct store_found found;
    uint64_t position;

    settings.actor = ++ring->actor;
    settings.segment_bytes = SEGMENT;
    settings.dot_log_bytes = ring->dot_log_bytes;
    assert_int_equal(store_open(&settings, node->disk, node->tree, &node->store, &found), 0);
    assert_int_equal(store_set_shards(node->store, 1, &position), 0);
    assert_int_equal(store_flush(node->store), 0);
}

static void node_flush(struct node *node)
{
    assert_int_equal(store_flush(node->store), 0);
    clock_copy(&node->durable, store_clock(node->store, 0));
}

static void node_new(struct ring *ring, struct node *node)
{
    node->disk = disk_memory_new(SEGMENT, ring->actor);
    node->tree = tree_memory_new();
    node_open(ring, node);
    node_flush(node);
}

static void node_drop(struct node *node)
{
    store_abandon(node->store);
    node->disk->calls->close(node->disk);
    node->tree->calls->close(node->tree);
}

static void ring_open(struct ring *ring, uint64_t seed)
{
    uint64_t position;

    memset(ring, 0, sizeof *ring);
    rng_init(&ring->rng, seed);
    ring->dot_log_bytes = below(ring, 2) ? 1 << 20 : 30 * 80;
    for (uint32_t i = 0; i < KEYS; i++) {
        snprintf(ring->names[i], sizeof ring->names[i], "key%u", (unsigned)i % 100);
        key_make(7, 1, slice_of_text("b"), slice_of_text(ring->names[i]), &ring->keys[i]);
    }
    for (int i = 0; i < NODES; i++) {
        node_new(ring, &ring->nodes[i]);
        if (i < OWNERS)
            assert_int_equal(store_set_born(ring->nodes[i].store, 0, &position), 0);
        node_flush(&ring->nodes[i]);
    }
}

static void ring_close(struct ring *ring)
{
    for (int i = 0; i < NODES; i++) {
        node_drop(&ring->nodes[i]);
        clock_done(&ring->nodes[i].durable);
    }
    for (uint32_t i = 0; i < ring->write_count; i++)
        clock_done(&ring->writes[i].context);
    arena_done(&ring->arena);
}

static bool node_serves(const struct node *node)
{
    struct store_shard shard;

    store_shard(node->store, 0, &shard);
    return shard.born && !shard.filling;
}

static struct node *owner_serving(struct ring *ring, const struct node *but)
{
    uint64_t from = below(ring, OWNERS);

    for (uint64_t i = 0; i < OWNERS; i++) {
        struct node *node = &ring->nodes[(from + i) % OWNERS];

        if (node != but && node_serves(node))
            return node;
    }
    return NULL;
}

// ---------------------------------------------------------------- writing

static void step_write(struct ring *ring)
{
    struct node *at = &ring->nodes[below(ring, NODES)];
    struct node *second = &ring->nodes[below(ring, NODES)];
    struct write *write = &ring->writes[ring->write_count];
    struct version version = {.value = slice_of_text("value")};
    struct delta delta = {
        &version, below(ring, 4) > 0, clock_in(&ring->arena), clock_in(&ring->arena), {0}};
    struct store_view view;
    uint64_t position;

    if (ring->write_count == WRITES_MAX || at == second ||
        (at < &ring->nodes[OWNERS] && !node_serves(at)))
        return;
    *write =
        (struct write){store_mint(at->store, 0), (uint32_t)below(ring, KEYS), delta.count > 0, {0}};
    version.dot = write->dot;
    assert_int_equal(store_read(at->store, &ring->keys[write->key], &ring->arena, &view), 0);
    if (below(ring, 3)) {
        clock_copy(&delta.context, store_clock(at->store, 0));
        clock_join(&delta.context, &view.object.rest);
    }
    clock_add(&delta.context, write->dot);
    clock_add(&delta.dots, write->dot);
    if (store_apply(at->store, &ring->keys[write->key], &delta, &ring->arena, &position))
        return; // a guest without room for dots
    node_flush(at);
    clock_copy(&write->context, &delta.context);
    ring->write_count += 1;
    for (int i = 0; i < NODES; i++) {
        struct node *node = &ring->nodes[i];

        if (node != at && (node == second || below(ring, 3) == 0) &&
            store_apply(node->store, &ring->keys[write->key], &delta, &ring->arena, &position) == 0)
            node_flush(node);
        else if (node == second)
            ring->wiped = true; // on one disk only: that one must not be lost
    }
}

// ---------------------------------------------------------------- sync

static void effect_apply(struct ring *ring, struct node *to, const struct node *from,
                         const struct store_effect *effect)
{
    const struct store_item *item = &effect->item;
    struct delta delta = {
        item->object.versions, item->object.count, clock_in(&ring->arena), effect->dots, {0}};
    struct key key = key_of_tree(item->tree_key, 1);
    uint64_t position;

    key.bucket = item->bucket;
    key.key = item->key;
    clock_copy(&delta.context, store_clock(from->store, 0));
    clock_join(&delta.context, &item->object.rest);
    assert_int_equal(store_apply(to->store, &key, &delta, &ring->arena, &position), 0);
}

static void fill_begin(struct ring *ring, struct node *to)
{
    struct node *from = owner_serving(ring, to);
    uint64_t position;

    // A source whose own fill has ended, but not durably, may fall back behind it.
    if (from)
        node_flush(from);
    if (from)
        assert_int_equal(store_fill_begin(to->store, 0, store_clock(from->store, 0), &position), 0);
    ring->fills += from != NULL;
}

// False when it was broken off.
static bool sync_pull(struct ring *ring, struct node *to, struct node *from, bool whole)
{
    struct clock wanted = clock_in(&ring->arena);
    struct store_effects page;

    do {
        struct store_ask ask = {0, &wanted, NULL, (uint32_t)(1 + below(ring, 3)), 100};

        clock_copy(&wanted, store_clock(from->store, 0));
        clock_subtract(&wanted, store_clock(to->store, 0));
        assert_int_equal(store_missing(from->store, &ask, &ring->arena, &page), 0);
        if (page.below_floor) {
            assert_true(from < &ring->nodes[OWNERS]);
            ring->stale += 1;
            fill_begin(ring, to);
            return false;
        }
        for (uint32_t i = 0; i < page.count; i++) {
            if (!whole && below(ring, 8) == 0)
                return false;
            effect_apply(ring, to, from, &page.items[i]);
        }
    } while (page.more);
    return true;
}

static void step_sync(struct ring *ring)
{
    struct node *to = &ring->nodes[below(ring, OWNERS)];
    struct node *from = &ring->nodes[below(ring, NODES)];

    if (to == from || !node_serves(to) || (from < &ring->nodes[OWNERS] && !node_serves(from)))
        return;
    node_flush(from);
    sync_pull(ring, to, from, false);
    if (below(ring, 2))
        node_flush(to);
}

static void step_prune(struct ring *ring)
{
    struct node *node = &ring->nodes[below(ring, OWNERS)];
    struct clock known = clock_in(&ring->arena);

    clock_copy(&known, store_clock(node->store, 0));
    for (int i = 0; i < OWNERS; i++) {
        if (&ring->nodes[i] != node)
            clock_intersect(&known, &ring->nodes[i].durable);
    }
    store_prune(node->store, 0, &known, (uint32_t)below(ring, 50));
}

static void step_erase(struct ring *ring)
{
    struct node *guest = &ring->nodes[OWNERS + below(ring, NODES - OWNERS)];
    struct store_shard shard;
    uint64_t position;

    for (int i = 0; i < OWNERS; i++) {
        if (!clock_covers(&ring->nodes[i].durable, store_clock(guest->store, 0)))
            return;
    }
    ring->erased += store_clock(guest->store, 0)->count > 0;
    assert_int_equal(store_erase(guest->store, 0, &position), 0);
    node_flush(guest);
    store_shard(guest->store, 0, &shard);
    assert_int_equal(shard.keys + shard.bytes + shard.digest + shard.dots + shard.unknown, 0);
}

// ---------------------------------------------------------------- fill

static int page_take(struct ring *ring, struct node *to, struct node *from,
                     const struct store_effects *page)
{
    const struct clock *context = store_clock(from->store, 0);
    uint64_t position;
    int err = 0;

    for (uint32_t i = 0; i < page->count; i++) {
        struct store_filled filled = {0, context, &page->items[i].item, &page->items[i].dots};

        if (below(ring, 12) == 0)
            return ERR_AGAIN; // broken off
        while ((err = store_fill_item(to->store, &filled, &position)) == ERR_AGAIN)
            continue;
        assert_int_equal(err, 0);
    }
    do {
        err = page->more ? store_fill_pass(to->store, 0, page->reached, context, &position)
                         : store_fill_end(to->store, 0, context, &position);
    } while (err == ERR_AGAIN);
    assert_int_equal(err, 0);
    return 0;
}

static void fill_step(struct ring *ring, struct node *to)
{
    struct node *from = owner_serving(ring, to);
    struct store_ask ask = {0, NULL, NULL, (uint32_t)(1 + below(ring, 3)), 100};
    struct store_fill fill;
    struct store_effects page;
    struct clock start = clock_in(&ring->arena);
    uint8_t after[TREE_KEY_SIZE];

    if (!from)
        return;
    if (!store_fill(to->store, 0, &fill) ||
        !clock_covers(store_clock(from->store, 0), fill.start)) {
        fill_begin(ring, to);
        return;
    }
    clock_copy(&start, fill.start);
    if (fill.cursor) {
        memcpy(after, fill.cursor, TREE_KEY_SIZE);
        ask.after = after;
        ring->resumed += 1;
    }
    ask.clock = &start;
    node_flush(from);
    assert_int_equal(store_fill_page(from->store, &ask, &ring->arena, &page), 0);
    if (page.below_floor)
        fill_begin(ring, to);
    else
        page_take(ring, to, from, &page);
}

static void step_fill(struct ring *ring)
{
    for (int i = 0; i < OWNERS; i++) {
        if (!node_serves(&ring->nodes[i]))
            fill_step(ring, &ring->nodes[i]);
    }
}

// ---------------------------------------------------------------- faults

static void step_crash(struct ring *ring)
{
    struct node *node = &ring->nodes[below(ring, NODES)];

    disk_memory_crash(node->disk, below(ring, 2) ? DISK_CRASH_LOSE : DISK_CRASH_TEAR);
    tree_memory_crash(node->tree);
    store_abandon(node->store);
    node_open(ring, node);
    assert_true(clock_covers(store_clock(node->store, 0), &node->durable));
    node_flush(node);
}

static bool owners_serve(const struct ring *ring)
{
    bool all = true;

    for (int i = 0; i < OWNERS; i++)
        all &= node_serves(&ring->nodes[i]);
    return all;
}

static void step_wipe(struct ring *ring)
{
    struct node *node = &ring->nodes[below(ring, OWNERS)];
    struct node *other = owner_serving(ring, node);

    // Somebody must be left to fill from; somebody else may be filling from this one.
    if (ring->wiped || !other)
        return;
    node_flush(other);
    ring->wiped = true;
    node_drop(node);
    node_new(ring, node);
}

static void step_turn(struct ring *ring)
{
    struct node *node = &ring->nodes[below(ring, NODES)];

    if (below(ring, 4) == 0)
        store_checkpoint(node->store);
    store_turn_end(node->store, ring->now_ms += 10);
    assert_int_equal(store_poll(node->store), 0);
}

// ---------------------------------------------------------------- the end

static bool owners_equal(const struct ring *ring)
{
    const struct clock *clock = store_clock(ring->nodes[0].store, 0);

    for (int i = 1; i < NODES; i++) {
        const struct clock *other = store_clock(ring->nodes[i].store, 0);

        if (i < OWNERS ? !clock_equal(clock, other) : !clock_covers(clock, other))
            return false;
    }
    return owners_serve(ring);
}

static void node_heal(struct ring *ring, int to)
{
    for (int from = 0; from < NODES; from++) {
        if (to != from && node_serves(&ring->nodes[to]) &&
            (from >= OWNERS || node_serves(&ring->nodes[from])))
            sync_pull(ring, &ring->nodes[to], &ring->nodes[from], true);
    }
}

static void ring_heal(struct ring *ring)
{
    for (int round = 0; round < 200 && !owners_equal(ring); round++) {
        step_fill(ring);
        for (int to = 0; to < OWNERS; to++)
            node_heal(ring, to);
        arena_reset(&ring->arena);
    }
    assert_true(owners_equal(ring));
    for (int i = 0; i < NODES; i++)
        node_flush(&ring->nodes[i]);
    ring->wiped = false;
}

static bool is_covered(const struct ring *ring, const struct write *write)
{
    for (uint32_t i = 0; i < ring->write_count; i++) {
        const struct write *other = &ring->writes[i];

        if (other != write && other->key == write->key &&
            clock_contains(&other->context, write->dot))
            return true;
    }
    return false;
}

static void key_check(struct ring *ring, const struct node *node, uint32_t key)
{
    struct store_view view;
    uint32_t want = 0;

    assert_int_equal(store_read(node->store, &ring->keys[key], &ring->arena, &view), 0);
    for (uint32_t i = 0; i < ring->write_count; i++) {
        const struct write *write = &ring->writes[i];
        bool here = false;

        if (write->key != key)
            continue;
        for (uint32_t n = 0; n < view.object.count; n++)
            here |= dot_compare(view.object.versions[n].dot, write->dot) == 0;
        assert_int_equal(here, write->value && !is_covered(ring, write));
        want += here;
    }
    assert_int_equal(view.object.count, want);
    assert_int_equal(view.object.rest.count, 0);
}

static void ring_check(struct ring *ring)
{
    struct store_shard first;

    store_shard(ring->nodes[0].store, 0, &first);
    for (int i = 0; i < OWNERS; i++) {
        struct store_shard shard;

        for (uint32_t key = 0; key < KEYS; key++)
            key_check(ring, &ring->nodes[i], key);
        store_prune(ring->nodes[i].store, 0, store_clock(ring->nodes[0].store, 0), UINT32_MAX);
        store_shard(ring->nodes[i].store, 0, &shard);
        assert_int_equal(shard.digest, first.digest);
        assert_int_equal(shard.dots, 0);
    }
    for (uint32_t i = 0; i < ring->write_count; i++)
        assert_true(clock_contains(store_clock(ring->nodes[0].store, 0), ring->writes[i].dot));
    arena_reset(&ring->arena);
}

static void ring_run(uint64_t seed, uint32_t steps, struct ring *ring)
{
    ring_open(ring, seed);
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t dice = below(ring, 100);

        if (dice < 35)
            step_write(ring);
        else if (dice < 45)
            step_sync(ring);
        else if (dice < 65)
            step_fill(ring);
        else if (dice < 70)
            step_prune(ring);
        else if (dice < 74)
            step_erase(ring);
        else if (dice < 79)
            step_crash(ring);
        else if (dice < 82)
            step_wipe(ring);
        else if (dice < 98)
            step_turn(ring);
        else if (dice < 99)
            fill_begin(ring, &ring->nodes[below(ring, OWNERS)]);
        else
            ring_heal(ring);
        arena_reset(&ring->arena);
    }
    ring_heal(ring);
    ring_check(ring);
    ring_close(ring);
}

static void test_owners_agree_on_what_no_write_covered(void **state)
{
    const char *only = getenv("SYNC_SEED");
    const char *many = getenv("SYNC_SEEDS");
    uint64_t count = many ? strtoull(many, NULL, 10) : 150;
    static struct ring ring;
    uint32_t fills = 0;
    uint32_t resumed = 0;
    uint32_t erased = 0;
    uint32_t stale = 0;

    (void)state;
    for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; seed <= count || only; seed++) {
        if (many)
            fprintf(stderr, "seed %lu\n", (unsigned long)seed);
        ring_run(seed, 600, &ring);
        fills += ring.fills;
        resumed += ring.resumed;
        erased += ring.erased;
        stale += ring.stale;
        if (only)
            return;
    }
    assert_true(fills > count && resumed > count && erased > count / 2 && stale > count / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owners_agree_on_what_no_write_covered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
