// SPDX-License-Identifier: Apache-2.0
// One experiment: a scheme with its parameters under a workload. A question is asked of a trial
// again and again, each time with another seed, and writes down what it finds. Questions share no
// state, so that repetitions run on as many threads as there are.
#ifndef SIM_QUESTION_TRIAL_H
#define SIM_QUESTION_TRIAL_H

#include "sim/question/finding.h"
#include "sim/scheme/scheme.h"
#include "sim/workload/workload.h"

struct latency_setup;
struct staleness_setup;
struct cluster_setup;

struct trial {
    const struct scheme_kind *kind; // NULL for staleness
    struct scheme_setup setup;      // seed and nodes are set for each repetition
    uint32_t nodes;
    const uint32_t *weights; // of the nodes in turn (repeated when fewer); NULL: all alike
    uint32_t weight_count;
    uint32_t zones; // nodes are dealt to so many zones in turn; 0: none
    const struct workload *workload;
    bool endless;              // balance and movement in the limit of infinitely many keys
    uint64_t operations;       // drawn (balance, movement); 0: the expected load
    const char *const *events; // of movement, see movement.h
    uint32_t event_count;
    uint32_t r; // replicas that answer a read
    uint32_t w; // and that confirm a write
    const struct latency_setup *latency;
    const struct staleness_setup *staleness;
    const struct cluster_setup *cluster; // of `quorate-sim cluster`
    // A clock in nanoseconds for what is measured (cost); a question must not take it elsewhere.
    uint64_t (*clock_ns)(void);
};

// The node of that number in a repetition: a random id, weight and zone as the trial says.
struct scheme_node trial_node(const struct trial *trial, uint64_t seed, uint32_t number);

// A scheme for a repetition, which has learned the load of the keys if it wants to.
struct scheme *trial_scheme(const struct trial *trial, uint64_t seed);

// The share of all requests, given those of all reads and of all writes.
double trial_load(const struct trial *trial, double reads, double writes);

// A walk over all keys with their expected shares, chunk by chunk; about 40 KiB, so on the heap.
//
//   key_walk_begin(walk, trial, seed);
//   while (key_walk_next(walk))
//       ... walk->keys, walk->batch ...
struct key_walk {
    const struct trial *trial;
    uint64_t seed;
    uint64_t total;
    struct workload_keys keys;
    double load[WORKLOAD_CHUNK];
    struct scheme_batch batch; // the same keys, as schemes want them
};

void key_walk_begin(struct key_walk *walk, const struct trial *trial, uint64_t seed);
bool key_walk_next(struct key_walk *walk);

#endif
