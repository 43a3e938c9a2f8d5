// SPDX-License-Identifier: Apache-2.0
// The library against nodes that are made up: they speak the protocol, on the same loop, and
// answer or refuse. Who is asked, how often, and what closing does. client_trouble_test.c has
// the ways that fail.
#include "base/check.h"
#include "base/err.h"
#include "tests/lib/asker.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

// ---- asking -------------------------------------------------------------------------------------

static void a_node_answers(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    asker_get(&asker, "hello");
    assert_int_equal(asker.done, 0);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, 0);
    assert_string_equal(asker.value, "hello");
    assert_int_equal(asker.attempts, 1);
    assert_string_equal(asker.address, asker.fakes[0].address);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 2);
    assert_int_equal(asker.acks, 2);
    asker_close(&asker);
}

static void many_are_under_way(void **state)
{
    struct asker asker;
    char key[16];

    (void)state;
    asker_open(&asker, answer_well);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        asker_get(&asker, key);
    }
    assert_int_equal(quorate_in_flight(asker.client), 2000);
    asker_wait(&asker, 2000);
    assert_int_equal(quorate_in_flight(asker.client), 0);
    assert_int_equal(asker.err, 0);
    assert_in_range(asker.fakes[0].guest_count, 1, 2);
    asker_close(&asker);
}

static void refused_puts_are_repeated(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_third);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, 0);
    assert_int_equal(asker.attempts, 3);
    asker_close(&asker);
}

static void repeating_ends(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_refusing);
    for (uint32_t i = 0; i < 100; i++) {
        asker_put(&asker, "k", 0);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, QUORATE_OVERLOADED);
        assert_false(asker.unknown);
        assert_string_equal(asker.message, "put k: too much to do: retry");
    }
    // 10 to begin with, and a tenth; some requests more are for the topology.
    assert_in_range(asker.fakes[0].requests, 100, 100 + 10 + 10 + 10);
    asker_close(&asker);
}

static void a_put_that_may_have_arrived_is_not_repeated(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_hanging_up);
    asker_put(&asker, "k", 0);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, QUORATE_CLOSED);
    assert_true(asker.unknown);
    assert_int_equal(asker.fakes[0].requests, 1);
    asker_get(&asker, "k");
    asker_wait(&asker, 2);
    assert_int_equal(asker.err, QUORATE_CLOSED);
    assert_false(asker.unknown);
    assert_true(asker.attempts > 1);
    asker_close(&asker);
}

// ---- routing ------------------------------------------------------------------------------------

// Three nodes, two copies; every node knows all.
static void topology_make(struct asker *asker, struct fake *fake)
{
    struct member members[3] = {0};
    uint16_t owners[16 * 2];
    struct topology topology = {.epoch = 1,
                                .cluster = 9,
                                .seed = 5,
                                .shards = 16,
                                .replicas = 2,
                                .members = members,
                                .member_count = 3,
                                .owners = owners};

    fake->views = memory_new(3 * sizeof *fake->views);
    for (uint32_t i = 0; i < 3; i++) {
        members[i].id = i + 1;
        members[i].weight = 100;
        (void)snprintf(members[i].name, sizeof members[i].name, "n%u", i + 1);
        (void)snprintf(members[i].host, sizeof members[i].host, "h%u", i + 1);
        (void)snprintf(members[i].client_address, sizeof members[i].client_address, "%s",
                       asker->fakes[i].address);
        (void)snprintf(members[i].peer_address, sizeof members[i].peer_address, "127.0.0.1:1");
        fake->views[i].member = members[i];
        fake->views[i].state = MEMBER_ALIVE;
        fake->views[i].linked = fake->views[i].owner = true;
    }
    assert_int_equal(plan_table(&topology, NULL, NULL), 0);
    fake->topology = topology_clone(&topology);
}

static bool owns(const struct asker *asker, const char *key, int member)
{
    const struct topology *topology = asker->fakes[2].topology;
    struct key made;

    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(key), &made),
        0);
    return topology_rank(topology, made.shard, member) >= 0;
}

static void asker_open_three(struct asker *asker)
{
    asker_open(asker, answer_well);
    fake_open(&asker->fakes[1], &asker->loop, answer_well);
    fake_open(&asker->fakes[2], &asker->loop, answer_well);
    for (int i = 0; i < 3; i++)
        topology_make(asker, &asker->fakes[i]);
    quorate_topology_start(asker->client, quorate_done(asker_done, asker));
    asker_wait(asker, 1);
    asker->done = 0;
}

static void owners_are_asked(void **state)
{
    uint32_t asked[3] = {0};
    struct asker asker;
    char key[16];

    (void)state;
    asker_open_three(&asker);
    for (uint32_t i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        asker_get(&asker, key);
        asker_wait(&asker, i + 1);
        for (int member = 0; member < 3; member++) {
            if (strcmp(asker.address, asker.fakes[member].address) != 0)
                continue;
            assert_true(owns(&asker, key, member));
            asked[member]++;
        }
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(asked[i], 60, 140);
    asker_close(&asker);
}

static void the_other_owner_is_asked(void **state)
{
    struct asker asker;
    char key[16];

    (void)state;
    asker_open_three(&asker);
    fake_close(&asker.fakes[1]);
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        asker_get(&asker, key);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
        assert_string_equal(asker.value, key);
    }
    asker_close(&asker);
}

// When no owner can be reached any other node does: it forwards, or stands in.
static void a_stranger_is_asked_when_all_owners_are_gone(void **state)
{
    uint32_t strange = 0;
    struct asker asker;
    char key[16];

    (void)state;
    asker_open_three(&asker);
    fake_close(&asker.fakes[0]);
    fake_close(&asker.fakes[1]);
    for (uint32_t i = 0; i < 60; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        if (i % 2 || i < 20) // a put on a line that breaks may have arrived: reads find that out
            asker_get(&asker, key);
        else
            asker_put(&asker, key, 0);
        asker_wait(&asker, i + 1);
        assert_int_equal(asker.err, 0);
        assert_string_equal(asker.address, asker.fakes[2].address);
        strange += !owns(&asker, key, 2);
    }
    assert_true(strange > 5);
    asker_close(&asker);
}

// ---- ends ---------------------------------------------------------------------------------------

static void close_in_callback(void *data, const struct quorate_result *result)
{
    struct asker *asker = data;

    quorate_close(asker->client);
    asker->client = NULL;
    assert_int_equal(result->value_count, 1); // still there
    asker_done(data, result);
}

static void closing_in_a_callback(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    quorate_get_start(asker.client, quorate_key("b", "k"), NULL,
                      quorate_done(close_in_callback, &asker));
    for (int i = 0; i < 10; i++)
        asker_get(&asker, "k");
    asker_wait(&asker, 11);
    assert_int_equal(asker.done, 11);
    assert_string_equal(asker.value, "k");
    asker_close(&asker);
}

static void ask_again(void *data, const struct quorate_result *result)
{
    struct asker *asker = data;

    asker_done(data, result);
    quorate_put_start(asker->client, quorate_key("b", "k"), quorate_text("v"), NULL,
                      quorate_done(ask_again, asker));
}

// What a callback starts while the client closes is dropped; else this would not end.
static void closing_under_load(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    for (int i = 0; i < 5; i++)
        quorate_put_start(asker.client, quorate_key("b", "k"), quorate_text("v"), NULL,
                          quorate_done(ask_again, &asker));
    asker_wait(&asker, 100);
    asker_close(&asker);
    assert_in_range(asker.done, 105, 120);
    assert_int_equal(asker.err, QUORATE_CLOSED);
}

static void closing_at_once(void **state)
{
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    asker_put(&asker, "k", 0);
    quorate_close(asker.client);
    asker.client = NULL;
    assert_int_equal(asker.done, 1);
    assert_int_equal(asker.err, QUORATE_CLOSED);
    assert_false(asker.unknown); // it never left
    asker_close(&asker);
}

static void too_many(void **state)
{
    struct quorate_client_options options = {.in_flight_max = 3};
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    quorate_close(asker.client);
    assert_int_equal(quorate_attach(&asker.loop, asker.fakes[0].address, &options, &asker.client),
                     0);
    for (int i = 0; i < 4; i++)
        asker_get(&asker, "k");
    assert_int_equal(asker.done, 0);
    asker_wait(&asker, 1);
    assert_int_equal(asker.err, QUORATE_OVERLOADED);
    asker_wait(&asker, 4);
    assert_int_equal(asker.err, 0);
    asker_close(&asker);
}

// The library's own request for the topology takes nobody's place.
static void the_refresh_is_not_counted(void **state)
{
    struct quorate_client_options options = {.in_flight_max = 3, .timeout_ms = UINT32_MAX};
    struct asker asker;

    (void)state;
    asker_open(&asker, answer_well);
    asker_reopen(&asker, asker.fakes[0].address, &options);
    asker_get(&asker, "k");
    asker_wait(&asker, 1);
    for (int i = 0; i < 3; i++)
        asker_get(&asker, "k");
    asker_wait(&asker, 4);
    assert_int_equal(asker.failed, 0);
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_answers),
        cmocka_unit_test(many_are_under_way),
        cmocka_unit_test(refused_puts_are_repeated),
        cmocka_unit_test(repeating_ends),
        cmocka_unit_test(a_put_that_may_have_arrived_is_not_repeated),
        cmocka_unit_test(owners_are_asked),
        cmocka_unit_test(the_other_owner_is_asked),
        cmocka_unit_test(a_stranger_is_asked_when_all_owners_are_gone),
        cmocka_unit_test(closing_in_a_callback),
        cmocka_unit_test(closing_under_load),
        cmocka_unit_test(closing_at_once),
        cmocka_unit_test(too_many),
        cmocka_unit_test(the_refresh_is_not_counted),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(60); // nothing here may hang
    return cmocka_run_group_tests(tests, NULL, NULL);
}
