// SPDX-License-Identifier: Apache-2.0
// One first-come first-served queue for each node, in an open loop: what is asked of a node waits
// until all that was asked before is served. Ask in the order of time.
#ifndef SIM_QUESTION_QUEUES_H
#define SIM_QUESTION_QUEUES_H

#include "sim/scheme/scheme.h"

struct queue {
    double free_at; // ms: when the node has served all that it was asked
    double pace;    // its service times are multiplied by this: mean weight / weight
};

struct queues {
    uint32_t count;
    struct queue *list; // by the nodes' numbers
};

// All idle at time 0.
void queues_init(struct queues *queues, const struct scheme *scheme);
void queues_done(struct queues *queues);

// Asks a node for something that takes a node of average weight `service` ms. Returns how long it
// takes from now until it is served. `now` never goes back.
double queues_ask(struct queues *queues, uint32_t node, double now, double service);

#endif
