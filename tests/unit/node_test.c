// SPDX-License-Identifier: Apache-2.0
// The machine at work: three and more of them in virtual time, asked as clients ask.
#include "base/err.h"
#include "tests/lib/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world *world_of(uint32_t nodes, uint64_t seed)
{
    struct world_settings settings = {.nodes = nodes, .seed = seed, .delay_us_max = 500};
    struct world *world = world_new(&settings);

    assert_int_equal(world_init(world, 16, nodes < 3 ? nodes : 3), 0);
    return world;
}

static void with_token(struct request *request, const struct world_reply *reply)
{
    request->has_token = true;
    request->token = reply->reply->token;
}

static void a_put_is_read_through_every_node(void **state)
{
    struct world *world = world_of(5, 1);

    (void)state;
    for (uint32_t node = 0; node < 5; node++) {
        char key[8] = {'k', (char)('0' + node), 0};

        query_put_ok(world, node, key, "value");
        for (uint32_t reader = 0; reader < 5; reader++)
            query_expect(world, reader, key, "value");
    }
    query_expect(world, 0, "never written", "");
    world_free(world);
}

static void blind_writes_stand_beside_each_other_until_resolved(void **state)
{
    struct world *world = world_of(3, 2);
    struct request request;
    struct world_reply reply;

    (void)state;
    query_put_ok(world, 0, "k", "left");
    query_put_ok(world, 1, "k", "right");
    reply = query_expect(world, 2, "k", "left,right");
    request = query_put("k", "both");
    with_token(&request, &reply);
    assert_int_equal(query(world, 1, &request).err, 0);
    query_expect(world, 0, "k", "both");
    world_free(world);
}

static void a_delete_leaves_what_it_has_not_seen(void **state)
{
    struct world *world = world_of(3, 3);
    struct request request = query_delete("k");
    struct world_reply seen;

    (void)state;
    seen = query_put_ok(world, 0, "k", "seen");
    query_put_ok(world, 1, "k", "unseen");
    with_token(&request, &seen);
    assert_int_equal(query(world, 2, &request).err, 0);
    query_expect(world, 0, "k", "unseen");
    world_free(world);
}

static void a_blind_delete_leaves_nothing_on_any_disk(void **state)
{
    struct world *world = world_of(3, 4);
    struct request request = query_delete("k");
    struct arena arena = {0};
    struct store_view view;

    (void)state;
    query_put_ok(world, 0, "k", "value");
    world_run(world, 100000);
    assert_int_equal(query(world, 1, &request).err, 0);
    world_run(world, 100000);
    query_expect(world, 2, "k", "");
    for (uint32_t node = 0; node < 3; node++) {
        assert_int_equal(world_read(world, node, "k", &arena, &view), 0);
        assert_true(object_is_empty(&view.object));
    }
    arena_done(&arena);
    world_free(world);
}

static void a_token_of_another_key_is_refused(void **state)
{
    struct world *world = world_of(3, 5);
    struct request request = query_put("other", "value");
    struct world_reply reply = query_put_ok(world, 0, "k", "value");

    (void)state;
    with_token(&request, &reply);
    assert_int_equal(query(world, 0, &request).err, ERR_TOKEN);
    query_expect(world, 0, "other", "");
    world_free(world);
}

static void lww_shows_the_latest_and_keeps_all(void **state)
{
    struct world *world = world_of(3, 6);
    struct request set;
    struct request blind = query_put("k", "later");

    (void)state;
    request_init(&set, METHOD_BUCKET_SET);
    set.bucket = slice_of_text("b");
    set.set = BUCKET_SET_CONFLICT;
    set.properties = bucket_properties_default;
    set.properties.conflict = CONFLICT_LWW;
    assert_int_equal(query(world, 0, &set).err, 0);
    world_run(world, 100000);
    query_put_ok(world, 0, "k", "earlier");
    world_run(world, 100000);
    blind.blind = BLIND_SIBLINGS;
    assert_int_equal(query(world, 1, &blind).err, 0);
    query_expect(world, 2, "k", "later");
    set.set = BUCKET_SET_CONFLICT;
    set.properties.conflict = CONFLICT_SIBLINGS;
    assert_int_equal(query(world, 2, &set).err, 0);
    world_run(world, 100000);
    query_expect(world, 2, "k", "earlier,later");
    world_free(world);
}

static void one_node_down_is_no_matter_at_quorum(void **state)
{
    struct world *world = world_of(3, 7);

    (void)state;
    query_put_ok(world, 0, "k", "before");
    world_crash(world, 2);
    query_expect(world, 0, "k", "before");
    query_put_ok(world, 1, "k2", "during");
    query_expect(world, 0, "k2", "during");
    world_free(world);
}

static void two_nodes_down_is_unavailable_at_once(void **state)
{
    struct world *world = world_of(3, 8);
    struct request get = query_get("k");
    struct request put = query_put("k", "value");
    struct world_reply reply;
    uint64_t before;

    (void)state;
    world_crash(world, 1);
    world_crash(world, 2);
    world_run(world, 3000000);
    before = world_now_us(world);
    get.r = 1; // reads the properties as well: from those that are left
    assert_int_equal(query(world, 0, &get).err, 0);
    get.r = LEVEL_QUORUM;
    reply = query(world, 0, &get);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "1 of 2 replicas reachable"));
    assert_non_null(strstr(reply.text, "--r 1"));
    reply = query(world, 0, &put);
    assert_int_equal(reply.err, ERR_UNAVAILABLE);
    assert_non_null(strstr(reply.text, "nothing was written"));
    assert_int_equal(world_now_us(world), before);
    get.r = 1;
    reply = query(world, 0, &get);
    assert_false(reply.reply->found);
    world_free(world);
}

static void a_silent_owner_makes_a_timeout_with_counts(void **state)
{
    struct world *world = world_of(3, 9);
    struct request put = query_put("k", "value");
    struct world_reply reply;

    (void)state;
    query_put_ok(world, 0, "warm", "up");
    world_cut(world, 0, 2, false);
    put.w = LEVEL_ALL;
    reply = query(world, 0, &put);
    assert_int_equal(reply.err, ERR_TIMEOUT);
    assert_non_null(strstr(reply.text, "2 of 3 acknowledgements in 2000 ms"));
    assert_non_null(strstr(reply.text, "n3 slow"));
    assert_non_null(strstr(reply.text, "may still take effect"));
    query_expect(world, 1, "k", "value");
    world_free(world);
}

static void a_read_is_hedged_past_a_silent_owner(void **state)
{
    struct world *world = world_of(3, 10);
    struct request get = query_get("k");
    struct world_reply reply;
    uint64_t before;

    (void)state;
    query_put_ok(world, 0, "k", "value");
    query_expect(world, 0, "k", "value");
    for (uint32_t other = 1; other < 3; other++) {
        world_cut(world, 0, other, false);
        before = world_now_us(world);
        get.explain = true;
        reply = query(world, 0, &get);
        assert_int_equal(reply.err, 0);
        assert_true(reply.reply->found);
        assert_true(world_now_us(world) - before < 100000);
        world_heal(world);
    }
    world_free(world);
}

static void a_returning_node_is_healed_by_reads(void **state)
{
    struct world *world = world_of(3, 11);
    struct arena arena = {0};
    struct store_view view;
    struct request get = query_get("k");

    (void)state;
    query_put_ok(world, 0, "k", "old");
    world_run(world, 100000);
    world_crash(world, 2);
    {
        struct world_reply reply = query_expect(world, 0, "k", "old");
        struct request put = query_put("k", "new");

        with_token(&put, &reply);
        assert_int_equal(query(world, 0, &put).err, 0);
    }
    world_restart(world, 2);
    get.r = LEVEL_ALL;
    assert_int_equal(query(world, 2, &get).err, 0);
    world_run(world, 100000);
    assert_int_equal(world_read(world, 2, "k", &arena, &view), 0);
    assert_int_equal(view.object.count, 1);
    assert_true(slice_is(view.object.versions[0].value, "new"));
    arena_done(&arena);
    world_free(world);
}

static void a_version_expires(void **state)
{
    struct world *world = world_of(3, 12);
    struct request put = query_put("k", "short-lived");

    (void)state;
    put.ttl_ms = 5000;
    assert_int_equal(query(world, 0, &put).err, 0);
    query_expect(world, 1, "k", "short-lived");
    world_set_wall_ahead(world, 6000);
    query_expect(world, 1, "k", "");
    world_free(world);
}

static void explain_tells_who_did_what(void **state)
{
    struct world *world = world_of(3, 13);
    struct request get = query_get("k");
    struct world_reply reply;
    const struct explain *explain;
    uint32_t asked = 0;

    (void)state;
    query_put_ok(world, 0, "k", "value");
    world_run(world, 100000);
    get.explain = true;
    reply = query(world, 0, &get);
    explain = &reply.reply->explain;
    assert_true(reply.reply->has_explain);
    assert_int_equal(explain->epoch, 1);
    assert_int_equal(explain->replica_count, 3);
    assert_true(slice_is(explain->coordinator, "n1"));
    for (uint32_t i = 0; i < 3; i++) {
        asked += explain->replicas[i].asked;
        if (explain->replicas[i].asked) {
            assert_true(slice_is(explain->replicas[i].outcome, "ok"));
            assert_true(explain->replicas[i].answered_us >= 0);
            assert_int_equal(explain->replicas[i].dot_count, 1);
        }
    }
    assert_int_equal(asked, 2);
    assert_true(explain->trace_count >= 3);
    world_free(world);
}

static void limits_are_typed_and_named(void **state)
{
    static char long_key[KEY_SIZE_MAX + 2];
    static char long_bucket[BUCKET_SIZE_MAX + 2];
    struct world *world = world_of(3, 14);
    struct request request;
    struct world_reply reply;

    (void)state;
    memset(long_key, 'k', sizeof long_key - 1);
    memset(long_bucket, 'b', sizeof long_bucket - 1);
    request = query_put(long_key, "value");
    reply = query(world, 0, &request);
    assert_int_equal(reply.err, ERR_TOO_LARGE);
    assert_non_null(strstr(reply.text, "1..2048 bytes"));
    request = query_put("", "value");
    assert_int_equal(query(world, 0, &request).err, ERR_INVALID);
    long_key[KEY_SIZE_MAX] = 0;
    query_put_ok(world, 0, long_key, "value");
    request = query_put("k", "value");
    request.bucket = slice_of_text(long_bucket);
    reply = query(world, 0, &request);
    assert_int_equal(reply.err, ERR_TOO_LARGE);
    assert_non_null(strstr(reply.text, "1..255 bytes"));
    request.bucket = slice_of_text(BUCKET_PROPERTIES);
    assert_int_equal(query(world, 0, &request).err, ERR_INVALID);
    request = query_put("k", "value");
    request.w = 4;
    assert_int_equal(query(world, 0, &request).err, ERR_INVALID);
    world_free(world);
}

static void siblings_have_a_limit_of_bytes(void **state)
{
    struct world_settings settings = {
        .nodes = 3, .seed = 16, .delay_us_max = 500, .value_size_max = 8000};
    struct world *world = world_new(&settings);
    struct request request = query_put("k", "");
    struct world_reply reply;
    char big[5000];

    (void)state;
    assert_int_equal(world_init(world, 16, 3), 0);
    memset(big, 'x', sizeof big);
    request.value = slice_of(big, sizeof big);
    for (int i = 0; i < 3; i++)
        assert_int_equal(query(world, 0, &request).err, 0);
    reply = query(world, 0, &request);
    assert_int_equal(reply.err, ERR_SIBLINGS);
    assert_non_null(strstr(reply.text, "20000 bytes together, the limit is 16000"));
    request = query_get("k");
    reply = query(world, 0, &request);
    assert_int_equal(reply.reply->version_count, 3);
    request = query_put("k", "one");
    with_token(&request, &reply);
    assert_int_equal(query(world, 0, &request).err, 0);
    query_expect(world, 1, "k", "one");
    world_free(world);
}

static void siblings_are_refused_at_the_limit(void **state)
{
    struct world *world = world_of(3, 15);
    struct request request = query_put("k", "value");
    struct world_reply reply;

    (void)state;
    for (int i = 0; i < 100; i++) {
        reply = query_put_ok(world, 0, "k", "value");
        world_run(world, 10000);
    }
    reply = query(world, 0, &request);
    assert_int_equal(reply.err, ERR_SIBLINGS);
    request = query_get("k");
    reply = query(world, 0, &request);
    assert_int_equal(reply.reply->version_count, 100);
    request = query_put("k", "one");
    with_token(&request, &reply);
    assert_int_equal(query(world, 0, &request).err, 0);
    query_expect(world, 1, "k", "one");
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_is_read_through_every_node),
        cmocka_unit_test(blind_writes_stand_beside_each_other_until_resolved),
        cmocka_unit_test(a_delete_leaves_what_it_has_not_seen),
        cmocka_unit_test(a_blind_delete_leaves_nothing_on_any_disk),
        cmocka_unit_test(a_token_of_another_key_is_refused),
        cmocka_unit_test(lww_shows_the_latest_and_keeps_all),
        cmocka_unit_test(one_node_down_is_no_matter_at_quorum),
        cmocka_unit_test(two_nodes_down_is_unavailable_at_once),
        cmocka_unit_test(a_silent_owner_makes_a_timeout_with_counts),
        cmocka_unit_test(a_read_is_hedged_past_a_silent_owner),
        cmocka_unit_test(a_returning_node_is_healed_by_reads),
        cmocka_unit_test(a_version_expires),
        cmocka_unit_test(explain_tells_who_did_what),
        cmocka_unit_test(limits_are_typed_and_named),
        cmocka_unit_test(siblings_are_refused_at_the_limit),
        cmocka_unit_test(siblings_have_a_limit_of_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
