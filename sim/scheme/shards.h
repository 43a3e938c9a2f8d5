// SPDX-License-Identifier: Apache-2.0
// The table of static sharding: which nodes own which shard. Made and changed by the node's own
// planner (node/data/topology.h), so that what is measured is what a cluster would do; or by the
// rule that the literature compares with, shard s on nodes s, s+1, ... modulo n.
#ifndef SIM_SCHEME_SHARDS_H
#define SIM_SCHEME_SHARDS_H

#include "sim/scheme/scheme.h"

struct shards {
    uint16_t *owners; // setup.shards x setup.replicas node numbers; NULL: not planned yet
    bool doubled;     // the rows are those of half as many shards, twice: nobody is to move now
};

// Why the setup has no such table; NULL when it has.
const char *shards_refuse(const struct scheme_setup *setup);

// Plans for the nodes as they now are, from the table that there was.
void shards_plan(struct shards *shards, const struct scheme *scheme);

// Shard i becomes shards i and i + S with the same owners. The next plan leaves them so.
void shards_double(struct shards *shards, struct scheme *scheme);

void shards_done(struct shards *shards);

// The ranges of the shards in rows of scheme->width with the owners in front and nobody behind,
// without index; the shard of a range is ranges_number.
struct ranges *shards_ranges(const struct shards *shards, const struct scheme *scheme);

// Bytes of the table alone.
uint64_t shards_bytes(const struct scheme *scheme);

#endif
