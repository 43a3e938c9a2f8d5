// SPDX-License-Identifier: Apache-2.0
// Fills, erased replicas, nameless records and what others are sent, case by case. Histories and
// several stores at once are in store_history_test and store_sync_test.
#include "base/err.h"
#include "tests/lib/store_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEGMENT = 64 << 10, MANY = 200 };

static struct clock dots_run(struct kit *kit, uint64_t actor, uint64_t first, uint64_t last)
{
    struct clock clock = clock_in(&kit->arena);

    clock_add_run(&clock, (struct run){actor, first, last});
    return clock;
}

static struct key bare_key(const char *name)
{
    struct key key = kit_key(name);
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(&key, tree_key);
    return key_of_tree(tree_key, KIT_SHARDS);
}

// A delete that somebody else did: context 1..last of an actor, standing for the last.
static int bare_delete(struct kit *kit, const char *name, uint64_t actor, uint64_t last)
{
    struct key key = bare_key(name);
    struct delta delta = {.context = dots_run(kit, actor, 1, last),
                          .dots = dots_run(kit, actor, last, last)};
    uint64_t position;

    return store_apply(kit->store, &key, &delta, &kit->arena, &position);
}

static int named_put(struct kit *kit, const char *name, struct dot dot)
{
    struct key key = kit_key(name);
    struct version version = {.dot = dot, .value = slice_of_text("value")};
    struct delta delta = {&version,
                          1,
                          dots_run(kit, dot.actor, dot.counter, dot.counter),
                          dots_run(kit, dot.actor, dot.counter, dot.counter),
                          {0}};
    uint64_t position;

    return store_apply(kit->store, &key, &delta, &kit->arena, &position);
}

// All names are of one shard.
static void names_make(char names[MANY][8], uint32_t shard)
{
    for (uint32_t i = 0, n = 0; i < MANY; n++) {
        snprintf(names[i], 8, "k%u", (unsigned)n % 100000);
        i += kit_key(names[i]).shard == shard;
    }
}

static void shard_is(const struct kit *kit, uint32_t shard, uint64_t keys, bool born, bool filling)
{
    struct store_shard is;

    store_shard(kit->store, shard, &is);
    assert_int_equal(is.keys, keys);
    assert_int_equal(is.born, born);
    assert_int_equal(is.filling, filling);
}

// ---------------------------------------------------------------- names

// A record without a name takes the first that comes, over a checkpoint and a restart too; a delta
// without a name leaves the one that is there.
static void test_names_come_and_stay(void **state)
{
    struct store_view view;
    uint64_t position;
    struct key key = bare_key("k");
    struct kit kit;

    (void)state;
    for (int how = 0; how < 3; how++) {
        struct store_page page;
        struct store_scan scan = {key.shard, NULL, 10, 1000};

        kit_init(&kit, SEGMENT);
        assert_int_equal(bare_delete(&kit, "k", 50, 5), 0);
        assert_int_equal(store_scan(kit.store, &scan, &kit.arena, &page), 0);
        assert_int_equal(page.count, 1);
        assert_int_equal(page.items[0].key.size, 0);
        if (how == 1)
            assert_int_equal(kit_checkpoint(&kit), 0);
        if (how == 2) {
            assert_int_equal(store_close(kit.store), 0);
            assert_int_equal(kit_open(&kit), 0);
        }
        // What the rest has seen does not come back; what it has not is kept.
        assert_int_equal(named_put(&kit, "k", (struct dot){50, 3}), 0);
        assert_string_equal(kit_get(&kit, "k"), "");
        assert_int_equal(named_put(&kit, "k", (struct dot){50, 6}), 0);
        assert_string_equal(kit_get(&kit, "k"), "value");
        assert_int_equal(bare_delete(&kit, "k", 60, 2), 0);
        assert_string_equal(kit_get(&kit, "k"), "value");
        assert_int_equal(store_scan(kit.store, &scan, &kit.arena, &page), 0);
        assert_true(slice_is(page.items[0].key, "k"));
        // Without a name nothing can have a version.
        assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), 0);
        assert_int_equal(view.object.count, 1);
        assert_int_equal(store_apply(kit.store, &key,
                                     &(struct delta){view.object.versions,
                                                     1,
                                                     dots_run(&kit, 50, 1, 9),
                                                     dots_run(&kit, 50, 9, 9),
                                                     {0}},
                                     &kit.arena, &position),
                         ERR_INVALID);
        kit_done(&kit);
    }
}

// ---------------------------------------------------------------- fills

// Much that lies between is passed in steps, each durable; the end passes what is behind.
static void test_long_stretches_are_passed_in_steps(void **state)
{
    static char names[MANY][8];
    uint32_t shard = kit_key("k").shard;
    uint8_t last[TREE_KEY_SIZE];
    struct clock context;
    uint64_t position;
    struct kit kit;
    int again = 0;

    (void)state;
    kit_init(&kit, SEGMENT);
    names_make(names, shard);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(named_put(&kit, names[i], (struct dot){70, (uint64_t)i + 1}), 0);
        kit_turn(&kit);
    }
    context = dots_run(&kit, 70, 1, MANY / 2);
    assert_int_equal(store_fill_end(kit.store, shard, &context, &position), ERR_PRECONDITION);
    assert_int_equal(store_fill_begin(kit.store, shard, &context, &position), 0);
    shard_is(&kit, shard, MANY, false, true);
    while (store_fill_end(kit.store, shard, &context, &position) == ERR_AGAIN) {
        struct store_fill before;
        struct store_fill after;
        uint8_t cursor[TREE_KEY_SIZE];

        again += 1;
        assert_true(store_fill(kit.store, shard, &before));
        memcpy(cursor, before.cursor, TREE_KEY_SIZE);
        assert_int_equal(store_flush(kit.store), 0);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        assert_true(store_fill(kit.store, shard, &after));
        assert_memory_equal(cursor, after.cursor, TREE_KEY_SIZE);
        context = dots_run(&kit, 70, 1, MANY / 2);
    }
    assert_int_equal(again, (MANY - 1) / STORE_FILL_STEP);
    shard_is(&kit, shard, MANY / 2, true, false);
    key_shard_last(shard, KIT_SHARDS, last);
    assert_int_equal(store_fill_pass(kit.store, shard, last, &context, &position),
                     ERR_PRECONDITION);
    kit_done(&kit);
}

// What a source may not send.
static void test_fills_refuse_what_does_not_fit(void **state)
{
    struct key key = kit_key("k");
    struct store_item item = {.bucket = key.bucket, .key = key.key};
    struct version version = {.dot = {9, 1}, .value = slice_of_text("v")};
    struct clock start;
    struct clock older;
    struct clock none = {0};
    uint64_t position;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    start = dots_run(&kit, 9, 1, 5);
    older = dots_run(&kit, 9, 1, 4);
    key_tree(&key, item.tree_key);
    item.object = (struct object){&version, 1, clock_in(&kit.arena)};
    assert_int_equal(store_fill_item(kit.store,
                                     &(struct store_filled){key.shard, &start, &item, &none},
                                     &position),
                     ERR_PRECONDITION);
    assert_int_equal(store_fill_begin(kit.store, key.shard, &start, &position), 0);
    assert_int_equal(store_fill_item(kit.store,
                                     &(struct store_filled){key.shard, &older, &item, &none},
                                     &position),
                     ERR_INVALID);
    assert_int_equal(
        store_fill_item(kit.store,
                        &(struct store_filled){(key.shard + 1) % KIT_SHARDS, &start, &item, &none},
                        &position),
        ERR_PRECONDITION);
    item.key.size = item.bucket.size = 0;
    assert_int_equal(store_fill_item(kit.store,
                                     &(struct store_filled){key.shard, &start, &item, &none},
                                     &position),
                     ERR_INVALID);
    item.bucket = key.bucket;
    item.key = key.key;
    assert_int_equal(store_fill_item(kit.store,
                                     &(struct store_filled){key.shard, &start, &item, &none},
                                     &position),
                     0);
    assert_string_equal(kit_get(&kit, "k"), "v");
    // Nothing is passed twice.
    assert_int_equal(store_fill_item(kit.store,
                                     &(struct store_filled){key.shard, &start, &item, &none},
                                     &position),
                     ERR_PRECONDITION);
    // A version that the start clock has enters with it, not before.
    assert_int_equal(store_clock(kit.store, key.shard)->count, 0);
    assert_int_equal(store_fill_end(kit.store, key.shard, &start, &position), 0);
    assert_true(clock_equal(store_clock(kit.store, key.shard), &start));
    kit_done(&kit);
}

// As many clocks of fills as there may be, none of which says what another does.
static void test_fills_are_bounded(void **state)
{
    uint8_t upto[TREE_KEY_SIZE];
    struct store_shard shard;
    uint64_t position;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    key_shard_first(1, KIT_SHARDS, upto);
    for (uint32_t i = 0; i < STORE_FILLS_MAX; i++) {
        struct clock start = dots_run(&kit, 100 + i, 1, 5);

        assert_int_equal(store_fill_begin(kit.store, 1, &start, &position), 0);
        upto[1] = (uint8_t)(STORE_FILLS_MAX - i);
        assert_int_equal(store_fill_pass(kit.store, 1, upto, &start, &position), 0);
    }
    for (int round = 0; round < 2; round++) {
        struct clock start = dots_run(&kit, 99, 1, 5);

        store_shard(kit.store, 1, &shard);
        assert_int_equal(shard.fills, STORE_FILLS_MAX);
        assert_true(shard.filling);
        assert_int_equal(store_fill_begin(kit.store, 1, &start, &position), ERR_OVERLOADED);
        assert_int_equal(store_close(kit.store), 0);
        assert_int_equal(kit_open(&kit), 0);
    }
    kit_done(&kit);
}

// A fill over a damaged record, as an item and in between: the clock learns the dots, the key stays
// unknown until it is rebuilt, and what it is rebuilt to has seen the start clock.
static void test_damaged_keys_are_passed_and_stay_unknown(void **state)
{
    struct key key = kit_key("k");
    struct store_item item = {.bucket = key.bucket, .key = key.key};
    struct version version = {.dot = {9, 7}, .value = slice_of_text("v")};
    struct object object = {&version, 1, {0}};
    struct clock context;
    struct clock start;
    struct clock none = {0};
    struct store_view view;
    uint64_t position;
    struct kit kit;

    (void)state;
    for (int how = 0; how < 4; how++) {
        kit_init(&kit, SEGMENT);
        key_tree(&key, item.tree_key);
        assert_int_equal(kit_put(&kit, "k", slice_of_text("old")), 0);
        assert_int_equal(kit_checkpoint(&kit), 0);
        assert_true(
            tree_memory_flip(kit.tree, TREE_OBJECTS, slice_of(item.tree_key, TREE_KEY_SIZE), 12));
        start = dots_run(&kit, 9, 1, 5);
        context = dots_run(&kit, 9, 1, 7);
        item.object = (struct object){&version, 1, clock_in(&kit.arena)};
        assert_int_equal(store_fill_begin(kit.store, key.shard, &start, &position), 0);
        if (how & 1)
            assert_int_equal(
                store_fill_item(kit.store,
                                &(struct store_filled){key.shard, &context, &item, &none},
                                &position),
                0);
        else
            assert_int_equal(
                store_fill_pass(kit.store, key.shard, item.tree_key, &context, &position), 0);
        if (how & 2) {
            assert_int_equal(store_flush(kit.store), 0);
            kit_crash(&kit, DISK_CRASH_LOSE);
            assert_int_equal(kit_open(&kit), 0);
        }
        assert_int_equal(store_read(kit.store, &key, &kit.arena, &view), ERR_DAMAGED);
        assert_int_equal(clock_contains(store_clock(kit.store, key.shard), version.dot), how & 1);
        object.rest = dots_run(&kit, 9, 1, 7);
        assert_int_equal(store_rebuild(kit.store, &key, &object, &position), 0);
        assert_string_equal(kit_get(&kit, "k"), "v");
        shard_is(&kit, key.shard, 1, false, true);
        // As stored only what neither clock nor start clock say: 6, and 7 unless it came.
        assert_int_equal(kit.store->replicas[key.shard].rests, 1);
        kit_done(&kit);
    }
}

// ---------------------------------------------------------------- erasing

// An erased replica is gone at once and everywhere, a fresh one beside its ruins is not touched,
// and damage goes with it.
static void test_erased_replicas_leave_nothing(void **state)
{
    static char names[MANY][8];
    uint32_t shard = kit_key("k").shard;
    uint64_t position;
    struct kit kit;

    (void)state;
    for (int how = 0; how < 4; how++) {
        struct slice record[2];
        uint8_t tree_key[TREE_KEY_SIZE];
        struct key key;

        kit_init(&kit, SEGMENT);
        names_make(names, shard);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(kit_put(&kit, names[i], slice_of_text("old")), 0);
            kit_turn(&kit);
        }
        assert_int_equal(bare_delete(&kit, names[1], 50, 5), 0);
        if (how & 1)
            assert_int_equal(kit_checkpoint(&kit), 0);
        key = kit_key(names[0]);
        key_tree(&key, tree_key);
        if (how & 1)
            assert_true(
                tree_memory_flip(kit.tree, TREE_OBJECTS, slice_of(tree_key, TREE_KEY_SIZE), 12));
        if (how & 1)
            assert_null(kit_get(&kit, names[0]));
        if (how & 2) {
            // One is under way, with records that are void when it ends.
            tree_memory_eager(kit.tree, false);
            store_checkpoint(kit.store);
            assert_int_equal(kit_put(&kit, names[3], slice_of_text("frozen")), 0);
            kit_turn(&kit);
            kit_turn(&kit);
            assert_non_null(kit.store->frozen);
        }
        assert_int_equal(store_erase(kit.store, shard, &position), 0);
        shard_is(&kit, shard, 0, false, false);
        assert_int_equal(store_clock(kit.store, shard)->count, 0);
        assert_string_equal(kit_get(&kit, names[0]), "");
        assert_string_equal(kit_get(&kit, names[3]), "");
        tree_memory_eager(kit.tree, true);
        assert_int_equal(kit_put(&kit, names[2], slice_of_text("new")), 0);
        assert_int_equal(store_clock(kit.store, shard)->runs[0].first,
                         store_mint(kit.store, shard).counter - 1);
        assert_int_equal(kit_checkpoint(&kit), 0);
        shard_is(&kit, shard, 1, false, false);
        assert_string_equal(kit_get(&kit, names[2]), "new");
        assert_int_equal(kit_put(&kit, names[2], slice_of_text("newer")), 0);
        kit_turn(&kit);
        assert_int_equal(kit_checkpoint(&kit), 0);
        assert_int_equal(kit.tree->calls->next(kit.tree, TREE_OBJECTS, (struct slice){0}, record),
                         0);
        assert_int_equal(kit.tree->calls->next(kit.tree, TREE_OBJECTS, record[0], record),
                         ERR_NOT_FOUND);
        assert_int_equal(kit.tree->calls->next(kit.tree, TREE_RESTS, (struct slice){0}, record),
                         ERR_NOT_FOUND);
        kit_done(&kit);
    }
}

// The checkpoint that purges fails at every commit once, or the node dies behind it.
static void test_purging_may_be_broken_off_anywhere(void **state)
{
    static char names[MANY][8];
    uint32_t shard = kit_key("k").shard;
    uint64_t position;
    struct kit kit;

    (void)state;
    for (uint32_t at = 1; at <= 4; at++) {
        kit_init(&kit, SEGMENT);
        names_make(names, shard);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(kit_put(&kit, names[i], slice_of_text("old")), 0);
            kit_turn(&kit);
        }
        assert_int_equal(bare_delete(&kit, names[1], 50, 5), 0);
        assert_int_equal(kit_checkpoint(&kit), 0);
        assert_int_equal(kit_put(&kit, names[3], slice_of_text("newer")), 0);
        assert_int_equal(store_erase(kit.store, shard, &position), 0);
        assert_int_equal(kit_put(&kit, names[2], slice_of_text("new")), 0);
        tree_memory_fail(kit.tree, at, ERR_IO, true);
        store_checkpoint(kit.store);
        for (int i = 0; i < 5; i++)
            kit_turn(&kit);
        tree_memory_fail(kit.tree, 0, 0, false);
        assert_int_equal(kit.err, at <= 3 ? ERR_IO : 0);
        kit_crash(&kit, DISK_CRASH_LOSE);
        assert_int_equal(kit_open(&kit), 0);
        shard_is(&kit, shard, 1, false, false);
        assert_string_equal(kit_get(&kit, names[2]), "new");
        assert_string_equal(kit_get(&kit, names[3]), "");
        assert_int_equal(kit_put(&kit, names[2], slice_of_text("newer")), 0);
        assert_int_equal(kit_checkpoint(&kit), 0);
        shard_is(&kit, shard, 1, false, false);
        kit_done(&kit);
    }
}

// ---------------------------------------------------------------- rests

// A rest that the clock caught up with while its record was on its way into the tree is stripped
// nevertheless, without any further change.
static void test_rests_go_though_a_checkpoint_was_under_way(void **state)
{
    uint32_t shard = kit_key("k").shard;
    char other[] = "a";
    struct store_shard is;
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    // Another shard's rest, for good, so that the list in the tree is gone through.
    while (kit_key(other).shard == shard)
        other[0] += 1;
    assert_int_equal(bare_delete(&kit, other, 60, 5), 0);
    assert_int_equal(kit_checkpoint(&kit), 0);
    tree_memory_eager(kit.tree, false);
    assert_int_equal(bare_delete(&kit, "k", 50, 5), 0);
    store_checkpoint(kit.store);
    kit_turn(&kit);
    kit_turn(&kit);
    assert_non_null(kit.store->frozen);
    for (uint64_t n = 1; n < 5; n++) {
        struct key key = bare_key("k");
        struct delta delta = {.context = dots_run(&kit, 50, 1, n),
                              .dots = dots_run(&kit, 50, 1, n)};
        uint64_t position;

        // On another key, so that the record itself is not written again.
        key.high ^= 1;
        assert_int_equal(store_apply(kit.store, &key, &delta, &kit.arena, &position), 0);
    }
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    store_shard(kit.store, shard, &is);
    assert_true(is.rests);
    tree_memory_complete(kit.tree);
    for (int i = 0; i < 5; i++)
        kit_turn(&kit);
    store_shard(kit.store, shard, &is);
    assert_false(is.rests);
    kit_done(&kit);
}

// Rests go in their own time: while a checkpoint is slow they do not take the room that clients'
// puts need.
static void test_rests_that_go_leave_room_for_puts(void **state)
{
    enum { RESTS = 60, KEYS_MAX = 20 };
    uint32_t shard = kit_key("k").shard;
    struct store_shard is;
    char name[16];
    struct kit kit;

    (void)state;
    kit_init(&kit, SEGMENT);
    for (uint64_t i = 0; i < RESTS; i++) {
        struct key key = bare_key("k");
        struct delta delta = {.context = dots_run(&kit, 50, 1, 1),
                              .dots = dots_run(&kit, 60, 1 + i, 1 + i)};
        uint64_t position;

        key.high ^= 1 + i;
        assert_int_equal(store_apply(kit.store, &key, &delta, &kit.arena, &position), 0);
    }
    assert_int_equal(kit_checkpoint(&kit), 0);
    store_shard(kit.store, shard, &is);
    assert_true(is.rests);
    kit.store->settings.memtable_keys = KEYS_MAX;
    tree_memory_eager(kit.tree, false);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("v")), 0);
    store_checkpoint(kit.store);
    kit_turn(&kit);
    assert_non_null(kit.store->frozen);
    assert_int_equal(bare_delete(&kit, "k", 50, 1), 0); // what all the rests wait for
    for (int i = 0; i < KEYS_MAX; i++)
        kit_turn(&kit);
    for (int i = 0; i < KEYS_MAX / 2 - 2; i++) {
        snprintf(name, sizeof name, "put%d", i);
        assert_int_equal(kit_put(&kit, name, slice_of_text("v")), 0);
        kit_turn(&kit);
    }
    for (int i = 0; i < 2 * RESTS; i++) {
        tree_memory_complete(kit.tree);
        kit_turn(&kit);
    }
    store_shard(kit.store, shard, &is);
    assert_false(is.rests);
    kit_done(&kit);
}

// ---------------------------------------------------------------- dots

// Guests' dots stay and fill the budget, then guests are refused and others are not.
static void test_guests_are_refused_when_the_dot_log_is_full(void **state)
{
    uint32_t shard = kit_key("k").shard;
    struct store_totals totals;
    uint64_t position;
    struct kit kit;
    int put = 0;

    (void)state;
    kit_init(&kit, SEGMENT);
    assert_int_equal(store_set_born(kit.store, (shard + 1) % KIT_SHARDS, &position), 0);
    assert_int_equal(store_close(kit.store), 0);
    kit.settings.dot_log_bytes = 20 * (sizeof(struct dot_entry) + 8);
    assert_int_equal(kit_open(&kit), 0);
    while (kit_put(&kit, "k", slice_of_text("v")) == 0)
        put += 1;
    assert_int_equal(put, 20);
    assert_int_equal(store_dots_room(kit.store), 0);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("v")), ERR_OVERLOADED);
    for (int i = 0; i < 100; i++) {
        char name[16];

        snprintf(name, sizeof name, "b%d", i);
        if (kit_key(name).shard == (shard + 1) % KIT_SHARDS)
            assert_int_equal(kit_put(&kit, name, slice_of_text("v")), 0);
        kit_turn(&kit);
    }
    store_totals(kit.store, &totals);
    assert_int_equal(totals.dots, 20);
    assert_int_equal(totals.dots_max, 20);
    assert_true(kit.store->replicas[shard].floor.count == 0);
    // Born, it gives way like the others.
    assert_int_equal(store_set_born(kit.store, shard, &position), 0);
    assert_int_equal(kit_put(&kit, "k", slice_of_text("v")), 0);
    assert_int_equal(store_dots_room(kit.store), 20);
    kit_done(&kit);
}

// A key with more dots than a message carries needs a fill.
static void test_too_many_dots_of_a_key_need_a_fill(void **state)
{
    struct key hot = kit_key("k");
    struct store_effects effects;
    uint64_t position;
    struct kit kit;
    uint64_t counter = 0;

    (void)state;
    kit_init(&kit, 1 << 20);
    for (uint32_t runs = STORE_ITEM_RUNS_MAX; runs <= STORE_ITEM_RUNS_MAX + 1; runs++) {
        struct store_ask ask = {hot.shard, store_clock(kit.store, hot.shard), NULL, 10, 1 << 20};
        struct delta delta = {.context = clock_in(&kit.arena), .dots = clock_in(&kit.arena)};

        while (clock_size(&delta.dots) + (runs > STORE_ITEM_RUNS_MAX ? runs - 1 : 0) < runs) {
            counter += 2;
            clock_add(&delta.dots, (struct dot){50, counter});
        }
        clock_copy(&delta.context, &delta.dots);
        assert_int_equal(store_apply(kit.store, &hot, &delta, &kit.arena, &position), 0);
        assert_int_equal(store_missing(kit.store, &ask, &kit.arena, &effects), 0);
        assert_int_equal(effects.below_floor, runs > STORE_ITEM_RUNS_MAX);
        assert_int_equal(effects.count, runs <= STORE_ITEM_RUNS_MAX);
    }
    kit_done(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_come_and_stay),
        cmocka_unit_test(test_long_stretches_are_passed_in_steps),
        cmocka_unit_test(test_fills_refuse_what_does_not_fit),
        cmocka_unit_test(test_fills_are_bounded),
        cmocka_unit_test(test_damaged_keys_are_passed_and_stay_unknown),
        cmocka_unit_test(test_erased_replicas_leave_nothing),
        cmocka_unit_test(test_purging_may_be_broken_off_anywhere),
        cmocka_unit_test(test_rests_go_though_a_checkpoint_was_under_way),
        cmocka_unit_test(test_rests_that_go_leave_room_for_puts),
        cmocka_unit_test(test_guests_are_refused_when_the_dot_log_is_full),
        cmocka_unit_test(test_too_many_dots_of_a_key_need_a_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
