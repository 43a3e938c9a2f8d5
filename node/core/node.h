// SPDX-License-Identifier: Apache-2.0
// The node: a deterministic machine. Something happens, node_step decides, the driver does. It does
// no I/O itself, reads no clock, draws no random number but from its seeded generator, never waits
// and cannot fail. libuv drives it in production, the simulator in virtual time; it cannot tell
// which.
//
// Use: node_new; then for whatever happens node_step, and carry out the actions in order; call it
// with EVENT_TICK when node_deadline passes. Whenever the store's durable position moved:
// EVENT_DURABLE.
#ifndef NODE_CORE_NODE_H
#define NODE_CORE_NODE_H

#include "node/core/event.h"
#include "node/core/store.h"

struct node;

struct node_settings {
    struct member self;      // id, name, zone, host, weight, addresses as others should use them
    uint64_t seed;           // of the generator
    size_t value_size_max;   // bytes; larger values are refused
    uint32_t operations_max; // requests in flight; beyond: OVERLOADED
    size_t memory_max;       // bytes held for requests in flight; beyond: OVERLOADED
    uint32_t siblings_max;   // writes that would add to more siblings than this are refused
    uint64_t hedge_us_min;   // a hedged read is never sent earlier than this
    uint64_t repair_bytes_per_s; // what background work may move at most; it gives way to requests
    uint64_t repair_keys_per_s;
    uint32_t repair_page_items; // keys in a message of repair, 1..PAGE_ITEMS_MAX
    // How long all must have been well before dots of ended lives are forgotten: longer than any
    // message or request of such a life can be under way.
    uint64_t repair_calm_us;
    const char *build;      // kept by reference
    const char *durability; // "sync", "interval=1000"; kept by reference
};

// Sensible values for everything but self and seed.
void node_settings_init(struct node_settings *settings);

// Takes up what the store knows (topology, an accepted but undecided record). ERR_DAMAGED when that
// cannot be read. The store must outlive the node. It gives no action: the driver looks at
// node_topology once.
int node_new(const struct node_settings *settings, struct store *store, uint64_t now_us,
             struct node **out);
void node_free(struct node *node);

// The actions of this step; valid until the next one.
const struct actions *node_step(struct node *node, const struct event *event);

// When EVENT_TICK is due next, monotonic microseconds; UINT64_MAX: never.
uint64_t node_deadline(const struct node *node);

// NULL before cluster init. Valid until the next step.
const struct topology *node_topology(const struct node *node);

// How many requests are in flight (for draining at the end).
uint32_t node_in_flight(const struct node *node);

// From now on client requests are refused with ERR_SHUTDOWN; peers are still answered.
void node_drain(struct node *node);

#endif
