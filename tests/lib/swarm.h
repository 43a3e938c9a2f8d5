// SPDX-License-Identifier: Apache-2.0
// A ring of membership machines in virtual time, on a network that delays, loses and parts. All
// from one seed; nothing sleeps.
#ifndef TESTS_LIB_SWARM_H
#define TESTS_LIB_SWARM_H

#include "base/heap.h"
#include "base/rng.h"
#include "gossip/swim.h"

enum { SWARM_NODES_MAX = 64 };

struct swarm_node {
    struct swim *swim; // NULL: not running
    uint64_t node_id;
    struct swim_address address;
    bool deaf;     // gets no datagram
    bool stopped;  // does nothing; what is sent to it waits
    unsigned side; // nodes on different sides do not hear one another
    bool left;     // its farewell is out
    uint32_t joins_ok;
    uint32_t joins_failed;
    uint32_t user_states; // received
    uint64_t notices[SWIM_REFUTED + 1];
};

struct swarm {
    struct swarm_node nodes[SWARM_NODES_MAX];
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

void swarm_init(struct swarm *swarm, uint64_t seed);
void swarm_done(struct swarm *swarm);

// Starts node `index` (with node id index + 1) at 10.0.0.(index + 1), port 7946.
void swarm_start(struct swarm *swarm, size_t index);

// The same with another last byte of the address.
void swarm_start_at(struct swarm *swarm, size_t index, uint8_t host);

// Gone without a word.
void swarm_kill(struct swarm *swarm, size_t index);

void swarm_join(struct swarm *swarm, size_t index, size_t seed_index);
void swarm_leave(struct swarm *swarm, size_t index);

void swarm_run(struct swarm *swarm, uint64_t ms);

// Runs until the condition holds, at most ms long. True when it held.
bool swarm_run_until(struct swarm *swarm, uint64_t ms, bool (*holds)(const struct swarm *swarm));

// How `seer` sees `seen`; MEMBER_LEFT + 1 when it does not know it.
unsigned swarm_view(const struct swarm *swarm, size_t seer, size_t seen);

// All running nodes hold all running nodes alive, and know no other as alive or suspect.
bool swarm_agrees(const struct swarm *swarm);

// Runs the actions of the last event of a node (for events that a test makes itself).
void swarm_perform(struct swarm *swarm, size_t index);

#endif
