// SPDX-License-Identifier: Apache-2.0
// Shares: how many copies each member should hold. The cluster is a tree (all, zones, hosts,
// members) in which every node has an upper bound, because a shard has at most one copy on a
// member and a few in a zone. A share is proportional to weight; what a bound cuts off goes to
// the others.
#ifndef NODE_DATA_SHARE_H
#define NODE_DATA_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct share {
    uint32_t parent; // index of the node above, which stands before this one; of node 0: 0
    uint32_t cap;    // copies at most; of node 0: copies in all
    uint64_t weight; // of the members below (given for members, at most 2^32 - 1 each)
    uint64_t kept;   // copies that they hold already (given for members)
    uint32_t quota;  // result: copies to hold

    // While computing: copies of full nodes below, weight of the others, and the copies per weight
    // (rise / run) at which this node was closed.
    uint64_t full;
    uint64_t loose;
    uint64_t rise;
    uint64_t run;
    bool closed;
};

// Sets the quotas: each is the exact share rounded up or down, at every level of the tree, and the
// members' add up to node 0's cap. Rounds up first where that keeps a copy, then by remainder. The
// caps below must leave room for node 0's. At most 4096 nodes, caps at most 2^20.
void share_fill(struct share *nodes, uint32_t count);

#endif
