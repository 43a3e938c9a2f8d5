// SPDX-License-Identifier: Apache-2.0
// What an owner's copy has seen of a key, clock, rest and clocks of fills together, never gets
// less: answers and pages were given away on the strength of it. Not while its process lives, and
// over its end not what was on the disk. Looked at when somebody asks for the key; a history shows
// it only if just then something old comes again.
#ifndef SIM_CHECK_CONTEXTS_H
#define SIM_CHECK_CONTEXTS_H

#include "base/table.h"
#include "sim/checker/verdict.h"
#include "sim/world/sim.h"

struct contexts {
    struct table seen; // by node and key
    uint64_t lives[SIM_NODES_MAX];
    bool lost[SIM_NODES_MAX]; // its disk is another one or an older one
    struct arena arena;       // of one look
};

// A zeroed one is ready.
void contexts_done(struct contexts *contexts);

// The node owns the key's shard. Must not be called where stored bytes change: reading a record is
// how damage comes to be known.
void contexts_look(struct contexts *contexts, const struct sim *sim, uint32_t node,
                   const struct key *key, struct verdict *verdict);

// Its process has ended: what was not durable may be gone.
void contexts_closed(struct contexts *contexts, uint32_t node);

// Its disk was destroyed: anything may be gone at its next start.
void contexts_lost(struct contexts *contexts, uint32_t node);

#endif
