// SPDX-License-Identifier: Apache-2.0
// Links: what this node says to others. One connection to each member that gossip says is alive,
// dialled by us and written by us alone; what the other says comes over the one that it dialled
// (inbound.h). So all that leaves for one peer within a turn is one write.
//
//      down ─▶ connecting ─▶ greeting ─▶ up          any ─▶ down, then again after a jittered wait
//
// A message to a peer whose link is not up is lost; the machine knows, by EVENT_LINK and by time.
#ifndef NODE_IO_LINKS_H
#define NODE_IO_LINKS_H

#include "base/table.h"
#include "node/io/backoff.h"
#include "node/io/loop.h"
#include "node/wire/meta.h"
#include "node/wire/peer.h"

struct links_counts {
    uint64_t connected;
    uint64_t failed;  // connections that broke or never stood
    uint64_t refused; // by either side, after hello
    uint64_t dropped; // messages: the queue was full
    uint64_t unsent;  // messages: the link was not up
};

struct links {
    struct loop *loop;
    const struct hello *self; // kept up to date by its owner
    size_t queue_max;         // bytes unsent to one peer; beyond: messages are dropped
    uint64_t stall_ms;        // see tcp_keep_alive
    struct links_counts counts;
    struct table by_id;
    struct link *all;
    struct rng rng;
    uv_timer_t timer;
    struct log_limit log;
    bool stopped;
};

void links_init(struct links *links, struct loop *loop, const struct hello *self, uint64_t seed);

// What gossip says about a member. `reachable`: alive or suspect: a link is wanted. `fresh`: it was
// not before, so it is tried at once.
void links_member(struct links *links, const struct node_meta *meta, bool reachable, bool fresh);

// Gossip forgot the member.
void links_forget(struct links *links, uint64_t id);

// Carries out ACTION_SEND.
void links_send(struct links *links, uint64_t to, const struct message *message);

// True when nothing waits to be sent.
bool links_are_idle(const struct links *links);

// The life of the node that gossip tells of, 0 when it tells of none.
uint64_t links_actor(const struct links *links, uint64_t id);

// How many links are up.
uint32_t links_up(const struct links *links);

// Closes all; links_done once the loop has run out.
void links_close(struct links *links);
void links_done(struct links *links);

#endif
