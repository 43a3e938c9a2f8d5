// SPDX-License-Identifier: Apache-2.0
// Whom to ask. Pure: what is known of the nodes goes in, a choice comes out.
#ifndef CLIENT_ROUTE_H
#define CLIENT_ROUTE_H

#include "base/rng.h"
#include "base/slice.h"

// One node that could be asked.
struct choice {
    bool owner;     // of the key
    bool alive;     // by gossip, as last heard
    bool linked;    // the node that told us has a connection to it
    bool failed;    // it failed us and has not answered since
    bool silent;    // it owes us answers and says nothing
    uint32_t tried; // times already, for this request
};

// The index of the best, at random among equals; count >= 1. In this order: not tried, not failed,
// not silent, alive, an owner, linked. So an owner is asked when one is well; else any node that
// is, which forwards or, where it can reach no owner either, stands in for them.
uint32_t route_choose(const struct choice *choices, uint32_t count, struct rng *rng);

#endif
