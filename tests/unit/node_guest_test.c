// SPDX-License-Identifier: Apache-2.0
// Sloppy quorums as stories: owners are away, others stand in for them.
#include "base/err.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Some nodes, the owners of "k", and who stands in for them in which order.
struct stage {
    struct world *world;
    uint32_t nodes;
    uint32_t owners[REPLICAS_MAX];
    uint32_t guests[WORLD_NODES_MAX];
    uint32_t guest_count;
    uint32_t guest_applies; // seen under way
    uint32_t repairs;
};

static bool owns(const struct stage *stage, uint32_t node)
{
    return node == stage->owners[0] || node == stage->owners[1] || node == stage->owners[2];
}

static void watch(void *data, uint32_t from, uint32_t to, const struct message *message)
{
    struct stage *stage = data;
    bool about_k = slice_is(message->key, "k") && slice_is(message->bucket, "b");

    (void)from;
    if ((message->kind != MESSAGE_APPLY && message->kind != MESSAGE_READ) || !about_k)
        return;
    assert_int_equal(message->guest, !owns(stage, to));
    stage->guest_applies += message->kind == MESSAGE_APPLY && message->guest;
    stage->repairs += message->kind == MESSAGE_APPLY && message->op == 0;
    assert_false(message->kind == MESSAGE_APPLY && message->op == 0 && message->guest);
}

static void guests_find(struct stage *stage)
{
    const struct topology *topology = node_topology(world_node(stage->world, 0)->node);
    uint16_t order[MEMBERS_MAX];
    struct key key;

    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text("k"), &key),
        0);
    stage->guest_count = topology_stand_ins(topology, key.shard, order);
    for (uint32_t i = 0; i < stage->guest_count; i++)
        stage->guests[i] =
            (uint32_t)(topology->members[order[i]].id - world_node(stage->world, 0)->member.id);
}

static void stage_set(struct stage *stage, uint32_t nodes, uint64_t seed, uint64_t delay_us)
{
    struct world_settings settings = {.nodes = nodes,
                                      .seed = seed,
                                      .delay_us_max = delay_us,
                                      .watch = watch,
                                      .watch_data = stage};

    *stage = (struct stage){.world = world_new(&settings), .nodes = nodes};
    assert_int_equal(world_init(stage->world, 16, 3), 0);
    query_owners(stage->world, "k", stage->owners);
    guests_find(stage);
    for (uint32_t node = 0; node < nodes; node++) // all get to know the bucket's properties
        query_expect(stage->world, node, "warm", "");
    world_run(stage->world, 5 * delay_us);
}

// Cuts owners first..last off from everybody but each other.
static void owners_cut(struct stage *stage, uint32_t first, uint32_t last, bool notice)
{
    for (uint32_t rank = first; rank <= last; rank++) {
        for (uint32_t node = 0; node < stage->nodes; node++) {
            bool beside = false;

            for (uint32_t other = first; other <= last; other++)
                beside |= stage->owners[other] == node;
            if (!beside)
                world_cut(stage->world, stage->owners[rank], node, notice);
        }
    }
}

static bool holds(struct stage *stage, uint32_t node)
{
    struct arena arena = {0};
    struct store_view view;
    bool found = world_node(stage->world, node)->store &&
                 world_read(stage->world, node, "k", &arena, &view) == 0 && view.object.count > 0;

    arena_done(&arena);
    return found;
}

static uint32_t copies(struct stage *stage)
{
    uint32_t count = 0;

    for (uint32_t node = 0; node < stage->nodes; node++)
        count += holds(stage, node);
    return count;
}

static struct world_reply put(struct stage *stage, uint32_t node, int w, int pw)
{
    struct request request = query_put("k", "value");

    request.w = w;
    request.pw = pw;
    return query(stage->world, node, &request);
}

static struct world_reply get(struct stage *stage, uint32_t node, int r, int pr)
{
    struct request request = query_get("k");

    request.r = r;
    request.pr = pr;
    return query(stage->world, node, &request);
}

static void strict_set(struct stage *stage, bool strict)
{
    struct request set;
    struct world_reply reply;

    request_init(&set, METHOD_BUCKET_SET);
    set.bucket = slice_of_text("b");
    set.set = BUCKET_SET_STRICT;
    set.properties.strict = strict;
    reply = query(stage->world, 0, &set);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->properties.strict, strict);
    world_run(stage->world, 100000);
    for (uint32_t node = 0; node < stage->nodes; node++)
        query_expect(stage->world, node, "warm", "");
    world_run(stage->world, 100000);
}

// ---- writes -------------------------------------------------------------------------------------

static void one_owner_and_one_guest_are_two(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 1, 500);
    owners_cut(&stage, 1, 2, true);
    reply = put(&stage, stage.owners[0], 2, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 2);
    world_run(stage.world, 10000);
    assert_int_equal(stage.guest_applies, 2); // one for each owner that is away
    assert_true(holds(&stage, stage.owners[0]) && holds(&stage, stage.guests[0]) &&
                holds(&stage, stage.guests[1]));
    assert_int_equal(copies(&stage), 3);
    assert_int_equal(put(&stage, stage.owners[0], 3, 1).err, 0);
    assert_int_equal(put(&stage, stage.guests[1], 3, 1).err, 0); // through the owner that is there
    world_free(stage.world);
}

static void a_guest_is_no_owner(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 2, 500);
    owners_cut(&stage, 1, 2, true);
    reply = put(&stage, stage.owners[0], 2, 2);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 1 of 2 owners reachable"));
    assert_non_null(strstr(reply.text, "or use --pw 1"));
    reply = get(&stage, stage.owners[0], 2, 2);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "get k: 1 of 2 owners reachable"));
    assert_int_equal(copies(&stage), 0);
    assert_int_equal(stage.guest_applies, 0);
    world_heal(stage.world);
    owners_cut(&stage, 1, 2, false); // and now nobody has noticed
    reply = put(&stage, stage.owners[0], 2, 2);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_non_null(strstr(reply.text, "put k: 1 of 2 acknowledgements of owners in 2000 ms"));
    world_free(stage.world);
}

static void strict_is_as_if_there_were_no_guests(void **state)
{
    struct request request = query_put("k", "value");
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 3, 500);
    owners_cut(&stage, 1, 2, true);
    request.strict = true;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 1 of 2 replicas reachable"));
    assert_non_null(strstr(reply.text, "or let others stand in (not --strict), or use --w 1"));
    request.method = METHOD_GET;
    assert_int_equal(query(stage.world, stage.owners[0], &request).err, ERR_UNAVAILABLE);
    world_heal(stage.world);
    owners_cut(&stage, 1, 2, false);
    assert_int_equal(query(stage.world, stage.owners[0], &request).err, ERR_TIMEOUT);
    request.method = METHOD_PUT;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_int_equal(stage.guest_applies, 0);
    owners_cut(&stage, 0, 2, true);
    reply = query(stage.world, stage.guests[0], &request);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "none of the 3 owners"));
    assert_int_equal(stage.guest_applies, 0);
    world_free(stage.world);
}

static void so_is_a_strict_bucket(void **state)
{
    struct stage stage;

    (void)state;
    stage_set(&stage, 5, 4, 500);
    strict_set(&stage, true);
    owners_cut(&stage, 1, 2, true);
    assert_int_equal(put(&stage, stage.owners[0], 2, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(get(&stage, stage.owners[0], 2, 0).err, ERR_UNAVAILABLE);
    world_heal(stage.world);
    owners_cut(&stage, 0, 2, true);
    assert_int_equal(put(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(get(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    world_run(stage.world, 600000000); // ten minutes later that is not forgotten
    assert_int_equal(put(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(stage.guest_applies, 0);
    assert_int_equal(copies(&stage), 0);
    world_heal(stage.world);
    world_run(stage.world, 1000000);
    strict_set(&stage, false);
    owners_cut(&stage, 0, 2, true);
    assert_int_equal(put(&stage, stage.guests[0], 2, 0).err, 0);
    world_free(stage.world);
}

static void a_silent_owner_gets_a_stand_in_after_a_while(void **state)
{
    struct stage stage;
    struct world_reply reply;
    uint64_t before_us;

    (void)state;
    stage_set(&stage, 5, 5, 500);
    world_run(stage.world, 1000000);
    owners_cut(&stage, 1, 2, false);
    before_us = world_now_us(stage.world);
    reply = put(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 3);
    assert_in_range(world_now_us(stage.world) - before_us, 20000, 200000);
    assert_int_equal(stage.guest_applies, 2);
    assert_int_equal(copies(&stage), 3);
    world_free(stage.world);
}

static void a_guest_that_dies_is_replaced(void **state)
{
    struct request request = query_put("k", "value");
    struct stage stage;
    struct world_reply reply;
    uint64_t ticket;

    (void)state;
    stage_set(&stage, 7, 6, 500);
    owners_cut(&stage, 1, 2, true);
    world_cut(stage.world, stage.owners[0], stage.guests[0], false); // silent
    request.w = 3;
    request.explain = true;
    ticket = world_request(stage.world, stage.owners[0], &request);
    world_crash(stage.world, stage.guests[1]); // gone, and that is noticed
    reply = world_wait(stage.world, ticket);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 3);
    assert_true(holds(&stage, stage.owners[0]));
    assert_true(holds(&stage, stage.guests[2]));
    assert_true(holds(&stage, stage.guests[3]));
    assert_int_equal(reply.reply->explain.replica_count, 7);
    assert_int_equal(stage.guest_applies, 4);
    world_free(stage.world);
}

static void nobody_counts_twice(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 4, 7, 500);
    owners_cut(&stage, 1, 2, true);
    reply = put(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 2 of 3 replicas reachable"));
    assert_int_equal(copies(&stage), 0);
    assert_int_equal(put(&stage, stage.owners[0], 2, 0).err, 0);
    assert_int_equal(stage.guest_applies, 1);
    world_heal(stage.world);
    world_cut(stage.world, stage.owners[0], stage.owners[1], false);
    world_cut(stage.world, stage.owners[0], stage.owners[2], false);
    reply = put(&stage, stage.owners[0], 3, 0); // two are silent, and there is one guest
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_int_equal(reply.reply->acks, 2);
    assert_non_null(strstr(reply.text, "put k: 2 of 3 acknowledgements in 2000 ms"));
    assert_int_equal(stage.guest_applies, 2);
    world_free(stage.world);
}

static void a_late_owner_counts_beside_its_stand_in(void **state)
{
    struct stage stage;
    struct world_reply reply;
    uint32_t met = 0;

    (void)state;
    stage_set(&stage, 5, 8, 500000); // half a second each way at worst
    for (int i = 0; i < 20; i++) {
        reply = put(&stage, stage.owners[0], 3, 3);
        assert_true(reply.err == 0 || reply.err == ERR_TIMEOUT);
        met += reply.err == 0;
    }
    assert_true(stage.guest_applies > 5);
    assert_true(met > 15);
    world_free(stage.world);
}

// ---- no owner at all ----------------------------------------------------------------------------

static void guests_keep_it_when_all_owners_are_gone(void **state)
{
    struct stage stage;
    struct world_reply reply;
    struct request delete = query_delete("k");

    (void)state;
    stage_set(&stage, 5, 9, 500);
    owners_cut(&stage, 0, 2, true);
    reply = put(&stage, stage.guests[1], 2, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 2);
    assert_true(holds(&stage, stage.guests[0]) && holds(&stage, stage.guests[1]));
    for (int guest = 0; guest < 2; guest++) {
        for (int r = 1; r <= 2; r++)
            assert_true(get(&stage, stage.guests[guest], r, 0).reply->found);
    }
    assert_int_equal(get(&stage, stage.guests[0], 2, 1).err, ERR_UNAVAILABLE);
    assert_int_equal(put(&stage, stage.guests[0], 2, 1).err, ERR_UNAVAILABLE);
    reply = put(&stage, stage.guests[0], 3, 0);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 2 of 3 replicas reachable"));
    assert_int_equal(query(stage.world, stage.guests[0], &delete).err, 0); // what it has seen
    world_run(stage.world, 10000);
    assert_int_equal(copies(&stage), 0);
    query_expect(stage.world, stage.guests[1], "k", "");
    world_free(stage.world);
}

// All owners lost their disks: they take writes, but whoever is asked coordinates.
static void owners_that_do_not_serve_take_writes_all_the_same(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 8, 10, 500);
    for (uint32_t rank = 0; rank < 3; rank++) {
        world_crash(stage.world, stage.owners[rank]);
        world_empty_disk(stage.world, stage.owners[rank]);
        world_restart(stage.world, stage.owners[rank]);
    }
    world_run(stage.world, 5000000); // they fetch the topology
    reply = put(&stage, stage.guests[0], 3, 2);
    assert_int_equal(reply.err, 0);
    world_run(stage.world, 10000);
    for (uint32_t rank = 0; rank < 3; rank++)
        assert_true(holds(&stage, stage.owners[rank]));
    assert_true(get(&stage, stage.guests[2], 2, 0).reply->found);
    assert_int_equal(get(&stage, stage.guests[2], 2, 1).err, ERR_UNAVAILABLE);
    world_free(stage.world);
}

// ---- reads --------------------------------------------------------------------------------------

static void reads_see_it_while_the_network_is_cut(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 6, 11, 500);
    world_set_mute(stage.world, MESSAGE_SYNC, true); // reads alone are to repair
    owners_cut(&stage, 1, 2, true);
    assert_int_equal(put(&stage, stage.owners[0], 2, 0).err, 0);
    world_run(stage.world, 10000);
    for (uint32_t guest = 0; guest < stage.guest_count; guest++) {
        assert_true(get(&stage, stage.guests[guest], 3, 1).reply->found);
        assert_true(get(&stage, stage.guests[guest], 1, 0).reply->found);
    }
    owners_cut(&stage, 0, 2, true); // the owner that has it goes too
    for (uint32_t guest = 0; guest < stage.guest_count; guest++)
        assert_true(get(&stage, stage.guests[guest], 2, 0).reply->found);
    reply = get(&stage, stage.owners[1], 2, 0); // on the other side: two owners, which lack it
    assert_int_equal(reply.err, 0);
    assert_false(reply.reply->found);
    world_heal(stage.world);
    world_run(stage.world, 1000000);
    assert_true(get(&stage, stage.owners[1], 3, 0).reply->found); // and repairs those two
    world_run(stage.world, 10000);
    assert_true(holds(&stage, stage.owners[1]) && holds(&stage, stage.owners[2]));
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
    owners_cut(&stage, 1, 2, false);
    assert_int_equal(put(&stage, stage.owners[0], 2, 0).err, 0);
    before_us = world_now_us(stage.world);
    reply = get(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, 0);
    assert_true(reply.reply->found);
    assert_in_range(world_now_us(stage.world) - before_us, 500000, 600000);
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
    assert_int_equal(put(&stage, stage.owners[0], 3, 0).err, 0);
    owners_cut(&stage, 1, 2, true);
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
    owners_cut(&stage, 0, 2, true);
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
    owners_cut(&stage, 1, 2, true);
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
        cmocka_unit_test(one_owner_and_one_guest_are_two),
        cmocka_unit_test(a_guest_is_no_owner),
        cmocka_unit_test(strict_is_as_if_there_were_no_guests),
        cmocka_unit_test(so_is_a_strict_bucket),
        cmocka_unit_test(a_silent_owner_gets_a_stand_in_after_a_while),
        cmocka_unit_test(a_guest_that_dies_is_replaced),
        cmocka_unit_test(nobody_counts_twice),
        cmocka_unit_test(a_late_owner_counts_beside_its_stand_in),
        cmocka_unit_test(guests_keep_it_when_all_owners_are_gone),
        cmocka_unit_test(owners_that_do_not_serve_take_writes_all_the_same),
        cmocka_unit_test(reads_see_it_while_the_network_is_cut),
        cmocka_unit_test(a_read_of_silent_owners_asks_guests_in_time),
        cmocka_unit_test(a_guest_that_holds_nothing_says_so),
        cmocka_unit_test(sentences_name_guests),
        cmocka_unit_test(properties_are_never_guessed),
        cmocka_unit_test(a_busy_cluster_does_not_spray_guests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
