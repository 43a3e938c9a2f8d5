// SPDX-License-Identifier: Apache-2.0
//
// What must hold of states: invariants, convergence, redelivery; dots issued once; placement of a
// topology; gauges. Each rule is broken once, alone.

#include "base/rng.h"
#include "sim/checker/gauge.h"
#include "sim/checker/issued.h"
#include "sim/checker/placed.h"
#include "sim/checker/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODES = 3, KEYS = 2, VERSIONS = 2 };

// Three owners of one shard and a guest that has nothing; key 0 has two versions, key 1 one that
// expires. All can be changed in place.
struct world {
    struct version versions[NODES][KEYS][VERSIONS];
    struct object objects[NODES][KEYS];
    struct replica_object held[NODES][KEYS];
    struct clock clocks[NODES + 1];
    struct clock logs[NODES + 1];
    struct replica_state list[NODES + 1];
    struct replica_states states;
    struct verdict verdict;
};

static void node_make(struct world *world, uint32_t node)
{
    struct replica_object *held = world->held[node];
    struct object *objects = world->objects[node];

    clock_add_run(&world->clocks[node], (struct run){1, 1, 5});
    clock_add_run(&world->clocks[node], (struct run){2, 1, 7});
    world->versions[node][0][0] = (struct version){{1, 3}, 30, 0, slice_of_text("left")};
    world->versions[node][0][1] = (struct version){{2, 7}, 31, 0, slice_of_text("right")};
    world->versions[node][1][0] = (struct version){{2, 2}, 20, 99, slice_of_text("soon")};
    for (uint32_t key = 0; key < KEYS; key++) {
        objects[key] = (struct object){world->versions[node][key], key ? 1 : 2, {0}};
        held[key] = (struct replica_object){key, &objects[key], NULL, NULL};
    }
    world->list[node] = (struct replica_state){.node = node,
                                               .owner = true,
                                               .serves = true,
                                               .actor = node + 1,
                                               .counter = node == 0 ? 5 : 7,
                                               .clock = &world->clocks[node],
                                               .dot_log = &world->logs[node],
                                               .digest = 77,
                                               .objects = held,
                                               .object_count = KEYS};
}

static int setup(void **state)
{
    static struct world world;

    memset(&world, 0, sizeof world);
    for (uint32_t i = 0; i < NODES; i++)
        node_make(&world, i);
    world.list[NODES] = (struct replica_state){
        .node = NODES, .actor = 9, .clock = &world.clocks[NODES], .dot_log = &world.logs[NODES]};
    world.states = (struct replica_states){world.list, NODES + 1};
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    for (uint32_t i = 0; i <= NODES; i++) {
        clock_done(&world->clocks[i]);
        clock_done(&world->logs[i]);
        if (i < NODES)
            clock_done(&world->objects[i][0].rest);
    }
    verdict_done(&world->verdict);
    return 0;
}

// Only this kind was found, and said so in these words.
static void expect(struct verdict *verdict, enum verdict_kind kind, const char *words)
{
    buffer_add_u8(&verdict->text, 0);
    if (!verdict->counts[kind] || verdict->counts[kind] != verdict_count(verdict) ||
        !strstr((const char *)verdict->text.data, words))
        fail_msg("expected %s with \"%s\", found %lu: %s", verdict_kind_text(kind), words,
                 (unsigned long)verdict_count(verdict), (const char *)verdict->text.data);
    verdict_done(verdict);
}

static void expect_broken(struct world *world, const char *words)
{
    states_check(&world->states, &world->verdict);
    expect(&world->verdict, VERDICT_STATE, words);
}

static void expect_diverged(struct world *world, const char *words)
{
    states_converged(&world->states, NODES, &world->verdict);
    expect(&world->verdict, VERDICT_DIVERGED, words);
}

// ---- invariants ---------------------------------------------------------------------------------

static void good_states_are_good(void **state)
{
    struct world *world = *state;

    states_check(&world->states, &world->verdict);
    states_converged(&world->states, NODES, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    assert_true(states_same(&world->list[0], &world->list[0], &world->verdict));
}

static void counts_are_wrong(void **state)
{
    struct world *world = *state;
    struct replica_state *one = &world->list[1];

    one->counted = true;
    one->keys = KEYS;
    states_check(&world->states, &world->verdict);
    states_converged(&world->states, NODES, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    one->keys = KEYS + 1;
    expect_broken(world, "3 keys are counted, 2 are there");
    one->unknown = 1; // nobody can tell
    states_check(&world->states, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    one->unknown = 0;
    one->keys = KEYS;
    one->dots = 4;
    expect_diverged(world, "4 dots left in the dot log");
}

static void version_outside_the_context(void **state)
{
    struct world *world = *state;
    struct clock fill = {0};

    world->versions[1][0][1].dot = (struct dot){3, 1};
    expect_broken(world, "version (3,1) is not in the full context");
    // The fill clock counts, and so does the rest.
    clock_add(&fill, (struct dot){3, 1});
    world->held[1][0].fill = &fill;
    world->list[2].counter = 1; // actor 3
    states_check(&world->states, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    world->held[1][0].fill = NULL;
    clock_add(&world->objects[1][0].rest, (struct dot){3, 1});
    states_check(&world->states, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    clock_done(&fill);
}

static void rest_within_the_clock(void **state)
{
    struct world *world = *state;

    clock_add(&world->objects[2][0].rest, (struct dot){1, 4});
    expect_broken(world, "the rest has dots of the shard's clock");
}

static void dot_log_beyond_the_clock(void **state)
{
    struct world *world = *state;

    clock_add(&world->logs[0], (struct dot){1, 5});
    states_check(&world->states, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    clock_add(&world->logs[0], (struct dot){1, 6});
    expect_broken(world, "the dot log has dots beyond the clock");
}

static void dot_above_the_counter_of_its_actor(void **state)
{
    struct world *world = *state;

    world->list[0].counter = 4;
    expect_broken(world, "(1,5), but node 0, that actor's, has issued up to 4");
    world->list[0].counter = 5;
    clock_add(&world->objects[1][0].rest, (struct dot){1, 6}); // known elsewhere, in a rest
    expect_broken(world, "node 1 shard 0 knows (1,6)");
}

static void versions_out_of_order_and_empty_objects(void **state)
{
    struct world *world = *state;

    world->versions[0][0][0].dot = (struct dot){2, 7};
    expect_broken(world, "versions do not ascend by dot");
    world->versions[0][0][0].dot = (struct dot){1, 3};
    world->objects[0][1].count = 0;
    expect_broken(world, "an object without version and rest");
}

// ---- convergence --------------------------------------------------------------------------------

static void clocks_that_differ(void **state)
{
    struct world *world = *state;

    clock_add(&world->clocks[1], (struct dot){9, 4});
    expect_diverged(world, "node 1 has (9,4), node 0 has not");
}

static void objects_that_differ(void **state)
{
    struct world *world = *state;

    world->objects[1][0].count = 1;
    expect_diverged(world, "only the first has version (2,7)");
    world->objects[1][0].count = 2;
    world->versions[2][0][1].value = slice_of_text("wrong");
    expect_diverged(world, "value, stamp or expiry differ of version (2,7)");
    world->versions[2][0][1].value = slice_of_text("right");
    world->list[0].objects = world->held[0] + 1;
    world->list[0].object_count = 1;
    expect_diverged(world, "only the second has version (1,3)");
}

static void expiring_versions_need_not_be_everywhere(void **state)
{
    struct world *world = *state;

    world->list[1].object_count = 1;
    states_converged(&world->states, NODES, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    world->versions[2][1][0].expires_ms = 0; // but all must say when it expires
    expect_diverged(world, "value, stamp or expiry differ of version (2,2)");
}

static void what_is_left_over(void **state)
{
    struct world *world = *state;

    clock_add(&world->objects[0][0].rest, (struct dot){9, 9});
    expect_diverged(world, "1 objects with a rest");
    clock_done(&world->objects[0][0].rest);
    clock_add(&world->logs[1], (struct dot){1, 1});
    expect_diverged(world, "1 dots left in the dot log");
    clock_done(&world->logs[1]);
    world->objects[2][1].count = 0;
    expect_diverged(world, "1 without version");
    world->objects[2][1].count = 1;
    world->list[1].unknown = 1;
    expect_diverged(world, "1 unknown");
    world->list[1].unknown = 0;
    world->list[1].serves = false;
    expect_diverged(world, "does not serve");
    world->list[1].serves = true;
    world->list[1].digest = 78;
    expect_diverged(world, "although clocks and objects are equal");
    world->list[1].digest = 77;
    world->states.count = 2;
    expect_diverged(world, "2 owners of 3");
}

static void guest_that_is_left(void **state)
{
    struct world *world = *state;

    clock_add(&world->clocks[NODES], (struct dot){1, 1});
    states_converged(&world->states, NODES, &world->verdict);
    expect(&world->verdict, VERDICT_GUEST, "node 3 owns no part of shard 0 and holds 1 dots");
}

static void redelivery_that_changes_something(void **state)
{
    struct world *world = *state;

    assert_true(states_same(&world->list[0], &world->list[1], &world->verdict));
    clock_add(&world->objects[1][0].rest, (struct dot){9, 9});
    assert_false(states_same(&world->list[0], &world->list[1], &world->verdict));
    expect(&world->verdict, VERDICT_REDELIVERED, "the rests differ");
    clock_done(&world->objects[1][0].rest);
    clock_add(&world->logs[1], (struct dot){1, 1});
    assert_false(states_same(&world->list[0], &world->list[1], &world->verdict));
    expect(&world->verdict, VERDICT_REDELIVERED, "the dot logs differ");
    world->list[2].object_count = 1; // here an expiring version counts
    assert_false(states_same(&world->list[0], &world->list[2], &world->verdict));
    expect(&world->verdict, VERDICT_REDELIVERED, "only the first has version (2,2)");
}

// ---- dots ---------------------------------------------------------------------------------------

static void see(struct world *world, struct issued *issued, struct issued_sight sight)
{
    issued_see(issued, &sight, &world->verdict);
}

static void dots_issued_twice(void **state)
{
    struct world *world = *state;
    struct issued issued = {0};
    const struct dot dot = {7, 1};

    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_KEY_ONLY, 0, 1, 10});
    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_VALUE, 0xaa, 2, 11});
    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_VALUE, 0xaa, 0, 12});
    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_KEY_ONLY, 0, 0, 13});
    see(world, &issued, (struct issued_sight){dot, 1, 6, ISSUED_DELETE, 0, 0, 14}); // other shard
    assert_int_equal(verdict_count(&world->verdict), 0);
    assert_int_equal(issued.dots, 2);
    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_VALUE, 0xbb, 1, 15});
    expect(&world->verdict, VERDICT_DOT, "a value bb at node 1 at 15");
    see(world, &issued, (struct issued_sight){dot, 0, 5, ISSUED_DELETE, 0, 1, 16});
    expect(&world->verdict, VERDICT_DOT, "a delete");
    see(world, &issued, (struct issued_sight){dot, 0, 6, ISSUED_KEY_ONLY, 0, 1, 17});
    expect(&world->verdict, VERDICT_DOT, "key 6");
    issued_stamp(&issued, &(struct issued_sight){.dot = {4, 1}}, 50, &world->verdict);
    issued_stamp(&issued, &(struct issued_sight){.dot = {4, 2}}, 51, &world->verdict);
    issued_stamp(&issued, &(struct issued_sight){.dot = {4, 1}}, 50, &world->verdict); // again
    issued_stamp(&issued, &(struct issued_sight){.dot = {4, 1}, .shard = 1}, 1, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    issued_stamp(&issued, &(struct issued_sight){.dot = {4, 3}}, 51, &world->verdict);
    expect(&world->verdict, VERDICT_DOT, "write 3 at 0 is stamped 33, not after write 2, 33");
    issued_life(&issued, 7, 0, 1, &world->verdict);
    issued_life(&issued, 8, 0, 2, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    issued_life(&issued, 7, 1, 3, &world->verdict);
    expect(&world->verdict, VERDICT_DOT, "actor 7 begins at node 1");
    issued_done(&issued);
}

// ---- placement ----------------------------------------------------------------------------------

enum { SHARDS = 16, MEMBERS = 9 };

struct place {
    struct topology topology;
    struct member members[MEMBERS];
    uint16_t owners[SHARDS * REPLICAS_MAX];
};

static void place_make(struct place *place, uint64_t seed)
{
    struct rng rng;

    rng_init(&rng, seed);
    memset(place, 0, sizeof *place);
    place->topology = (struct topology){.epoch = 1,
                                        .cluster = 1,
                                        .seed = seed,
                                        .shards = SHARDS,
                                        .replicas = 1 + (uint32_t)rng_below(&rng, 5),
                                        .members = place->members,
                                        .owners = place->owners};
    place->topology.member_count = 5 + (uint32_t)rng_below(&rng, MEMBERS - 4);
    for (uint32_t i = 0; i < place->topology.member_count; i++) {
        struct member *member = &place->members[i];
        uint64_t host = rng_below(&rng, 1 + rng_below(&rng, MEMBERS));

        member->id = i + 1;
        member->weight = 100;
        snprintf(member->name, sizeof member->name, "n%u", i);
        snprintf(member->host, sizeof member->host, "h%u", (unsigned)host);
        snprintf(member->zone, sizeof member->zone, "z%u", (unsigned)(host % 4));
    }
}

static void planned_tables_are_in_order(void **state)
{
    struct world *world = *state;
    struct place place;

    for (uint64_t seed = 0; seed < 500; seed++) {
        place_make(&place, seed);
        assert_int_equal(plan_table(&place.topology, NULL, NULL), 0);
        placed_check(&place.topology, &world->verdict);
        if (verdict_count(&world->verdict))
            fail_msg("seed %lu: %.*s", (unsigned long)seed, (int)world->verdict.text.size,
                     (const char *)world->verdict.text.data);
    }
}

static void copies_on_one_member_host_or_zone(void **state)
{
    struct world *world = *state;
    static const char *const hosts[] = {"a", "b", "c", "c", "d", "e"};
    static const char *const zones[] = {"x", "y", "z", "z", "", ""};
    struct place place = {.topology = {.epoch = 3, .shards = 1, .replicas = 3, .member_count = 6}};

    place.topology.members = place.members;
    place.topology.owners = place.owners;
    for (uint32_t i = 0; i < 6; i++) {
        place.members[i].weight = 1;
        strcpy(place.members[i].host, hosts[i]);
        strcpy(place.members[i].zone, zones[i]);
    }
    memcpy(place.owners, (uint16_t[]){0, 1, 2}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    memcpy(place.owners, (uint16_t[]){0, 1, 0}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "is owner 2 times");
    memcpy(place.owners, (uint16_t[]){0, 2, 3}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "its host c 2 times (1 would do)");
    memcpy(place.owners, (uint16_t[]){0, 4, 5}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "its zone  2 times (1 would do)");
    for (uint32_t i = 0; i < 6; i++) // one zone: hosts alone decide
        place.members[i].zone[0] = 0;
    memcpy(place.owners, (uint16_t[]){0, 2, 3}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "its host c 2 times (1 would do)");
    place.members[1].weight = 0;
    memcpy(place.owners, (uint16_t[]){0, 1, 2}, 3 * sizeof(uint16_t));
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "is no member with weight");
    place.topology.replicas = 6;
    placed_check(&place.topology, &world->verdict);
    expect(&world->verdict, VERDICT_PLACED, "6 copies have no room");
}

static void gauges_that_stay_up(void **state)
{
    struct world *world = *state;
    const struct gauge good[] = {{"queue", 0, 4, 90, 100, 4}, {"memory", 1000, 1100, 0, 0, 0}};
    const struct gauge grown = {"memory", 1000, 1101, 0, 0, 0};
    const struct gauge burst = {"queue", 0, 0, 101, 100, 0};

    gauges_check(good, 2, &world->verdict);
    assert_int_equal(verdict_count(&world->verdict), 0);
    gauges_check(&grown, 1, &world->verdict);
    expect(&world->verdict, VERDICT_UNBOUNDED, "memory: 1000 before, 1101 after, at most 1100");
    gauges_check(&burst, 1, &world->verdict);
    expect(&world->verdict, VERDICT_UNBOUNDED, "queue: reached 101, above its bound of 100");
}

static void verdicts_keep_the_first_sentences(void **state)
{
    struct world *world = *state;
    struct buffer line = {0};

    for (uint32_t i = 0; i < 100; i++)
        verdict_add(&world->verdict, VERDICT_LOST, "number %u", i);
    buffer_add_u8(&world->verdict.text, 0);
    assert_non_null(strstr((const char *)world->verdict.text.data, "S1 lost: number 19\n"));
    assert_null(strstr((const char *)world->verdict.text.data, "number 20"));
    verdict_summary(&world->verdict, &line);
    buffer_add_u8(&line, 0);
    assert_non_null(strstr((const char *)line.data, "100 findings, S1 lost 100\n"));
    buffer_done(&line);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(good_states_are_good),
        TEST(counts_are_wrong),
        TEST(version_outside_the_context),
        TEST(rest_within_the_clock),
        TEST(dot_log_beyond_the_clock),
        TEST(dot_above_the_counter_of_its_actor),
        TEST(versions_out_of_order_and_empty_objects),
        TEST(clocks_that_differ),
        TEST(objects_that_differ),
        TEST(expiring_versions_need_not_be_everywhere),
        TEST(what_is_left_over),
        TEST(guest_that_is_left),
        TEST(redelivery_that_changes_something),
        TEST(dots_issued_twice),
        TEST(planned_tables_are_in_order),
        TEST(copies_on_one_member_host_or_zone),
        TEST(gauges_that_stay_up),
        TEST(verdicts_keep_the_first_sentences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
