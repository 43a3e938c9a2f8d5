// SPDX-License-Identifier: Apache-2.0
// The connections of clients: requests in, replies out, and all the bounds between.
//
//   bytes ─▶ frame ─▶ request ─▶ ticket ─▶ the machine ─▶ reply by ticket ─▶ output
//
// A connection is not read from while too much of it is in flight or unread. One that owes the rest
// of a request, or reads nothing while much waits for it, is cut. One that was told OVERLOADED is
// not read from for a moment. Beyond the number of connections a newcomer is told OVERLOADED and
// closed.
#ifndef NODE_IO_CLIENTS_H
#define NODE_IO_CLIENTS_H

#include "node/io/listener.h"
#include "node/io/loop.h"
#include "node/io/ticket.h"

struct clients_limits {
    size_t value_max;     // bytes
    size_t output_max;    // bytes unread of one connection; then replies become OVERLOADED
    uint64_t buffers_max; // bytes of all connections
    uint64_t stall_ms;    // see tcp.h
    uint32_t connections_max;
    uint32_t in_flight_max; // of one connection; then it is not read from
    uint32_t tickets_max;   // of all
};

struct clients_counts {
    uint64_t accepted;
    uint64_t refused;   // beyond connections_max
    uint64_t malformed; // closed for bytes that the protocol does not allow
    uint64_t stalled;
    uint64_t unanswered; // replies replaced by OVERLOADED
};

struct clients {
    struct loop *loop;
    struct clients_limits limits;
    struct clients_counts counts;
    struct listener listener;
    struct tcp_budget budget;
    struct tickets tickets;
    uint32_t connections;
    uint32_t refusing; // newcomers that are being told
    struct log_limit log;
    struct conn *all;
    struct conn *calm; // are not read from for a while: the first to go on first
    uv_timer_t calm_timer;
};

// Binds and listens. ERR_CONNECT: see listener_open.
int clients_open(struct clients *clients, struct loop *loop, const struct clients_limits *limits,
                 const struct sockaddr *address, struct buffer *why);

// Carries out ACTION_REPLY.
void clients_reply(struct clients *clients, uint64_t ticket, const struct reply *reply);

// True when no answer waits to be sent.
bool clients_are_idle(const struct clients *clients);

// No further connections.
void clients_stop(struct clients *clients);

// Closes all connections; clients_done once the loop has run out.
void clients_close(struct clients *clients);
void clients_done(struct clients *clients);

#endif
