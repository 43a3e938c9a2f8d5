// SPDX-License-Identifier: Apache-2.0
// Members stand in the planner's list in the order of their numbers, those that left with weight 0:
// so an owner in the table is a node's number, and the old table remains true when the list grows.
#include "sim/scheme/shards.h"

#include "base/bits.h"
#include "base/check.h"
#include "node/data/topology.h"
#include "sim/scheme/kinds.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static_assert((int)MEMBERS_MAX >= (int)SCHEME_NODES_MAX, "the planner takes every cluster");
static_assert((int)REPLICAS_MAX >= (int)SCHEME_REPLICAS_MAX, "and every number of copies");

const char *shards_refuse(const struct scheme_setup *setup)
{
    if (!setup->successive)
        return NULL;
    if (!scheme_weights_alike(setup))
        return "successive shards know no weights: they must all be alike";
    if (!scheme_zones_none(setup))
        return "successive shards know no zones: give none";
    return NULL;
}

static void successive_plan(const struct scheme *scheme, uint16_t *owners)
{
    uint16_t list[SCHEME_NODES_MAX];
    uint32_t nodes = scheme_list_present(scheme, list);

    for (uint32_t shard = 0; shard < scheme->setup.shards; shard++) {
        for (uint32_t i = 0; i < scheme->setup.replicas; i++)
            *owners++ = list[(shard + i) % nodes];
    }
}

static void members_fill(const struct scheme *scheme, struct member *members)
{
    bool zones = !scheme_zones_none(&scheme->setup);

    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        const struct scheme_node *node = &scheme->nodes[i];

        members[i].id = node->id;
        members[i].weight = node->weight;
        if (node->zone != SCHEME_NO_ZONE)
            snprintf(members[i].zone, sizeof members[i].zone, "zone-%u", node->zone);
        else if (zones) // one of its own: to the planner, having none is a zone as well
            snprintf(members[i].zone, sizeof members[i].zone, "node-%u", i);
    }
}

static void balanced_plan(const struct scheme *scheme, const uint16_t *old, uint16_t *owners)
{
    uint32_t count = scheme->setup.node_count;
    struct topology topology = {.seed = scheme->setup.seed,
                                .shards = scheme->setup.shards,
                                .replicas = scheme->setup.replicas,
                                .members = memory_new(count * sizeof *topology.members),
                                .member_count = count,
                                .owners = owners};
    int err;

    members_fill(scheme, topology.members);
    err = plan_table(&topology, old, NULL);
    check(err == 0);
    free(topology.members);
}

void shards_plan(struct shards *shards, const struct scheme *scheme)
{
    size_t places = (size_t)scheme->setup.shards * scheme->setup.replicas;
    uint16_t *owners;

    if (shards->doubled) {
        shards->doubled = false;
        return;
    }
    owners = memory_new(places * sizeof *owners);
    if (scheme->setup.successive)
        successive_plan(scheme, owners);
    else
        balanced_plan(scheme, shards->owners, owners);
    free(shards->owners);
    shards->owners = owners;
}

void shards_double(struct shards *shards, struct scheme *scheme)
{
    size_t size = (size_t)scheme->setup.shards * scheme->setup.replicas * sizeof *shards->owners;
    uint16_t *owners = memory_new(2 * size);

    memcpy(owners, shards->owners, size);
    memcpy((uint8_t *)owners + size, shards->owners, size);
    free(shards->owners);
    shards->owners = owners;
    shards->doubled = true;
    scheme->setup.shards *= 2;
}

void shards_done(struct shards *shards)
{
    free(shards->owners);
    *shards = (struct shards){0};
}

struct ranges *shards_ranges(const struct shards *shards, const struct scheme *scheme)
{
    uint32_t count = scheme->setup.shards;
    uint32_t replicas = scheme->setup.replicas;
    struct ranges *ranges = ranges_new(count, scheme->width);

    ranges->reversed = true;
    memset(ranges->owners, 0xff, (size_t)count * scheme->width * sizeof *ranges->owners);
    for (uint32_t range = 0; range < count; range++) {
        uint32_t shard;

        // UINT64_MAX / count is the length of a range less 1.
        ranges->ends[range] = UINT64_MAX / count * (range + 1) + range;
        shard = ranges_number(ranges, range);
        memcpy(ranges->owners + (size_t)range * scheme->width,
               shards->owners + (size_t)shard * replicas, replicas * sizeof *ranges->owners);
    }
    return ranges;
}

uint64_t shards_bytes(const struct scheme *scheme)
{
    return (uint64_t)scheme->setup.shards * scheme->setup.replicas * SCHEME_OWNER_BYTES;
}
