// SPDX-License-Identifier: Apache-2.0
// How long requests take when they queue. Open loop: requests arrive as a Poisson process, however
// slow the answers; every node is one first-come first-served queue with its own service times. The
// rate is given as a load: the share of the cluster's capacity (nodes by weight / mean service
// time) that the requests need, copies and all, hedges not counted.
//
// A write goes to every copy and is done at the w-th answer. A read goes to r copies and is done
// when all r have answered: to the first r of the preference list (primary), or to r at random
// (spread). A hedged read that is not done after a fixed delay is sent to one more copy, if there
// is one (the next of the list, or one at random), and is done at the r-th answer of all (Dean and
// Barroso, "The Tail at Scale", CACM 2013). Nothing that was sent is taken back: the slower nodes
// do their work all the same.
//
// A node of twice the weight serves twice as fast. Loads differ in their arrivals, keys and service
// times; with and without hedging a load has the same ones.
//
// Findings: for each load (`at`), subject "reads", "writes" and "requests" (of reads and writes
// only what the workload has): metrics "mean", "p50", "p99", "p99.9" in ms, not a number when none
// was drawn; subject "reads", metric "extra-requests": hedges per read, when hedged; no subject:
// "busiest": the hottest node's load as expected. Once, no subject: "max-load", the share of
// capacity at which the hottest node saturates (work average / peak: by expectation for workloads
// that can be walked, else by the draws; hedges not counted).
#ifndef SIM_QUESTION_LATENCY_H
#define SIM_QUESTION_LATENCY_H

#include "sim/number/delay.h"
#include "sim/question/trial.h"

enum { LATENCY_LOADS_MAX = 32, LATENCY_REQUESTS_MAX = 10 * 1000 * 1000 };

enum latency_reads { LATENCY_PRIMARY, LATENCY_SPREAD };

struct latency_setup {
    double
        loads[LATENCY_LOADS_MAX]; // each above 0; from 1 on the queues only grow, which is allowed
    unsigned load_count;
    uint64_t requests; // of a repetition and load, 1..LATENCY_REQUESTS_MAX; the first tenth warms
                       // up and is not counted
    struct delay service; // of a mean above 0 and not infinite
    enum latency_reads reads;
    bool hedged;
    double hedge_ms; // 0 or more
};

void question_latency(const struct trial *trial, uint64_t seed, struct findings *out);

#endif
