// SPDX-License-Identifier: Apache-2.0
// One shard's replica: its clock, its counts, and what the dot log has no longer. Pure
// bookkeeping; the store decides when.
#ifndef NODE_STORE_REPLICA_H
#define NODE_STORE_REPLICA_H

#include "node/data/key.h"
#include "node/data/object.h"
#include "node/store/dot_log.h"
#include "node/store/record.h"

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
    uint64_t rests;    // records stored with a rest, be it one that the clock has caught up with
    uint32_t unknown;  // damaged keys
    uint32_t erasures; // since start: a memtable's record of an earlier one is void
    bool tree_void;    // so is all that the tree has of this shard, until it is purged
    bool unlisted;     // there are more of them, for which struct unknown had no room
    bool born;
    bool filling;       // the last of the fills goes on
    struct fill *fills; // FILLS_MAX of them once there was one
    uint32_t fill_count;
    bool changed; // since the last checkpoint
};

void replica_done(struct replica *replica);

// The counts follow an object that changes.
void replica_account(struct replica *replica, const struct key *key, const struct object *old,
                     const struct object *next);

// The same for whether its record, as stored, has a rest.
void replica_account_rest(struct replica *replica, bool old, bool next);

// Bytes that an object counts with (0 without a version).
uint64_t replica_object_bytes(const struct key *key, const struct object *object);

// The dots of a delta and of its versions that the clock lacks, in an arena's clock.
void replica_new_dots(const struct replica *replica, const struct delta *delta, struct clock *out);

// Enters dots of one key in the dot log.
void replica_log_dots(struct replica *replica, struct dot_log *log, uint32_t shard,
                      const uint8_t tree_key[TREE_KEY_SIZE], const struct clock *dots);

// Removes from the dot log what `known` has, at most `dots_max` of it; true when there is more.
bool replica_prune(struct replica *replica, struct dot_log *log, uint32_t shard,
                   const struct clock *known, uint64_t dots_max);

// The dots of this replica never leave the dot log for want of room: a guest's may be the only
// copy, and nobody can fill from it.
static inline bool replica_keeps_dots(const struct replica *replica)
{
    return !replica->born && !replica->filling;
}

// True when nothing is here and nothing was.
bool replica_is_blank(const struct replica *replica);

// ---- fills

// Whether the fill's cursor has reached the key.
bool fill_has_passed(const struct fill *fill, const uint8_t tree_key[TREE_KEY_SIZE]);

// The fill that goes on, NULL when none does.
struct fill *replica_fill(const struct replica *replica);

// What the key has seen by fills that passed it: joins it to `into`; true when there is any.
bool replica_join_passed(const struct replica *replica, const uint8_t tree_key[TREE_KEY_SIZE],
                         struct clock *into);

// Lets go the ended fills that say nothing any more: the clock covers them, they never moved, or
// a newer one says the same of as many keys.
void replica_drop_fills(struct replica *replica);

// Whether one more finds room once those that say nothing have gone.
bool replica_has_fill_room(const struct replica *replica);

// Appends a fill and makes it the one that goes on; the one before counts on. There is room.
void replica_begin_fill(struct replica *replica, const struct clock *start);

// The fill that goes on becomes part of the clock; its dots were never in the dot log.
void replica_end_fill(struct replica *replica);

// floor + dots in the log = clock, disjoint: for check_slow and tests (walks the floor's
// complement).
bool replica_valid(const struct replica *replica, const struct dot_log *log, uint32_t shard);

#endif
