// SPDX-License-Identifier: Apache-2.0
// One shard's replica: its clock, its counts, and what the dot log has no longer. Pure
// bookkeeping; the store decides when.
#ifndef NODE_STORE_REPLICA_H
#define NODE_STORE_REPLICA_H

#include "node/data/key.h"
#include "node/data/object.h"
#include "node/store/dot_log.h"

struct replica {
    struct clock clock;
    struct clock floor; // dots of the clock that are not in the dot log
    uint64_t counter;   // of this life: the last dot given out
    uint64_t changes;   // grows with the clock
    uint64_t keys;
    uint64_t bytes;
    uint64_t expiring; // objects with a version that expires
    uint64_t digest;
    uint64_t dots;
    uint32_t unknown; // damaged keys
    bool unlisted;    // there are more of them, for which struct unknown had no room
    bool born;
    bool changed; // since the last checkpoint
};

void replica_done(struct replica *replica);

// The counts follow an object that changes.
void replica_account(struct replica *replica, const struct key *key, const struct object *old,
                     const struct object *next);

// Bytes that an object counts with (0 without a version).
uint64_t replica_object_bytes(const struct key *key, const struct object *object);

// The dots of a delta and of its versions that the clock lacks, in an arena's clock.
void replica_new_dots(const struct replica *replica, const struct delta *delta, struct clock *out);

// Enters dots of one key in the dot log.
void replica_log_dots(struct replica *replica, struct dot_log *log, uint32_t shard,
                      const uint8_t tree_key[TREE_KEY_SIZE], const struct clock *dots);

// Removes from the dot log what `known` has.
void replica_prune(struct replica *replica, struct dot_log *log, uint32_t shard,
                   const struct clock *known);

// floor + dots in the log = clock, disjoint: for check_slow and tests (walks the floor's
// complement).
bool replica_valid(const struct replica *replica, const struct dot_log *log, uint32_t shard);

#endif
