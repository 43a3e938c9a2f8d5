// SPDX-License-Identifier: Apache-2.0
// Sloppy quorums as stories: reads while owners are away, what the sentences say, and properties of
// buckets.
#include "base/err.h"
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// ---- reads --------------------------------------------------------------------------------------

static void reads_see_it_while_the_network_is_cut(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 6, 11, 500);
    world_set_mute(stage.world, MESSAGE_SYNC, true); // reads alone are to repair
    stage_cut(&stage, 1, 2, true);
    assert_int_equal(stage_put(&stage, stage.owners[0], 2, 0).err, 0);
    world_run(stage.world, 10000);
    for (uint32_t guest = 0; guest < stage.guest_count; guest++) {
        assert_true(stage_get(&stage, stage.guests[guest], 3, 1).reply->found);
        assert_true(stage_get(&stage, stage.guests[guest], 1, 0).reply->found);
    }
    stage_cut(&stage, 0, 2, true); // the owner that has it goes too
    for (uint32_t guest = 0; guest < stage.guest_count; guest++)
        assert_true(stage_get(&stage, stage.guests[guest], 2, 0).reply->found);
    reply =
        stage_get(&stage, stage.owners[1], 2, 0); // on the other side: two owners, which lack it
    assert_int_equal(reply.err, 0);
    assert_false(reply.reply->found);
    world_heal(stage.world);
    world_run(stage.world, 1000000);
    assert_true(stage_get(&stage, stage.owners[1], 3, 0).reply->found); // and repairs those two
    world_run(stage.world, 10000);
    assert_true(stage_holds(&stage, stage.owners[1]) && stage_holds(&stage, stage.owners[2]));
    assert_int_equal(stage.repairs, 1); // the other one is the coordinator itself
    world_free(stage.world);
}

static void a_read_of_silent_owners_asks_guests_in_time(void **state)
{
    struct stage stage;
    struct world_reply reply;
    uint64_t before_us;

    (void)state;
    stage_set(&stage, 5, 12, 500);
    stage_cut(&stage, 1, 2, false);
    assert_int_equal(stage_put(&stage, stage.owners[0], 2, 0).err, 0);
    before_us = world_now_us(stage.world);
    reply = stage_get(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, 0);
    assert_true(reply.reply->found);
    assert_in_range(world_now_us(stage.world) - before_us, 500000, 600000);
    world_free(stage.world);
}

// Who has said nothing for a while is the last to be handed a request.
static void requests_go_to_owners_that_speak(void **state)
{
    struct stage stage;
    uint64_t before_us;

    (void)state;
    stage_set(&stage, 5, 20, 500);
    stage_cut(&stage, 0, 0, false);
    for (uint32_t i = 0; i < 200; i++) { // the others have something to say
        char key[16];
        struct request request;

        (void)snprintf(key, sizeof key, "other %u", i % 20);
        request = query_get(key);
        world_request(stage.world, stage.guests[i % 2], &request);
        world_run(stage.world, 10000);
    }
    before_us = world_now_us(stage.world);
    assert_int_equal(stage_put(&stage, stage.guests[0], 2, 0).err, 0);
    assert_true(stage_get(&stage, stage.guests[1], 2, 0).reply->found);
    assert_in_range(world_now_us(stage.world) - before_us, 1, 20000);
    world_free(stage.world);
}

// A guest asked of a shard of which it has never heard anything: nothing, and nothing seen.
static void a_guest_that_holds_nothing_says_so(void **state)
{
    struct request request = query_get("k");
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 13, 500);
    assert_int_equal(stage_put(&stage, stage.owners[0], 3, 0).err, 0);
    stage_cut(&stage, 1, 2, true);
    request.r = 3;
    request.explain = true;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, 0);
    assert_true(reply.reply->found);
    assert_false(reply.reply->unanimous);
    assert_int_equal(reply.reply->explain.replica_count, 5);
    for (uint32_t rank = 0; rank < 5; rank++) {
        const struct explain_replica *replica = &reply.reply->explain.replicas[rank];

        assert_true(slice_is(replica->role, rank < 3 ? "owner" : "guest"));
        assert_int_equal(replica->answered_us >= 0, rank == 0 || rank > 2);
        assert_int_equal(replica->dot_count, rank == 0);
        assert_false(replica->repaired);
    }
    stage_cut(&stage, 0, 2, true);
    reply = query(stage.world, stage.guests[0], &request);
    assert_int_equal(reply.err, ERR_UNAVAILABLE); // two are not three
    request.r = 2;
    reply = query(stage.world, stage.guests[0], &request);
    assert_int_equal(reply.err, 0);
    assert_false(reply.reply->found); // availability has its price, and pr refuses to pay it
    world_free(stage.world);
}

// ---- sentences, and buckets ---------------------------------------------------------------------

static void sentences_name_guests(void **state)
{
    struct request request = query_put("k", "value");
    struct stage stage;
    struct world_reply reply;
    char name[64];

    (void)state;
    stage_set(&stage, 5, 14, 500);
    stage_cut(&stage, 1, 2, true);
    world_cut(stage.world, stage.owners[0], stage.guests[0], false);
    request.w = 3;
    request.explain = true;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    (void)snprintf(name, sizeof name, "guest n%u slow", stage.guests[0] + 1);
    assert_non_null(strstr(reply.text, name));
    assert_true(slice_is(reply.reply->explain.replicas[3].role, "guest"));
    assert_true(slice_is(reply.reply->explain.replicas[4].outcome, "ok"));
    world_free(stage.world);
}

// Properties come from owners only; a node that never knew them refuses.
static void properties_are_never_guessed(void **state)
{
    struct request request = query_put("k", "value");
    struct stage stage;
    struct world_reply reply;
    uint32_t refused = 0;

    (void)state;
    stage_set(&stage, 6, 15, 500);
    for (uint32_t node = 0; node < stage.nodes; node++) {
        for (uint32_t other = 0; other < node; other++)
            world_cut(stage.world, node, other, true);
    }
    request.w = 1;
    for (uint32_t node = 0; node < stage.nodes; node++) {
        request.bucket = slice_of_text("b");
        assert_int_equal(query(stage.world, node, &request).err, 0); // known here
        request.bucket = slice_of_text("unheard of");
        reply = query(stage.world, node, &request);
        refused += reply.err == ERR_UNAVAILABLE;
        assert_true(reply.err == 0 || strstr(reply.text, "properties of the bucket"));
    }
    assert_int_equal(refused, 3); // all but the owners of the properties
    world_free(stage.world);
}

// Those that hold no properties do not answer for the owners of the properties.
static void properties_have_no_guests(void **state)
{
    struct request request = query_put("k", "value");
    const struct topology *topology;
    struct stage stage;
    struct key key;

    (void)state;
    stage_set(&stage, 7, 18, 500);
    topology = node_topology(world_node(stage.world, 0)->node);
    request.bucket = slice_of_text("unheard of");
    assert_int_equal(key_make(topology->seed, topology->shards, slice_of_text(BUCKET_PROPERTIES),
                              request.bucket, &key),
                     0);
    for (uint32_t rank = 0; rank < 3; rank++)
        stage.owners[rank] =
            (uint32_t)(topology->members[topology_owners(topology, key.shard)[rank]].id -
                       world_node(stage.world, 0)->member.id);
    stage_cut(&stage, 0, 2, true);
    request.w = 1;
    for (uint32_t node = 0; node < stage.nodes; node++)
        assert_int_equal(query(stage.world, node, &request).err,
                         stage_owns(&stage, node) ? 0 : ERR_UNAVAILABLE);
    world_free(stage.world);
}

static void a_busy_cluster_does_not_spray_guests(void **state)
{
    enum { WRITES = 1000 };
    struct request request = query_put("k", "value");
    struct stage stage;
    uint64_t ticket = 0;

    (void)state;
    stage_set(&stage, 6, 16, 60000); // slower than the first guess at a hedge delay
    request.w = 3;
    request.blind = BLIND_OVERWRITE;
    for (int i = 0; i < WRITES; i++) {
        ticket = world_request(stage.world, stage.owners[i % 3], &request);
        world_run(stage.world, 5000);
    }
    assert_int_equal(world_wait(stage.world, ticket).err, 0);
    assert_true(stage.guest_applies <= WRITES * 3 / 100);
    world_free(stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_see_it_while_the_network_is_cut),
        cmocka_unit_test(a_read_of_silent_owners_asks_guests_in_time),
        cmocka_unit_test(requests_go_to_owners_that_speak),
        cmocka_unit_test(a_guest_that_holds_nothing_says_so),
        cmocka_unit_test(sentences_name_guests),
        cmocka_unit_test(properties_are_never_guessed),
        cmocka_unit_test(properties_have_no_guests),
        cmocka_unit_test(a_busy_cluster_does_not_spray_guests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
