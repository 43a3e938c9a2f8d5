// SPDX-License-Identifier: Apache-2.0
// Written without a look at how plan_table decides: it counts what a person would count.

#include "sim/checker/placed.h"

#include "base/arena.h"
#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

struct map {
    const struct topology *topology;
    struct arena arena;
    uint32_t *host; // of each member: its number
    uint32_t *zone;
    uint32_t hosts;
    uint32_t zones;
    uint32_t host_bound; // copies of one shard on one host
    uint32_t zone_bound;
};

struct label {
    const char *text;
    uint32_t member;
};

static int label_compare(const void *left, const void *right)
{
    return strcmp(((const struct label *)left)->text, ((const struct label *)right)->text);
}

static const char *host_of(const struct member *member)
{
    return member->host;
}

static const char *zone_of(const struct member *member)
{
    return member->zone;
}

// Gives equal texts equal numbers; returns how many there are among the members with weight.
static uint32_t labels_number(struct map *map, const char *(*text_of)(const struct member *),
                              uint32_t *numbers)
{
    const struct topology *topology = map->topology;
    struct label *labels = memory_new((topology->member_count + 1) * sizeof *labels);
    uint32_t count = 0;
    uint32_t different = 0;

    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (topology->members[i].weight)
            labels[count++] = (struct label){text_of(&topology->members[i]), i};
    }
    qsort(labels, count, sizeof *labels, label_compare);
    for (uint32_t i = 0; i < count; i++) {
        different += i == 0 || strcmp(labels[i - 1].text, labels[i].text) != 0;
        numbers[labels[i].member] = different - 1;
    }
    free(labels);
    return different;
}

// The smallest bound such that boxes of these sizes, each filled up to it, hold `wanted`; 0: none.
static uint32_t bound_find(const uint32_t *sizes, uint32_t count, uint32_t wanted)
{
    for (uint32_t bound = 1; bound <= wanted; bound++) {
        uint32_t room = 0;

        for (uint32_t i = 0; i < count; i++)
            room += sizes[i] < bound ? sizes[i] : bound;
        if (room >= wanted)
            return bound;
    }
    return 0;
}

static void bounds_find(struct map *map)
{
    const struct topology *topology = map->topology;
    uint32_t *in_host = arena_new(&map->arena, (map->hosts + 1) * sizeof *in_host);
    uint32_t *in_zone = arena_new(&map->arena, (map->zones + 1) * sizeof *in_zone);
    uint32_t *zone = arena_new(&map->arena, (map->hosts + 1) * sizeof *zone);

    // A host lies in the zone of its first member.
    for (uint32_t i = topology->member_count; i-- > 0;) {
        if (topology->members[i].weight) {
            in_host[map->host[i]]++;
            zone[map->host[i]] = map->zone[i];
        }
    }
    map->host_bound = bound_find(in_host, map->hosts, topology->replicas);
    for (uint32_t i = 0; i < map->hosts; i++)
        in_zone[zone[i]] += in_host[i] < map->host_bound ? in_host[i] : map->host_bound;
    for (uint32_t i = 0; i < topology->member_count; i++) {
        if (topology->members[i].weight)
            map->zone[i] = zone[map->host[i]];
    }
    map->zone_bound = bound_find(in_zone, map->zones, topology->replicas);
}

static void shard_placed(const struct map *map, uint32_t shard, struct verdict *verdict)
{
    const struct topology *topology = map->topology;
    const uint16_t *owners = topology_owners(topology, shard);

    for (uint32_t i = 0; i < topology->replicas; i++) {
        uint32_t same = 0;
        uint32_t on_host = 0;
        uint32_t in_zone = 0;

        if (owners[i] >= topology->member_count || !topology->members[owners[i]].weight) {
            verdict_add(verdict, VERDICT_PLACED,
                        "epoch %" PRIu64 " shard %" PRIu32 ": owner %" PRIu32
                        " is no member with weight (index %u)",
                        topology->epoch, shard, i, owners[i]);
            return;
        }
        // Each pair once; those before are good.
        for (uint32_t n = 0; n <= i; n++) {
            same += owners[n] == owners[i];
            on_host += map->host[owners[n]] == map->host[owners[i]];
            in_zone += map->zone[owners[n]] == map->zone[owners[i]];
        }
        if (same > 1 || on_host > map->host_bound || in_zone > map->zone_bound)
            verdict_add(verdict, VERDICT_PLACED,
                        "epoch %" PRIu64 " shard %" PRIu32 ": member %s is owner %" PRIu32
                        " times, its host %s %" PRIu32 " times (%" PRIu32
                        " would do), its zone %s %" PRIu32 " times (%" PRIu32 " would do)",
                        topology->epoch, shard, topology->members[owners[i]].name, same,
                        topology->members[owners[i]].host, on_host, map->host_bound,
                        topology->members[owners[i]].zone, in_zone, map->zone_bound);
    }
}

void placed_check(const struct topology *topology, struct verdict *verdict)
{
    struct map map = {.topology = topology};

    map.host = arena_new(&map.arena, (topology->member_count + 1) * sizeof *map.host);
    map.zone = arena_new(&map.arena, (topology->member_count + 1) * sizeof *map.zone);
    map.hosts = labels_number(&map, host_of, map.host);
    map.zones = labels_number(&map, zone_of, map.zone);
    bounds_find(&map);
    if (!map.host_bound || !map.zone_bound)
        verdict_add(verdict, VERDICT_PLACED,
                    "epoch %" PRIu64 ": %" PRIu32 " copies have no room on the members with weight",
                    topology->epoch, topology->replicas);
    else
        for (uint32_t shard = 0; shard < topology->shards; shard++)
            shard_placed(&map, shard, verdict);
    arena_done(&map.arena);
}
