// SPDX-License-Identifier: Apache-2.0
// Nothing leaves a node before the log position that it depends on is durable: answers to reads
// show no version, offers and pages no dot, that the node's own log may still lose. Seen as it
// happens, since a history shows it only after a crash at the right moment.
#ifndef SIM_CHECK_EARLY_H
#define SIM_CHECK_EARLY_H

#include "base/table.h"
#include "sim/checker/verdict.h"
#include "sim/world/sim.h"

struct early {
    struct buffer pending[SIM_NODES_MAX]; // of what is applied and not yet durable
    struct table taken[SIM_NODES_MAX];    // dots of this life
};

// A zeroed one is ready.
void early_done(struct early *early);

// The store of a node took a delta.
void early_applied(struct early *early, const struct sim *sim, uint32_t node, uint32_t shard,
                   const struct delta *delta);

// A node says something.
void early_message(struct early *early, const struct sim *sim, uint32_t node,
                   const struct message *message, struct verdict *verdict);

// True while the dot is applied at the node and not yet durable there.
bool early_is_pending(struct early *early, const struct sim *sim, uint32_t node, uint32_t shard,
                      struct dot dot);

// Its process has ended.
void early_closed(struct early *early, uint32_t node);

#endif
