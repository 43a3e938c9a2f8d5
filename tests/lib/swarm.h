// SPDX-License-Identifier: Apache-2.0
// A ring of membership machines in virtual time, on a network that delays, loses and parts. All
// from one seed; nothing sleeps.
#ifndef TESTS_LIB_SWARM_H
#define TESTS_LIB_SWARM_H

#include "base/heap.h"
#include "base/rng.h"
#include "base/table.h"
#include "gossip/swim.h"

struct swarm_node {
    struct swim *swim; // NULL: not running
    uint64_t node_id;
    struct swim_address address;
    bool deaf;                 // gets no datagram
    bool stopped;              // does nothing; what is sent to it waits
    unsigned side;             // nodes on different sides do not hear one another
    uint64_t blocked_until_ms; // what it sends and gets waits so long, while its timers go on
    bool left;                 // its farewell is out
    uint32_t joins_ok;
    uint32_t joins_failed;
    uint32_t user_states;   // received
    uint32_t user_messages; // received
    uint64_t notices[SWIM_REFUTED + 1];
    struct heap_item timer;
};

struct swarm {
    struct swarm_node *nodes;
    size_t count;
    size_t capacity;
    struct heap timers;      // of nodes
    struct table by_address; // of nodes
    struct table pipes;      // accepted streams that are not answered yet
    size_t apart[2];         // these two do not reach one another; the same twice: none
    uint64_t now_ms;
    struct rng rng;
    struct heap events;
    uint32_t loss_permille; // of datagrams
    bool no_streams;        // none can be opened
    bool loops_block;       // a blocked node waits with its message: see swarm.c
    uint32_t delay_ms_max;
    uint64_t trace; // hash of all that was done, in order
    uint64_t datagrams;
    struct swim_timing timing;
    // Changes the settings of a node that starts; NULL: nothing.
    void (*adjust)(const struct swarm *swarm, size_t index, struct swim_settings *settings);
    // Whether what one sends gets to the other; NULL: always. Streams need both ways.
    bool (*reaches)(const struct swarm *swarm, size_t from, size_t to);
    // Sees each datagram that is sent; NULL: nobody.
    void (*tap)(struct swarm *swarm, size_t index, struct slice bytes);
    // Told of each notice; NULL: nobody.
    void (*noticed)(struct swarm *swarm, size_t index, const struct swim_action *action);
};

void swarm_init(struct swarm *swarm, uint64_t seed);
void swarm_done(struct swarm *swarm);

// Starts node `index` (with node id index + 1) at 10.0.0.0 + index + 1, port 7946. Starting one may
// move the nodes in memory.
void swarm_start(struct swarm *swarm, size_t index);

// The same at 10.0.0.0 + host.
void swarm_start_at(struct swarm *swarm, size_t index, uint32_t host);

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

// The node that has this id; its index.
size_t swarm_index(uint64_t node_id);

// Runs the actions of the last event of a node (for events that a test makes itself).
void swarm_perform(struct swarm *swarm, size_t index);

#endif
