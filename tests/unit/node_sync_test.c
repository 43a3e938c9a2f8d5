// SPDX-License-Identifier: Apache-2.0
// Owners become equal again without anybody reading: what was missed is sent, and no more.
#include "base/err.h"
#include "tests/lib/level.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, SHARDS = 16 };

static struct world *world_with(struct world_settings settings)
{
    struct world *world;

    settings.nodes = settings.nodes ? settings.nodes : 3;
    settings.delay_us_max = settings.delay_us_max ? settings.delay_us_max : 500;
    settings.calm_us = 5 * (uint64_t)SECOND;
    settings.dot_log_bytes = 1 << 20;
    world = world_new(&settings);
    assert_int_equal(world_init(world, SHARDS, 3), 0);
    level_wait(world, 3 * (uint64_t)SECOND);
    return world;
}

static void cut_off(struct world *world, uint32_t node)
{
    for (uint32_t other = 0; other < 3; other++) {
        if (other != node)
            world_cut(world, other, node, true);
    }
}

static const char *key_of(uint32_t number, char out[16])
{
    snprintf(out, 16, "key%04u", number);
    return out;
}

static void put_many(struct world *world, uint32_t from, uint32_t to, const char *value)
{
    char key[16];

    for (uint32_t i = from; i < to; i++)
        query_put_ok(world, i % 2, key_of(i, key), value);
}

static struct status status_of(struct world *world, uint32_t node)
{
    struct request request;

    request_init(&request, METHOD_STATUS);
    return query(world, node, &request).reply->status;
}

static const char *const hundred_bytes =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "456789";

static uint64_t repair_bytes(const struct world *world)
{
    uint64_t bytes = 0;

    for (int kind = MESSAGE_OFFER; kind <= MESSAGE_FILLED; kind++)
        bytes += world_sent_bytes(world, (enum message_kind)kind);
    return bytes;
}

static void what_was_missed_is_sent_and_no_more(void **state)
{
    enum { MISSED = 1000, RECORD = 7 + 1 + 100 }; // key, bucket, value
    struct world *world = world_with((struct world_settings){.seed = 1});
    uint64_t before;
    uint64_t bytes;

    (void)state;
    put_many(world, 0, 500, hundred_bytes);
    level_wait(world, 3 * (uint64_t)SECOND);
    cut_off(world, 2);
    put_many(world, 1000, 1000 + MISSED, hundred_bytes);
    world_run(world, 2 * (uint64_t)SECOND);
    assert_int_equal(status_of(world, 0).repair_owed, MISSED);
    assert_true(status_of(world, 0).repair_age_ms > 1000);
    assert_true(slice_is(status_of(world, 0).repair_state, "unreachable"));
    before = repair_bytes(world);
    world_heal(world);
    printf("level after %llu ms\n",
           (unsigned long long)level_wait(world, 5 * (uint64_t)SECOND) / 1000);
    bytes = repair_bytes(world) - before;
    printf("%llu bytes for %d missed records of %d: x %.2f\n", (unsigned long long)bytes, MISSED,
           RECORD, (double)bytes / (MISSED * RECORD));
    assert_true(bytes <= MISSED * RECORD * 13 / 10);
    assert_int_equal(status_of(world, 2).pulled_items, MISSED);
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(status_of(world, node).repair_missing, 0);
        assert_int_equal(status_of(world, node).repair_owed, 0);
        assert_int_equal(status_of(world, node).dots, 0);
    }
    world_run(world, 10 * (uint64_t)SECOND);
    assert_int_equal(status_of(world, 2).repair_age_ms, 0);
    assert_true(slice_is(status_of(world, 2).repair_state, "level"));
    world_free(world);
}

static void equal_replicas_are_silent(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 2});
    uint64_t before;
    uint64_t bytes;

    (void)state;
    put_many(world, 0, 100, "value");
    level_wait(world, 3 * (uint64_t)SECOND);
    world_run(world, 10 * (uint64_t)SECOND);
    before = repair_bytes(world);
    world_run(world, 100 * (uint64_t)SECOND);
    assert_int_equal(repair_bytes(world), before);
    query_put_ok(world, 0, "one more", "value");
    level_wait(world, 3 * (uint64_t)SECOND);
    world_run(world, 10 * (uint64_t)SECOND);
    bytes = repair_bytes(world) - before;
    printf("%llu bytes in %d messages and 6 directions after one put\n", (unsigned long long)bytes,
           6);
    assert_true(bytes > 0 && bytes <= 6 * 200);
    before = repair_bytes(world);
    world_run(world, 100 * (uint64_t)SECOND);
    assert_int_equal(repair_bytes(world), before);
    world_free(world);
}

static void deletes_that_were_missed_are_deletes(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 3});
    struct request request;
    struct arena arena = {0};
    struct store_view view;
    char key[16];

    (void)state;
    put_many(world, 0, 100, "value");
    level_wait(world, 3 * (uint64_t)SECOND);
    cut_off(world, 2);
    for (uint32_t i = 0; i < 50; i++) {
        request = query_delete(key_of(i, key));
        assert_int_equal(query(world, i % 2, &request).err, 0);
    }
    world_heal(world);
    level_wait(world, 5 * (uint64_t)SECOND);
    for (uint32_t i = 0; i < 100; i++) {
        for (uint32_t node = 0; node < 3; node++) {
            assert_int_equal(world_read(world, node, key_of(i, key), &arena, &view), 0);
            assert_int_equal(view.object.count, i < 50 ? 0 : 1);
            assert_int_equal(object_is_empty(&view.object), i < 50);
        }
    }
    arena_done(&arena);
    world_free(world);
}

// Written and deleted again while away: nothing of it is left, and its dots are known.
static void what_came_and_went_leaves_nothing(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 4});
    struct request request;
    char key[16];

    (void)state;
    cut_off(world, 2);
    put_many(world, 0, 50, "value");
    for (uint32_t i = 0; i < 50; i++) {
        request = query_delete(key_of(i, key));
        assert_int_equal(query(world, i % 2, &request).err, 0);
    }
    world_heal(world);
    level_wait(world, 5 * (uint64_t)SECOND);
    assert_int_equal(status_of(world, 2).keys, 0);
    world_free(world);
}

static void writes_on_both_sides_become_siblings_everywhere(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 5});
    struct request request;
    char key[16];

    (void)state;
    cut_off(world, 2);
    for (uint32_t i = 0; i < 50; i++) {
        query_put_ok(world, 0, key_of(i, key), "left");
        request = query_put(key_of(i, key), "right");
        request.w = 1;
        assert_int_equal(query(world, 2, &request).err, 0);
    }
    world_heal(world);
    level_wait(world, 5 * (uint64_t)SECOND);
    for (uint32_t i = 0; i < 50; i++)
        query_expect(world, i % 3, key_of(i, key), "left,right");
    world_free(world);
}

static void a_lossy_network_is_only_slower(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct world *world =
            world_with((struct world_settings){.seed = 100 + seed, .delay_us_max = 200000});

        cut_off(world, 2);
        put_many(world, 0, 60, "value");
        world_set_trouble(world, 30, 20);
        world_heal(world);
        world_run(world, (uint64_t)SECOND);
        world_crash(world, 1);
        world_run(world, (uint64_t)SECOND);
        world_restart(world, 1);
        level_wait(world, 120 * (uint64_t)SECOND);
        world_set_trouble(world, 0, 0);
        world_free(world);
    }
}

// Either end dies at every moment of a sync in turn.
static void a_crash_at_any_moment_is_made_good(void **state)
{
    (void)state;
    for (uint32_t moment = 0; moment < 24; moment++) {
        struct world *world =
            world_with((struct world_settings){.seed = 200 + moment, .slow_disk = true});
        uint32_t victim = moment % 3;

        cut_off(world, 2);
        put_many(world, 0, 30, hundred_bytes);
        world_heal(world);
        world_run(world, 90000 + moment * 3000);
        world_crash(world, victim);
        world_run(world, 300000);
        world_restart(world, victim);
        level_wait(world, 60 * (uint64_t)SECOND);
        assert_int_equal(status_of(world, 2).keys, 30);
        world_free(world);
    }
}

// What an offer speaks of is let go by others, and must not be lost by who offered it.
static void only_what_is_durable_is_offered(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 8, .slow_disk = true});

    (void)state;
    query_put_ok(world, 1, "warm", "value");
    level_wait(world, 3 * (uint64_t)SECOND);
    world_cut(world, 0, 0, false); // n1's disk stands still
    for (int i = 0; i < 20; i++)
        query_put_ok(world, 1, "k", "value");
    world_run(world, 5 * (uint64_t)SECOND);
    assert_int_equal(status_of(world, 1).dots, 20);
    assert_int_equal(status_of(world, 2).dots, 20);
    world_crash(world, 0);
    world_heal(world);
    world_restart(world, 0);
    level_wait(world, 10 * (uint64_t)SECOND);
    assert_int_equal(world_sent(world, MESSAGE_FILLED), 0);
    world_free(world);
}

// The dots of a life that ended before they were durable: a reader had them in its token.
static void what_a_dead_life_left_in_rests_is_forgotten(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 6, .slow_disk = true});
    struct request put = query_put("k", "lost");
    struct world_reply reply;
    const struct topology *topology = node_topology(world_node(world, 0)->node);
    struct clock context = {0};
    struct buffer token = {0};
    struct key key;

    (void)state;
    query_put_ok(world, 0, "k", "value");
    level_wait(world, 3 * (uint64_t)SECOND);
    // n1's disk stands still and nobody hears it; the write is in its clock and nowhere else.
    world_cut(world, 0, 1, false);
    world_cut(world, 0, 2, false);
    world_cut(world, 0, 0, false);
    (void)world_request(world, 0, &put);
    // A token that names the dot, as a read of another key of the shard would give.
    assert_int_equal(key_make(topology->seed, SHARDS, slice_of_text("b"), slice_of_text("k"), &key),
                     0);
    clock_copy(&context, store_clock(world_node(world, 0)->store, key.shard));
    token_encode(slice_of_text("b"), slice_of_text("k"), &context, &token);
    world_crash(world, 0);
    put = query_put("k", "later");
    put.has_token = true;
    put.token = buffer_slice(&token);
    reply = query(world, 1, &put);
    assert_int_equal(reply.err, 0);
    clock_done(&context);
    buffer_done(&token);
    world_heal(world);
    world_restart(world, 0);
    world_run(world, 3 * (uint64_t)SECOND);
    assert_non_null(strstr(level_trouble(world), "a rest is left"));
    level_wait(world, 30 * (uint64_t)SECOND);
    query_expect(world, 2, "k", "later");
    world_free(world);
}

static void stamps_far_ahead_are_kept_and_not_followed(void **state)
{
    struct world *world = world_with((struct world_settings){.seed = 7});
    struct request put = query_put("ahead", "value");
    uint64_t before = world_alarms(world);
    struct world_reply reply;

    (void)state;
    put.w = 1;
    cut_off(world, 0);
    world_set_wall_ahead(world, 3600000);
    assert_int_equal(query(world, 0, &put).err, 0); // stamped an hour ahead, by n1 alone
    world_set_wall_ahead(world, 0);
    world_heal(world);
    level_wait(world, 5 * (uint64_t)SECOND);
    for (int i = 0; i < 20; i++) {
        query_put_ok(world, 0, "ahead", "value"); // n1's own clock stays ahead
        world_run(world, (uint64_t)SECOND);
    }
    assert_int_equal(world_alarms(world) - before, 2); // of n2 and n3, once a minute
    query_put_ok(world, 1, "now", "value");
    reply = query_expect(world, 1, "now", "value");
    assert_true(reply.reply->versions[0].stamp >> 16 < 1700000000 + 3600000);
    world_run(world, 60 * (uint64_t)SECOND);
    query_put_ok(world, 0, "ahead", "value");
    world_run(world, (uint64_t)SECOND);
    assert_int_equal(world_alarms(world) - before, 4);
    level_wait(world, 5 * (uint64_t)SECOND);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_missed_is_sent_and_no_more),
        cmocka_unit_test(equal_replicas_are_silent),
        cmocka_unit_test(deletes_that_were_missed_are_deletes),
        cmocka_unit_test(what_came_and_went_leaves_nothing),
        cmocka_unit_test(writes_on_both_sides_become_siblings_everywhere),
        cmocka_unit_test(a_lossy_network_is_only_slower),
        cmocka_unit_test(a_crash_at_any_moment_is_made_good),
        cmocka_unit_test(only_what_is_durable_is_offered),
        cmocka_unit_test(what_a_dead_life_left_in_rests_is_forgotten),
        cmocka_unit_test(stamps_far_ahead_are_kept_and_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
