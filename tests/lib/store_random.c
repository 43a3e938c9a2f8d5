// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/store_random.h"

#include "base/check.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

uint64_t random_below(struct world *world, uint64_t bound)
{
    return rng_below(&world->rng, bound);
}

void random_start(struct world *world)
{
    uint64_t position;
    int err;

    world->settings.actor = 100 + ++world->lives;
    memset(world->issued, 0, sizeof world->issued);
    err = store_open(&world->settings, world->disk, world->tree, &world->store, &world->found);
    if (err)
        print_error("open: %s %s\n", err_code(err), world->found.error);
    assert_int_equal(err, 0);
    if (store_shards(world->store) == 0) {
        assert_int_equal(store_set_shards(world->store, MODEL_SHARDS, &position), 0);
        assert_int_equal(store_flush(world->store), 0);
    }
}

void random_open(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    rng_init(&world->rng, seed);
    world->disk = disk_memory_new(RANDOM_SEGMENT_BYTES, seed);
    world->tree = tree_memory_new();
    world->settings = store_settings_default();
    world->settings.segment_bytes = RANDOM_SEGMENT_BYTES;
    world->settings.memtable_bytes = 24 << 10;
    world->settings.retry_ms = 5;
    if (random_below(world, 4) == 0)
        world->settings.interval_ms = 3;
    world->settings.dot_log_bytes = random_below(world, 2) ? 64 << 10 : 600;
    world->model = calloc(1, sizeof *world->model);
    model_init(world->model, world->names);
    random_start(world);
    disk_memory_eager(world->disk, random_below(world, 2));
    tree_memory_eager(world->tree, random_below(world, 2));
}

void random_close(struct world *world)
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
    uint8_t value[RANDOM_VALUE_SIZE_MAX];

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

void random_compare_object(const struct world *world, uint32_t key, const struct object *object)
{
    static struct model_set rest;
    const struct model_object *want = &world->model->objects[key];

    assert_int_equal(object->count, want->count);
    for (uint32_t i = 0; i < object->count; i++)
        version_compare(&object->versions[i], want);
    model_rest(world->model, key, &rest);
    assert_true(set_is(&rest, &object->rest));
}

// The key of an item; one without versions may have no name.
static uint32_t item_key_of(const struct world *world, const struct store_item *item)
{
    uint8_t tree_key[TREE_KEY_SIZE];
    uint32_t key = 0;

    for (; key < MODEL_KEYS; key++) {
        key_tree(&world->model->keys[key], tree_key);
        if (memcmp(tree_key, item->tree_key, TREE_KEY_SIZE) == 0)
            break;
    }
    assert_true(key < MODEL_KEYS);
    if (item->object.count || item->key.size) {
        assert_true(slice_is(item->bucket, "bucket"));
        assert_true(slice_is(item->key, world->names[key]));
    }
    return key;
}

static void scan_compare(struct world *world, uint32_t shard)
{
    struct store_scan scan = {shard, NULL, (uint32_t)(1 + random_below(world, 4)), 400};
    uint8_t last[TREE_KEY_SIZE] = {0};
    struct store_page page;
    uint32_t seen = 0;
    uint32_t want = 0;

    do {
        assert_int_equal(store_scan(world->store, &scan, &world->arena, &page), 0);
        for (uint32_t i = 0; i < page.count; i++) {
            const struct store_item *item = &page.items[i];
            uint32_t key = item_key_of(world, item);

            assert_true(seen == 0 || memcmp(last, item->tree_key, TREE_KEY_SIZE) < 0);
            memcpy(last, item->tree_key, TREE_KEY_SIZE);
            random_compare_object(world, key, &item->object);
            seen += 1;
        }
        scan.after = last;
    } while (page.more);
    for (uint32_t key = 0; key < MODEL_KEYS; key++)
        want += world->model->keys[key].shard == shard &&
                (world->model->objects[key].count || model_has_rest(world->model, key));
    assert_int_equal(seen, want);
}

static void fill_compare(struct world *world, uint32_t shard)
{
    const struct model *model = world->model;
    struct store_shard have;
    struct store_fill fill;
    bool rests = false;

    store_shard(world->store, shard, &have);
    assert_int_equal(have.filling, model->filling[shard]);
    assert_int_equal(store_fill(world->store, shard, &fill), model->filling[shard]);
    if (model->filling[shard]) {
        const struct model_fill *want = &model->fills[shard][model->fill_count[shard] - 1];

        assert_true(set_is(want->start, fill.start));
        assert_int_equal(fill.cursor != NULL, want->moved);
        if (want->moved)
            assert_memory_equal(fill.cursor, want->cursor, TREE_KEY_SIZE);
    }
    for (uint32_t key = 0; key < MODEL_KEYS; key++)
        rests |= model->keys[key].shard == shard && model_has_rest(model, key);
    assert_true(have.rests || !rests);
    // No dot is given twice, be the replica erased meanwhile; and no guest lets one go.
    assert_true(store_mint(world->store, shard).counter > world->issued[shard]);
    assert_true(world->store->dot_log.count <= world->store->dot_log.count_max);
    assert_true(have.born || have.filling || world->store->replicas[shard].floor.count == 0);
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
    assert_int_equal(have.born, world->model->born[shard]);
    fill_compare(world, shard);
    assert_true(set_is(&world->model->clocks[shard], store_clock(world->store, shard)));
    assert_true(replica_valid(&world->store->replicas[shard], &world->store->dot_log, shard));
}

void random_compare(struct world *world)
{
    for (int i = 0; i < MODEL_KEYS; i++) {
        struct store_view view;

        assert_int_equal(store_read(world->store, &world->model->keys[i], &world->arena, &view), 0);
        random_compare_object(world, (uint32_t)i, &view.object);
    }
    for (uint32_t shard = 0; shard < MODEL_SHARDS; shard++) {
        shard_compare(world, shard);
        scan_compare(world, shard);
    }
}

// ---------------------------------------------------------------- operations

struct model_op random_op(enum model_kind kind)
{
    return (struct model_op){.kind = kind,
                             .context = memory_new(sizeof(struct model_set)),
                             .dots = memory_new(sizeof(struct model_set))};
}

void random_op_done(struct model_op *op)
{
    free(op->context);
    free(op->dots);
}

void random_op_version(struct model_op *op, struct dot dot)
{
    struct model_version *version = &op->versions[op->version_count++];

    // Size and expiry follow from the dot: a dot means the same wherever it comes from.
    version->dot = dot;
    version->size = (uint32_t)(rng_mix(dot.actor ^ dot.counter * 977) % RANDOM_VALUE_SIZE_MAX);
    version->expires_ms = rng_mix(dot.counter) % 5 == 0 ? 1 + rng_mix(dot.actor) % 2000 : 0;
    set_add(op->context, dot);
}

struct dot random_dot(struct world *world, uint32_t shard)
{
    uint64_t actor = random_below(world, RANDOM_ACTORS);
    uint64_t *last = &world->remote[shard][actor];

    if (*last < 2 || random_below(world, 3))
        *last += 1 + random_below(world, 3);
    return (struct dot){10 + actor,
                        random_below(world, 3) ? *last : 1 + random_below(world, *last)};
}

uint32_t random_key_of(const struct world *world, uint32_t shard, struct dot dot)
{
    uint32_t key = (uint32_t)(rng_mix(dot.actor * 1000 + dot.counter) % MODEL_KEYS);

    while (world->model->keys[key].shard != shard)
        key = (key + 1) % MODEL_KEYS;
    return key;
}

void random_clock(struct world *world, const struct model_set *set, struct clock *out)
{
    *out = clock_in(&world->arena);
    for (uint32_t i = 0; i < set->count; i++)
        clock_add(out, set->dots[i]);
}

struct version *random_versions(struct world *world, const struct model_op *op)
{
    struct version *versions = arena_new(&world->arena, 4 * sizeof *versions);

    for (uint32_t i = 0; i < op->version_count; i++) {
        const struct model_version *version = &op->versions[i];
        uint8_t *value = arena_alloc(&world->arena, version->size + 1);

        model_value(version->dot, version->size, value);
        versions[i] = (struct version){version->dot, version->dot.counter, version->expires_ms,
                                       slice_of(value, version->size)};
    }
    return versions;
}

void random_did(struct world *world, struct model_op *op, uint64_t position)
{
    op->position = position;
    for (uint32_t i = 0; i < op->dots->count && op->kind == MODEL_APPLY; i++) {
        uint64_t *issued = &world->issued[world->model->keys[op->key].shard];

        if (op->dots->dots[i].actor == world->settings.actor && op->dots->dots[i].counter > *issued)
            *issued = op->dots->dots[i].counter;
    }
    world->done[op->kind] += 1;
    model_add(world->model, op);
}
