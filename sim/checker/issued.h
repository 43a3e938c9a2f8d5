// SPDX-License-Identifier: Apache-2.0
// Every dot that was ever seen anywhere, and what it stood for (S4): a dot names one write of one
// key with one value, or one delete. Feed it from messages, logs, states and answers; it complains
// when two places disagree. Memory: 64 bytes for each dot.
#ifndef SIM_CHECKER_ISSUED_H
#define SIM_CHECKER_ISSUED_H

#include "base/arena.h"
#include "base/table.h"
#include "node/data/clock.h"
#include "sim/checker/verdict.h"

struct issued {
    struct table by_hash; // of struct issued_dot chains
    struct table actors;  // of struct issued_actor
    struct table stamps;  // of struct issued_stamped
    struct arena arena;
    uint64_t dots; // different ones seen
};

enum issued_what {
    ISSUED_KEY_ONLY, // all that is known is that the dot belongs to the key (a dot log's entry)
    ISSUED_DELETE,
    ISSUED_VALUE
};

struct issued_sight {
    struct dot dot;
    uint32_t shard; // counters are per shard: a dot of another shard is another dot
    uint64_t key;   // its number, or a hash
    enum issued_what what;
    uint64_t value_hash; // with ISSUED_VALUE: over value bytes, stamp and expiry
    uint32_t node;       // for the sentence: where it was seen
    uint64_t time;
};

// Zeroed is empty and ready.
void issued_done(struct issued *issued);

// Notes the sight; a finding when it contradicts the first sight of the dot.
void issued_see(struct issued *issued, const struct issued_sight *sight, struct verdict *verdict);

// A life of a node has minted this dot, with this stamp: its stamps in a shard ascend with its
// counters, whatever wall clocks do. Only what it minted itself, in the order of that.
void issued_stamp(struct issued *issued, const struct issued_sight *sight, uint64_t stamp,
                  struct verdict *verdict);

// A life of a node begins with this actor id. A finding when another life has had it.
void issued_life(struct issued *issued, uint64_t actor, uint32_t node, uint64_t time,
                 struct verdict *verdict);

#endif
