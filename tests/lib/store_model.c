// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/store_model.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>

bool set_has(const struct model_set *set, struct dot dot)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (dot_compare(set->dots[i], dot) == 0)
            return true;
    }
    return false;
}

void set_add(struct model_set *set, struct dot dot)
{
    if (set_has(set, dot))
        return;
    check(set->count < MODEL_SET_MAX);
    set->dots[set->count++] = dot;
}

void set_remove(struct model_set *set, struct dot dot)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (dot_compare(set->dots[i], dot) == 0) {
            set->dots[i] = set->dots[--set->count];
            return;
        }
    }
}

void set_of_clock(const struct clock *clock, struct model_set *out)
{
    for (uint32_t i = 0; i < clock->count; i++) {
        for (uint64_t n = clock->runs[i].first; n <= clock->runs[i].last; n++)
            set_add(out, (struct dot){clock->runs[i].actor, n});
    }
}

bool set_is(const struct model_set *set, const struct clock *clock)
{
    if (clock_size(clock) != set->count)
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        if (!clock_contains(clock, set->dots[i]))
            return false;
    }
    return true;
}

void model_init(struct model *model, char names[MODEL_KEYS][8])
{
    for (int i = 0; i < MODEL_KEYS; i++) {
        snprintf(names[i], 8, "key%u", (unsigned)i % 100);
        key_make(7, MODEL_SHARDS, slice_of_text("bucket"), slice_of_text(names[i]),
                 &model->keys[i]);
    }
}

static void ops_clear(struct model *model, uint32_t from)
{
    for (uint32_t i = from; i < model->op_count; i++) {
        free(model->ops[i].context);
        free(model->ops[i].dots);
    }
    model->op_count = from;
}

void model_done(struct model *model)
{
    ops_clear(model, 0);
    free(model->ops);
}

static bool versions_have(const struct model_version *versions, uint32_t count, struct dot dot)
{
    for (uint32_t i = 0; i < count; i++) {
        if (dot_compare(versions[i].dot, dot) == 0)
            return true;
    }
    return false;
}

static bool fill_passed(const struct model *model, const struct model_fill *fill, uint32_t key)
{
    uint8_t tree_key[TREE_KEY_SIZE];

    key_tree(&model->keys[key], tree_key);
    return fill->moved && memcmp(tree_key, fill->cursor, TREE_KEY_SIZE) <= 0;
}

bool model_has_passed(const struct model *model, uint32_t key, struct dot dot)
{
    uint32_t shard = model->keys[key].shard;

    for (uint32_t i = 0; i < model->fill_count[shard]; i++) {
        const struct model_fill *fill = &model->fills[shard][i];

        if (fill_passed(model, fill, key) && set_has(fill->start, dot))
            return true;
    }
    return false;
}

bool model_rest_has(const struct model *model, uint32_t key, struct dot dot)
{
    return !set_has(&model->clocks[model->keys[key].shard], dot) &&
           (set_has(&model->objects[key].rest, dot) || model_has_passed(model, key, dot));
}

bool model_has_rest(const struct model *model, uint32_t key)
{
    const struct model_set *rest = &model->objects[key].rest;

    for (uint32_t i = 0; i < rest->count; i++) {
        if (!set_has(&model->clocks[model->keys[key].shard], rest->dots[i]))
            return true;
    }
    return false;
}

static void set_join(struct model_set *into, const struct model_set *from)
{
    for (uint32_t i = 0; i < from->count; i++)
        set_add(into, from->dots[i]);
}

void model_rest(const struct model *model, uint32_t key, struct model_set *out)
{
    uint32_t shard = model->keys[key].shard;

    out->count = 0;
    set_join(out, &model->objects[key].rest);
    for (uint32_t i = 0; i < model->fill_count[shard]; i++) {
        if (fill_passed(model, &model->fills[shard][i], key))
            set_join(out, model->fills[shard][i].start);
    }
    for (uint32_t i = 0; i < out->count;) {
        if (set_has(&model->clocks[shard], out->dots[i]))
            set_remove(out, out->dots[i]);
        else
            i++;
    }
}

// Word by word the rule of DESIGN.md: a version stays when it is in both, or when the other side
// has not seen it. What enters the clock is the caller's.
static void op_merge(struct model *model, uint32_t key, const struct model_op *op)
{
    struct model_object *object = &model->objects[key];
    struct model_set *clock = &model->clocks[model->keys[key].shard];
    struct model_object next = {.count = 0};

    for (uint32_t i = 0; i < object->count; i++) {
        struct dot dot = object->versions[i].dot;

        if (versions_have(op->versions, op->version_count, dot) || !set_has(op->context, dot))
            next.versions[next.count++] = object->versions[i];
    }
    for (uint32_t i = 0; i < op->version_count; i++) {
        struct dot dot = op->versions[i].dot;
        bool seen =
            set_has(clock, dot) || set_has(&object->rest, dot) || model_has_passed(model, key, dot);

        if (!versions_have(object->versions, object->count, dot) && !seen)
            next.versions[next.count++] = op->versions[i];
    }
    check(next.count <= MODEL_VERSIONS_MAX - 4);
    next.rest = object->rest;
    set_join(&next.rest, op->context);
    for (uint32_t i = 0; i < next.count; i++)
        set_add(&next.rest, next.versions[i].dot);
    *object = next;
}

static void op_apply(struct model *model, const struct model_op *op)
{
    struct model_set *clock = &model->clocks[model->keys[op->key].shard];

    op_merge(model, op->key, op);
    set_join(clock, op->dots);
    for (uint32_t i = 0; i < op->version_count; i++)
        set_add(clock, op->versions[i].dot);
}

// ---------------------------------------------------------------- fills

static void clock_gain(struct model *model, uint32_t shard, struct dot dot)
{
    const struct model_fill *fill = &model->fills[shard][model->fill_count[shard] - 1];

    if (!set_has(fill->start, dot))
        set_add(&model->clocks[shard], dot);
}

// With dots that entered the clock the key remembers all of its context, without any only what the
// clocks of fills, this one's too, do not say.
static void fill_rest(struct model *model, uint32_t key, const struct model_set *old, bool gained)
{
    uint32_t shard = model->keys[key].shard;
    const struct model_fill *fill = &model->fills[shard][model->fill_count[shard] - 1];
    struct model_set *rest = &model->objects[key].rest;
    struct model_set *all = memory_new(sizeof *all);

    if (gained) {
        model_rest(model, key, all);
        set_join(rest, all);
    } else {
        *all = *rest;
        for (uint32_t i = 0; i < all->count; i++) {
            struct dot dot = all->dots[i];

            if (!set_has(old, dot) &&
                (set_has(fill->start, dot) || model_has_passed(model, key, dot)))
                set_remove(rest, dot);
        }
    }
    free(all);
}

// The key as the fill brings it; what the start clock has enters the shard's only at the end.
static void op_fill(struct model *model, uint32_t key, const struct model_op *op)
{
    uint32_t shard = model->keys[key].shard;
    struct model_object *object = &model->objects[key];
    struct model_set *old = memory_new(sizeof *old);
    uint32_t count = model->clocks[shard].count;

    *old = object->rest;
    op_merge(model, key, op);
    for (uint32_t i = 0; i < op->dots->count; i++)
        clock_gain(model, shard, op->dots->dots[i]);
    for (uint32_t i = 0; i < op->version_count; i++)
        clock_gain(model, shard, op->versions[i].dot);
    for (uint32_t i = 0; i < object->count; i++)
        clock_gain(model, shard, object->versions[i].dot);
    fill_rest(model, key, old, model->clocks[shard].count > count);
    free(old);
}

static void cursor_move(struct model *model, uint32_t shard, const uint8_t *tree_key)
{
    struct model_fill *fill = &model->fills[shard][model->fill_count[shard] - 1];

    memcpy(fill->cursor, tree_key, TREE_KEY_SIZE);
    fill->moved = true;
}

// The keys of the shard between the cursor and the key, if anything is known of them.
static void op_pass(struct model *model, const struct model_op *op)
{
    struct model_set *none = memory_new(sizeof *none);
    struct model_op nothing = {.context = op->context, .dots = none};
    uint32_t shard = op->shard;

    for (uint32_t key = 0; key < MODEL_KEYS; key++) {
        uint8_t tree_key[TREE_KEY_SIZE];

        key_tree(&model->keys[key], tree_key);
        if (model->keys[key].shard != shard ||
            fill_passed(model, &model->fills[shard][model->fill_count[shard] - 1], key) ||
            memcmp(tree_key, op->tree_key, TREE_KEY_SIZE) > 0)
            continue;
        if (model->objects[key].count || model_has_rest(model, key))
            op_fill(model, key, &nothing);
    }
    cursor_move(model, shard, op->tree_key);
    free(none);
}

static void op_begin(struct model *model, const struct model_op *op)
{
    check(model->fill_count[op->shard] < MODEL_FILLS_MAX);
    model->fills[op->shard][model->fill_count[op->shard]++] =
        (struct model_fill){.start = op->context};
    model->filling[op->shard] = true;
}

static void op_end(struct model *model, const struct model_op *op)
{
    const struct model_fill *fill = &model->fills[op->shard][model->fill_count[op->shard] - 1];

    set_join(&model->clocks[op->shard], fill->start);
    model->filling[op->shard] = false;
    model->born[op->shard] = true;
}

static void op_erase(struct model *model, const struct model_op *op)
{
    for (uint32_t key = 0; key < MODEL_KEYS; key++) {
        if (model->keys[key].shard == op->shard)
            model->objects[key].count = model->objects[key].rest.count = 0;
    }
    model->clocks[op->shard].count = 0;
    model->fill_count[op->shard] = 0;
    model->filling[op->shard] = false;
    model->born[op->shard] = false;
}

static void op_expire(struct model *model, const struct model_op *op)
{
    for (int key = 0; key < MODEL_KEYS; key++) {
        struct model_object *object = &model->objects[key];
        uint32_t kept = 0;

        for (uint32_t i = 0; i < object->count; i++) {
            uint64_t expires_ms = object->versions[i].expires_ms;

            if (expires_ms == 0 || expires_ms > op->wall_ms)
                object->versions[kept++] = object->versions[i];
        }
        object->count = kept;
    }
}

static void rests_strip(struct model *model)
{
    for (int key = 0; key < MODEL_KEYS; key++) {
        struct model_set *rest = &model->objects[key].rest;
        const struct model_set *clock = &model->clocks[model->keys[key].shard];

        for (uint32_t i = 0; i < rest->count;) {
            if (set_has(clock, rest->dots[i]))
                set_remove(rest, rest->dots[i]);
            else
                i++;
        }
    }
}

static void op_do(struct model *model, const struct model_op *op)
{
    switch (op->kind) {
    case MODEL_APPLY:
        op_apply(model, op);
        break;
    case MODEL_EXPIRE:
        op_expire(model, op);
        break;
    case MODEL_BORN:
        model->born[op->shard] = true;
        break;
    case MODEL_FILL_BEGIN:
        op_begin(model, op);
        break;
    case MODEL_FILL_ITEM:
        op_fill(model, op->key, op);
        cursor_move(model, op->shard, op->tree_key);
        break;
    case MODEL_FILL_PASS:
        op_pass(model, op);
        break;
    case MODEL_FILL_END:
        op_end(model, op);
        break;
    case MODEL_ERASE:
        op_erase(model, op);
        break;
    }
    rests_strip(model);
}

void model_add(struct model *model, const struct model_op *op)
{
    if (model->op_count == model->op_capacity) {
        model->op_capacity = model->op_capacity ? model->op_capacity * 2 : 64;
        model->ops = memory_grow(model->ops, model->op_capacity * sizeof *model->ops);
    }
    model->ops[model->op_count++] = *op;
    op_do(model, op);
}

void model_cut(struct model *model, uint64_t position)
{
    uint32_t kept = model->op_count;

    while (kept > 0 && model->ops[kept - 1].position > position)
        kept -= 1;
    if (kept == model->op_count)
        return;
    ops_clear(model, kept);
    memset(model->objects, 0, sizeof model->objects);
    memset(model->clocks, 0, sizeof model->clocks);
    memset(model->fill_count, 0, sizeof model->fill_count);
    memset(model->filling, 0, sizeof model->filling);
    memset(model->born, 0, sizeof model->born);
    for (uint32_t i = 0; i < kept; i++)
        op_do(model, &model->ops[i]);
}

void model_value(struct dot dot, uint32_t size, uint8_t *out)
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)rng_mix(dot.actor * 31 + dot.counter * 7 + i);
}
