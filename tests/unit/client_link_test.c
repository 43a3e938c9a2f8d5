// SPDX-License-Identifier: Apache-2.0
// The library against nodes that are made up: they speak the protocol, on the same loop, and
// answer, refuse, dawdle, talk nonsense or hang up as each test wants.
#include "base/check.h"
#include "base/err.h"
#include "client/quorate.h"
#include "tests/lib/fake_node.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

// ---- ways to answer -----------------------------------------------------------------------------

// Of nothing but topologies; true when that was asked.
static bool answer_topology(struct guest *guest, const struct wire_request *request)
{
    struct fake *fake = guest->fake;
    struct reply reply = {.method = METHOD_TOPOLOGY, .topology = fake->topology};

    if (request->request.method != METHOD_TOPOLOGY)
        return false;
    reply.members = fake->views;
    reply.member_count = fake->topology ? fake->topology->member_count : 0;
    if (!fake->topology)
        reply.err = ERR_NO_CLUSTER;
    guest_reply(guest, request->id, &reply);
    return true;
}

// A get is answered with its key as the value, a put is acknowledged.
static void answer_well(struct guest *guest, const struct wire_request *request)
{
    struct version version = {.dot = {1, 1}, .stamp = 77 << 16, .value = request->request.key};
    struct reply reply = {.method = request->request.method, .found = true, .acks = 2, .w = 2};

    if (answer_topology(guest, request))
        return;
    reply.dot = version.dot;
    if (reply.method == METHOD_GET) {
        reply.versions = &version;
        reply.version_count = 1;
    }
    guest_reply(guest, request->id, &reply);
}

static void answer_refusing(struct guest *guest, const struct wire_request *request)
{
    struct reply reply = {.method = request->request.method,
                          .err = ERR_OVERLOADED,
                          .text = slice_of_text("put k: too much to do: retry")};

    if (!answer_topology(guest, request))
        guest_reply(guest, request->id, &reply);
}

// Refuses twice, then answers.
static void answer_third(struct guest *guest, const struct wire_request *request)
{
    if (guest->fake->requests < 3)
        answer_refusing(guest, request);
    else
        answer_well(guest, request);
}

static void answer_hanging_up(struct guest *guest, const struct wire_request *request)
{
    if (!answer_topology(guest, request))
        guest_close(guest);
}

static void answer_never(struct guest *guest, const struct wire_request *request)
{
    (void)answer_topology(guest, request);
}

static void answer_nonsense(struct guest *guest, const struct wire_request *request)
{
    (void)request;
    guest_say(guest, "HTTP/1.1 400 Bad Request\r\n", 26);
}

// ---- asking -------------------------------------------------------------------------------------

struct world {
    uv_loop_t loop;
    struct quorate_client *client;
    struct fake fakes[3];
    uint32_t done;
    // the last result
    int err;
    bool unknown;
    uint32_t attempts;
    uint32_t acks;
    char value[64];
    char message[256];
    char address[64];
};

static void world_done(void *data, const struct quorate_result *result)
{
    struct world *world = data;
    struct quorate_bytes value = {0};

    world->done++;
    world->err = result->err;
    world->unknown = result->unknown;
    world->attempts = result->attempts;
    world->acks = result->acks;
    (void)quorate_result_value(result, &value);
    (void)snprintf(world->value, sizeof world->value, "%.*s", (int)value.size,
                   value.size ? (const char *)value.data : "");
    (void)snprintf(world->message, sizeof world->message, "%s", result->message);
    (void)snprintf(world->address, sizeof world->address, "%s", result->address);
}

static void world_wait(struct world *world, uint32_t done)
{
    while (world->done < done)
        (void)uv_run(&world->loop, UV_RUN_ONCE);
}

static void world_open(struct world *world, answer_fn *answer)
{
    *world = (struct world){0};
    assert_int_equal(uv_loop_init(&world->loop), 0);
    fake_open(&world->fakes[0], &world->loop, answer);
    assert_int_equal(quorate_attach(&world->loop, world->fakes[0].address, NULL, &world->client),
                     0);
}

static void world_close(struct world *world)
{
    quorate_close(world->client);
    for (int i = 0; i < 3; i++) {
        if (world->fakes[i].loop)
            fake_close(&world->fakes[i]);
    }
    (void)uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
}

static void world_get(struct world *world, const char *key)
{
    quorate_get_start(world->client, quorate_key("b", key), NULL, quorate_done(world_done, world));
}

static void world_put(struct world *world, const char *key, uint32_t timeout_ms)
{
    struct quorate_put_options options = {.timeout_ms = timeout_ms};

    quorate_put_start(world->client, quorate_key("b", key), quorate_text("v"), &options,
                      quorate_done(world_done, world));
}

// ---- tests --------------------------------------------------------------------------------------

static void a_node_answers(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    world_get(&world, "hello");
    assert_int_equal(world.done, 0);
    world_wait(&world, 1);
    assert_int_equal(world.err, 0);
    assert_string_equal(world.value, "hello");
    assert_int_equal(world.attempts, 1);
    assert_string_equal(world.address, world.fakes[0].address);
    world_put(&world, "k", 0);
    world_wait(&world, 2);
    assert_int_equal(world.acks, 2);
    world_close(&world);
}

static void many_are_under_way(void **state)
{
    struct world world;
    char key[16];

    (void)state;
    world_open(&world, answer_well);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        world_get(&world, key);
    }
    assert_int_equal(quorate_in_flight(world.client), 2000);
    world_wait(&world, 2000);
    assert_int_equal(quorate_in_flight(world.client), 0);
    assert_int_equal(world.err, 0);
    assert_in_range(world.fakes[0].guest_count, 1, 2);
    world_close(&world);
}

static void refused_puts_are_repeated(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_third);
    world_put(&world, "k", 0);
    world_wait(&world, 1);
    assert_int_equal(world.err, 0);
    assert_int_equal(world.attempts, 3);
    world_close(&world);
}

static void repeating_ends(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_refusing);
    for (uint32_t i = 0; i < 100; i++) {
        world_put(&world, "k", 0);
        world_wait(&world, i + 1);
        assert_int_equal(world.err, QUORATE_OVERLOADED);
        assert_false(world.unknown);
        assert_string_equal(world.message, "put k: too much to do: retry");
    }
    // 10 to begin with, and a tenth; some requests more are for the topology.
    assert_in_range(world.fakes[0].requests, 100, 100 + 10 + 10 + 10);
    world_close(&world);
}

static void a_put_that_may_have_arrived_is_not_repeated(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_hanging_up);
    world_put(&world, "k", 0);
    world_wait(&world, 1);
    assert_int_equal(world.err, QUORATE_CLOSED);
    assert_true(world.unknown);
    assert_int_equal(world.fakes[0].requests, 1);
    world_get(&world, "k");
    world_wait(&world, 2);
    assert_int_equal(world.err, QUORATE_CLOSED);
    assert_false(world.unknown);
    assert_true(world.attempts > 1);
    world_close(&world);
}

static void time_runs_out(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_never);
    world_put(&world, "k", 20);
    world_wait(&world, 1);
    assert_int_equal(world.err, QUORATE_TIMEOUT);
    assert_true(world.unknown);
    assert_int_equal(world.fakes[0].requests, 1);
    assert_non_null(strstr(world.message, world.fakes[0].address));
    world_close(&world);
}

// The answer came while the application was busy with other things, and counts.
static void an_answer_before_a_late_look(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    world_put(&world, "k", 0);
    world_wait(&world, 1);
    world_put(&world, "k", 10);
    while (world.fakes[0].requests < 2)
        (void)uv_run(&world.loop, UV_RUN_ONCE);
    if (world.done == 1)
        uv_sleep(150);
    world_wait(&world, 2);
    assert_int_equal(world.err, 0);
    world_close(&world);
}

static void nonsense_is_told(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_nonsense);
    world_get(&world, "k");
    world_wait(&world, 1);
    assert_int_equal(world.err, QUORATE_PROTOCOL);
    world_close(&world);
}

static void nobody_listens(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    fake_close(&world.fakes[0]);
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    world_put(&world, "k", 0);
    world_wait(&world, 1);
    assert_int_equal(world.err, QUORATE_CONNECT);
    assert_false(world.unknown);
    world_close(&world);
}

// The second endpoint answers what the first cannot: nothing is lost, and nothing said twice.
static void another_is_asked(void **state)
{
    struct quorate_client_options options = {0};
    struct world world;
    char both[80];

    (void)state;
    world_open(&world, answer_well);
    quorate_close(world.client);
    fake_open(&world.fakes[1], &world.loop, answer_well);
    (void)snprintf(both, sizeof both, "%s, %s", world.fakes[0].address, world.fakes[1].address);
    fake_close(&world.fakes[0]);
    (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    assert_int_equal(quorate_attach(&world.loop, both, &options, &world.client), 0);
    for (uint32_t i = 0; i < 50; i++) {
        world_put(&world, "k", 0);
        world_wait(&world, i + 1);
        assert_int_equal(world.err, 0);
    }
    world_close(&world);
}

// A node that says nothing keeps a read for half of its time, then another one is asked.
static void silence_is_not_waited_for(void **state)
{
    struct quorate_get_options options = {.timeout_ms = 400};
    struct world world;
    char both[80];
    uint32_t most = 0;

    (void)state;
    world_open(&world, answer_never);
    quorate_close(world.client);
    fake_open(&world.fakes[1], &world.loop, answer_well);
    (void)snprintf(both, sizeof both, "%s %s", world.fakes[0].address, world.fakes[1].address);
    assert_int_equal(quorate_attach(&world.loop, both, NULL, &world.client), 0);
    for (uint32_t i = 0; i < 20; i++) {
        quorate_get_start(world.client, quorate_key("b", "k"), &options,
                          quorate_done(world_done, &world));
        world_wait(&world, i + 1);
        assert_int_equal(world.err, 0);
        most = world.attempts > most ? world.attempts : most;
    }
    assert_int_equal(most, 2);
    world_close(&world);
}

// A connection that the node closed while nothing was asked costs nothing.
static void closed_meanwhile(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    for (uint32_t i = 0; i < 20; i++) {
        world_put(&world, "k", 0);
        world_wait(&world, i + 1);
        assert_int_equal(world.err, 0);
        while (world.fakes[0].guest_count > 0)
            guest_close(world.fakes[0].guests[0]);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
        (void)uv_run(&world.loop, UV_RUN_NOWAIT);
    }
    world_close(&world);
}

// ---- routing ------------------------------------------------------------------------------------

// Three nodes, two copies; every node knows all.
static void topology_make(struct world *world, struct fake *fake)
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
                       world->fakes[i].address);
        (void)snprintf(members[i].peer_address, sizeof members[i].peer_address, "127.0.0.1:1");
        fake->views[i].member = members[i];
        fake->views[i].state = MEMBER_ALIVE;
        fake->views[i].linked = fake->views[i].owner = true;
    }
    assert_int_equal(plan_table(&topology, NULL, NULL), 0);
    fake->topology = topology_clone(&topology);
}

static bool owns(const struct world *world, const char *key, int member)
{
    const struct topology *topology = world->fakes[0].topology;
    struct key made;

    assert_int_equal(
        key_make(topology->seed, topology->shards, slice_of_text("b"), slice_of_text(key), &made),
        0);
    return topology_rank(topology, made.shard, member) >= 0;
}

static void world_open_three(struct world *world)
{
    world_open(world, answer_well);
    fake_open(&world->fakes[1], &world->loop, answer_well);
    fake_open(&world->fakes[2], &world->loop, answer_well);
    for (int i = 0; i < 3; i++)
        topology_make(world, &world->fakes[i]);
    quorate_topology_start(world->client, quorate_done(world_done, world));
    world_wait(world, 1);
    world->done = 0;
}

static void owners_are_asked(void **state)
{
    uint32_t asked[3] = {0};
    struct world world;
    char key[16];

    (void)state;
    world_open_three(&world);
    for (uint32_t i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        world_get(&world, key);
        world_wait(&world, i + 1);
        for (int member = 0; member < 3; member++) {
            if (strcmp(world.address, world.fakes[member].address) != 0)
                continue;
            assert_true(owns(&world, key, member));
            asked[member]++;
        }
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(asked[i], 60, 140);
    world_close(&world);
}

static void the_other_owner_is_asked(void **state)
{
    struct world world;
    char key[16];

    (void)state;
    world_open_three(&world);
    fake_close(&world.fakes[1]);
    for (uint32_t i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "key %u", i);
        world_get(&world, key);
        world_wait(&world, i + 1);
        assert_int_equal(world.err, 0);
        assert_string_equal(world.value, key);
    }
    world_close(&world);
}

// ---- ends ---------------------------------------------------------------------------------------

static void close_in_callback(void *data, const struct quorate_result *result)
{
    struct world *world = data;

    quorate_close(world->client);
    world->client = NULL;
    assert_int_equal(result->value_count, 1); // still there
    world_done(data, result);
}

static void closing_in_a_callback(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    quorate_get_start(world.client, quorate_key("b", "k"), NULL,
                      quorate_done(close_in_callback, &world));
    for (int i = 0; i < 10; i++)
        world_get(&world, "k");
    world_wait(&world, 11);
    assert_int_equal(world.done, 11);
    assert_string_equal(world.value, "k");
    world_close(&world);
}

static void ask_again(void *data, const struct quorate_result *result)
{
    struct world *world = data;

    world_done(data, result);
    quorate_put_start(world->client, quorate_key("b", "k"), quorate_text("v"), NULL,
                      quorate_done(ask_again, world));
}

// What a callback starts while the client closes is dropped; else this would not end.
static void closing_under_load(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    for (int i = 0; i < 5; i++)
        quorate_put_start(world.client, quorate_key("b", "k"), quorate_text("v"), NULL,
                          quorate_done(ask_again, &world));
    world_wait(&world, 100);
    world_close(&world);
    assert_in_range(world.done, 105, 120);
    assert_int_equal(world.err, QUORATE_CLOSED);
}

static void closing_at_once(void **state)
{
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    world_put(&world, "k", 0);
    quorate_close(world.client);
    world.client = NULL;
    assert_int_equal(world.done, 1);
    assert_int_equal(world.err, QUORATE_CLOSED);
    assert_false(world.unknown); // it never left
    world_close(&world);
}

static void too_many(void **state)
{
    struct quorate_client_options options = {.in_flight_max = 3};
    struct world world;

    (void)state;
    world_open(&world, answer_well);
    quorate_close(world.client);
    assert_int_equal(quorate_attach(&world.loop, world.fakes[0].address, &options, &world.client),
                     0);
    for (int i = 0; i < 4; i++)
        world_get(&world, "k");
    assert_int_equal(world.done, 0);
    world_wait(&world, 1);
    assert_int_equal(world.err, QUORATE_OVERLOADED);
    world_wait(&world, 4);
    assert_int_equal(world.err, 0);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_answers),
        cmocka_unit_test(many_are_under_way),
        cmocka_unit_test(refused_puts_are_repeated),
        cmocka_unit_test(repeating_ends),
        cmocka_unit_test(a_put_that_may_have_arrived_is_not_repeated),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(an_answer_before_a_late_look),
        cmocka_unit_test(nonsense_is_told),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(another_is_asked),
        cmocka_unit_test(silence_is_not_waited_for),
        cmocka_unit_test(closed_meanwhile),
        cmocka_unit_test(owners_are_asked),
        cmocka_unit_test(the_other_owner_is_asked),
        cmocka_unit_test(closing_in_a_callback),
        cmocka_unit_test(closing_under_load),
        cmocka_unit_test(closing_at_once),
        cmocka_unit_test(too_many),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(60); // nothing here may hang
    return cmocka_run_group_tests(tests, NULL, NULL);
}
