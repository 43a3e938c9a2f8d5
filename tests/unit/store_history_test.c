// SPDX-License-Identifier: Apache-2.0
// Random histories of a store on a memory disk that completes late, tears, loses and fills,
// compared with a naive model. After every crash the store must be what the model is after some
// prefix of the operations, and that prefix holds everything that was durable.
#include "base/err.h"
#include "tests/lib/store_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void context_widen(struct world *world, struct model_op *op, uint32_t shard)
{
    const struct model_object *object = &world->model->objects[op->key];
    const struct model_set *clock = &world->model->clocks[shard];

    switch (random_below(world, 4)) {
    case 0: // blind
        break;
    case 1: // with a token that has some of the versions, and something we never saw
        for (uint32_t i = 0; i < object->count; i++) {
            if (random_below(world, 2))
                set_add(op->context, object->versions[i].dot);
        }
        set_add(op->context,
                (struct dot){10 + random_below(world, RANDOM_ACTORS), 1 + random_below(world, 40)});
        break;
    case 2: // with a token of all versions
        for (uint32_t i = 0; i < object->count; i++)
            set_add(op->context, object->versions[i].dot);
        break;
    default: // overwriting all
        for (uint32_t i = 0; i < clock->count; i++)
            set_add(op->context, clock->dots[i]);
    }
}

static void op_run(struct world *world, struct model_op *op)
{
    uint64_t end = store_end(world->store);
    struct delta delta = {.versions = random_versions(world, op), .count = op->version_count};
    struct key key = world->model->keys[op->key];
    struct store_view view;
    uint64_t position;
    int err;

    random_clock(world, op->context, &delta.context);
    random_clock(world, op->dots, &delta.dots);
    if (op->version_count == 0 && random_below(world, 2)) {
        uint8_t tree_key[TREE_KEY_SIZE];

        key_tree(&key, tree_key);
        key = key_of_tree(tree_key, MODEL_SHARDS);
    }
    err = store_apply(world->store, &key, &delta, &world->arena, &position);
    if (err || store_end(world->store) == end) {
        world->refused += err != 0;
        assert_true(!err || err == ERR_OVERLOADED || err == ERR_DISK_FULL);
        if (!err) {
            assert_int_equal(store_read(world->store, &key, &world->arena, &view), 0);
            random_compare_object(world, op->key, &view.object);
        }
        random_op_done(op);
        return;
    }
    assert_true(position > end && position <= store_end(world->store));
    random_did(world, op, position);
    assert_int_equal(store_read(world->store, &key, &world->arena, &view), 0);
    assert_int_equal(view.position, position);
    random_compare_object(world, op->key, &view.object);
}

static void step_apply(struct world *world)
{
    struct model_op op = random_op(MODEL_APPLY);
    bool remote = random_below(world, 2);
    struct dot dot;
    uint32_t shard;

    op.key = (uint32_t)random_below(world, MODEL_KEYS);
    shard = world->model->keys[op.key].shard;
    dot = remote ? random_dot(world, shard) : store_mint(world->store, shard);
    if (remote)
        op.key = random_key_of(world, shard, dot);
    context_widen(world, &op, shard);
    set_add(op.context, dot);
    set_add(op.dots, dot);
    if (random_below(world, 5) || (remote && dot.counter % 4))
        random_op_version(&op, dot);
    op_run(world, &op);
}

// The same delta once more, as a repair or a repeated message brings it.
static void step_again(struct world *world)
{
    struct model_op op;

    if (world->model->op_count == 0)
        return;
    op = world->model->ops[random_below(world, world->model->op_count)];
    if (op.kind != MODEL_APPLY)
        return;
    op.context = memcpy(calloc(1, sizeof *op.context), op.context, sizeof *op.context);
    op.dots = memcpy(calloc(1, sizeof *op.dots), op.dots, sizeof *op.dots);
    op_run(world, &op);
}

static void step_turn(struct world *world)
{
    assert_int_equal(store_poll(world->store), 0);
    world->now_ms += random_below(world, 4);
    store_turn_end(world->store, world->now_ms);
    arena_reset(&world->arena);
    disk_memory_complete(world->disk, (uint32_t)random_below(world, 5));
    if (random_below(world, 4) == 0)
        tree_memory_complete(world->tree);
}

static void step_sweep(struct world *world)
{
    struct model_op op = random_op(MODEL_EXPIRE);
    uint64_t end = store_end(world->store);

    op.wall_ms = random_below(world, 2500);
    // Twice as many as there are: one whole round from wherever the last one stopped. All records
    // of the sweep go to the disk together, so that no crash falls between them.
    assert_int_equal(store_flush(world->store), 0);
    store_sweep(world->store, op.wall_ms, MODEL_KEYS * 2);
    store_sweep(world->store, op.wall_ms, MODEL_KEYS * 2);
    if (store_end(world->store) == end) {
        random_op_done(&op);
        return;
    }
    assert_int_equal(store_flush(world->store), 0);
    random_did(world, &op, store_end(world->store));
}

static void step_crash(struct world *world)
{
    static const enum disk_crash hows[] = {DISK_CRASH_LOSE, DISK_CRASH_KEEP, DISK_CRASH_CUT,
                                           DISK_CRASH_TEAR};
    uint64_t durable =
        world->settings.interval_ms ? world->store->log.synced : store_durable(world->store);
    uint64_t end = store_end(world->store);

    disk_memory_crash(world->disk, hows[random_below(world, 4)]);
    tree_memory_crash(world->tree);
    store_abandon(world->store);
    random_start(world);
    assert_true(store_end(world->store) >= durable);
    assert_true(store_end(world->store) <= end + GROUP_ALIGN);
    model_cut(world->model, store_end(world->store));
    random_compare(world);
}

static void step_close(struct world *world)
{
    assert_int_equal(store_close(world->store), 0);
    random_start(world);
    assert_true(world->found.clean);
    assert_int_equal(world->found.replayed, 0);
    random_compare(world);
}

// What strips does so in its own time; with enough of it nothing is left that need not be.
static void rests_settle(struct world *world)
{
    assert_int_equal(store_flush(world->store), 0);
    store_checkpoint(world->store);
    for (int i = 0; i < 60; i++) {
        tree_memory_complete(world->tree);
        store_turn_end(world->store, world->now_ms += 10);
        assert_int_equal(store_poll(world->store), 0);
        disk_memory_complete(world->disk, 10);
    }
    for (uint32_t shard = 0; shard < MODEL_SHARDS; shard++) {
        struct store_shard have;
        bool rests = false;

        for (uint32_t key = 0; key < MODEL_KEYS; key++)
            rests |= world->model->keys[key].shard == shard && model_has_rest(world->model, key);
        store_shard(world->store, shard, &have);
        assert_int_equal(have.rests, rests || have.fills > 0);
    }
}

// Lets the clock of a shard catch up with all that its keys have seen: no rest is left.
static void shard_catch_up(struct world *world, uint32_t shard)
{
    static struct model_set rest;
    struct model_op op = random_op(MODEL_APPLY);
    uint64_t position;

    assert_int_equal(store_flush(world->store), 0);
    store_turn_end(world->store, world->now_ms += 10);
    if (!world->model->born[shard] && !world->model->filling[shard]) {
        struct model_op born = random_op(MODEL_BORN);

        born.shard = shard;
        assert_int_equal(store_set_born(world->store, shard, &position), 0);
        random_did(world, &born, position);
    }
    for (uint32_t key = 0; key < MODEL_KEYS; key++) {
        if (world->model->keys[key].shard != shard)
            continue;
        op.key = key;
        model_rest(world->model, key, &rest);
        for (uint32_t i = 0; i < rest.count; i++) {
            set_add(op.context, rest.dots[i]);
            set_add(op.dots, rest.dots[i]);
        }
    }
    op_run(world, &op);
}

static void step_ask(struct world *world)
{
    static void (*const asks[])(struct world *) = {random_compare, random_ask_missing,
                                                   random_ask_page, random_ask_rests};

    asks[random_below(world, 4)](world);
}

static void step_shard(struct world *world)
{
    uint64_t dice = random_below(world, 100);

    if (dice < 70)
        random_fill(world);
    else if (dice < 78)
        random_born(world);
    else if (dice < 85)
        random_erase(world);
    else
        random_prune(world);
}

static void history_run(uint64_t seed, uint32_t steps, uint32_t done[MODEL_ERASE + 1])
{
    struct world world;

    uint64_t share; // of what shards go through, in some histories most of all

    random_open(&world, seed);
    share = random_below(&world, 2) ? 40 : 200;
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t dice = random_below(&world, 210 + share);

        if (dice < 100)
            step_apply(&world);
        else if (dice < 110)
            step_again(&world);
        else if (dice < 180)
            step_turn(&world);
        else if (dice < 186)
            store_checkpoint(world.store);
        else if (dice < 189)
            step_sweep(&world);
        else if (dice < 200)
            step_ask(&world);
        else if (dice < 204)
            step_crash(&world);
        else if (dice < 205)
            step_close(&world);
        else
            step_shard(&world);
    }
    random_compare(&world);
    rests_settle(&world);
    for (uint32_t shard = 0; shard < MODEL_SHARDS; shard++)
        shard_catch_up(&world, shard);
    random_compare(&world);
    rests_settle(&world);
    assert_int_equal(store_close(world.store), 0);
    random_start(&world);
    random_compare(&world);
    store_abandon(world.store);
    for (int kind = 0; done && kind <= MODEL_ERASE; kind++)
        done[kind] += world.done[kind];
    random_close(&world);
}

static void test_histories_match_the_model(void **state)
{
    const char *only = getenv("STORE_SEED");
    const char *many = getenv("STORE_SEEDS");
    uint64_t count = many ? strtoull(many, NULL, 10) : 150;
    uint32_t done[MODEL_ERASE + 1] = {0};

    (void)state;
    if (only) {
        history_run(strtoull(only, NULL, 10), 400, NULL);
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        if (many)
            fprintf(stderr, "seed %lu\n", (unsigned long)seed);
        history_run(seed, 400, done);
    }
    // All kinds of operations were met, and often.
    for (int kind = 0; kind <= MODEL_ERASE; kind++)
        assert_true(done[kind] > count / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
