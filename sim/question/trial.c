// SPDX-License-Identifier: Apache-2.0
#include "sim/question/trial.h"

#include "base/check.h"
#include "base/rng.h"

#include <stdlib.h>

enum { SALT_NODES = 0x6e6f6465, SALT_LEARN = 0x6c6561 };

struct scheme_node trial_node(const struct trial *trial, uint64_t seed, uint32_t number)
{
    struct scheme_node node = {.id = rng_mix(rng_mix(seed ^ SALT_NODES) + number),
                               .weight = SCHEME_WEIGHT,
                               .zone = SCHEME_NO_ZONE};

    if (trial->weights)
        node.weight = trial->weights[number % trial->weight_count];
    if (trial->zones)
        node.zone = (uint16_t)(number % trial->zones);
    return node;
}

double trial_load(const struct trial *trial, double reads, double writes)
{
    double read_share = workload_setup(trial->workload)->read_share;

    return reads * read_share + writes * (1 - read_share);
}

void key_walk_begin(struct key_walk *walk, const struct trial *trial, uint64_t seed)
{
    walk->trial = trial;
    walk->seed = seed;
    walk->total = workload_setup(trial->workload)->keys;
    walk->keys.from = 0;
    walk->keys.count = 0;
}

bool key_walk_next(struct key_walk *walk)
{
    struct workload_keys *keys = &walk->keys;
    uint64_t left;

    keys->from += keys->count;
    left = walk->total - keys->from;
    if (left == 0)
        return false;
    keys->count = left < WORKLOAD_CHUNK ? (uint32_t)left : WORKLOAD_CHUNK;
    workload_hash(walk->trial->workload, walk->seed, keys);
    workload_expect(walk->trial->workload, keys);
    for (uint32_t i = 0; i < keys->count; i++)
        walk->load[i] = trial_load(walk->trial, keys->reads[i], keys->writes[i]);
    walk->batch = (struct scheme_batch){keys->count, keys->hash, walk->load, false};
    return true;
}

// What can only be drawn is learned from a sample of operations, after the keys themselves.
static void learn_drawn(struct scheme *scheme, const struct trial *trial, uint64_t seed)
{
    uint64_t hash[WORKLOAD_CHUNK];
    double load[WORKLOAD_CHUNK];
    struct scheme_batch batch = {WORKLOAD_CHUNK, hash, load, true};
    struct workload_draw draw;
    uint64_t rounds = trial->operations / WORKLOAD_CHUNK + 1;

    workload_draw_init(&draw, rng_mix(seed ^ SALT_LEARN));
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < WORKLOAD_CHUNK; i++) {
            struct operation operation = workload_draw(trial->workload, &draw);

            hash[i] = workload_key_hash(trial->workload, seed, operation.key);
            load[i] = 1.0 / ((double)rounds * WORKLOAD_CHUNK);
        }
        scheme_observe(scheme, &batch);
    }
}

static void learn(struct scheme *scheme, const struct trial *trial, uint64_t seed)
{
    struct key_walk *walk = memory_new(sizeof *walk);

    key_walk_begin(walk, trial, seed);
    while (key_walk_next(walk))
        scheme_observe(scheme, &walk->batch);
    free(walk);
    if (workload_only_drawn(trial->workload))
        learn_drawn(scheme, trial, seed);
    scheme_settle(scheme);
}

struct scheme *trial_scheme(const struct trial *trial, uint64_t seed)
{
    struct scheme_setup setup = trial->setup;
    struct scheme_node *nodes = memory_new(trial->nodes * sizeof *nodes);
    struct scheme *scheme;

    for (uint32_t i = 0; i < trial->nodes; i++)
        nodes[i] = trial_node(trial, seed, i);
    setup.seed = seed;
    setup.nodes = nodes;
    setup.node_count = trial->nodes;
    scheme = scheme_new(trial->kind, &setup);
    if (trial->kind->uses & SCHEME_LEARNS && !trial->endless)
        learn(scheme, trial, seed);
    free(nodes);
    return scheme;
}
