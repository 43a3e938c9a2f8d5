// SPDX-License-Identifier: Apache-2.0
// Clusters and keys to try schemes of placement on. Everything follows from seeds.
#ifndef TESTS_LIB_PLACING_H
#define TESTS_LIB_PLACING_H

#include "sim/scheme/scheme.h"

// A setup with its nodes. Alike, without zones, with 64 shards, 128 virtual nodes, 512 partitions,
// a bound of 1.25 on keys and boosts of two copies; to be changed as a test wants.
struct placing {
    struct scheme_node nodes[SCHEME_NODES_MAX];
    struct scheme_setup setup;
};

void placing_init(struct placing *placing, uint32_t nodes, uint32_t replicas, uint64_t seed);

// Nodes are dealt to so many zones in turn.
void placing_zones(struct placing *placing, uint32_t zones);

// A node for scheme_add.
struct scheme_node placing_node(uint64_t seed, uint16_t zone);

struct placing_keys {
    uint32_t count;
    uint64_t *hash;
    double *load; // adds up to 1
};

// Random hashes; the key of rank r (from 1) has a load of r to the power of -theta.
struct placing_keys placing_keys(uint32_t count, double theta, uint64_t seed);
void placing_keys_done(struct placing_keys *keys);

// A scheme that has learned the keys' load.
struct scheme *placing_scheme(const struct scheme_kind *kind, const struct placing *placing,
                              const struct placing_keys *keys);
void placing_learn(struct scheme *scheme, const struct placing_keys *keys);

// The owners of all keys in one pass, rows of scheme->width. The caller frees them. `slots`, one
// per key, may be NULL.
uint16_t *placing_owners(struct scheme *scheme, const struct placing_keys *keys, uint32_t *slots);

// What each node holds of the first `copies` copies, over its fair share: of keys, or of load (the
// owners' copies share it).
void placing_shares(const struct scheme *scheme, const struct placing_keys *keys,
                    const uint16_t *owners, uint32_t copies, double *out);
double placing_peak(const struct scheme *scheme, const struct placing_keys *keys,
                    const uint16_t *owners, uint32_t copies);

// Copies among the first `copies` of each key that `after` has on nodes where `before` had none,
// as a share of all of them.
double placing_moved(const struct placing_keys *keys, const uint16_t *before, const uint16_t *after,
                     uint32_t copies);

#endif
