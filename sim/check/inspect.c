// SPDX-License-Identifier: Apache-2.0
#include "sim/check/inspect.h"

#include "base/check.h"
#include "base/err.h"
#include "sim/world/host.h"

#include <stdlib.h>

enum { PAGE_ITEMS = 64, PAGE_BYTES = 1 << 20 };

static int object_compare(const void *a, const void *b)
{
    uint32_t left = ((const struct replica_object *)a)->key;
    uint32_t right = ((const struct replica_object *)b)->key;

    return left < right ? -1 : left > right;
}

static const uint64_t *values_of(struct arena *arena, const struct object *object)
{
    uint64_t *values = arena_alloc(arena, (object->count + 1) * sizeof *values);

    for (uint32_t i = 0; i < object->count; i++)
        values[i] = users_value_number(object->versions[i].value);
    return values;
}

static bool object_of(struct arena *arena, const struct store_item *item,
                      struct replica_object *out)
{
    uint32_t key = users_key_number(item->bucket, item->key);
    struct object *object = arena_new(arena, sizeof *object);

    if (key == UINT32_MAX)
        return false; // properties of buckets
    *object = item->object;
    *out =
        (struct replica_object){.key = key, .object = object, .values = values_of(arena, object)};
    return true;
}

// All objects of a shard, by key.
static void objects_read(struct inspect *inspect, struct store *store, struct replica_state *state)
{
    struct store_scan scan = {
        .shard = state->shard, .items_max = PAGE_ITEMS, .bytes_max = PAGE_BYTES};
    struct buffer found = {0};
    struct store_page page;
    struct replica_object object;

    do {
        if (store_scan(store, &scan, &inspect->arena, &page))
            break;
        for (uint32_t i = 0; i < page.count; i++) {
            if (object_of(&inspect->arena, &page.items[i], &object))
                buffer_add(&found, &object, sizeof object);
        }
        if (page.count)
            scan.after = page.items[page.count - 1].tree_key;
    } while (page.more && page.count);
    state->object_count = (uint32_t)(found.size / sizeof object);
    if (found.size) {
        state->objects = (const void *)arena_copy(&inspect->arena, buffer_slice(&found)).data;
        qsort((void *)(uintptr_t)state->objects, state->object_count, sizeof object,
              object_compare);
    }
    buffer_done(&found);
}

static void replica_read_state(struct inspect *inspect, struct store *store,
                               struct replica_state *state)
{
    struct store_totals totals;
    struct store_shard shard;

    store_totals(store, &totals);
    store_shard(store, state->shard, &shard);
    state->serves = shard.born && !shard.filling;
    state->actor = totals.actor;
    state->counter = store_mint(store, state->shard).counter - 1;
    state->clock = store_clock(store, state->shard);
    state->digest = shard.digest;
    state->unknown = shard.unknown;
    state->counted = true;
    state->keys = shard.keys;
    state->dots = shard.dots;
    objects_read(inspect, store, state);
}

void inspect_read(struct inspect *inspect, struct sim *sim, const struct topology *topology)
{
    uint32_t most = sim_nodes(sim) * topology->shards;
    struct replica_state *list;

    arena_reset(&inspect->arena);
    list = arena_new(&inspect->arena, most * sizeof *list);
    inspect->states = (struct replica_states){list, 0};
    for (uint32_t node = 0; node < sim_nodes(sim); node++) {
        struct store *store = host_store(sim, node);
        int member = topology_member(topology, host_member(sim, node)->id);

        if (!store || store_shards(store) != topology->shards)
            continue;
        for (uint32_t shard = 0; shard < topology->shards; shard++) {
            bool owner = topology_rank(topology, shard, member) >= 0;
            struct replica_state *state = &list[inspect->states.count];

            if (!owner && store_clock(store, shard)->count == 0)
                continue;
            *state = (struct replica_state){.node = node, .shard = shard, .owner = owner};
            replica_read_state(inspect, store, state);
            inspect->states.count += 1;
        }
    }
}

void inspect_done(struct inspect *inspect)
{
    arena_done(&inspect->arena);
}

void inspect_digest(const struct inspect *inspect, struct buffer *out)
{
    for (uint32_t i = 0; i < inspect->states.count; i++) {
        const struct replica_state *state = &inspect->states.list[i];

        buffer_add_u32(out, state->node);
        buffer_add_u32(out, state->shard);
        buffer_add_u64(out, state->digest);
        clock_encode(state->clock, out);
    }
}
