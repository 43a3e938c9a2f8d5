// SPDX-License-Identifier: Apache-2.0
// Random histories of a store on a memory disk that completes late, tears, loses and fills,
// compared with a naive model. After every crash the store must be what the model is after some
// prefix of the operations, and that prefix holds everything that was durable.
#include "base/err.h"
#include "base/rng.h"
#include "node/store/disk_memory.h"
#include "node/store/state.h"
#include "node/store/tree_memory.h"
#include "tests/lib/store_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUE_SIZE_MAX = 300, REMOTE_ACTORS = 3, SEGMENT_BYTES = 16 << 10 };

struct world {
    struct rng rng;
    struct disk *disk;
    struct tree *tree;
    struct store *store;
    struct store_settings settings;
    struct store_found found;
    struct model *model;
    char names[MODEL_KEYS][8];
    uint64_t remote[MODEL_SHARDS][REMOTE_ACTORS]; // last counter used by a peer
    struct arena arena;
    uint64_t now_ms;
    uint64_t lives;
    uint32_t refused;
};

static uint64_t below(struct world *world, uint64_t bound)
{
    return rng_below(&world->rng, bound);
}

static void world_start(struct world *world)
{
    uint64_t position;
    int err;

    world->settings.actor = 100 + ++world->lives;
    err = store_open(&world->settings, world->disk, world->tree, &world->store, &world->found);
    if (err)
        print_error("open: %s %s\n", err_code(err), world->found.error);
    assert_int_equal(err, 0);
    if (store_shards(world->store) == 0) {
        assert_int_equal(store_set_shards(world->store, MODEL_SHARDS, &position), 0);
        assert_int_equal(store_flush(world->store), 0);
    }
}

static void world_open(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    rng_init(&world->rng, seed);
    world->disk = disk_memory_new(SEGMENT_BYTES, seed);
    world->tree = tree_memory_new();
    world->settings = store_settings_default();
    world->settings.segment_bytes = SEGMENT_BYTES;
    world->settings.memtable_bytes = 24 << 10;
    world->settings.retry_ms = 5;
    if (below(world, 4) == 0)
        world->settings.interval_ms = 3;
    world->settings.dot_log_bytes = below(world, 2) ? 64 << 10 : 600;
    world->model = calloc(1, sizeof *world->model);
    model_init(world->model, world->names);
    world_start(world);
    disk_memory_eager(world->disk, below(world, 2));
    tree_memory_eager(world->tree, below(world, 2));
}

static void world_close(struct world *world)
{
    world->disk->calls->close(world->disk);
    world->tree->calls->close(world->tree);
    model_done(world->model);
    free(world->model);
    arena_done(&world->arena);
}

// ---------------------------------------------------------------- comparing

static void version_compare(const struct version *version, const struct model_object *want)
{
    uint8_t value[VALUE_SIZE_MAX];

    for (uint32_t i = 0; i < want->count; i++) {
        const struct model_version *other = &want->versions[i];

        if (dot_compare(other->dot, version->dot))
            continue;
        assert_int_equal(version->expires_ms, other->expires_ms);
        assert_int_equal(version->value.size, other->size);
        model_value(version->dot, other->size, value);
        assert_memory_equal(version->value.data, value, other->size);
        return;
    }
    fail_msg("version %lu/%lu was never there", (unsigned long)version->dot.actor,
             (unsigned long)version->dot.counter);
}

static void object_compare(const struct object *object, const struct model_object *want)
{
    assert_int_equal(object->count, want->count);
    for (uint32_t i = 0; i < object->count; i++)
        version_compare(&object->versions[i], want);
    assert_true(set_is(&want->rest, &object->rest));
}

static void scan_compare(struct world *world, uint32_t shard)
{
    struct store_scan scan = {shard, NULL, (uint32_t)(1 + below(world, 4)), 400};
    uint8_t last[TREE_KEY_SIZE] = {0};
    struct store_page page;
    uint32_t seen = 0;
    uint32_t want = 0;

    do {
        assert_int_equal(store_scan(world->store, &scan, &world->arena, &page), 0);
        for (uint32_t i = 0; i < page.count; i++) {
            const struct store_item *item = &page.items[i];
            int key = atoi((const char *)item->key.data + 3);

            assert_true(seen == 0 || memcmp(last, item->tree_key, TREE_KEY_SIZE) < 0);
            memcpy(last, item->tree_key, TREE_KEY_SIZE);
            assert_true(slice_is(item->key, world->names[key]));
            object_compare(&item->object, &world->model->objects[key]);
            seen += 1;
        }
        scan.after = last;
    } while (page.more);
    for (int key = 0; key < MODEL_KEYS; key++) {
        const struct model_object *object = &world->model->objects[key];

        want += world->model->keys[key].shard == shard && (object->count || object->rest.count);
    }
    assert_int_equal(seen, want);
}

static void shard_compare(struct world *world, uint32_t shard)
{
    struct store_shard have;
    struct store_shard want = {0};

    store_shard(world->store, shard, &have);
    for (int i = 0; i < MODEL_KEYS; i++) {
        const struct model_object *object = &world->model->objects[i];
        const struct key *key = &world->model->keys[i];

        if (key->shard != shard || object->count == 0)
            continue;
        want.keys += 1;
        want.bytes += key->bucket.size + key->key.size;
        for (uint32_t n = 0; n < object->count; n++) {
            struct version version = {
                object->versions[n].dot, 0, object->versions[n].expires_ms, {0}};

            want.bytes += object->versions[n].size;
            want.digest ^= version_digest(key->low, key->high, &version);
        }
    }
    assert_int_equal(have.keys, want.keys);
    assert_int_equal(have.bytes, want.bytes);
    assert_int_equal(have.digest, want.digest);
    assert_int_equal(have.unknown, 0);
    assert_true(set_is(&world->model->clocks[shard], store_clock(world->store, shard)));
    assert_true(replica_valid(&world->store->replicas[shard], &world->store->dot_log, shard));
}

static void world_compare(struct world *world)
{
    for (int i = 0; i < MODEL_KEYS; i++) {
        struct store_view view;

        assert_int_equal(store_read(world->store, &world->model->keys[i], &world->arena, &view), 0);
        object_compare(&view.object, &world->model->objects[i]);
    }
    for (uint32_t shard = 0; shard < MODEL_SHARDS; shard++) {
        shard_compare(world, shard);
        scan_compare(world, shard);
    }
}

// ---------------------------------------------------------------- steps

static void op_version(struct world *world, struct model_op *op, struct dot dot)
{
    struct model_version *version = &op->versions[op->version_count++];

    // Size and expiry follow from the dot: a dot means the same wherever it comes from.
    version->dot = dot;
    version->size = (uint32_t)(rng_mix(dot.actor ^ dot.counter * 977) % VALUE_SIZE_MAX);
    version->expires_ms = rng_mix(dot.counter) % 5 == 0 ? 1 + rng_mix(dot.actor) % 2000 : 0;
    set_add(op->context, dot);
    set_add(op->dots, dot);
    (void)world;
}

// A dot of a peer: mostly the next one, sometimes one that was left out before. It belongs to one
// key.
static struct dot remote_dot(struct world *world, uint32_t shard)
{
    uint64_t actor = below(world, REMOTE_ACTORS);
    uint64_t *last = &world->remote[shard][actor];

    if (*last < 2 || below(world, 3))
        *last += 1 + below(world, 3);
    return (struct dot){10 + actor, below(world, 3) ? *last : 1 + below(world, *last)};
}

// The key of the shard that a peer's dot was given to.
static uint32_t remote_key(const struct world *world, uint32_t shard, struct dot dot)
{
    uint32_t key = (uint32_t)(rng_mix(dot.actor * 1000 + dot.counter) % MODEL_KEYS);

    while (world->model->keys[key].shard != shard)
        key = (key + 1) % MODEL_KEYS;
    return key;
}

static void context_widen(struct world *world, struct model_op *op, uint32_t shard)
{
    const struct model_object *object = &world->model->objects[op->key];
    const struct model_set *clock = &world->model->clocks[shard];

    switch (below(world, 4)) {
    case 0: // blind
        break;
    case 1: // with a token that has some of the versions, and something we never saw
        for (uint32_t i = 0; i < object->count; i++) {
            if (below(world, 2))
                set_add(op->context, object->versions[i].dot);
        }
        set_add(op->context, (struct dot){10 + below(world, REMOTE_ACTORS), 1 + below(world, 40)});
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

static void delta_make(struct world *world, const struct model_op *op, struct delta *out)
{
    struct delta delta = {.context = clock_in(&world->arena), .dots = clock_in(&world->arena)};

    delta.count = op->version_count;
    delta.versions = arena_new(&world->arena, 4 * sizeof *delta.versions);
    for (uint32_t i = 0; i < op->version_count; i++) {
        const struct model_version *version = &op->versions[i];
        uint8_t *value = arena_alloc(&world->arena, version->size + 1);

        model_value(version->dot, version->size, value);
        delta.versions[i] = (struct version){version->dot, version->dot.counter,
                                             version->expires_ms, slice_of(value, version->size)};
    }
    for (uint32_t i = 0; i < op->context->count; i++)
        clock_add(&delta.context, op->context->dots[i]);
    for (uint32_t i = 0; i < op->dots->count; i++)
        clock_add(&delta.dots, op->dots->dots[i]);
    *out = delta;
}

static void op_run(struct world *world, struct model_op *op)
{
    uint64_t end = store_end(world->store);
    struct store_view view;
    struct delta delta;
    int err;

    delta_make(world, op, &delta);
    err = store_apply(world->store, &world->model->keys[op->key], &delta, &world->arena, &view);
    if (err || store_end(world->store) == end) {
        world->refused += err != 0;
        assert_true(!err || err == ERR_OVERLOADED || err == ERR_DISK_FULL);
        if (!err)
            object_compare(&view.object, &world->model->objects[op->key]);
        free(op->context);
        free(op->dots);
        return;
    }
    op->position = view.position;
    assert_true(view.position > end && view.position <= store_end(world->store));
    model_add(world->model, op);
    object_compare(&view.object, &world->model->objects[op->key]);
}

static void step_apply(struct world *world)
{
    struct model_op op = {.kind = MODEL_APPLY, .key = (uint32_t)below(world, MODEL_KEYS)};
    uint32_t shard = world->model->keys[op.key].shard;
    bool remote = below(world, 2);
    struct dot dot = remote ? remote_dot(world, shard) : store_mint(world->store, shard);

    op.context = calloc(1, sizeof *op.context);
    op.dots = calloc(1, sizeof *op.dots);
    if (remote)
        op.key = remote_key(world, shard, dot);
    context_widen(world, &op, shard);
    if (below(world, 5) || (remote && dot.counter % 4)) {
        op_version(world, &op, dot);
    } else {
        set_add(op.context, dot);
        set_add(op.dots, dot);
    }
    op_run(world, &op);
}

// The same delta once more, as a repair or a repeated message brings it.
static void step_again(struct world *world)
{
    struct model_op op;

    if (world->model->op_count == 0)
        return;
    op = world->model->ops[below(world, world->model->op_count)];
    if (op.kind != MODEL_APPLY)
        return;
    op.context = memcpy(calloc(1, sizeof *op.context), op.context, sizeof *op.context);
    op.dots = memcpy(calloc(1, sizeof *op.dots), op.dots, sizeof *op.dots);
    op_run(world, &op);
}

static void step_turn(struct world *world)
{
    assert_int_equal(store_poll(world->store), 0);
    world->now_ms += below(world, 4);
    store_turn_end(world->store, world->now_ms);
    arena_reset(&world->arena);
    disk_memory_complete(world->disk, (uint32_t)below(world, 5));
    if (below(world, 4) == 0)
        tree_memory_complete(world->tree);
}

static void step_sweep(struct world *world)
{
    struct model_op op = {.kind = MODEL_EXPIRE, .wall_ms = below(world, 2500)};
    uint64_t end = store_end(world->store);

    op.context = calloc(1, sizeof *op.context);
    op.dots = calloc(1, sizeof *op.dots);
    // Twice as many as there are: one whole round from wherever the last one stopped. All records
    // of the sweep go to the disk together, so that no crash falls between them.
    assert_int_equal(store_flush(world->store), 0);
    store_sweep(world->store, op.wall_ms, MODEL_KEYS * 2);
    store_sweep(world->store, op.wall_ms, MODEL_KEYS * 2);
    if (store_end(world->store) == end) {
        free(op.context);
        free(op.dots);
        return;
    }
    op.position = store_end(world->store);
    assert_int_equal(store_flush(world->store), 0);
    model_add(world->model, &op);
}

static void step_crash(struct world *world)
{
    static const enum disk_crash hows[] = {DISK_CRASH_LOSE, DISK_CRASH_KEEP, DISK_CRASH_CUT,
                                           DISK_CRASH_TEAR};
    uint64_t durable =
        world->settings.interval_ms ? world->store->log.synced : store_durable(world->store);
    uint64_t end = store_end(world->store);

    disk_memory_crash(world->disk, hows[below(world, 4)]);
    tree_memory_crash(world->tree);
    store_abandon(world->store);
    world_start(world);
    assert_true(store_end(world->store) >= durable);
    assert_true(store_end(world->store) <= end + GROUP_ALIGN);
    model_cut(world->model, store_end(world->store));
    world_compare(world);
}

static void step_close(struct world *world)
{
    assert_int_equal(store_close(world->store), 0);
    world_start(world);
    assert_true(world->found.clean);
    assert_int_equal(world->found.replayed, 0);
    world_compare(world);
}

static void history_run(uint64_t seed, uint32_t steps)
{
    struct world world;

    world_open(&world, seed);
    for (uint32_t i = 0; i < steps; i++) {
        uint64_t dice = below(&world, 200);

        if (dice < 100)
            step_apply(&world);
        else if (dice < 115)
            step_again(&world);
        else if (dice < 180)
            step_turn(&world);
        else if (dice < 186)
            store_checkpoint(world.store);
        else if (dice < 189)
            step_sweep(&world);
        else if (dice < 194)
            world_compare(&world);
        else if (dice < 197)
            step_crash(&world);
        else if (dice < 198)
            step_close(&world);
    }
    world_compare(&world);
    assert_int_equal(store_close(world.store), 0);
    world_start(&world);
    world_compare(&world);
    store_abandon(world.store);
    world_close(&world);
}

// 273: a clean end behind a tail torn long before. 1173: a checkpoint while the log is replayed.
static void test_seeds_that_once_failed(void **state)
{
    (void)state;
    history_run(273, 400);
    history_run(1173, 400);
}

static void test_histories_match_the_model(void **state)
{
    const char *only = getenv("STORE_SEED");
    const char *many = getenv("STORE_SEEDS");
    uint64_t count = many ? strtoull(many, NULL, 10) : 150;

    (void)state;
    if (only) {
        history_run(strtoull(only, NULL, 10), 400);
        return;
    }
    for (uint64_t seed = 1; seed <= count; seed++) {
        if (many)
            fprintf(stderr, "seed %lu\n", (unsigned long)seed);
        history_run(seed, 400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds_that_once_failed),
        cmocka_unit_test(test_histories_match_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
