// SPDX-License-Identifier: Apache-2.0
// A ring of membership machines in virtual time, on a network that delays, loses and parts. All
// from one seed; nothing sleeps.
#ifndef TESTS_LIB_RING_H
#define TESTS_LIB_RING_H

#include "base/heap.h"
#include "base/rng.h"
#include "gossip/swim.h"

enum { RING_NODES_MAX = 64 };

struct ring_node {
    struct swim *swim; // NULL: not running
    uint64_t node_id;
    struct swim_address address;
    bool deaf;     // gets no datagram
    unsigned side; // nodes on different sides do not hear one another
    bool left;     // its farewell is out
    uint32_t joins_ok;
    uint32_t joins_failed;
    uint32_t user_states; // received
    uint64_t notices[SWIM_REFUTED + 1];
};

struct ring {
    struct ring_node nodes[RING_NODES_MAX];
    size_t count;
    size_t apart[2]; // these two do not reach one another; the same twice: none
    uint64_t now_ms;
    struct rng rng;
    struct heap events;
    uint32_t loss_permille; // of datagrams
    uint32_t delay_ms_max;
    uint64_t trace; // hash of all that was done, in order
    uint64_t datagrams;
    struct swim_timing timing;
};

void ring_init(struct ring *ring, uint64_t seed);
void ring_done(struct ring *ring);

// Starts node `index` (with node id index + 1) at 10.0.0.(index + 1), port 7946.
void ring_start(struct ring *ring, size_t index);

// The same with another last byte of the address.
void ring_start_at(struct ring *ring, size_t index, uint8_t host);

// Gone without a word.
void ring_kill(struct ring *ring, size_t index);

void ring_join(struct ring *ring, size_t index, size_t seed_index);
void ring_leave(struct ring *ring, size_t index);

void ring_run(struct ring *ring, uint64_t ms);

// Runs until the condition holds, at most ms long. True when it held.
bool ring_run_until(struct ring *ring, uint64_t ms, bool (*holds)(const struct ring *ring));

// How `seer` sees `seen`; MEMBER_LEFT + 1 when it does not know it.
unsigned ring_view(const struct ring *ring, size_t seer, size_t seen);

// All running nodes hold all running nodes alive, and know no other as alive or suspect.
bool ring_agrees(const struct ring *ring);

// Runs the actions of the last event of a node (for events that a test makes itself).
void ring_perform(struct ring *ring, size_t index);

#endif
