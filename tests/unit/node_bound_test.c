// SPDX-License-Identifier: Apache-2.0
// What clients may not do to a node, and what they are told: forged and swollen tokens, refusals
// that leave no trace, sentences with the right numbers, properties that do not get lost.
#include "base/err.h"
#include "node/core/store.h"
#include "node/store/disk_memory.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct world *world_of(uint32_t nodes, uint64_t seed)
{
    struct world_settings settings = {.nodes = nodes, .seed = seed, .delay_us_max = 500};
    struct world *world = world_new(&settings);

    assert_int_equal(world_init(world, 16, nodes < 3 ? nodes : 3), 0);
    return world;
}

// A put with a context of `runs` dots that nobody issued.
static int put_forged(struct world *world, const char *name, uint64_t actor, uint32_t runs)
{
    struct request request = query_put(name, "value");
    struct clock context = {0};
    struct buffer token = {0};
    int err;

    for (uint32_t i = 0; i < runs; i++)
        clock_add(&context, (struct dot){actor, 1 + 2 * (uint64_t)i});
    token_encode(request.bucket, request.key, &context, &token);
    request.has_token = true;
    request.token = buffer_slice(&token);
    err = query(world, 0, &request).err;
    clock_done(&context);
    buffer_done(&token);
    return err;
}

static void swollen_tokens_do_no_harm(void **state)
{
    struct world *world = world_of(3, 31);

    (void)state;
    assert_int_equal(put_forged(world, "k", 77, 40000), ERR_TOKEN);
    for (uint64_t actor = 100; actor < 110; actor++)
        put_forged(world, "k", actor, 4000); // refused in the end, never fatal
    query_put_ok(world, 0, "other", "value");
    query_expect(world, 1, "other", "value");
    world_free(world);
}

static void dots_never_issued_are_refused(void **state)
{
    struct world *world = world_of(3, 32);
    struct dot own;
    uint32_t owners[REPLICAS_MAX] = {0};

    (void)state;
    query_put_ok(world, 0, "k", "value");
    query_owners(world, "k", owners);
    own = store_mint(world_node(world, 0)->store, 0);
    assert_int_equal(put_forged(world, "k", own.actor, 1000), ERR_TOKEN);
    world_free(world);
}

static void a_refused_put_leaves_no_hole(void **state)
{
    struct world *world = world_of(1, 33);
    struct store *store = world_node(world, 0)->store;
    struct request put = query_put("k", "value");
    static uint8_t big[1 << 18];
    uint32_t refused = 0;

    (void)state;
    disk_memory_limit(world_node(world, 0)->disk, 3);
    put.value = slice_of(big, 60000);
    put.blind = BLIND_OVERWRITE;
    for (int i = 0; i < 60; i++) {
        refused += query(world, 0, &put).err != 0;
        world_run(world, 1000);
    }
    assert_true(refused > 10);
    for (uint32_t shard = 0; shard < 16; shard++)
        assert_true(store_clock(store, shard)->count <= 1);
    world_free(world);
}

static void properties_set_through_two_nodes_are_both_kept(void **state)
{
    struct world *world = world_of(3, 34);
    struct request set;
    struct request show;
    struct world_reply reply;

    (void)state;
    request_init(&set, METHOD_BUCKET_SET);
    request_init(&show, METHOD_BUCKET_SHOW);
    set.bucket = show.bucket = slice_of_text("b");
    query_put_ok(world, 1, "k", "value"); // n2 remembers the defaults
    world_cut(world, 0, 1, false);        // and hears nothing of the change
    set.set = BUCKET_SET_CONFLICT;
    set.properties.conflict = CONFLICT_LWW;
    assert_int_equal(query(world, 0, &set).err, 0);
    world_heal(world);
    set.set = BUCKET_SET_TTL;
    set.properties = (struct bucket_properties){.ttl_ms = 5000};
    assert_int_equal(query(world, 1, &set).err, 0);
    world_run(world, 100000);
    for (uint32_t node = 0; node < 3; node++) {
        reply = query(world, node, &show);
        assert_int_equal(reply.err, 0);
        assert_int_equal(reply.reply->properties.conflict, CONFLICT_LWW);
        assert_int_equal(reply.reply->properties.ttl_ms, 5000);
        assert_int_equal(reply.reply->properties.r, LEVEL_DEFAULT);
    }
    world_free(world);
}

static void sentences_name_the_knob_that_binds(void **state)
{
    struct world *world = world_of(3, 35);
    struct request put = query_put("k", "value");
    struct world_reply reply;

    (void)state;
    query_put_ok(world, 0, "warm", "up");
    world_crash(world, 2);
    put.w = 1;
    put.pw = 3;
    reply = query(world, 0, &put);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_string_equal(reply.text,
                        "put k: 2 of 3 owners reachable (n3 not connected): nothing was written; "
                        "try again when they are back, or use --pw 2");
    world_free(world);
}

static void a_delete_is_not_refused_for_siblings(void **state)
{
    struct world *world = world_of(3, 36);
    struct request delete = query_delete("k");

    (void)state;
    for (int i = 0; i < 100; i++) {
        query_put_ok(world, 0, "k", "value");
        world_run(world, 5000);
    }
    assert_int_equal(query(world, 0, &delete).err, 0);
    query_expect(world, 1, "k", "");
    world_free(world);
}

static void a_forwarded_write_times_out_honestly(void **state)
{
    struct world *world = world_of(4, 37);
    struct request put = query_put("k", "value");
    uint32_t owners[REPLICAS_MAX] = {0};
    uint32_t stranger = query_stranger(world, "k");
    struct world_reply reply;

    (void)state;
    query_put_ok(world, stranger, "k", "warm");
    query_owners(world, "k", owners);
    world_cut(world, owners[0], owners[1], false);
    world_cut(world, owners[0], owners[2], false);
    put.strict = true; // or the stranger would stand in
    reply = query(world, stranger, &put);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_non_null(strstr(reply.text, "1 of 2 acknowledgements"));
    assert_non_null(strstr(reply.text, "may still take effect"));
    assert_int_equal(reply.reply->acks, 1);
    world_free(world);
}

static void a_scan_shows_all_and_waits_for_the_log(void **state)
{
    struct world_settings settings = {
        .nodes = 3, .seed = 38, .delay_us_max = 500, .slow_disk = true};
    struct world *world = world_new(&settings);
    struct request scan;
    uint32_t seen = 0;

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    for (uint32_t i = 0; i < 100; i++) {
        char key[8];

        snprintf(key, sizeof key, "k%u", i);
        query_put_ok(world, 0, key, "value");
    }
    request_init(&scan, METHOD_SCAN);
    for (scan.shard = 0; scan.shard < 16; scan.shard++) {
        struct world_reply reply = {.reply = NULL};

        scan.after = slice_of(NULL, 0);
        scan.items_max = 3;
        do {
            reply = query(world, 1, &scan);
            assert_int_equal(reply.err, 0);
            assert_true(reply.reply->item_count <= 3);
            seen += reply.reply->item_count;
            scan.after = reply.reply->after;
        } while (reply.reply->more);
    }
    assert_int_equal(seen, 100);
    world_free(world);
}

// Reads whose answers are lost: more and more are in flight, until no more are let in; and when
// answers come again all are.
static void what_cannot_be_answered_in_time_is_refused(void **state)
{
    struct world *world = world_of(3, 39);
    struct request get = query_get("k");
    struct world_reply reply = {.err = 0};
    uint64_t ticket = 0;

    (void)state;
    query_put_ok(world, 0, "k", "value");
    get.r = 2;
    world_set_mute(world, MESSAGE_OBJECT, true);
    for (int turn = 0; turn < 30; turn++) {
        for (int i = 0; i < 200; i++)
            ticket = world_request(world, 0, &get);
        world_run(world, 50000);
    }
    reply = world_wait(world, ticket);
    assert_int_equal(reply.err, ERR_OVERLOADED);
    assert_non_null(strstr(reply.text, "than are answered in time: nothing was done"));
    world_set_mute(world, MESSAGE_OBJECT, false);
    world_run(world, 2500000);
    for (int i = 0; i < 200; i++)
        ticket = world_request(world, 0, &get);
    assert_int_equal(world_wait(world, ticket).err, 0);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(swollen_tokens_do_no_harm),
        cmocka_unit_test(dots_never_issued_are_refused),
        cmocka_unit_test(a_refused_put_leaves_no_hole),
        cmocka_unit_test(properties_set_through_two_nodes_are_both_kept),
        cmocka_unit_test(sentences_name_the_knob_that_binds),
        cmocka_unit_test(a_delete_is_not_refused_for_siblings),
        cmocka_unit_test(a_forwarded_write_times_out_honestly),
        cmocka_unit_test(a_scan_shows_all_and_waits_for_the_log),
        cmocka_unit_test(what_cannot_be_answered_in_time_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
