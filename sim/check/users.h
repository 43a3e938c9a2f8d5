// SPDX-License-Identifier: Apache-2.0
// Clients: they get, put and delete, with the token they last saw, an old one or none, at the
// levels that the knobs say, through their own node or any; they time out, lose connections and try
// again with the same token. Whatever they ask and are told goes into a history. A write that is
// tried again carries a new value: each attempt is a write of its own.
#ifndef SIM_CHECK_USERS_H
#define SIM_CHECK_USERS_H

#include "sim/check/knobs.h"
#include "sim/checker/history.h"
#include "sim/world/sim.h"

struct users;

// The world's calls go to users_reply and so on. `history` outlives the users.
struct users *users_new(struct sim *sim, const struct knobs *knobs, uint64_t seed,
                        struct history *history);
void users_free(struct users *users);

// The topology, once it is there: levels and shards of keys.
void users_set_topology(struct users *users, const struct topology *topology);

// From now on they ask, until then they do not. What is in flight ends by itself.
void users_start(struct users *users);
void users_stop(struct users *users);

// Operations that begin from now on must succeed (L4): they are made so that nothing but a fault of
// the store can refuse them.
void users_within_reach(struct users *users, bool within);

// Clients use nodes of this mask only.
void users_set_nodes(struct users *users, uint64_t mask);

// Before the history is judged: gives deletes of unknown outcome what the stores took.
void users_settle(struct users *users);

uint32_t users_in_flight(const struct users *users);
uint64_t users_operations(const struct users *users); // begun
uint64_t users_done(const struct users *users);       // acknowledged

// Whether the key's record is known to be damaged on some node, and not rebuilt yet.
bool users_key_damaged(const struct users *users, uint32_t number);

// The number of a key a client wrote, 7 for "k7" in bucket "b"; UINT32_MAX when it is none.
uint32_t users_key_number(struct slice bucket, struct slice key);

// The level of an operation in flight, and its key; 0 when it has ended.
uint32_t users_asked(const struct users *users, uint64_t ticket, struct key *out);

// The value number in the bytes of a value; VALUE_GARBAGE when the bytes are not as written.
uint64_t users_value_number(struct slice value);

// What the world calls.
void users_reply(struct users *users, uint64_t ticket, const struct reply *reply);
void users_refused(struct users *users, uint64_t ticket);
void users_closed(struct users *users, uint32_t node);
void users_applied(struct users *users, uint32_t node, const struct key *key,
                   const struct delta *delta);

#endif
