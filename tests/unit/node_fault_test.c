// SPDX-License-Identifier: Apache-2.0
// The machine under faults, in virtual time: how a cluster comes to be and does not twice, lost and
// damaged disks, crashes between the write and the sync, and random histories.
#include "base/err.h"
#include "node/store/disk_memory.h"
#include "node/store/engine.h"
#include "node/store/tree_memory.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world *world_of(uint32_t nodes, uint64_t seed, bool slow_disk)
{
    struct world_settings settings = {
        .nodes = nodes, .seed = seed, .delay_us_max = 500, .slow_disk = slow_disk};

    return world_new(&settings);
}

static struct request init_of(uint32_t nodes)
{
    struct request request;

    request_init(&request, METHOD_CLUSTER_INIT);
    request.nodes = nodes;
    request.shards = 16;
    request.replicas = 3;
    return request;
}

static void a_cluster_is_made_once(void **state)
{
    struct world *world = world_of(3, 21, false);
    struct request init = init_of(3);
    struct request put = query_put("k", "value");
    struct world_reply reply;

    (void)state;
    assert_int_equal(query(world, 0, &put).err, ERR_NO_CLUSTER);
    init.nodes = 4;
    reply = query(world, 0, &init);
    assert_int_equal(reply.err, ERR_PRECONDITION);
    assert_non_null(strstr(reply.text, "gossip sees 3 of 4 nodes (n1, n2, n3)"));
    init.nodes = 3;
    init.shards = 12;
    assert_int_equal(query(world, 0, &init).err, ERR_INVALID);
    init.shards = 16;
    assert_int_equal(query(world, 0, &init).err, 0);
    for (uint32_t node = 0; node < 3; node++) {
        reply = query(world, node, &init);
        assert_int_equal(reply.err, ERR_CLUSTER_EXISTS);
    }
    assert_int_equal(query(world, 2, &put).err, 0);
    world_free(world);
}

// Every shard that a member owns is complete there: epoch 1 begins with nothing.
static void assert_all_born(struct world *world, uint32_t nodes)
{
    struct request status;

    request_init(&status, METHOD_STATUS);
    for (uint32_t node = 0; node < nodes; node++) {
        struct world_reply reply = query(world, node, &status);

        if (node_topology(world_node(world, node)->node))
            assert_int_equal(reply.reply->status.shards_born, reply.reply->status.shards_owned);
    }
}

// Any two coordinators, any order of messages: at most one record, the same everywhere.
static void two_inits_at_once_decide_at_most_one(void **state)
{
    uint32_t decided = 0;

    (void)state;
    for (uint64_t seed = 100; seed < 400; seed++) {
        struct world *world = world_of(4, seed, seed % 2);
        struct request init = init_of(4);
        uint64_t tickets[2];
        uint64_t digest = 0;

        tickets[0] = world_request(world, 0, &init);
        world_run(world, seed % 700);
        tickets[1] = world_request(world, 1 + (uint32_t)seed % 3, &init);
        world_run(world, 8000000);
        for (int i = 0; i < 2; i++) {
            assert_true(world_reply(world, tickets[i]).came);
            decided += world_reply(world, tickets[i]).err == 0;
        }
        for (uint32_t node = 0; node < 4; node++) {
            const struct topology *topology = node_topology(world_node(world, node)->node);
            uint64_t own = topology ? topology_digest(topology) : 0;

            if (own && digest)
                assert_int_equal(own, digest);
            digest = own ? own : digest;
        }
        assert_all_born(world, 4);
        world_free(world);
    }
    assert_true(decided > 100);
}

// Kills a node at every moment of an init; afterwards it can always be brought to an end.
static void an_init_survives_a_crash_at_any_moment(void **state)
{
    (void)state;
    for (uint64_t moment = 0; moment < 120; moment++) {
        struct world *world = world_of(3, 500 + moment, true);
        struct request init = init_of(3);
        uint32_t victim = (uint32_t)moment % 3;

        world_request(world, 0, &init);
        world_run(world, moment * 40);
        world_crash(world, victim);
        world_run(world, 6000000);
        world_restart(world, victim);
        world_run(world, 3000000);
        if (!node_topology(world_node(world, 1)->node))
            assert_int_equal(query(world, 1, &init).err, 0);
        world_run(world, 3000000);
        assert_all_born(world, 3);
        for (uint32_t node = 0; node < 3; node++) {
            char key[16];

            snprintf(key, sizeof key, "k%u", node);
            query_put_ok(world, node, key, "value");
            query_expect(world, (node + 1) % 3, key, "value");
        }
        world_free(world);
    }
}

static void assert_same_topology(struct world *world, uint32_t a, uint32_t b)
{
    const struct topology *left = node_topology(world_node(world, a)->node);
    const struct topology *right = node_topology(world_node(world, b)->node);

    if (left && right)
        assert_int_equal(topology_digest(left), topology_digest(right));
}

static void continue_init(struct world *world)
{
    struct request init = init_of(4);

    query(world, 1, &init);
    world_run(world, 6000000);
}

// The first coordinator decides and dies before it tells; the others must not decide another record
// without it, and follow it when it is back.
static void an_init_is_not_replaced_behind_its_back(void **state)
{
    uint32_t refused = 0;

    (void)state;
    for (uint64_t moment = 0; moment < 40; moment++) {
        struct world *world = world_of(4, 900 + moment, true);
        struct request init = init_of(3);
        struct world_reply reply;

        world_crash(world, 3);
        world_tell_members(world, 3);
        world_request(world, 0, &init);
        world_run(world, 300 + moment * 100);
        world_crash(world, 0);
        world_tell_members(world, 0);
        world_restart(world, 3);
        world_run(world, 6000000);
        reply = query(world, 1, &init);
        refused += reply.err == ERR_PRECONDITION && strstr(reply.text, "earlier init") != NULL;
        world_restart(world, 0);
        world_run(world, 6000000);
        if (!node_topology(world_node(world, 0)->node))
            continue_init(world);
        for (uint32_t node = 1; node < 3; node++)
            assert_same_topology(world, 0, node);
        world_free(world);
    }
    assert_true(refused > 0);
}

static void an_init_asks_again_what_was_lost(void **state)
{
    struct world *world = world_of(3, 25, false);
    struct request init = init_of(3);
    uint64_t ticket;

    (void)state;
    world_cut(world, 0, 2, false);
    ticket = world_request(world, 0, &init);
    world_run(world, 1000000);
    assert_false(world_reply(world, ticket).came);
    world_heal(world);
    world_run(world, 1000000);
    assert_true(world_reply(world, ticket).came);
    assert_int_equal(world_reply(world, ticket).err, 0);
    world_free(world);
}

static void an_emptied_disk_does_not_serve_before_it_is_filled(void **state)
{
    struct world *world = world_of(3, 22, false);
    struct request get = query_get("k");
    struct request status;
    struct world_reply reply;

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    query_put_ok(world, 0, "k", "value");
    world_run(world, 100000);
    world_set_mute(world, MESSAGE_FILL, true);
    world_crash(world, 2);
    world_empty_disk(world, 2);
    world_restart(world, 2);
    world_run(world, 5000000);
    assert_non_null(node_topology(world_node(world, 2)->node));
    request_init(&status, METHOD_STATUS);
    reply = query(world, 2, &status);
    assert_int_equal(reply.reply->status.shards_owned, 16);
    assert_int_equal(reply.reply->status.shards_born, 0);
    query_expect(world, 2, "k", "value"); // by another owner
    get.r = 1;
    reply = query(world, 2, &get);
    assert_int_equal(reply.err, 0);
    assert_true(reply.reply->found);
    get.r = LEVEL_ALL;
    reply = query(world, 0, &get);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "n3 NOT_SERVING"));
    world_set_mute(world, MESSAGE_FILL, false);
    world_run(world, 10000000);
    assert_int_equal(query(world, 2, &status).reply->status.shards_born, 16);
    reply = query(world, 0, &get);
    assert_int_equal(reply.err, 0);
    assert_true(reply.reply->unanimous);
    world_free(world);
}

static void nothing_is_acknowledged_before_it_is_durable(void **state)
{
    struct world *world = world_of(3, 23, true);
    struct request put = query_put("k", "value");
    uint64_t ticket;

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    query_put_ok(world, 0, "warm", "up");
    for (uint32_t node = 0; node < 3; node++) {
        disk_memory_eager(world_node(world, node)->disk, false);
        world_cut(world, node, node, false); // the disk completes no more
    }
    ticket = world_request(world, 0, &put);
    world_run(world, 1500000);
    assert_false(world_reply(world, ticket).came);
    world_run(world, 1000000);
    assert_int_equal(world_reply(world, ticket).err, ERR_TIMEOUT);
    world_free(world);
}

// Every acknowledged write is there after all nodes lose their power at once, at any moment.
static void acknowledged_writes_survive_a_power_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 600; seed < 660; seed++) {
        struct world *world = world_of(3, seed, true);
        uint64_t tickets[40];
        char keys[40][8];

        assert_int_equal(world_init(world, 16, 3), 0);
        for (uint32_t i = 0; i < 40; i++) {
            struct request put;

            snprintf(keys[i], sizeof keys[i], "k%u", i);
            put = query_put(keys[i], keys[i]);
            tickets[i] = world_request(world, i % 3, &put);
            world_run(world, seed % 97);
        }
        for (uint32_t node = 0; node < 3; node++)
            world_crash(world, node);
        for (uint32_t node = 0; node < 3; node++)
            world_restart(world, node);
        for (uint32_t i = 0; i < 40; i++) {
            struct world_reply reply = world_reply(world, tickets[i]);

            if (reply.came && !reply.err)
                query_expect(world, i % 3, keys[i], keys[i]);
        }
        world_free(world);
    }
}

static void damage(struct world *world, uint32_t node, const char *name)
{
    const struct topology *topology = node_topology(world_node(world, node)->node);
    uint8_t tree_key[TREE_KEY_SIZE];
    struct key key;

    store_checkpoint(world_node(world, node)->store);
    world_run(world, 1000000);
    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(name), &key),
        0);
    key_tree(&key, tree_key);
    assert_true(tree_memory_flip(world_node(world, node)->tree, TREE_OBJECTS,
                                 slice_of(tree_key, sizeof tree_key), 24));
}

static void a_damaged_record_is_rebuilt(void **state)
{
    struct world *world = world_of(3, 24, false);
    struct request get = query_get("k");
    struct request put = query_put("k", "second");
    struct arena arena = {0};
    struct store_view view;
    struct world_reply reply;

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    query_put_ok(world, 0, "k", "first");
    world_run(world, 100000);
    damage(world, 1, "k");
    assert_int_equal(world_read(world, 1, "k", &arena, &view), ERR_DAMAGED);
    get.r = 1;
    reply = query(world, 1, &get);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->version_count, 1);
    world_run(world, 100000);
    assert_int_equal(world_read(world, 1, "k", &arena, &view), 0);
    assert_int_equal(view.object.count, 1);
    damage(world, 1, "k"); // and a write that meets one waits for the rebuild
    assert_int_equal(query(world, 1, &put).err, 0);
    query_expect(world, 2, "k", "first,second");
    arena_done(&arena);
    world_free(world);
}

static uint64_t played(uint64_t seed)
{
    struct world *world = world_of(5, seed, true);
    uint64_t hash;

    assert_int_equal(world_init(world, 16, 3), 0);
    for (uint32_t i = 0; i < 50; i++) {
        struct request put = query_put(i % 2 ? "a" : "b", "value");

        world_request(world, i % 5, &put);
        world_run(world, 300);
    }
    hash = world_trace_hash(world);
    world_free(world);
    return hash;
}

static void the_same_seed_gives_the_same_run(void **state)
{
    (void)state;
    assert_int_equal(played(7), played(7));
    assert_int_not_equal(played(7), played(8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_is_made_once),
        cmocka_unit_test(two_inits_at_once_decide_at_most_one),
        cmocka_unit_test(an_init_survives_a_crash_at_any_moment),
        cmocka_unit_test(an_init_is_not_replaced_behind_its_back),
        cmocka_unit_test(an_init_asks_again_what_was_lost),
        cmocka_unit_test(an_emptied_disk_does_not_serve_before_it_is_filled),
        cmocka_unit_test(nothing_is_acknowledged_before_it_is_durable),
        cmocka_unit_test(acknowledged_writes_survive_a_power_cut),
        cmocka_unit_test(a_damaged_record_is_rebuilt),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
