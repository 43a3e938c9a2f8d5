// SPDX-License-Identifier: Apache-2.0
// What other nodes say to this one: the connections that they dialled. The first frame is a hello,
// answered on the same connection; from then on it only brings messages.
#ifndef NODE_IO_INBOUND_H
#define NODE_IO_INBOUND_H

#include "node/io/links.h"
#include "node/io/listener.h"
#include "node/io/loop.h"
#include "node/wire/peer.h"

struct inbound_counts {
    uint64_t accepted;
    uint64_t refused;   // after hello
    uint64_t malformed; // closed for bytes that the protocol does not allow
    uint64_t damaged;   // closed for a message without its sum
    uint64_t unknown;   // messages of a kind that only a newer build knows
};

struct inbound {
    struct loop *loop;
    const struct hello *self; // kept up to date by its owner
    uint32_t connections_max;
    const struct links *links; // knows which life of a node gossip tells of
    uint64_t stall_ms;         // of a hello, and of the rest of a message
    uint64_t link_stall_ms;    // see tcp_keep_alive
    struct inbound_counts counts;
    struct listener listener;
    struct log_limit log;
    struct log_limit refusals; // a refused node tries on and on, until a person acts
    struct talker *all;
    uint32_t count;
};

// Binds and listens; the fields up to link_stall_ms are set. ERR_CONNECT: see listener_open.
int inbound_open(struct inbound *inbound, const struct sockaddr *address, struct buffer *why);

// Closes those that do not greet. Some times a second.
void inbound_sweep(struct inbound *inbound);

// Stops listening and closes all connections.
void inbound_close(struct inbound *inbound);

#endif
