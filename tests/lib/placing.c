// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/placing.h"

#include "base/check.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

void placing_init(struct placing *placing, uint32_t nodes, uint32_t replicas, uint64_t seed)
{
    struct rng rng;

    rng_init(&rng, seed);
    placing->setup = (struct scheme_setup){.seed = rng_u64(&rng),
                                           .nodes = placing->nodes,
                                           .node_count = nodes,
                                           .replicas = replicas,
                                           .shards = 64,
                                           .vnodes = 128,
                                           .partitions = 512,
                                           .bound = 1.25,
                                           .bound_keys = true,
                                           .boost_copies = 2};
    for (uint32_t i = 0; i < nodes; i++)
        placing->nodes[i] = placing_node(rng_u64(&rng), SCHEME_NO_ZONE);
}

void placing_zones(struct placing *placing, uint32_t zones)
{
    for (uint32_t i = 0; i < placing->setup.node_count; i++)
        placing->nodes[i].zone = (uint16_t)(i % zones);
}

struct scheme_node placing_node(uint64_t seed, uint16_t zone)
{
    return (struct scheme_node){.id = rng_mix(seed), .weight = SCHEME_WEIGHT, .zone = zone};
}

struct placing_keys placing_keys(uint32_t count, double theta, uint64_t seed)
{
    struct placing_keys keys = {count, memory_new(count * sizeof *keys.hash),
                                memory_new(count * sizeof *keys.load)};
    double total = 0;
    struct rng rng;

    rng_init(&rng, seed);
    for (uint32_t i = 0; i < count; i++) {
        keys.hash[i] = rng_u64(&rng);
        keys.load[i] = theta == 0 ? 1 : pow(i + 1, -theta);
        total += keys.load[i];
    }
    for (uint32_t i = 0; i < count; i++)
        keys.load[i] /= total;
    return keys;
}

void placing_keys_done(struct placing_keys *keys)
{
    free(keys->hash);
    free(keys->load);
}

static struct scheme_batch batch_at(const struct placing_keys *keys, uint32_t at)
{
    uint32_t left = keys->count - at;

    return (struct scheme_batch){.count = left < SCHEME_BATCH_MAX ? left : SCHEME_BATCH_MAX,
                                 .hash = keys->hash + at,
                                 .load = keys->load + at};
}

void placing_learn(struct scheme *scheme, const struct placing_keys *keys)
{
    for (uint32_t at = 0; at < keys->count; at += SCHEME_BATCH_MAX) {
        struct scheme_batch batch = batch_at(keys, at);

        scheme_observe(scheme, &batch);
    }
    scheme_settle(scheme);
}

struct scheme *placing_scheme(const struct scheme_kind *kind, const struct placing *placing,
                              const struct placing_keys *keys)
{
    struct scheme *scheme = scheme_new(kind, &placing->setup);

    placing_learn(scheme, keys);
    return scheme;
}

uint16_t *placing_owners(struct scheme *scheme, const struct placing_keys *keys, uint32_t *slots)
{
    uint16_t *owners = memory_new((size_t)keys->count * scheme->width * sizeof *owners);

    scheme_begin(scheme, keys->count);
    for (uint32_t at = 0; at < keys->count; at += SCHEME_BATCH_MAX) {
        struct scheme_batch batch = batch_at(keys, at);
        struct scheme_places places = {owners + (size_t)at * scheme->width,
                                       slots ? slots + at : NULL};

        scheme_locate(scheme, &batch, &places);
    }
    return owners;
}

void placing_shares(const struct scheme *scheme, const struct placing_keys *keys,
                    const uint16_t *owners, uint32_t copies, double *out)
{
    for (uint32_t node = 0; node < scheme->setup.node_count; node++)
        out[node] = 0;
    for (uint32_t key = 0; key < keys->count; key++) {
        const uint16_t *row = owners + (size_t)key * scheme->width;
        uint32_t count = 0;

        while (count < copies && row[count] != SCHEME_NOBODY)
            count += 1;
        for (uint32_t i = 0; i < count; i++)
            out[row[i]] += keys->load[key] / count;
    }
    for (uint32_t node = 0; node < scheme->setup.node_count; node++) {
        if (scheme->nodes[node].weight)
            out[node] /= scheme_fair(scheme, node);
    }
}

double placing_peak(const struct scheme *scheme, const struct placing_keys *keys,
                    const uint16_t *owners, uint32_t copies)
{
    double shares[SCHEME_NODES_MAX];
    double peak = 0;

    placing_shares(scheme, keys, owners, copies, shares);
    for (uint32_t node = 0; node < scheme->setup.node_count; node++)
        peak = shares[node] > peak ? shares[node] : peak;
    return peak;
}

static bool row_has(const uint16_t *row, uint32_t count, uint16_t node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (row[i] == node)
            return true;
    }
    return false;
}

double placing_moved(const struct placing_keys *keys, const uint16_t *before, const uint16_t *after,
                     uint32_t copies)
{
    uint64_t moved = 0;

    for (size_t key = 0; key < keys->count; key++) {
        const uint16_t *old = before + key * copies;
        const uint16_t *new = after + key *copies;

        for (uint32_t i = 0; i < copies; i++)
            moved += !row_has(old, copies, new[i]);
    }
    return (double)moved / ((double)keys->count * copies);
}
