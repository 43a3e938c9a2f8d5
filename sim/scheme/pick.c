// SPDX-License-Identifier: Apache-2.0
// Zones limit each other's nodes and nothing else, so taking the first that fits is never a dead
// end: as long as every node is offered once, the list becomes full.
#include "sim/scheme/pick.h"

#include "base/check.h"

void pick_init(struct pick *pick, const struct scheme *scheme, uint16_t *owners, uint32_t want,
               uint32_t zone_cap)
{
    check(want <= SCHEME_REPLICAS_MAX);
    pick->scheme = scheme;
    pick->owners = owners;
    pick->want = want;
    pick->count = 0;
    pick->zone_cap = zone_cap;
    pick->skipped_count = 0;
}

// How many nodes before this one share its zone, at most `max`.
static uint32_t place_in_zone(const struct scheme *scheme, uint32_t number, uint32_t max)
{
    const struct scheme_node *nodes = scheme->nodes;
    uint32_t place = 0;

    if (nodes[number].zone == SCHEME_NO_ZONE)
        return 0;
    for (uint32_t i = 0; i < number && place < max; i++)
        place += nodes[i].weight && nodes[i].zone == nodes[number].zone;
    return place;
}

uint32_t pick_zone_cap(const struct scheme *scheme, uint32_t want)
{
    uint32_t at_place[SCHEME_REPLICAS_MAX + 1] = {0}; // nodes that are the 1st, 2nd, ... of a zone
    uint32_t room = 0;
    uint32_t cap = 0;

    check(want >= 1 && want <= SCHEME_REPLICAS_MAX);
    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        if (scheme->nodes[i].weight)
            at_place[place_in_zone(scheme, i, want)] += 1;
    }
    while (room < want && cap < want)
        room += at_place[cap++];
    return cap;
}

static bool list_has(const uint16_t *list, uint32_t count, uint16_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (list[i] == node)
            return true;
    }
    return false;
}

static bool zone_is_full(const struct pick *pick, uint16_t node)
{
    const struct scheme_node *nodes = pick->scheme->nodes;
    uint16_t zone = nodes[node].zone;
    uint32_t copies = 0;

    if (zone == SCHEME_NO_ZONE)
        return false;
    for (uint32_t i = 0; i < pick->count; i++)
        copies += nodes[pick->owners[i]].zone == zone;
    return copies >= pick->zone_cap;
}

bool pick_offer(struct pick *pick, uint16_t node)
{
    if (pick->count == pick->want)
        return true;
    if (list_has(pick->owners, pick->count, node))
        return false;
    if (!zone_is_full(pick, node)) {
        pick->owners[pick->count++] = node;
        return pick->count == pick->want;
    }
    if (pick->skipped_count < SCHEME_REPLICAS_MAX &&
        !list_has(pick->skipped, pick->skipped_count, node))
        pick->skipped[pick->skipped_count++] = node;
    return false;
}

void pick_finish(struct pick *pick)
{
    for (uint32_t i = 0; i < pick->skipped_count && pick->count < pick->want; i++)
        pick->owners[pick->count++] = pick->skipped[i];
    while (pick->count < pick->want)
        pick->owners[pick->count++] = SCHEME_NOBODY;
}
