// SPDX-License-Identifier: Apache-2.0

#include "sim/checker/issued.h"

#include "base/rng.h"

#include <inttypes.h>

struct issued_dot {
    struct issued_sight first;
    struct issued_dot *next; // of the same hash
};

struct issued_actor {
    uint32_t node;
    uint64_t time;
};

// The last write of a life in a shard.
struct issued_stamped {
    uint64_t counter;
    uint64_t stamp;
};

void issued_done(struct issued *issued)
{
    table_done(&issued->by_hash);
    table_done(&issued->actors);
    table_done(&issued->stamps);
    arena_done(&issued->arena);
    *issued = (struct issued){0};
}

static uint64_t dot_hash(const struct issued_sight *sight)
{
    return rng_mix(sight->dot.actor ^
                   rng_mix(sight->dot.counter ^ rng_mix((uint64_t)sight->shard + 1)));
}

static bool dot_is(const struct issued_dot *it, const struct issued_sight *sight)
{
    return it->first.shard == sight->shard && dot_compare(it->first.dot, sight->dot) == 0;
}

static void sight_compare(struct issued_sight *first, const struct issued_sight *sight,
                          struct verdict *verdict)
{
    static const char *const whats[] = {"no more than that", "a delete", "a value"};
    bool same = first->key == sight->key;

    if (first->what != ISSUED_KEY_ONLY && sight->what != ISSUED_KEY_ONLY)
        same = same && first->what == sight->what && first->value_hash == sight->value_hash;
    if (!same)
        verdict_add(verdict, VERDICT_DOT,
                    "shard %" PRIu32 " (%" PRIx64 ",%" PRIu64 "): key %" PRIx64 " and %s %" PRIx64
                    " at node %" PRIu32 " at %" PRIu64 ", key %" PRIx64 " and %s %" PRIx64
                    " at node %" PRIu32 " at %" PRIu64,
                    first->shard, first->dot.actor, first->dot.counter, first->key,
                    whats[first->what], first->value_hash, first->node, first->time, sight->key,
                    whats[sight->what], sight->value_hash, sight->node, sight->time);
    else if (first->what == ISSUED_KEY_ONLY)
        *first = *sight;
}

void issued_see(struct issued *issued, const struct issued_sight *sight, struct verdict *verdict)
{
    uint64_t hash = dot_hash(sight);
    struct issued_dot *chain = table_find(&issued->by_hash, hash);
    struct issued_dot *it = chain;

    while (it && !dot_is(it, sight))
        it = it->next;
    if (it) {
        sight_compare(&it->first, sight, verdict);
        return;
    }
    it = arena_alloc(&issued->arena, sizeof *it);
    *it = (struct issued_dot){*sight, chain};
    if (sight->what != ISSUED_VALUE)
        it->first.value_hash = 0;
    table_set(&issued->by_hash, hash, it);
    issued->dots++;
}

// Two lives or shards of one hash are one chance in 2^64.
void issued_stamp(struct issued *issued, const struct issued_sight *sight, uint64_t stamp,
                  struct verdict *verdict)
{
    uint64_t hash = rng_mix(sight->dot.actor ^ rng_mix((uint64_t)sight->shard + 1));
    struct issued_stamped *last = table_find(&issued->stamps, hash);

    if (!last) {
        last = arena_new(&issued->arena, sizeof *last);
        table_set(&issued->stamps, hash, last);
    }
    if (sight->dot.counter <= last->counter)
        return; // the same again
    if (stamp <= last->stamp)
        verdict_add(verdict, VERDICT_DOT,
                    "node %" PRIu32 " shard %" PRIu32 ": write %" PRIu64 " at %" PRIu64
                    " is stamped %" PRIx64 ", not after write %" PRIu64 ", %" PRIx64,
                    sight->node, sight->shard, sight->dot.counter, sight->time, stamp,
                    last->counter, last->stamp);
    *last = (struct issued_stamped){sight->dot.counter, stamp};
}

void issued_life(struct issued *issued, uint64_t actor, uint32_t node, uint64_t time,
                 struct verdict *verdict)
{
    struct issued_actor *it = table_find(&issued->actors, actor);

    if (it) {
        verdict_add(verdict, VERDICT_DOT,
                    "actor %" PRIx64 " begins at node %" PRIu32 " at %" PRIu64
                    " and has begun at node %" PRIu32 " at %" PRIu64,
                    actor, node, time, it->node, it->time);
        return;
    }
    it = arena_alloc(&issued->arena, sizeof *it);
    *it = (struct issued_actor){node, time};
    table_set(&issued->actors, actor, it);
}
