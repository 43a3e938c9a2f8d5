// SPDX-License-Identifier: Apache-2.0
// A state is a function of the set of deltas applied. So replicas that know the same dots hold the
// same objects, and what a state claims to know it can be asked for: the invariants say what
// "claims" means, the comparisons what "the same" means.

#include "sim/checker/state.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

// ---- one state ----------------------------------------------------------------------------------

static void version_check(const struct replica_state *state, const struct replica_object *it,
                          struct dot dot, struct verdict *verdict)
{
    if (!clock_contains(state->clock, dot) && !clock_contains(&it->object->rest, dot) &&
        !(it->fill && clock_contains(it->fill, dot)))
        verdict_add(verdict, VERDICT_STATE,
                    "node %" PRIu32 " shard %" PRIu32 " key %" PRIu32 ": version (%" PRIx64
                    ",%" PRIu64 ") is not in the full context",
                    state->node, state->shard, it->key, dot.actor, dot.counter);
}

static void object_check(const struct replica_state *state, const struct replica_object *it,
                         struct verdict *verdict)
{
    const struct object *object = it->object;

    for (uint32_t i = 0; i < object->count; i++) {
        version_check(state, it, object->versions[i].dot, verdict);
        if (i > 0 && dot_compare(object->versions[i - 1].dot, object->versions[i].dot) >= 0)
            verdict_add(verdict, VERDICT_STATE,
                        "node %" PRIu32 " shard %" PRIu32 " key %" PRIu32
                        ": versions do not ascend by dot",
                        state->node, state->shard, it->key);
    }
    if (clock_overlaps(&object->rest, state->clock))
        verdict_add(verdict, VERDICT_STATE,
                    "node %" PRIu32 " shard %" PRIu32 " key %" PRIu32
                    ": the rest has dots of the shard's clock",
                    state->node, state->shard, it->key);
    if (object_is_empty(object))
        verdict_add(verdict, VERDICT_STATE,
                    "node %" PRIu32 " shard %" PRIu32 " key %" PRIu32
                    ": an object without version and rest is stored",
                    state->node, state->shard, it->key);
}

static void keys_check(const struct replica_state *state, struct verdict *verdict)
{
    uint64_t keys = 0;

    for (uint32_t i = 0; i < state->object_count; i++)
        keys += state->objects[i].object->count > 0;
    if (state->counted && !state->unknown && keys != state->keys)
        verdict_add(verdict, VERDICT_STATE,
                    "node %" PRIu32 " shard %" PRIu32 ": %" PRIu64 " keys are counted, %" PRIu64
                    " are there",
                    state->node, state->shard, state->keys, keys);
}

static void state_check(const struct replica_state *state, struct verdict *verdict)
{
    keys_check(state, verdict);
    for (uint32_t i = 0; i < state->object_count; i++) {
        check(i == 0 || state->objects[i - 1].key < state->objects[i].key);
        object_check(state, &state->objects[i], verdict);
    }
    if (state->dot_log && !clock_covers(state->clock, state->dot_log))
        verdict_add(verdict, VERDICT_STATE,
                    "node %" PRIu32 " shard %" PRIu32 ": the dot log has dots beyond the clock",
                    state->node, state->shard);
}

// ---- living actors ------------------------------------------------------------------------------

static int state_compare(const void *left, const void *right)
{
    const struct replica_state *a = *(const struct replica_state *const *)left;
    const struct replica_state *b = *(const struct replica_state *const *)right;

    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

// Pointers to the states, by shard and node. To be freed.
static const struct replica_state **states_sort(const struct replica_states *states)
{
    const struct replica_state **sorted =
        memory_new(((size_t)states->count + 1) * sizeof(struct replica_state *));

    for (uint32_t i = 0; i < states->count; i++)
        sorted[i] = &states->list[i];
    qsort(sorted, states->count, sizeof *sorted, state_compare);
    return sorted;
}

// How many states from here on are of one shard.
static uint32_t shard_count(const struct replica_state *const *sorted, uint32_t left)
{
    uint32_t count = 1;

    while (count < left && sorted[count]->shard == sorted[0]->shard)
        count++;
    return count;
}

static uint64_t last_known(const struct replica_state *state, uint64_t actor)
{
    uint64_t last = clock_last(state->clock, actor);

    for (uint32_t i = 0; i < state->object_count; i++) {
        uint64_t in_rest = clock_last(&state->objects[i].object->rest, actor);

        if (in_rest > last)
            last = in_rest;
    }
    return last;
}

static void actors_check(const struct replica_state *const *sorted, uint32_t count,
                         struct verdict *verdict)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t n = 0; n < count; n++) {
            uint64_t last = last_known(sorted[n], sorted[i]->actor);

            if (last > sorted[i]->counter)
                verdict_add(verdict, VERDICT_STATE,
                            "node %" PRIu32 " shard %" PRIu32 " knows (%" PRIx64 ",%" PRIu64
                            "), but node %" PRIu32 ", that actor's, has issued up to %" PRIu64,
                            sorted[n]->node, sorted[n]->shard, sorted[i]->actor, last,
                            sorted[i]->node, sorted[i]->counter);
        }
    }
}

void states_check(const struct replica_states *states, struct verdict *verdict)
{
    const struct replica_state **sorted = states_sort(states);
    uint32_t count;

    for (uint32_t i = 0; i < states->count; i += count) {
        count = shard_count(sorted + i, states->count - i);
        for (uint32_t n = 0; n < count; n++)
            state_check(sorted[i + n], verdict);
        actors_check(sorted + i, count, verdict);
    }
    free(sorted);
}

// ---- two states ---------------------------------------------------------------------------------

struct comparison {
    const struct replica_state *a;
    const struct replica_state *b;
    enum verdict_kind kind;
    struct verdict *verdict;
    bool lasting; // versions with an expiry do not count
    bool differ;
};

static void difference(struct comparison *comparison, uint32_t key, const char *what,
                       struct dot dot)
{
    const struct replica_state *a = comparison->a;
    const struct replica_state *b = comparison->b;

    comparison->differ = true;
    verdict_add(comparison->verdict, comparison->kind,
                "shard %" PRIu32 " key %" PRIu32 ", node %" PRIu32 " against node %" PRIu32
                ": %s (%" PRIx64 ",%" PRIu64 ")",
                a->shard, key, a->node, b->node, what, dot.actor, dot.counter);
}

static bool version_is_same(const struct version *a, const struct version *b)
{
    return a->stamp == b->stamp && a->expires_ms == b->expires_ms &&
           slice_equal(a->value, b->value);
}

// Walks both lists, sorted by dot; either object may be NULL.
static void versions_compare(struct comparison *comparison, const struct replica_object *left,
                             const struct replica_object *right)
{
    const struct object none = {0};
    const struct object *a = left ? left->object : &none;
    const struct object *b = right ? right->object : &none;
    uint32_t key = left ? left->key : right->key;

    for (uint32_t i = 0, n = 0; i < a->count || n < b->count;) {
        int order = i == a->count   ? 1
                    : n == b->count ? -1
                                    : dot_compare(a->versions[i].dot, b->versions[n].dot);
        const struct version *it = order <= 0 ? &a->versions[i] : &b->versions[n];

        if (order == 0 && !version_is_same(it, &b->versions[n]))
            difference(comparison, key, "value, stamp or expiry differ of version", it->dot);
        else if (order && !(comparison->lasting && it->expires_ms))
            difference(comparison, key,
                       order < 0 ? "only the first has version" : "only the second has version",
                       it->dot);
        i += order <= 0;
        n += order >= 0;
    }
    if (!comparison->lasting && !clock_equal(&a->rest, &b->rest))
        difference(comparison, key, "the rests differ", (struct dot){0});
}

static void objects_compare(struct comparison *comparison)
{
    const struct replica_state *a = comparison->a;
    const struct replica_state *b = comparison->b;

    for (uint32_t i = 0, n = 0; i < a->object_count || n < b->object_count;) {
        const struct replica_object *left = i < a->object_count ? &a->objects[i] : NULL;
        const struct replica_object *right = n < b->object_count ? &b->objects[n] : NULL;

        if (left && right && left->key < right->key)
            right = NULL;
        else if (left && right && left->key > right->key)
            left = NULL;
        versions_compare(comparison, left, right);
        i += left != NULL;
        n += right != NULL;
    }
}

// A dot that one of them has and the other lacks.
static void clocks_compare(struct comparison *comparison)
{
    const struct replica_state *a = comparison->a;
    const struct replica_state *b = comparison->b;
    struct clock more = {0};
    bool first = true;

    if (clock_equal(a->clock, b->clock))
        return;
    clock_copy(&more, a->clock);
    clock_subtract(&more, b->clock);
    if (!more.count) {
        first = false;
        clock_copy(&more, b->clock);
        clock_subtract(&more, a->clock);
    }
    comparison->differ = true;
    verdict_add(comparison->verdict, comparison->kind,
                "shard %" PRIu32 ": the clocks differ, node %" PRIu32 " has (%" PRIx64 ",%" PRIu64
                "), node %" PRIu32 " has not",
                a->shard, first ? a->node : b->node, more.runs[0].actor, more.runs[0].first,
                first ? b->node : a->node);
    clock_done(&more);
}

bool states_same(const struct replica_state *before, const struct replica_state *after,
                 struct verdict *verdict)
{
    struct comparison comparison = {before, after, VERDICT_REDELIVERED, verdict, false, false};
    const struct clock none = {0};

    clocks_compare(&comparison);
    objects_compare(&comparison);
    if (!clock_equal(before->dot_log ? before->dot_log : &none,
                     after->dot_log ? after->dot_log : &none)) {
        comparison.differ = true;
        verdict_add(verdict, VERDICT_REDELIVERED,
                    "node %" PRIu32 " shard %" PRIu32 ": the dot logs differ", before->node,
                    before->shard);
    }
    return !comparison.differ;
}

// ---- convergence --------------------------------------------------------------------------------

static void settled_check(const struct replica_state *state, struct verdict *verdict)
{
    uint64_t dots = state->counted ? state->dots : 0;
    uint64_t rests = 0;
    uint64_t hollow = 0;

    for (uint32_t i = 0; i < state->object_count; i++) {
        rests += state->objects[i].object->rest.count > 0;
        hollow += state->objects[i].object->count == 0;
    }
    if (!state->serves)
        verdict_add(verdict, VERDICT_DIVERGED, "node %" PRIu32 " shard %" PRIu32 ": does not serve",
                    state->node, state->shard);
    if (rests || hollow || state->unknown)
        verdict_add(verdict, VERDICT_DIVERGED,
                    "node %" PRIu32 " shard %" PRIu32 ": %" PRIu64 " objects with a rest, %" PRIu64
                    " without version, %" PRIu64 " unknown",
                    state->node, state->shard, rests, hollow, state->unknown);
    if (state->dot_log && state->dot_log->count)
        dots = clock_size(state->dot_log);
    if (dots)
        verdict_add(verdict, VERDICT_DIVERGED,
                    "node %" PRIu32 " shard %" PRIu32 ": %" PRIu64 " dots left in the dot log",
                    state->node, state->shard, dots);
}

static void owners_compare(const struct replica_state *first, const struct replica_state *next,
                           struct verdict *verdict)
{
    struct comparison comparison = {first, next, VERDICT_DIVERGED, verdict, true, false};

    clocks_compare(&comparison);
    objects_compare(&comparison);
    if (first->digest != next->digest)
        verdict_add(verdict, VERDICT_DIVERGED,
                    "shard %" PRIu32 ": digest %" PRIx64 " at node %" PRIu32 ", %" PRIx64
                    " at node %" PRIu32 "%s",
                    first->shard, first->digest, first->node, next->digest, next->node,
                    comparison.differ ? "" : ", although clocks and objects are equal");
}

static void shard_converged(const struct replica_state *const *sorted, uint32_t count,
                            uint32_t owners, struct verdict *verdict)
{
    const struct replica_state *first = NULL;
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct replica_state *state = sorted[i];

        if (!state->owner) {
            if (state->clock->count || state->object_count)
                verdict_add(verdict, VERDICT_GUEST,
                            "node %" PRIu32 " owns no part of shard %" PRIu32 " and holds %" PRIu64
                            " dots, %" PRIu32 " objects",
                            state->node, state->shard, clock_size(state->clock),
                            state->object_count);
            continue;
        }
        found++;
        settled_check(state, verdict);
        if (first)
            owners_compare(first, state, verdict);
        else
            first = state;
    }
    if (found != owners)
        verdict_add(verdict, VERDICT_DIVERGED, "shard %" PRIu32 ": %" PRIu32 " owners of %" PRIu32,
                    sorted[0]->shard, found, owners);
}

void states_converged(const struct replica_states *states, uint32_t owners, struct verdict *verdict)
{
    const struct replica_state **sorted = states_sort(states);
    uint32_t count;

    for (uint32_t i = 0; i < states->count; i += count) {
        count = shard_count(sorted + i, states->count - i);
        shard_converged(sorted + i, count, owners, verdict);
    }
    free(sorted);
}
