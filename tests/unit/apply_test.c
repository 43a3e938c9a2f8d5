// SPDX-License-Identifier: Apache-2.0
// The rule of apply. First sets of random deltas in random orders, with duplicates. Then
// histories of three replicas (writes, lost and repeated messages, syncs, fills), in which each
// step is compared with a restatement of the rules on masks, and the end with what the set of
// writes alone says.
#include "node/data/object.h"

#include "tests/lib/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { REPLICAS = 3, KEYS = 2, QUEUE = 64, WRITES = 64 };

// A delta of one key, as masks.
struct change {
    unsigned key;
    uint64_t versions;
    uint64_t context;
    uint64_t dots;
};

// A replica as the rules say, on masks, beside the real one.
struct replica {
    uint64_t clock;
    uint64_t versions[KEYS];
    uint64_t rest[KEYS];
    uint64_t fill; // the fill clock, which counts for the keys that were passed
    bool passed[KEYS];
    bool filling;
    unsigned source;

    struct clock real_clock;
    struct clock real_fill;
    struct object real[KEYS];
};

static uint64_t fill_of(const struct replica *replica, unsigned key)
{
    return replica->passed[key] ? replica->fill : 0;
}

static uint64_t context_of(const struct replica *replica, unsigned key)
{
    return replica->clock | replica->rest[key] | fill_of(replica, key);
}

static void naive_apply(struct replica *replica, const struct change *change)
{
    unsigned key = change->key;
    uint64_t had = replica->versions[key];
    uint64_t has = (had & (change->versions | ~change->context)) |
                   (change->versions & (had | ~context_of(replica, key)));
    uint64_t seen = replica->rest[key] | change->context | has;

    replica->versions[key] = has;
    replica->clock |= change->dots | change->versions;
    replica->rest[key] = seen & ~replica->clock;
}

static void replica_init(struct replica *replica, struct arena *arena)
{
    *replica = (struct replica){.real_clock = clock_in(arena), .real_fill = clock_in(arena)};
    for (unsigned key = 0; key < KEYS; key++)
        replica->real[key].rest = clock_in(arena);
}

static uint64_t version_dots(const struct object *object)
{
    uint64_t dots = 0;

    for (uint32_t i = 0; i < object->count; i++) {
        unsigned bit = naive_bit(object->versions[i].dot);

        assert_int_equal(object->versions[i].stamp, bit);
        assert_true(i == 0 ||
                    dot_compare(object->versions[i - 1].dot, object->versions[i].dot) < 0);
        dots |= (uint64_t)1 << bit;
    }
    return dots;
}

static void replica_compare(const struct replica *replica)
{
    assert_true(naive_dots(&replica->real_clock) == replica->clock);
    for (unsigned key = 0; key < KEYS; key++) {
        assert_true(version_dots(&replica->real[key]) == replica->versions[key]);
        assert_true(naive_dots(&replica->real[key].rest) == replica->rest[key]);
        assert_true((replica->versions[key] & ~context_of(replica, key)) == 0);
    }
}

static void real_apply(struct arena *arena, struct replica *replica, const struct change *change)
{
    struct delta delta = {.context = clock_in(arena), .dots = clock_in(arena)};
    struct object *object = &replica->real[change->key];

    delta.versions = arena_alloc(arena, NAIVE_DOTS * sizeof *delta.versions);
    for (uint64_t left = change->versions; left; left &= left - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(left);

        delta.versions[delta.count++] = (struct version){naive_dot(bit), bit, 0, {0}};
    }
    naive_clock(change->context, &delta.context);
    naive_clock(change->dots, &delta.dots);
    *object = object_apply(arena, object, &replica->real_clock,
                           replica->passed[change->key] ? &replica->real_fill : NULL, &delta);
}

static void replica_apply(struct arena *arena, struct replica *replica, const struct change *change)
{
    naive_apply(replica, change);
    real_apply(arena, replica, change);
    replica_compare(replica);
    assert_true((replica->rest[change->key] & replica->clock) == 0);
}

static void replica_strip(struct replica *replica)
{
    for (unsigned key = 0; key < KEYS; key++) {
        replica->rest[key] &= ~replica->clock;
        object_strip(&replica->real[key], &replica->real_clock);
    }
    replica_compare(replica);
}

// ---------------------------------------------------------------- any order

enum { SETS = 100 * 1000, SET_MAX = 6 };

// Every key has dots of its own: those whose number leaves the key as remainder.
static uint64_t dots_of_key(unsigned key)
{
    return (uint64_t)0x5555555555555555 << key;
}

static struct change change_random(struct rng *rng)
{
    unsigned key = (unsigned)rng_below(rng, KEYS);
    uint64_t context = naive_random(rng);
    uint64_t own = context & dots_of_key(key);

    return (struct change){key, own & rng_u64(rng) & rng_u64(rng), context, own & rng_u64(rng)};
}

// Each change at least once, in a random order, some of them several times.
static void apply_all(struct arena *arena, struct rng *rng, struct replica *replica,
                      const struct change *changes, unsigned count)
{
    uint64_t left = ((uint64_t)1 << count) - 1;

    while (left) {
        unsigned next = (unsigned)rng_below(rng, count);

        real_apply(arena, replica, &changes[next]);
        left &= ~((uint64_t)1 << next);
    }
    for (unsigned key = 0; key < KEYS; key++)
        object_strip(&replica->real[key], &replica->real_clock);
}

// A state is a function of the set: what the rules leave of it, without any order.
static void set_expect(struct replica *replica, const struct change *changes, unsigned count)
{
    uint64_t known[KEYS] = {0};
    uint64_t gone[KEYS] = {0};

    for (unsigned i = 0; i < count; i++) {
        const struct change *change = &changes[i];

        replica->clock |= change->dots | change->versions;
        replica->versions[change->key] |= change->versions;
        known[change->key] |= change->context;
        gone[change->key] |= change->context & ~change->versions;
    }
    for (unsigned key = 0; key < KEYS; key++) {
        replica->versions[key] &= ~gone[key];
        replica->rest[key] = known[key] & ~replica->clock;
    }
}

static void apply_any_order(void **state)
{
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < SETS; i++) {
        struct change changes[SET_MAX];
        unsigned count = 1 + (unsigned)rng_below(&rng, SET_MAX);
        struct replica replica;

        for (unsigned j = 0; j < count; j++)
            changes[j] = change_random(&rng);
        replica_init(&replica, &arena);
        apply_all(&arena, &rng, &replica, changes, count);
        set_expect(&replica, changes, count);
        replica_compare(&replica);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

// ---------------------------------------------------------------- histories

struct message {
    unsigned to;
    struct change change;
};

struct world {
    struct arena arena;
    struct rng rng;
    struct replica replicas[REPLICAS];
    uint64_t tokens[KEYS];
    uint64_t dots[KEYS]; // issued for the key
    unsigned counters[REPLICAS];
    struct message queue[QUEUE];
    unsigned queued;
    struct change writes[WRITES];
    unsigned written;
};

static bool chance(struct world *world, unsigned percent)
{
    return rng_below(&world->rng, 100) < percent;
}

static unsigned any(struct world *world, unsigned count)
{
    return (unsigned)rng_below(&world->rng, count);
}

static uint64_t write_context(struct world *world, const struct replica *replica, unsigned key)
{
    switch (any(world, 4)) {
    case 0:
        return 0; // blind, beside what is there
    case 1:
        return replica->filling ? 0 : context_of(replica, key); // blind, instead of it
    default:
        return world->tokens[key];
    }
}

static void world_write(struct world *world)
{
    unsigned actor = any(world, REPLICAS);
    struct replica *replica = &world->replicas[actor];
    struct change write = {.key = any(world, KEYS)};

    if (world->counters[actor] == NAIVE_COUNTERS)
        return;
    write.dots = (uint64_t)1 << (actor * NAIVE_COUNTERS + world->counters[actor]++);
    write.context = write_context(world, replica, write.key) | write.dots;
    write.versions = chance(world, 70) ? write.dots : 0;
    world->dots[write.key] |= write.dots;
    world->writes[world->written++] = write;
    replica_apply(&world->arena, replica, &write);
    for (unsigned to = 0; to < REPLICAS; to++) {
        for (unsigned copies = chance(world, 70) + chance(world, 20); copies > 0; copies--) {
            if (to != actor && world->queued < QUEUE)
                world->queue[world->queued++] = (struct message){to, write};
        }
    }
}

static void world_deliver(struct world *world)
{
    unsigned at = world->queued ? any(world, world->queued) : 0;
    struct message message = world->queue[at];

    if (world->queued == 0)
        return;
    world->queue[at] = world->queue[--world->queued];
    replica_apply(&world->arena, &world->replicas[message.to], &message.change);
}

static void world_read(struct world *world)
{
    const struct replica *replica = &world->replicas[any(world, REPLICAS)];
    unsigned key = any(world, KEYS);

    if (!replica->filling)
        world->tokens[key] =
            context_of(replica, key) | (chance(world, 50) ? world->tokens[key] : 0);
}

static struct change item_of(const struct replica *from, unsigned key, uint64_t dots)
{
    return (struct change){key, from->versions[key], context_of(from, key), dots & from->clock};
}

// The object with all dots of its key; a repair without any.
static void world_item(struct world *world)
{
    const struct replica *from = &world->replicas[any(world, REPLICAS)];
    struct replica *to = &world->replicas[any(world, REPLICAS)];
    unsigned key = any(world, KEYS);
    struct change item = item_of(from, key, chance(world, 50) ? world->dots[key] : 0);

    if (from != to && !from->filling && !to->filling)
        replica_apply(&world->arena, to, &item);
}

static void world_sync(struct world *world, unsigned from_number, unsigned to_number)
{
    const struct replica *from = &world->replicas[from_number];
    struct replica *to = &world->replicas[to_number];

    if (from == to || from->filling || to->filling)
        return;
    for (unsigned key = 0; key < KEYS; key++) {
        struct change item = item_of(from, key, world->dots[key]);

        if (world->dots[key] & from->clock & ~to->clock)
            replica_apply(&world->arena, to, &item);
    }
    to->clock |= from->clock;
    clock_join(&to->real_clock, &from->real_clock);
    replica_strip(to);
}

static void fill_begin(struct world *world)
{
    unsigned source = any(world, REPLICAS);
    const struct replica *from = &world->replicas[source];
    struct replica *to = &world->replicas[any(world, REPLICAS)];

    for (unsigned i = 0; i < REPLICAS; i++) {
        if (world->replicas[i].filling)
            return;
    }
    if (from == to)
        return;
    to->filling = true;
    to->source = source;
    to->fill = from->clock;
    to->real_fill = clock_in(&world->arena);
    clock_copy(&to->real_fill, &from->real_clock);
}

// The next key: its item is merged before the fill clock counts for it; then what the fill clock
// has needs no rest.
static void fill_step(struct world *world, struct replica *to)
{
    const struct replica *from = &world->replicas[to->source];
    unsigned key = 0;

    while (key < KEYS && to->passed[key])
        key += 1;
    if (key < KEYS) {
        struct change item = item_of(from, key, 0);
        uint64_t before = to->clock;

        replica_apply(&world->arena, to, &item);
        to->passed[key] = true;
        if (to->clock == before) { // else the clock, which others get, must not need the fill's
            to->rest[key] &= ~to->fill;
            object_strip(&to->real[key], &to->real_fill);
        }
        replica_compare(to);
        return;
    }
    to->clock |= to->fill;
    clock_join(&to->real_clock, &to->real_fill);
    to->filling = false;
    to->fill = 0;
    memset(to->passed, 0, sizeof to->passed);
    replica_strip(to);
}

static void fills_step(struct world *world)
{
    for (unsigned i = 0; i < REPLICAS; i++) {
        if (world->replicas[i].filling)
            fill_step(world, &world->replicas[i]);
    }
}

static void world_step(struct world *world)
{
    unsigned event = any(world, 100);

    if (event < 25)
        world_write(world);
    else if (event < 55)
        world_deliver(world);
    else if (event < 70)
        world_read(world);
    else if (event < 80)
        world_item(world);
    else if (event < 85)
        world_sync(world, any(world, REPLICAS), any(world, REPLICAS));
    else if (event < 88)
        fill_begin(world);
    else if (event < 95)
        fills_step(world);
    else
        replica_strip(&world->replicas[any(world, REPLICAS)]);
}

// All replicas agree, nothing is left to remember, and a version is there exactly when no other
// write of its key has it in its context.
static void world_finish(struct world *world)
{
    uint64_t covered[KEYS] = {0};
    uint64_t put[KEYS] = {0};

    for (unsigned i = 0; i < KEYS + 1; i++)
        fills_step(world);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned pair = 0; pair < REPLICAS * REPLICAS; pair++)
            world_sync(world, pair / REPLICAS, pair % REPLICAS);
    }
    for (unsigned i = 0; i < world->written; i++) {
        const struct change *write = &world->writes[i];

        put[write->key] |= write->versions;
        covered[write->key] |= write->context & ~write->dots;
    }
    for (unsigned i = 0; i < REPLICAS; i++) {
        const struct replica *replica = &world->replicas[i];

        assert_true(replica->clock == (world->dots[0] | world->dots[1]));
        for (unsigned key = 0; key < KEYS; key++) {
            assert_true(version_dots(&replica->real[key]) == (put[key] & ~covered[key]));
            assert_int_equal(replica->real[key].rest.count, 0);
        }
    }
}

static void histories(void **state)
{
    static struct world world;
    struct arena arena = {0};

    (void)state;
    for (unsigned seed = 0; seed < 10000; seed++) {
        world = (struct world){.arena = arena};
        rng_init(&world.rng, seed);
        for (unsigned i = 0; i < REPLICAS; i++)
            replica_init(&world.replicas[i], &world.arena);
        for (unsigned steps = 20 + any(&world, 60); steps > 0; steps--)
            world_step(&world);
        world_finish(&world);
        arena_reset(&world.arena);
        arena = world.arena;
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_any_order),
        cmocka_unit_test(histories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
