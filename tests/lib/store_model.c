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

// Word by word the rule of DESIGN.md: a version stays when it is in both, or when the other side
// has not seen it.
static void op_apply(struct model *model, const struct model_op *op)
{
    struct model_object *object = &model->objects[op->key];
    struct model_set *clock = &model->clocks[model->keys[op->key].shard];
    struct model_object next = {.count = 0};

    for (uint32_t i = 0; i < object->count; i++) {
        struct dot dot = object->versions[i].dot;

        if (versions_have(op->versions, op->version_count, dot) || !set_has(op->context, dot))
            next.versions[next.count++] = object->versions[i];
    }
    for (uint32_t i = 0; i < op->version_count; i++) {
        struct dot dot = op->versions[i].dot;
        bool seen = set_has(clock, dot) || set_has(&object->rest, dot);

        if (!versions_have(object->versions, object->count, dot) && !seen)
            next.versions[next.count++] = op->versions[i];
    }
    check(next.count <= MODEL_VERSIONS_MAX - 4);
    for (uint32_t i = 0; i < op->dots->count; i++)
        set_add(clock, op->dots->dots[i]);
    for (uint32_t i = 0; i < op->version_count; i++)
        set_add(clock, op->versions[i].dot);
    next.rest = object->rest;
    for (uint32_t i = 0; i < op->context->count; i++)
        set_add(&next.rest, op->context->dots[i]);
    for (uint32_t i = 0; i < next.count; i++)
        set_add(&next.rest, next.versions[i].dot);
    *object = next;
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
    if (op->kind == MODEL_APPLY)
        op_apply(model, op);
    else
        op_expire(model, op);
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
    for (uint32_t i = 0; i < kept; i++)
        op_do(model, &model->ops[i]);
}

void model_value(struct dot dot, uint32_t size, uint8_t *out)
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)rng_mix(dot.actor * 31 + dot.counter * 7 + i);
}
