// SPDX-License-Identifier: Apache-2.0
// Owners that lack more than the others' dot logs can tell, or everything, are filled; and copies
// that differ under one clock are found out and made equal.
#include "base/err.h"
#include "node/store/engine.h"
#include "node/store/tree_memory.h"
#include "tests/lib/level.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, SHARDS = 4, KEYS = 400 };

static struct world *world_with(struct world_settings settings)
{
    struct world *world;

    settings.nodes = 3;
    settings.delay_us_max = settings.delay_us_max ? settings.delay_us_max : 2000;
    settings.calm_us = 5 * (uint64_t)SECOND;
    settings.dot_log_bytes = settings.dot_log_bytes ? settings.dot_log_bytes : 1 << 20;
    world = world_new(&settings);
    assert_int_equal(world_init(world, SHARDS, 3), 0);
    level_wait(world, 3 * (uint64_t)SECOND);
    return world;
}

static const char *key_of(uint32_t number, char out[16])
{
    snprintf(out, 16, "key%04u", number);
    return out;
}

static void put_many_of(struct world *world, uint32_t from, uint32_t to, size_t size)
{
    static char value[16384];
    char key[16];

    memset(value, 'v', size);
    value[size] = 0;
    for (uint32_t i = from; i < to; i++)
        query_put_ok(world, i % 2, key_of(i, key), value);
}

static void put_many(struct world *world, uint32_t from, uint32_t to)
{
    put_many_of(world, from, to, 1023);
}

static struct status status_of(struct world *world, uint32_t node)
{
    struct request request;

    request_init(&request, METHOD_STATUS);
    return query(world, node, &request).reply->status;
}

static void replace(struct world *world, uint32_t node)
{
    if (world_node(world, node)->node)
        world_crash(world, node);
    world_empty_disk(world, node);
    world_restart(world, node);
}

static void an_emptied_disk_is_filled(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 1});
    struct request get = query_get("key0007");
    uint64_t bytes;

    (void)state;
    put_many(world, 0, KEYS);
    level_wait(world, 3 * (uint64_t)SECOND);
    replace(world, 2);
    printf("filled and level after %llu ms\n",
           (unsigned long long)level_wait(world, 20 * (uint64_t)SECOND) / 1000);
    bytes = world_sent_bytes(world, MESSAGE_FILLED) + world_sent_bytes(world, MESSAGE_SYNCED);
    printf("%llu bytes for %d records of 1031\n", (unsigned long long)bytes, KEYS);
    assert_true(bytes < (uint64_t)KEYS * 1031 * 13 / 10);
    assert_int_equal(status_of(world, 2).keys, KEYS);
    assert_int_equal(status_of(world, 2).shards_born, SHARDS);
    get.r = 1;
    world_cut(world, 0, 2, true);
    world_cut(world, 1, 2, true);
    assert_true(query(world, 2, &get).reply->found); // by itself
    world_free(world);
}

static void writes_go_on_while_it_fills(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world *world =
            world_with((struct world_settings){.seed = 20 + seed, .delay_us_max = 20000});
        struct request request;
        char key[16];

        put_many(world, 0, KEYS);
        replace(world, 2);
        for (uint32_t i = 0; i < 150; i++) {
            uint32_t number = (i * 37 + (uint32_t)seed) % KEYS;

            request = i % 3 ? query_put(key_of(number, key), "new") : query_delete(key);
            if (i % 3 == 0)
                request = query_delete(key_of(number, key));
            assert_int_equal(query(world, i % 3, &request).err, 0);
        }
        level_wait(world, 30 * (uint64_t)SECOND);
        world_free(world);
    }
}

// The source dies, or the one that fills, at many moments; the other source goes on.
static void a_fill_outlives_either_end(void **state)
{
    (void)state;
    for (uint32_t moment = 0; moment < 24; moment++) {
        struct world *world = world_with(
            (struct world_settings){.seed = 40 + moment, .delay_us_max = 20000, .slow_disk = true});
        uint32_t victim = moment % 3;

        put_many(world, 0, KEYS);
        replace(world, 2);
        world_run(world, 1000000 + moment * 40000);
        world_crash(world, victim);
        world_run(world, 2 * (uint64_t)SECOND);
        world_restart(world, victim);
        level_wait(world, 60 * (uint64_t)SECOND);
        assert_int_equal(status_of(world, 2).keys, KEYS);
        world_free(world);
    }
}

static void a_fill_goes_on_after_a_restart(void **state)
{
    enum { SIZE = 16000, COUNT = 200 };
    struct world *world = world_with((struct world_settings){.seed = 70, .delay_us_max = 20000});
    uint64_t half;
    uint64_t whole;

    (void)state;
    put_many_of(world, 0, COUNT, SIZE);
    level_wait(world, 3 * (uint64_t)SECOND);
    replace(world, 2);
    while (world_sent(world, MESSAGE_FILLED) < 8)
        world_run(world, 1000);
    half = world_sent_bytes(world, MESSAGE_FILLED);
    world_crash(world, 2);
    world_restart(world, 2);
    level_wait(world, 30 * (uint64_t)SECOND);
    whole = world_sent_bytes(world, MESSAGE_FILLED);
    printf("%llu bytes before the restart, %llu in all\n", (unsigned long long)half,
           (unsigned long long)whole);
    assert_true(half > (uint64_t)COUNT * SIZE / 3 && half < (uint64_t)COUNT * SIZE * 3 / 4);
    assert_true(whole < (uint64_t)COUNT * SIZE * 3 / 2); // what was passed is not sent again
    world_free(world);
}

static void who_fills_answers_for_nothing(void **state)
{
    enum { SIZE = 16000, COUNT = 200 };
    struct world *world = world_with((struct world_settings){.seed = 75, .delay_us_max = 20000});
    struct request get;
    char key[16];

    (void)state;
    put_many_of(world, 0, COUNT, SIZE);
    level_wait(world, 3 * (uint64_t)SECOND);
    replace(world, 2);
    while (world_sent(world, MESSAGE_FILLED) < 8)
        world_run(world, 1000);
    world_set_mute(world, MESSAGE_FILL, true);
    world_run(world, (uint64_t)SECOND);
    assert_true(status_of(world, 2).shards_filling > 0);
    assert_true(status_of(world, 2).shards_born < SHARDS);
    for (uint32_t i = 0; i < COUNT; i += 5) {
        get = query_get(key_of(i, key));
        get.r = 1;
        assert_true(query(world, 2, &get).reply->found); // by others, who have it all
    }
    world_crash(world, 2);
    world_restart(world, 2);
    world_run(world, (uint64_t)SECOND);
    assert_true(status_of(world, 2).shards_filling > 0);
    world_set_mute(world, MESSAGE_FILL, false);
    level_wait(world, 30 * (uint64_t)SECOND);
    world_free(world);
}

// The source of half a fill goes away with writes that nobody else has; another source is older, so
// a new fill begins. What had been passed must go on counting: else what those writes superseded
// comes back, and never goes again.
static void an_older_source_brings_nothing_back(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 77, .page_items = 1});
    struct request put;
    struct request get;
    uint64_t pages;
    char key[16];

    (void)state;
    put_many(world, 0, 60);
    level_wait(world, 3 * (uint64_t)SECOND);
    world_cut(world, 0, 1, true);
    world_cut(world, 1, 2, true);
    world_crash(world, 2);
    for (uint32_t i = 0; i < 60; i++) {
        put = query_put(key_of(i, key), "by n1 alone");
        put.blind = BLIND_OVERWRITE;
        put.w = 1;
        assert_int_equal(query(world, 0, &put).err, 0);
    }
    world_empty_disk(world, 2);
    world_restart(world, 2);
    world_cut(world, 0, 1, true);
    world_cut(world, 1, 2, true);
    while (world_sent(world, MESSAGE_FILLED) < 40)
        world_run(world, 1000);
    assert_true(status_of(world, 2).shards_filling > 0);
    world_crash(world, 2); // the fill's clock is on disk
    world_restart(world, 2);
    world_heal(world);
    world_cut(world, 0, 1, true);
    world_cut(world, 0, 2, true);
    pages = world_sent(world, MESSAGE_FILLED);
    world_run(world, 20 * (uint64_t)SECOND);
    assert_true(world_sent(world, MESSAGE_FILLED) >= pages + 60); // all of it, from n2
    assert_int_equal(status_of(world, 2).shards_born, SHARDS);
    world_heal(world);
    level_wait(world, 30 * (uint64_t)SECOND);
    for (uint32_t i = 0; i < 60; i++) {
        get = query_get(key_of(i, key));
        assert_int_equal(query(world, 2, &get).reply->version_count, 1);
    }
    world_free(world);
}

static void two_are_replaced_one_after_the_other(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 80});

    (void)state;
    put_many(world, 0, KEYS);
    level_wait(world, 3 * (uint64_t)SECOND);
    replace(world, 2);
    level_wait(world, 20 * (uint64_t)SECOND);
    replace(world, 1);
    level_wait(world, 20 * (uint64_t)SECOND);
    replace(world, 0);
    level_wait(world, 20 * (uint64_t)SECOND);
    assert_int_equal(status_of(world, 0).keys, KEYS);
    world_free(world);
}

static void cut_all(struct world *world)
{
    world_cut(world, 0, 1, true);
    world_cut(world, 0, 2, true);
    world_cut(world, 1, 2, true);
}

static void who_was_away_too_long_is_filled(void **state)
{
    struct world *world =
        world_with((struct world_settings){.seed = 90, .dot_log_bytes = (uint64_t)64 << 10});
    struct request request;
    char key[16];

    (void)state;
    put_many(world, 0, 100);
    level_wait(world, 3 * (uint64_t)SECOND);
    world_cut(world, 0, 2, true);
    world_cut(world, 1, 2, true);
    for (uint32_t round = 0; round < 20; round++)
        put_many(world, 50, 150);
    request = query_delete(key_of(1, key));
    assert_int_equal(query(world, 0, &request).err, 0);
    world_heal(world);
    level_wait(world, 30 * (uint64_t)SECOND);
    assert_true(world_sent(world, MESSAGE_FILLED) > 0);
    world_free(world);
}

// How many owners of some shard do not serve it now: the most there are of any.
static uint32_t filling_most(struct world *world)
{
    uint32_t most = 0;

    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        uint32_t here = 0;

        for (uint32_t node = 0; node < 3; node++) {
            struct store_shard replica;

            if (!world_node(world, node)->store)
                continue;
            store_shard(world_node(world, node)->store, shard, &replica);
            here += replica.filling || !replica.born;
        }
        most = here > most ? here : most;
    }
    return most;
}

// Both wrote so much that neither dot log reaches back: one fills from the other, then the other
// from it, never both at once.
static void two_below_each_others_floor_do_not_both_fill(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct world *world = world_with((struct world_settings){.seed = 100 + seed,
                                                                 .delay_us_max = 200000,
                                                                 .page_items = 2,
                                                                 .dot_log_bytes = 64 << 10});
        struct request request;
        char key[16];

        cut_all(world);
        for (uint32_t i = 0; i < 2500; i++) {
            request = query_put(key_of(i % 50, key), i % 2 ? "left" : "right");
            request.w = 1;
            request.blind = BLIND_OVERWRITE;
            assert_int_equal(query(world, i % 2, &request).err, 0);
        }
        world_crash(world, 2); // nobody else could help
        world_heal(world);
        for (int i = 0; i < 600; i++) {
            world_run(world, 50000);
            assert_true(filling_most(world) < 2);
        }
        assert_true(world_sent(world, MESSAGE_FILLED) > 0);
        world_restart(world, 2);
        level_wait(world, 30 * (uint64_t)SECOND);
        world_free(world);
    }
}

// ---- damage behind the store's back -------------------------------------------------------------

// As a fault of ours or of the memory would: the versions of a key become others, the clock stays.
static void change_behind(struct world *world, uint32_t node, const char *name,
                          const struct object *object)
{
    const struct topology *topology = node_topology(world_node(world, node)->node);
    struct key key;
    uint64_t position;

    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(name), &key),
        0);
    assert_int_equal(store_rebuild(world_node(world, node)->store, &key, object, &position), 0);
}

static void a_lost_record_is_found_out_and_comes_back(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 120});
    uint64_t before = world_alarms(world);
    struct arena arena = {0};
    struct store_view view;
    struct object none = {0};

    (void)state;
    put_many(world, 0, 50);
    level_wait(world, 3 * (uint64_t)SECOND);
    change_behind(world, 1, "key0007", &none);
    assert_int_equal(world_read(world, 1, "key0007", &arena, &view), 0);
    assert_int_equal(view.object.count, 0);
    assert_int_equal(world_alarms(world), before);
    level_wait(world, 30 * (uint64_t)SECOND);
    assert_true(world_alarms(world) > before);
    assert_int_equal(world_read(world, 1, "key0007", &arena, &view), 0);
    assert_int_equal(view.object.count, 1);
    assert_true(status_of(world, 1).digest_alarms > 0);
    arena_done(&arena);
    world_free(world);
}

// Nobody reads it: its name comes from another owner, its value from a quorum.
static void a_damaged_record_is_rebuilt_unasked(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 130});
    const struct topology *topology = node_topology(world_node(world, 1)->node);
    struct store *store = world_node(world, 1)->store;
    struct arena arena = {0};
    struct store_view view;
    uint8_t tree_key[TREE_KEY_SIZE];
    struct key key;

    (void)state;
    put_many(world, 0, 50);
    level_wait(world, 3 * (uint64_t)SECOND);
    assert_int_equal(
        key_make(topology->seed, SHARDS, slice_of_text("b"), slice_of_text("key0007"), &key), 0);
    key_tree(&key, tree_key);
    store_checkpoint(store);
    world_run(world, (uint64_t)SECOND);
    assert_true(tree_memory_flip(world_node(world, 1)->tree, TREE_OBJECTS,
                                 slice_of(tree_key, TREE_KEY_SIZE), 20));
    query_put_ok(world, 0, "key0008", "scan"); // something happens in the shard of each
    assert_int_equal(store_scan(store,
                                &(struct store_scan){.shard = key.shard,
                                                     .items_max = 1000,
                                                     .bytes_max = (size_t)1 << 30},
                                &arena, &(struct store_page){0}),
                     0);
    assert_int_equal(world_read(world, 1, "key0007", &arena, &view), ERR_DAMAGED);
    level_wait(world, 30 * (uint64_t)SECOND);
    assert_int_equal(world_read(world, 1, "key0007", &arena, &view), 0);
    assert_int_equal(view.object.count, 1);
    arena_done(&arena);
    world_free(world);
}

// A page with what was there is under way when it is superseded where the page arrives: that must
// not be taken for something missing.
static void a_comparison_brings_nothing_back(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 140, .delay_us_max = 40000});
    struct object none = {0};
    struct request put;
    char key[16];

    (void)state;
    put_many(world, 0, 50);
    level_wait(world, 3 * (uint64_t)SECOND);
    for (uint32_t i = 0; i < 50; i += 10)
        change_behind(world, 1, key_of(i, key), &none);
    while (world_sent(world, MESSAGE_FILLED) == 0)
        world_run(world, 1000);
    for (uint32_t i = 0; i < 50; i++) {
        put = query_put(key_of(i, key), "new");
        put.blind = BLIND_OVERWRITE;
        (void)world_request(world, i % 3, &put);
    }
    world_run(world, 20 * (uint64_t)SECOND);
    level_wait(world, 60 * (uint64_t)SECOND);
    for (uint32_t i = 0; i < 50; i++) {
        struct request get = query_get(key_of(i, key));

        assert_int_equal(query(world, 0, &get).reply->version_count, 1);
    }
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_emptied_disk_is_filled),
        cmocka_unit_test(writes_go_on_while_it_fills),
        cmocka_unit_test(a_fill_outlives_either_end),
        cmocka_unit_test(a_fill_goes_on_after_a_restart),
        cmocka_unit_test(who_fills_answers_for_nothing),
        cmocka_unit_test(an_older_source_brings_nothing_back),
        cmocka_unit_test(two_are_replaced_one_after_the_other),
        cmocka_unit_test(who_was_away_too_long_is_filled),
        cmocka_unit_test(two_below_each_others_floor_do_not_both_fill),
        cmocka_unit_test(a_lost_record_is_found_out_and_comes_back),
        cmocka_unit_test(a_damaged_record_is_rebuilt_unasked),
        cmocka_unit_test(a_comparison_brings_nothing_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
