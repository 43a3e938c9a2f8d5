// SPDX-License-Identifier: Apache-2.0
#include "sim/check/contexts.h"

#include "base/check.h"
#include "base/rng.h"
#include "node/core/store.h"
#include "sim/world/host.h"

#include <inttypes.h>
#include <stdlib.h>

struct context {
    struct clock newest;
    struct clock durable; // when last all was on the disk
    uint64_t life;
};

void contexts_done(struct contexts *contexts)
{
    struct context *context;
    size_t at = 0;

    while ((context = table_next(&contexts->seen, &at))) {
        clock_done(&context->newest);
        clock_done(&context->durable);
        free(context);
    }
    table_done(&contexts->seen);
    arena_done(&contexts->arena);
}

void contexts_closed(struct contexts *contexts, uint32_t node)
{
    contexts->lives[node] += 1;
}

void contexts_lost(struct contexts *contexts, uint32_t node)
{
    contexts->lost[node] = true;
}

static struct context *context_take(struct contexts *contexts, uint32_t node, const struct key *key)
{
    uint64_t id = rng_mix(rng_mix(key->low) ^ key->high) + node;
    struct context *context = table_find(&contexts->seen, id);

    if (context)
        return context;
    context = memory_new(sizeof *context);
    context->life = contexts->lives[node];
    table_set(&contexts->seen, id, context);
    return context;
}

// What the copy must not have forgotten; NULL: it may have forgotten all.
static const struct clock *context_least(const struct contexts *contexts, uint32_t node,
                                         const struct context *context)
{
    if (context->life == contexts->lives[node])
        return &context->newest;
    return contexts->lost[node] ? NULL : &context->durable;
}

void contexts_look(struct contexts *contexts, const struct sim *sim, uint32_t node,
                   const struct key *key, struct verdict *verdict)
{
    struct store *store = host_store(sim, node);
    const struct clock *least;
    struct context *context;
    struct store_view view;
    struct clock now;

    arena_reset(&contexts->arena);
    if (!store || key->shard >= store_shards(store) || // an empty disk
        store_read(store, key, &contexts->arena, &view))
        return;
    now = clock_in(&contexts->arena);
    clock_copy(&now, store_clock(store, key->shard));
    clock_join(&now, &view.object.rest);
    context = context_take(contexts, node, key);
    least = context_least(contexts, node, context);
    if (least && !clock_covers(&now, least))
        verdict_add(verdict, VERDICT_STATE,
                    "n%" PRIu32 " has forgotten a part of what %.*s had seen there", node + 1,
                    (int)key->key.size, (const char *)key->key.data);
    context->life = contexts->lives[node];
    clock_copy(&context->newest, &now);
    if (store_durable(store) >= store_end(store))
        clock_copy(&context->durable, &now);
}
