// SPDX-License-Identifier: Apache-2.0
// Fills, erasing, forgetting and what others are sent, for store_random.h.
#include "base/check.h"
#include "base/err.h"
#include "tests/lib/store_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool was_refused(struct world *world, int err)
{
    assert_true(!err || err == ERR_OVERLOADED || err == ERR_DISK_FULL);
    world->refused += err != 0;
    return err != 0;
}

static void tree_key_of(const struct world *world, uint32_t key, uint8_t out[TREE_KEY_SIZE])
{
    key_tree(&world->model->keys[key], out);
}

// The fill that goes on, NULL when none does.
static const struct model_fill *model_filling(const struct world *world, uint32_t shard)
{
    const struct model *model = world->model;

    return model->filling[shard] ? &model->fills[shard][model->fill_count[shard] - 1] : NULL;
}

static bool is_behind(const struct model_fill *fill, const uint8_t *tree_key)
{
    return !fill->moved || memcmp(tree_key, fill->cursor, TREE_KEY_SIZE) > 0;
}

// Dots of peers and of this life: sometimes many, in runs, sometimes few.
static void dots_draw(struct world *world, uint32_t shard, struct model_set *out)
{
    uint64_t own = store_mint(world->store, shard).counter - 1;

    for (uint64_t actor = 0; actor < RANDOM_ACTORS; actor++) {
        uint64_t last = random_below(world, world->remote[shard][actor] + 3);
        uint64_t first = random_below(world, 3) ? 1 : 1 + random_below(world, last + 1);

        for (uint64_t n = first; n <= last; n++)
            set_add(out, (struct dot){10 + actor, n});
    }
    if (own && random_below(world, 2)) {
        for (uint64_t n = 1 + random_below(world, own); n <= own; n++)
            set_add(out, (struct dot){world->settings.actor, n});
    }
}

static void set_join(struct model_set *into, const struct model_set *from)
{
    for (uint32_t i = 0; i < from->count; i++)
        set_add(into, from->dots[i]);
}

// ---------------------------------------------------------------- fills

static void fill_begin(struct world *world, uint32_t shard)
{
    struct model_op op = random_op(MODEL_FILL_BEGIN);
    struct clock start;
    uint64_t end = store_end(world->store);
    uint64_t position;
    int err;

    op.shard = shard;
    dots_draw(world, shard, op.context);
    random_clock(world, op.context, &start);
    err = store_fill_begin(world->store, shard, &start, &position);
    if (was_refused(world, err) || store_end(world->store) == end) {
        random_op_done(&op);
        return;
    }
    random_did(world, &op, position);
}

static int keys_compare(const void *left, const void *right)
{
    return memcmp(left, right, TREE_KEY_SIZE);
}

// A key of the shard behind the cursor, near it mostly; false when there is none.
static bool key_draw(struct world *world, uint32_t shard, uint32_t *out)
{
    const struct model_fill *fill = model_filling(world, shard);
    struct {
        uint8_t tree_key[TREE_KEY_SIZE];
        uint32_t key;
    } keys[MODEL_KEYS];
    uint32_t count = 0;

    for (uint32_t key = 0; key < MODEL_KEYS; key++) {
        keys[count].key = key;
        tree_key_of(world, key, keys[count].tree_key);
        count += world->model->keys[key].shard == shard && is_behind(fill, keys[count].tree_key);
    }
    if (count == 0)
        return false;
    qsort(keys, count, sizeof keys[0], keys_compare);
    *out = keys[random_below(world, random_below(world, 3) ? (count + 2) / 3 : count)].key;
    return true;
}

// Versions of peers that belong to the key, by dot; and dots of its own that stand for deletes.
static void item_draw(struct world *world, struct model_op *op, struct model_set *rest)
{
    for (uint64_t actor = 0; actor < RANDOM_ACTORS; actor++) {
        for (uint64_t n = 1; n <= world->remote[op->shard][actor] + 2; n++) {
            struct dot dot = {10 + actor, n};

            if (random_key_of(world, op->shard, dot) != op->key || random_below(world, 4))
                continue;
            if (n % 4 && op->version_count < 3)
                random_op_version(op, dot);
            else
                set_add(op->dots, dot);
            if (n > world->remote[op->shard][actor])
                world->remote[op->shard][actor] = n;
        }
    }
    if (random_below(world, 3) == 0)
        set_add(rest,
                (struct dot){10 + random_below(world, RANDOM_ACTORS), 1 + random_below(world, 60)});
}

static void pass_did(struct world *world, uint32_t shard, const uint8_t *upto,
                     const struct model_set *context, uint64_t position)
{
    struct model_op op = random_op(MODEL_FILL_PASS);

    op.shard = shard;
    memcpy(op.tree_key, upto, TREE_KEY_SIZE);
    *op.context = *context;
    random_did(world, &op, position);
}

// The keys in front of an item are passed by a record of their own, if any: no crash can fall
// between the two when there is none. The smallest such record is larger than the padding of a
// group.
static void approach_did(struct world *world, const struct model_op *op,
                         const struct model_set *page, uint64_t end)
{
    uint8_t room[TREE_KEY_SIZE];
    struct slice before = key_below(op->tree_key, room);

    if (before.size && key_tree_shard(before.data, MODEL_SHARDS) == op->shard &&
        is_behind(model_filling(world, op->shard), before.data))
        pass_did(world, op->shard, before.data, page, end + GROUP_ALIGN);
}

static void fill_item(struct world *world, uint32_t shard)
{
    static struct model_set page;
    static struct model_set rest;
    struct model_op op = random_op(MODEL_FILL_ITEM);
    struct store_item item = {.bucket = slice_of_text("bucket")};
    struct clock context;
    struct clock dots;
    uint64_t end = store_end(world->store);
    uint64_t position;
    int err;

    op.shard = shard;
    page.count = rest.count = 0;
    if (!key_draw(world, shard, &op.key)) {
        random_op_done(&op);
        return;
    }
    set_join(&page, model_filling(world, shard)->start);
    dots_draw(world, shard, &page);
    item_draw(world, &op, &rest);
    tree_key_of(world, op.key, op.tree_key);
    set_join(op.context, &page);
    set_join(op.context, &rest);
    set_join(op.context, op.dots);
    memcpy(item.tree_key, op.tree_key, TREE_KEY_SIZE);
    item.key = world->model->keys[op.key].key;
    if (op.version_count == 0 && random_below(world, 2))
        item.key = item.bucket = (struct slice){0};
    item.object.versions = random_versions(world, &op);
    item.object.count = op.version_count;
    random_clock(world, &rest, &item.object.rest);
    random_clock(world, &page, &context);
    random_clock(world, op.dots, &dots);
    err = store_fill_item(world->store, &(struct store_filled){shard, &context, &item, &dots},
                          &position);
    // What was passed before a refusal stays passed.
    if (store_end(world->store) > end)
        approach_did(world, &op, &page, end);
    if (was_refused(world, err))
        random_op_done(&op);
    else
        random_did(world, &op, position);
}

static void fill_pass(struct world *world, uint32_t shard, bool to_end)
{
    const struct model_fill *fill = model_filling(world, shard);
    static struct model_set page;
    struct model_op op;
    struct clock context;
    uint8_t upto[TREE_KEY_SIZE];
    uint64_t end = store_end(world->store);
    uint64_t position;
    int err;

    page.count = 0;
    set_join(&page, fill->start);
    dots_draw(world, shard, &page);
    random_clock(world, &page, &context);
    key_shard_last(shard, MODEL_SHARDS, upto);
    if (!to_end) {
        key_shard_first(shard, MODEL_SHARDS, upto);
        upto[0] |= (uint8_t)random_below(world, 64);
        upto[1] = (uint8_t)random_below(world, 256);
    }
    if (!to_end) {
        err = store_fill_pass(world->store, shard, upto, &context, &position);
    } else {
        err = store_fill_end(world->store, shard, &context, &position);
    }
    if (was_refused(world, err) && store_end(world->store) == end)
        return;
    if (is_behind(fill, upto))
        pass_did(world, shard, upto, &page, to_end ? end + GROUP_ALIGN : position);
    if (!to_end || err)
        return;
    op = random_op(MODEL_FILL_END);
    op.shard = shard;
    random_did(world, &op, position);
}

void random_fill(struct world *world)
{
    uint32_t shard = (uint32_t)random_below(world, MODEL_SHARDS);
    uint64_t dice = random_below(world, 20);

    if (!world->model->filling[shard]) {
        if (dice < 4)
            fill_begin(world, shard);
        return;
    }
    if (dice == 0)
        fill_begin(world, shard);
    else if (dice < 14)
        fill_item(world, shard);
    else if (dice < 18)
        fill_pass(world, shard, false);
    else
        fill_pass(world, shard, true);
}

// ---------------------------------------------------------------- others

void random_erase(struct world *world)
{
    struct model_op op = random_op(MODEL_ERASE);
    uint64_t end = store_end(world->store);
    uint64_t position;

    op.shard = (uint32_t)random_below(world, MODEL_SHARDS);
    if (was_refused(world, store_erase(world->store, op.shard, &position)) ||
        store_end(world->store) == end)
        random_op_done(&op);
    else
        random_did(world, &op, position);
}

void random_born(struct world *world)
{
    struct model_op op = random_op(MODEL_BORN);
    uint64_t end = store_end(world->store);
    uint64_t position;

    op.shard = (uint32_t)random_below(world, MODEL_SHARDS);
    if (was_refused(world, store_set_born(world->store, op.shard, &position)) ||
        store_end(world->store) == end)
        random_op_done(&op);
    else
        random_did(world, &op, position);
}

void random_forget(struct world *world)
{
    struct model_op op = random_op(MODEL_FORGET);
    uint64_t end = store_end(world->store);
    uint8_t tree_key[TREE_KEY_SIZE];
    uint64_t position;
    struct clock dots;

    op.key = (uint32_t)random_below(world, MODEL_KEYS);
    dots_draw(world, world->model->keys[op.key].shard, op.dots);
    tree_key_of(world, op.key, tree_key);
    random_clock(world, op.dots, &dots);
    if (was_refused(world, store_forget(world->store, tree_key, &dots, &position)) ||
        store_end(world->store) == end)
        random_op_done(&op);
    else
        random_did(world, &op, position);
}

void random_prune(struct world *world)
{
    uint32_t shard = (uint32_t)random_below(world, MODEL_SHARDS);
    struct replica *replica = &world->store->replicas[shard];
    static struct model_set known;
    uint64_t before = replica->dots;
    uint32_t max = (uint32_t)random_below(world, 8);
    struct clock clock;
    bool more;

    // A guest's dots stay until it is erased.
    if (!world->model->born[shard] && !world->model->filling[shard])
        return;
    known.count = 0;
    dots_draw(world, shard, &known);
    random_clock(world, &known, &clock);
    more = store_prune(world->store, shard, &clock, max);
    assert_true(before - replica->dots <= max);
    assert_true(!more || before - replica->dots == max);
    assert_true(replica_valid(replica, &world->store->dot_log, shard));
    for (uint32_t i = 0; i < known.count && !more; i++)
        assert_null(dot_log_find(&world->store->dot_log, shard, known.dots[i]));
}

// ---------------------------------------------------------------- what others are sent

static uint32_t key_of(const struct world *world, const uint8_t *tree_key)
{
    uint8_t other[TREE_KEY_SIZE];
    uint32_t key = 0;

    for (; key < MODEL_KEYS; key++) {
        tree_key_of(world, key, other);
        if (memcmp(other, tree_key, TREE_KEY_SIZE) == 0)
            break;
    }
    assert_true(key < MODEL_KEYS);
    return key;
}

// An item is the key as it is, with all dots that the dot log has of it, less those known.
static void effect_check(struct world *world, uint32_t shard, const struct store_effect *effect,
                         const struct clock *known)
{
    const struct model_set *clock = &world->model->clocks[shard];
    uint32_t key = key_of(world, effect->item.tree_key);
    uint64_t dots = 0;

    random_compare_object(world, key, &effect->item.object);
    assert_true(effect->item.object.count == 0 || slice_is(effect->item.key, world->names[key]));
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct dot_entry *entry = dot_log_find(&world->store->dot_log, shard, clock->dots[i]);
        bool of_key = entry && memcmp(entry->tree_key, effect->item.tree_key, TREE_KEY_SIZE) == 0;

        if (!of_key || (known && clock_contains(known, clock->dots[i])))
            continue;
        assert_true(clock_contains(&effect->dots, clock->dots[i]));
        dots += 1;
    }
    assert_int_equal(clock_size(&effect->dots), dots);
}

void random_ask_missing(struct world *world)
{
    uint32_t shard = (uint32_t)random_below(world, MODEL_SHARDS);
    const struct model_set *clock = &world->model->clocks[shard];
    static struct model_set wanted;
    struct store_ask ask = {shard, NULL, NULL, (uint32_t)(1 + random_below(world, 4)), 500};
    struct store_effects effects;
    struct clock left;
    bool lost = false;

    wanted.count = 0;
    dots_draw(world, shard, &wanted);
    random_clock(world, &wanted, &left);
    ask.clock = &left;
    for (uint32_t i = 0; i < wanted.count; i++)
        lost |= set_has(clock, wanted.dots[i]) &&
                !dot_log_find(&world->store->dot_log, shard, wanted.dots[i]);
    do {
        assert_int_equal(store_missing(world->store, &ask, &world->arena, &effects), 0);
        assert_int_equal(effects.below_floor, lost);
        assert_true(effects.count <= ask.items_max && (effects.count || !effects.more));
        for (uint32_t i = 0; i < effects.count; i++) {
            effect_check(world, shard, &effects.items[i], NULL);
            assert_true(clock_overlaps(&left, &effects.items[i].dots));
            clock_subtract(&left, &effects.items[i].dots);
        }
    } while (effects.more);
    for (uint32_t i = 0; i < wanted.count && !lost; i++)
        assert_true(!set_has(clock, wanted.dots[i]) || !clock_contains(&left, wanted.dots[i]));
}

// Whether a page for a fill must have the key.
static bool page_wants(const struct world *world, uint32_t key, const struct clock *start)
{
    const struct model_set *clock = &world->model->clocks[world->model->keys[key].shard];
    uint8_t tree_key[TREE_KEY_SIZE];
    bool wants = world->model->objects[key].count || model_has_rest(world->model, key);

    tree_key_of(world, key, tree_key);
    for (uint32_t i = 0; i < clock->count && !wants; i++) {
        const struct dot_entry *entry =
            dot_log_find(&world->store->dot_log, world->model->keys[key].shard, clock->dots[i]);

        wants = entry && memcmp(entry->tree_key, tree_key, TREE_KEY_SIZE) == 0 &&
                !clock_contains(start, clock->dots[i]);
    }
    return wants;
}

void random_ask_page(struct world *world)
{
    uint32_t shard = (uint32_t)random_below(world, MODEL_SHARDS);
    static struct model_set start_set;
    struct store_ask ask = {shard, NULL, NULL, (uint32_t)(1 + random_below(world, 4)), 500};
    struct store_effects page;
    bool given[MODEL_KEYS] = {false};
    uint8_t last[TREE_KEY_SIZE];
    struct clock start;
    bool any = false;

    start_set.count = 0;
    dots_draw(world, shard, &start_set);
    random_clock(world, &start_set, &start);
    ask.clock = &start;
    do {
        assert_int_equal(store_fill_page(world->store, &ask, &world->arena, &page), 0);
        assert_false(page.below_floor);
        assert_true(page.count <= ask.items_max);
        for (uint32_t i = 0; i < page.count; i++) {
            const uint8_t *tree_key = page.items[i].item.tree_key;

            assert_true(!any || memcmp(last, tree_key, TREE_KEY_SIZE) < 0);
            assert_true(!page.more || memcmp(tree_key, page.reached, TREE_KEY_SIZE) <= 0);
            effect_check(world, shard, &page.items[i], &start);
            memcpy(last, tree_key, TREE_KEY_SIZE);
            any = true;
            given[key_of(world, tree_key)] = true;
        }
        if (page.more) {
            memcpy(last, page.reached, TREE_KEY_SIZE);
            any = true;
        }
        ask.after = last;
    } while (page.more);
    for (uint32_t key = 0; key < MODEL_KEYS; key++)
        assert_true(given[key] || world->model->keys[key].shard != shard ||
                    !page_wants(world, key, &start));
}

void random_ask_rests(struct world *world)
{
    uint32_t shard = (uint32_t)random_below(world, MODEL_SHARDS);
    struct store_scan scan = {shard, NULL, (uint32_t)(1 + random_below(world, 4)), 0};
    uint8_t last[TREE_KEY_SIZE];
    struct store_page page;
    uint32_t seen = 0;
    uint32_t want = 0;

    do {
        assert_int_equal(store_rests(world->store, &scan, &world->arena, &page), 0);
        for (uint32_t i = 0; i < page.count; i++) {
            uint32_t key = key_of(world, page.items[i].tree_key);

            assert_true(model_has_rest(world->model, key));
            assert_int_equal(page.items[i].object.count, world->model->objects[key].count);
            seen += 1;
        }
        memcpy(last, page.reached, TREE_KEY_SIZE);
        scan.after = last;
    } while (page.more);
    for (uint32_t key = 0; key < MODEL_KEYS; key++)
        want += world->model->keys[key].shard == shard && model_has_rest(world->model, key);
    assert_int_equal(seen, want);
}
