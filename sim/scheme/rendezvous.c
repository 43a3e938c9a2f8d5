// SPDX-License-Identifier: Apache-2.0
// Rendezvous hashing: every node has a score for every key, the N highest scores own it. Nothing is
// stored but the list of nodes, and what moves is the least possible: a node's scores depend on no
// other node. The price is a look-up that asks all nodes.
//
// A score is a random number that key and node decide: u, uniform between 0 and 1. While weights
// are alike, the highest u wins. With weights w the score is w / -ln(u): -ln(u) / w is the time at
// which the first event of a process with rate w comes, and of several processes each is first
// with a probability that is its share of all rates (Schindelhauer and Schomaker, SPAA 2005; Resch,
// 2015). The two orders are the same when weights are alike, so reweighing moves no more than it
// must.
//
// Scores are compared as 64-bit numbers; those of positive floating point numbers are in the same
// order as their bits. The lowest bits give way to the node's place in the list, so a comparison
// of two scores says who they belong to, and no two are equal.
#include "base/check.h"
#include "base/rng.h"
#include "sim/number/number.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/pick.h"

#include <assert.h>
#include <stdlib.h>

enum { PLACE_MASK = SCHEME_NODES_MAX - 1 };
static_assert((SCHEME_NODES_MAX & PLACE_MASK) == 0, "places fit into the lowest bits");

struct rendezvous {
    uint32_t count;
    bool alike; // weights
    bool zones; // some node has one
    uint32_t zone_cap;
    uint16_t list[SCHEME_NODES_MAX];
    uint64_t salt[SCHEME_NODES_MAX]; // of each node in the list
    double weight[SCHEME_NODES_MAX];
};

static void rendezvous_open(struct scheme *scheme)
{
    scheme->state = memory_new(sizeof(struct rendezvous));
}

static void rendezvous_build(struct scheme *scheme)
{
    struct rendezvous *state = scheme->state;

    state->count = scheme_list_present(scheme, state->list);
    state->alike = scheme_weights_alike(&scheme->setup);
    state->zones = !scheme_zones_none(&scheme->setup);
    state->zone_cap = pick_zone_cap(scheme, scheme->setup.replicas);
    for (uint32_t i = 0; i < state->count; i++) {
        const struct scheme_node *node = &scheme->nodes[state->list[i]];

        state->salt[i] = rng_mix(node->id);
        state->weight[i] = node->weight;
    }
}

// As rng_mix, without a call: this is most of what a look-up costs.
static inline uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

static inline uint64_t score_at(uint64_t score, uint32_t place)
{
    return (score & ~(uint64_t)PLACE_MASK) | place;
}

static uint64_t score_weighted(uint64_t bits, double weight)
{
    double score = weight / -number_log(number_unit_of(bits));
    uint64_t as_bits;

    memcpy(&as_bits, &score, sizeof as_bits);
    return as_bits;
}

static void scores_make(const struct rendezvous *state, uint64_t hash, uint64_t *scores)
{
    for (uint32_t i = 0; i < state->count; i++) {
        uint64_t bits = mix(hash ^ state->salt[i]);

        scores[i] = score_at(state->alike ? bits : score_weighted(bits, state->weight[i]), i);
    }
}

// Puts a score into a list of the highest, in order. Written without branches: which way they go
// would be anybody's guess.
static inline void best_add(uint64_t *best, uint32_t count, uint64_t score)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t high = best[i] > score ? best[i] : score;

        score = best[i] > score ? score : best[i];
        best[i] = high;
    }
}

static inline void best_take(const struct rendezvous *state, uint64_t hash, uint32_t count,
                             uint16_t *owners)
{
    uint64_t best[SCHEME_REPLICAS_MAX] = {0};

    for (uint32_t i = 0; i < state->count; i++)
        best_add(best, count, score_at(mix(hash ^ state->salt[i]), i));
    for (uint32_t i = 0; i < count; i++)
        owners[i] = state->list[best[i] & PLACE_MASK];
}

// With weights, or zones: in the order of scores until the list is full.
static void key_locate(const struct scheme *scheme, uint64_t hash, uint16_t *owners)
{
    const struct rendezvous *state = scheme->state;
    uint64_t scores[SCHEME_NODES_MAX];
    struct pick pick;
    bool full = false;

    scores_make(state, hash, scores);
    pick_init(&pick, scheme, owners, scheme->setup.replicas, state->zone_cap);
    for (uint32_t round = 0; !full; round++) {
        uint64_t best = 0;

        check(round < state->count);
        for (uint32_t i = 0; i < state->count; i++)
            best = scores[i] > best ? scores[i] : best;
        scores[best & PLACE_MASK] = 0;
        full = pick_offer(&pick, state->list[best & PLACE_MASK]);
    }
}

static void rendezvous_locate(struct scheme *scheme, const struct scheme_batch *batch,
                              struct scheme_places *out)
{
    const struct rendezvous *state = scheme->state;
    uint32_t replicas = scheme->setup.replicas;
    bool plain = state->alike && !state->zones;

    for (uint32_t i = 0; i < batch->count; i++) {
        uint16_t *owners = out->owners + (size_t)i * replicas;

        if (!plain)
            key_locate(scheme, batch->hash[i], owners);
        else if (replicas == 1) // usual numbers of copies, unrolled
            best_take(state, batch->hash[i], 1, owners);
        else if (replicas == 3)
            best_take(state, batch->hash[i], 3, owners);
        else
            best_take(state, batch->hash[i], replicas, owners);
    }
}

static void rendezvous_close(struct scheme *scheme)
{
    free(scheme->state);
}

const struct scheme_kind scheme_rendezvous = {
    .name = "rendezvous",
    .text = "every node has a score for a key, the highest own it; by weight",
    .paper = "Thaler and Ravishankar, 1998; weights: Schindelhauer and Schomaker, SPAA 2005",
    .fair = true,
    .open = rendezvous_open,
    .build = rendezvous_build,
    .locate = rendezvous_locate,
    .metadata = scheme_list_bytes,
    .close = rendezvous_close,
};
