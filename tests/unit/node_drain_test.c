// SPDX-License-Identifier: Apache-2.0
// Guests give back what they hold and forget it, when all owners have it and not before.
#include "base/err.h"
#include "tests/lib/level.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000, NODES = 6, SHARDS = 8, KEYS = 40 };

static struct world *world_of(uint64_t seed)
{
    struct world_settings settings = {.nodes = NODES,
                                      .seed = seed,
                                      .delay_us_max = 2000,
                                      .calm_us = 5 * (uint64_t)SECOND,
                                      .dot_log_bytes = 1 << 20};
    struct world *world = world_new(&settings);

    assert_int_equal(world_init(world, SHARDS, 3), 0);
    level_wait(world, 3 * (uint64_t)SECOND);
    return world;
}

static const char *key_of(uint32_t number, char out[16])
{
    snprintf(out, 16, "key%04u", number);
    return out;
}

static struct status status_of(struct world *world, uint32_t node)
{
    struct request request;

    request_init(&request, METHOD_STATUS);
    return query(world, node, &request).reply->status;
}

static uint64_t guest_shards(struct world *world)
{
    uint64_t count = 0;

    for (uint32_t node = 0; node < NODES; node++)
        count += world_node(world, node)->node ? status_of(world, node).guest_shards : 0;
    return count;
}

static void put_many(struct world *world, uint32_t node, const char *value)
{
    char key[16];

    for (uint32_t i = 0; i < KEYS; i++)
        query_put_ok(world, node, key_of(i, key), value);
}

static void a_guest_keeps_what_an_owner_lacks_and_no_longer(void **state)
{
    struct world *world = world_of(1);
    uint64_t guests;

    (void)state;
    world_crash(world, 0);
    world_tell_members(world, 0);
    put_many(world, 1, "value");
    world_run(world, 20 * (uint64_t)SECOND); // all others have it long since
    guests = guest_shards(world);
    assert_true(guests > 0);
    assert_true(guests <= SHARDS);
    world_restart(world, 0);
    printf("drained after %llu ms\n",
           (unsigned long long)level_wait(world, 20 * (uint64_t)SECOND) / 1000);
    assert_int_equal(guest_shards(world), 0);
    for (uint32_t node = 0; node < NODES; node++) {
        struct request get = query_get("key0001");

        get.r = LEVEL_ALL;
        assert_true(query(world, node, &get).reply->unanimous);
    }
    world_free(world);
}

// The owners of a key all away: two guests hold it, and nobody else.
static void what_guests_alone_hold_comes_to_the_owners(void **state)
{
    struct world *world = world_of(2);
    uint32_t owners[REPLICAS_MAX];
    uint32_t stranger;

    (void)state;
    query_owners(world, "k", owners);
    stranger = query_stranger(world, "k");
    query_put_ok(world, stranger, "warm", "value"); // the bucket's properties are read
    for (uint32_t rank = 0; rank < 3; rank++) {
        world_crash(world, owners[rank]);
        world_tell_members(world, owners[rank]);
    }
    query_put_ok(world, stranger, "k", "by guests");
    world_run(world, 5 * (uint64_t)SECOND);
    for (uint32_t rank = 0; rank < 3; rank++)
        world_restart(world, owners[rank]);
    level_wait(world, 20 * (uint64_t)SECOND);
    query_expect(world, owners[0], "k", "by guests");
    world_free(world);
}

static void a_guest_that_crashes_gives_back_nevertheless(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world *world = world_of(10 + seed);

        world_crash(world, 0);
        world_tell_members(world, 0);
        put_many(world, 1, "value");
        world_set_trouble(world, 20, 20);
        for (uint32_t node = 2; node < NODES; node++) {
            world_crash(world, node);
            world_run(world, 300000 + seed * 50000);
            world_restart(world, node);
        }
        world_restart(world, 0);
        world_run(world, (1 + seed) * (uint64_t)SECOND / 2);
        world_crash(world, 3);
        world_run(world, (uint64_t)SECOND);
        world_restart(world, 3);
        level_wait(world, 120 * (uint64_t)SECOND);
        world_set_trouble(world, 0, 0);
        world_free(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_keeps_what_an_owner_lacks_and_no_longer),
        cmocka_unit_test(what_guests_alone_hold_comes_to_the_owners),
        cmocka_unit_test(a_guest_that_crashes_gives_back_nevertheless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
