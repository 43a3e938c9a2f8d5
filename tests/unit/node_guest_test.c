// SPDX-License-Identifier: Apache-2.0
// Sloppy quorums as stories: owners are away, others stand in for them and take their writes.
#include "base/err.h"
#include "tests/lib/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// ---- writes -------------------------------------------------------------------------------------

static void one_owner_and_one_guest_are_two(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 1, 500);
    stage_cut(&stage, 1, 2, true);
    reply = stage_put(&stage, stage.owners[0], 2, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 2);
    world_run(stage.world, 10000);
    assert_int_equal(stage.guest_applies, 2); // one for each owner that is away
    assert_true(stage_holds(&stage, stage.owners[0]) && stage_holds(&stage, stage.guests[0]) &&
                stage_holds(&stage, stage.guests[1]));
    assert_int_equal(stage_copies(&stage), 3);
    assert_int_equal(stage_put(&stage, stage.owners[0], 3, 1).err, 0);
    assert_int_equal(stage_put(&stage, stage.guests[1], 3, 1).err,
                     0); // through the owner that is there
    world_free(stage.world);
}

static void a_guest_is_no_owner(void **state)
{
    struct stage stage;
    struct world_reply reply;

    (void)state;
    stage_set(&stage, 5, 2, 500);
    stage_cut(&stage, 1, 2, true);
    reply = stage_put(&stage, stage.owners[0], 2, 2);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 1 of 2 owners reachable"));
    assert_non_null(strstr(reply.text, "or use --pw 1"));
    reply = stage_get(&stage, stage.owners[0], 2, 2);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "get k: 1 of 2 owners reachable"));
    assert_int_equal(stage_copies(&stage), 0);
    assert_int_equal(stage.guest_applies, 0);
    world_heal(stage.world);
    stage_cut(&stage, 1, 2, false); // and now nobody has noticed
    reply = stage_put(&stage, stage.owners[0], 2, 2);
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
    stage_cut(&stage, 1, 2, true);
    request.strict = true;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 1 of 2 replicas reachable"));
    assert_non_null(strstr(reply.text, "or let others stand in (not --strict), or use --w 1"));
    request.method = METHOD_GET;
    assert_int_equal(query(stage.world, stage.owners[0], &request).err, ERR_UNAVAILABLE);
    world_heal(stage.world);
    stage_cut(&stage, 1, 2, false);
    assert_int_equal(query(stage.world, stage.owners[0], &request).err, ERR_TIMEOUT);
    request.method = METHOD_PUT;
    reply = query(stage.world, stage.owners[0], &request);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_int_equal(stage.guest_applies, 0);
    stage_cut(&stage, 0, 2, true);
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
    stage_strict(&stage, true);
    stage_cut(&stage, 1, 2, true);
    assert_int_equal(stage_put(&stage, stage.owners[0], 2, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(stage_get(&stage, stage.owners[0], 2, 0).err, ERR_UNAVAILABLE);
    world_heal(stage.world);
    stage_cut(&stage, 0, 2, true);
    assert_int_equal(stage_put(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(stage_get(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    world_run(stage.world, 600000000); // ten minutes later that is not forgotten
    assert_int_equal(stage_put(&stage, stage.guests[0], 1, 0).err, ERR_UNAVAILABLE);
    assert_int_equal(stage.guest_applies, 0);
    assert_int_equal(stage_copies(&stage), 0);
    world_heal(stage.world);
    world_run(stage.world, 1000000);
    stage_strict(&stage, false);
    stage_cut(&stage, 0, 2, true);
    assert_int_equal(stage_put(&stage, stage.guests[0], 2, 0).err, 0);
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
    stage_cut(&stage, 1, 2, false);
    before_us = world_now_us(stage.world);
    reply = stage_put(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 3);
    assert_in_range(world_now_us(stage.world) - before_us, 20000, 200000);
    assert_int_equal(stage.guest_applies, 2);
    assert_int_equal(stage_copies(&stage), 3);
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
    stage_cut(&stage, 1, 2, true);
    world_cut(stage.world, stage.owners[0], stage.guests[0], false); // silent
    request.w = 3;
    request.explain = true;
    ticket = world_request(stage.world, stage.owners[0], &request);
    world_crash(stage.world, stage.guests[1]); // gone, and that is noticed
    reply = world_wait(stage.world, ticket);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 3);
    assert_true(stage_holds(&stage, stage.owners[0]));
    assert_true(stage_holds(&stage, stage.guests[2]));
    assert_true(stage_holds(&stage, stage.guests[3]));
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
    stage_cut(&stage, 1, 2, true);
    reply = stage_put(&stage, stage.owners[0], 3, 0);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 2 of 3 replicas reachable"));
    assert_int_equal(stage_copies(&stage), 0);
    assert_int_equal(stage_put(&stage, stage.owners[0], 2, 0).err, 0);
    assert_int_equal(stage.guest_applies, 1);
    world_heal(stage.world);
    world_cut(stage.world, stage.owners[0], stage.owners[1], false);
    world_cut(stage.world, stage.owners[0], stage.owners[2], false);
    reply = stage_put(&stage, stage.owners[0], 3, 0); // two are silent, and there is one guest
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
        reply = stage_put(&stage, stage.owners[0], 3, 3);
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
    stage_cut(&stage, 0, 2, true);
    reply = stage_put(&stage, stage.guests[1], 2, 0);
    assert_int_equal(reply.err, 0);
    assert_int_equal(reply.reply->acks, 2);
    assert_true(stage_holds(&stage, stage.guests[0]) && stage_holds(&stage, stage.guests[1]));
    for (int guest = 0; guest < 2; guest++) {
        for (int r = 1; r <= 2; r++)
            assert_true(stage_get(&stage, stage.guests[guest], r, 0).reply->found);
    }
    assert_int_equal(stage_get(&stage, stage.guests[0], 2, 1).err, ERR_UNAVAILABLE);
    assert_int_equal(stage_put(&stage, stage.guests[0], 2, 1).err, ERR_UNAVAILABLE);
    reply = stage_put(&stage, stage.guests[0], 3, 0);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "put k: 2 of 3 replicas reachable"));
    assert_int_equal(query(stage.world, stage.guests[0], &delete).err, 0); // what it has seen
    world_run(stage.world, 10000);
    assert_int_equal(stage_copies(&stage), 0);
    query_expect(stage.world, stage.guests[1], "k", "");
    world_free(stage.world);
}

// The coordinator is the last in the order of stand-ins: it stands in for one owner, and the first
// two in that order for the others, where readers will look.
static void a_guest_coordinates_for_three(void **state)
{
    struct stage stage;

    (void)state;
    stage_set(&stage, 8, 17, 500);
    stage_cut(&stage, 0, 2, true);
    assert_int_equal(stage_put(&stage, stage.guests[4], 3, 0).err, 0);
    assert_int_equal(stage_copies(&stage), 3);
    assert_int_equal(stage.guest_applies, 2);
    assert_true(stage_holds(&stage, stage.guests[0]) && stage_holds(&stage, stage.guests[1]) &&
                stage_holds(&stage, stage.guests[4]));
    for (uint32_t guest = 0; guest < stage.guest_count; guest++)
        assert_true(stage_get(&stage, stage.guests[guest], 1, 0).reply->found);
    world_free(stage.world);
}

// Guests keep the dots of all that they keep: when there is room for no more they say so, and what
// they acknowledged stays.
static void guests_have_room_for_so_many(void **state)
{
    enum { KEYS = 2000 };
    struct world_settings settings = {
        .nodes = 4, .seed = 19, .delay_us_max = 500, .dot_log_bytes = 1 << 14};
    struct world *world = world_new(&settings);
    struct arena arena = {0};
    struct world_reply reply = {0};
    struct store_view view;
    uint32_t kept = 0;
    char key[16];

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    for (uint32_t node = 0; node < 4; node++)
        query_expect(world, node, "warm", "");
    world_run(world, 10000);
    for (uint32_t other = 1; other < 4; other++)
        world_cut(world, 0, other, true);
    while (kept < KEYS && !reply.err) {
        struct request request = query_put(key, "value");

        (void)snprintf(key, sizeof key, "k%u", kept);
        request.key = slice_of_text(key);
        request.w = 1;
        reply = query(world, 0, &request);
        kept += !reply.err;
    }
    assert_int_equal(reply.err, ERR_OVERLOADED);
    assert_non_null(strstr(reply.text, "keeps as many writes for others as it can"));
    assert_true(kept > 50);
    for (uint32_t i = 0; i < kept; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        assert_int_equal(world_read(world, 0, key, &arena, &view), 0);
        assert_int_equal(view.object.count, 1);
    }
    arena_done(&arena);
    world_free(world);
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
    reply = stage_put(&stage, stage.guests[0], 3, 2);
    assert_int_equal(reply.err, 0);
    world_run(stage.world, 10000);
    for (uint32_t rank = 0; rank < 3; rank++)
        assert_true(stage_holds(&stage, stage.owners[rank]));
    assert_true(stage_get(&stage, stage.guests[2], 2, 0).reply->found);
    assert_int_equal(stage_get(&stage, stage.guests[2], 2, 1).err, ERR_UNAVAILABLE);
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
        cmocka_unit_test(a_guest_coordinates_for_three),
        cmocka_unit_test(guests_have_room_for_so_many),
        cmocka_unit_test(owners_that_do_not_serve_take_writes_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
