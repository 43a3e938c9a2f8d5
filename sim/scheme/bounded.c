// SPDX-License-Identifier: Apache-2.0
// Consistent hashing with bounded loads: a key goes clockwise from its position to the first nodes
// that are not full. A node is full when it has c times its fair share of what all nodes will hold
// at the end of the pass: of load, or of keys. Keys that come first fill their nodes first, so
// where a key lies depends on those before it.
//
// Each of a key's N copies counts as much as the key does, and is placed on its own: the walk takes
// the first N nodes with room in distinct zones. Near the end of a pass fewer than N nodes may have
// room; then the least full of the others step in, beyond their bound. Copies on distinct nodes and
// zones come first, since they are what a copy is for.
#include "base/check.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/pick.h"
#include "sim/scheme/tokens.h"

#include <stdlib.h>

struct bounded {
    struct tokens tokens;
    struct ranges *arcs; // range i ends at token i; one more range goes on to the first token
    uint32_t zone_cap;
    double pass;                   // what all nodes will hold at the end of the pass
    double held[SCHEME_NODES_MAX]; // so far in this pass
    double room[SCHEME_NODES_MAX]; // and at most
    uint32_t open;                 // nodes that are not full
    // Of the walk for one key: nodes that were met have its number.
    uint64_t key;
    uint64_t met[SCHEME_NODES_MAX];
};

static void bounded_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct bounded));
}

static void bounded_clear(struct bounded *bounded)
{
    tokens_done(&bounded->tokens);
    ranges_free(bounded->arcs);
    bounded->arcs = NULL;
}

static void rooms_set(struct scheme *scheme)
{
    struct bounded *bounded = scheme->state;

    memset(bounded->held, 0, sizeof bounded->held);
    for (uint32_t i = 0; i < scheme->setup.node_count; i++)
        bounded->room[i] = scheme->setup.bound * bounded->pass * scheme_fair(scheme, i);
    bounded->open = scheme->present;
}

static void bounded_begin(struct scheme *scheme, uint64_t keys)
{
    struct bounded *bounded = scheme->state;

    bounded->pass = scheme->setup.replicas * (scheme->setup.bound_keys ? (double)keys : 1.0);
    rooms_set(scheme);
}

// A pass that was going on begins anew, with as many keys.
static void bounded_build(struct scheme *scheme)
{
    struct bounded *bounded = scheme->state;
    struct ranges *arcs;

    bounded_clear(bounded);
    bounded->tokens = tokens_make(scheme);
    arcs = ranges_new(bounded->tokens.count + 1, 1);
    for (uint32_t i = 0; i < bounded->tokens.count; i++)
        arcs->ends[i] = bounded->tokens.list[i].position;
    arcs->ends[bounded->tokens.count] = UINT64_MAX;
    ranges_index(arcs);
    bounded->arcs = arcs;
    bounded->zone_cap = pick_zone_cap(scheme, scheme->setup.replicas);
    rooms_set(scheme);
}

static bool node_is_full(const struct bounded *bounded, uint16_t node)
{
    return bounded->held[node] >= bounded->room[node];
}

// Offers nodes with room clockwise, until the list is full or all of them were met.
static bool ring_walk(struct bounded *bounded, uint64_t hash, struct pick *pick)
{
    uint32_t at = ranges_find(bounded->arcs, hash) % bounded->tokens.count;
    uint32_t met = 0;

    bounded->key += 1;
    while (met < bounded->open) {
        uint16_t node = bounded->tokens.list[at].node;

        at = at + 1 < bounded->tokens.count ? at + 1 : 0;
        if (bounded->met[node] == bounded->key || node_is_full(bounded, node))
            continue;
        bounded->met[node] = bounded->key;
        met += 1;
        if (pick_offer(pick, node))
            return true;
    }
    return false;
}

// Offers the nodes that the walk has not met, those first that are least beyond their bound.
static void others_offer(struct bounded *bounded, const struct scheme *scheme, struct pick *pick)
{
    bool full = false;

    while (!full) {
        uint16_t best = SCHEME_NOBODY;

        for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
            if (scheme->nodes[i].weight == 0 || bounded->met[i] == bounded->key)
                continue;
            if (best == SCHEME_NOBODY ||
                bounded->held[i] / bounded->room[i] < bounded->held[best] / bounded->room[best])
                best = (uint16_t)i;
        }
        check(best != SCHEME_NOBODY);
        bounded->met[best] = bounded->key;
        full = pick_offer(pick, best);
    }
}

static void node_hold(struct bounded *bounded, uint16_t node, double amount)
{
    bool was_full = node_is_full(bounded, node);

    bounded->held[node] += amount;
    if (!was_full && node_is_full(bounded, node))
        bounded->open -= 1;
}

static void bounded_locate(struct scheme *scheme, const struct scheme_batch *batch,
                           struct scheme_places *out)
{
    struct bounded *bounded = scheme->state;
    uint32_t replicas = scheme->setup.replicas;

    check(bounded->pass > 0); // scheme_begin was called
    for (uint32_t i = 0; i < batch->count; i++) {
        uint16_t *owners = out->owners + (size_t)i * replicas;
        struct pick pick;

        pick_init(&pick, scheme, owners, replicas, bounded->zone_cap);
        if (!ring_walk(bounded, batch->hash[i], &pick))
            others_offer(bounded, scheme, &pick);
        for (uint32_t copy = 0; copy < replicas; copy++)
            node_hold(bounded, owners[copy], scheme->setup.bound_keys ? 1 : batch->load[i]);
    }
}

static void bounded_twice(struct scheme *scheme)
{
    scheme->setup.vnodes *= 2;
}

// Tokens with their nodes, and what each node holds.
static uint64_t bounded_metadata(const struct scheme *scheme)
{
    const struct bounded *bounded = scheme->state;
    uint64_t token = SCHEME_POSITION_BYTES + SCHEME_OWNER_BYTES;

    return scheme_list_bytes(scheme) + bounded->tokens.count * token +
           (uint64_t)scheme->present * sizeof *bounded->held;
}

static void bounded_close(struct scheme *scheme)
{
    bounded_clear(scheme->state);
    free(scheme->state);
}

const struct scheme_kind scheme_bounded = {
    .name = "bounded",
    .text = "a ring where a full node passes keys on clockwise",
    .paper = "Mirrokni, Thorup and Zadimoghaddam, \"Consistent Hashing with Bounded Loads\", "
             "SODA 2018",
    .uses = SCHEME_USES_VNODES | SCHEME_USES_BOUND | SCHEME_ORDERED,
    .open = bounded_open,
    .build = bounded_build,
    .begin = bounded_begin,
    .locate = bounded_locate,
    .twice = bounded_twice,
    .metadata = bounded_metadata,
    .close = bounded_close,
};
