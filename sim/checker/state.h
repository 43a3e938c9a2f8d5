// SPDX-License-Identifier: Apache-2.0
// States of replicas, as the driver reads them from the stores, and what must hold of them: in each
// at any time (the invariants), between the owners after convergence (L1, L2), and before and
// after a message that came again (S10).
#ifndef SIM_CHECKER_STATE_H
#define SIM_CHECKER_STATE_H

#include "node/data/object.h"
#include "sim/checker/verdict.h"

struct replica_object {
    uint32_t key;                // its number, as in the history
    const struct object *object; // all versions that are stored, expired ones too
    const uint64_t *values; // the value number of each version, read from its bytes; NULL: not told
    const struct clock *fill; // fill clocks whose cursor has passed the key, joined; NULL: none
};

// One shard at one node. What is pointed to stays the caller's.
struct replica_state {
    uint32_t node;
    uint32_t shard;
    bool owner;       // of the shard, by the topology; else a guest, or a leftover
    bool serves;      // born and not filling
    uint64_t actor;   // of the node's current life
    uint64_t counter; // the highest counter this life has issued in this shard; 0: none
    const struct clock *clock;
    const struct clock *dot_log;          // the dots in its dot log; NULL: empty
    uint64_t digest;                      // over (key, dots); see version_digest
    uint64_t unknown;                     // keys whose record is damaged
    bool counted;                         // the next two are told
    uint64_t keys;                        // objects with a version, as the store counts them
    uint64_t dots;                        // entries of the dot log, as the store counts them
    const struct replica_object *objects; // strictly ascending by key
    uint32_t object_count;
};

struct replica_states {
    const struct replica_state *list; // in any order; a (node, shard) once
    uint32_t count;
};

// The invariants, of states at any moment. In each: every version's dot is in the full context
// (clock + rest + fill); no rest has a dot of the clock; versions ascend by dot; no object is
// empty; the dot log is within the clock; as many keys as are counted, unless some are damaged; no
// dot of the own actor is above the counter. Between
// them: nobody knows a dot of a living actor above the counter of its node in that shard.
void states_check(const struct replica_states *states, struct verdict *verdict);

// After convergence. L1: the owners of each shard serve, have equal clocks, digests and objects
// (keys, dots, value numbers, stamps; versions with an expiry need not be everywhere), no rest, no
// object without version, an empty dot log, no unknown key. L2: nobody else has any dot or object.
// `owners` is how many owners each shard must have among the states (N).
void states_converged(const struct replica_states *states, uint32_t owners,
                      struct verdict *verdict);

// S10: the same replica before and after something that must not change it. Compares everything but
// node and digest. False, and a finding, when they differ.
bool states_same(const struct replica_state *before, const struct replica_state *after,
                 struct verdict *verdict);

#endif
