// SPDX-License-Identifier: Apache-2.0
// The driver of the membership machine: one port, for datagrams and streams alike; its timer;
// joining, and joining again whom we lost. Tells its owner about members that are nodes; others
// take part in gossip and nothing more.
//
// A ring falls apart for good when a partition lasts longer than the dead are remembered, and a
// node that starts alone would stay alone. So whoever is known (given by --join, or met before) and
// not here is called again every few seconds, one at a time; all of them while we are alone.
#ifndef NODE_IO_RING_H
#define NODE_IO_RING_H

#include "base/table.h"
#include "gossip/settings.h"
#include "node/io/known.h"
#include "node/io/listener.h"
#include "node/io/ring_alarm.h"
#include "node/io/seeds.h"
#include "node/io/tcp.h"
#include "node/wire/meta.h"

struct swim;

enum ring_state { RING_ALIVE, RING_SUSPECT, RING_DEAD, RING_LEFT, RING_FORGOTTEN };

struct ring_member {
    struct node_meta meta;
    enum ring_state state;
    bool fresh;          // was not here a moment ago
    bool refused;        // it has another one's actor id
    const char *address; // of its gossip
};

struct ring_calls {
    void (*member)(void *data, const struct ring_member *member);
    // The farewell asked for with ring_leave is out.
    void (*left)(void *data);
    // Fills in how the node fares, but for node_id; once a second at most.
    void (*load)(void *data, struct node_load *load);
};

struct ring_counts {
    uint64_t observers;        // notices about members that are no nodes
    uint64_t datagrams_unsent; // the socket took them not
};

struct ring {
    uv_loop_t *uv;
    struct hub *hub;
    const struct ring_calls *calls;
    void *data;
    struct known *known;
    uint32_t streams_max; // accepted ones at a time
    uint64_t self;        // node id
    struct ring_counts counts;
    struct swim *swim;
    struct listener listener; // streams
    uv_udp_t udp;
    uv_timer_t timer;
    uint64_t timer_due_ms;
    struct table streams; // by number
    struct seeds seeds;
    struct rng rng;
    struct backoff backoff;
    uint64_t call_ms;       // when to call somebody again
    uint64_t user_state_ms; // when the user state was made
    struct ring_alarm alarm;
    size_t told_here; // members, at the last line about it
    bool was_told;    // that joining fails
    bool is_bound;
    bool stopped;
    bool is_stuck; // after ring_close: a look-up cannot be given up (seeds_close)
    uint8_t datagram[64 << 10];
};

// Binds one port for both kinds of socket. Port 0: any. ERR_CONNECT: `why` gets a sentence. `uv`,
// `hub`, `calls`, `data`, `known` and `streams_max` are set before.
int ring_bind(struct ring *ring, const struct sockaddr *address, struct buffer *why);

struct ring_start {
    uint64_t self;
    uint64_t seed;
    struct swim_address announced;
    const struct swim_timing *timing;
    const struct guard *guard;
    bool compress;
    bool serf; // the ring is one of Serf agents
    const struct endpoint *join;
    size_t join_count;
    const struct node_meta *meta;
};

// Begins to gossip, and to join. ERR_INVALID.
int ring_start(struct ring *ring, const struct ring_start *start);

// Tells again about all members that are nodes.
void ring_tell_all(struct ring *ring);

// Announces other meta.
void ring_set_meta(struct ring *ring, const struct node_meta *meta);

// Other keys from now on.
void ring_set_guard(struct ring *ring, const struct guard *guard);

// Some times a second.
void ring_sweep(struct ring *ring);

// Members that are here, us included.
size_t ring_here(const struct ring *ring);

// Says goodbye; `left` is called once that is out, perhaps at once.
void ring_leave(struct ring *ring);

// Closes all sockets; ring_done once the loop has run out.
void ring_close(struct ring *ring);
void ring_done(struct ring *ring);

#endif
