// SPDX-License-Identifier: Apache-2.0
#include "sim/scheme/walk.h"

void walk_init(struct walk *walk, const struct scheme *scheme)
{
    uint32_t replicas = scheme->setup.replicas;

    walk->scheme = scheme;
    pick_init(&walk->pick, scheme, walk->owners, replicas, pick_zone_cap(scheme, replicas));
}

bool walk_offer(struct walk *walk, uint16_t node)
{
    return pick_offer(&walk->pick, node);
}

void walk_turn(struct walk *walk)
{
    bool full = walk->pick.count == walk->pick.want;

    for (uint32_t i = 0; i < walk->scheme->setup.node_count && !full; i++) {
        if (walk->scheme->nodes[i].weight)
            full = pick_offer(&walk->pick, (uint16_t)i);
    }
    pick_finish(&walk->pick);
}

void walk_back(struct walk *walk, uint16_t node)
{
    uint32_t replicas = walk->pick.want;
    uint16_t after[SCHEME_REPLICAS_MAX];
    bool full;

    if (walk->owners[0] == node)
        return;
    memcpy(after, walk->owners, replicas * sizeof *after);
    pick_init(&walk->pick, walk->scheme, walk->owners, replicas, walk->pick.zone_cap);
    full = pick_offer(&walk->pick, node);
    for (uint32_t i = 0; i < replicas && !full; i++)
        full = pick_offer(&walk->pick, after[i]);
    pick_finish(&walk->pick);
}
