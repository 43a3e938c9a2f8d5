// SPDX-License-Identifier: Apache-2.0
// The table of all known members, us included: found by name, and listed in the order in which they
// are probed.
#ifndef GOSSIP_MEMBERS_H
#define GOSSIP_MEMBERS_H

#include "base/rng.h"
#include "base/table.h"
#include "gossip/member.h"

struct members {
    struct swim_member **list; // owned; shuffled at each round of probes
    size_t count;
    size_t capacity;
    uint32_t max;
    uint64_t seed; // of the name hashes, so that nobody can choose names that collide
    struct table by_name;
};

void members_init(struct members *members, uint32_t max, uint64_t seed);
void members_done(struct members *members);

uint64_t members_hash(const struct members *members, struct slice name);

// NULL when unknown.
struct swim_member *members_find(const struct members *members, struct slice name);
struct swim_member *members_find_hash(const struct members *members, uint64_t name_hash);

// A new member with this name, in state dead, at a random place of the list (SWIM section 4.3: so
// that the time to its first probe is bounded and even). NULL when the table is full.
struct swim_member *members_add(struct members *members, struct slice name, struct rng *rng);

// Takes it out of the table; it is the caller's then.
void members_take(struct members *members, struct swim_member *member);

void members_shuffle(struct members *members, struct rng *rng);

// Up to `want` different members at random, never us, never `without`, all of them fitting.
struct members_choice {
    bool (*fits)(const struct swim_member *member, uint64_t now_ms, uint64_t limit_ms);
    const struct swim_member *without; // or NULL
    uint64_t now_ms;
    uint64_t limit_ms;
};
size_t members_pick(const struct members *members, const struct members_choice *choice,
                    struct rng *rng, struct swim_member **out, size_t want);

#endif
