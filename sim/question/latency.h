// SPDX-License-Identifier: Apache-2.0
// How long requests take when they queue. Open loop: requests arrive as a Poisson process, however
// slow the answers; every node is one first-come first-served queue with its own service times. The
// rate is given as a load: the share of the cluster's capacity (nodes by weight / mean service
// time) that the requests need, copies and all, hedges not counted.
//
// A write goes to every copy and is done at the w-th answer. A read goes to r copies and is done
// when all r have answered: to the first r of the preference list (primary), or to r at random
// (spread). A hedged read that is not done after a fixed delay is sent to one more copy, if there
// is one, and is done at the r-th answer of all (Dean and Barroso, "The Tail at Scale", CACM 2013).
//
// Findings: for each load (`at`), subject "reads", "writes" and "requests": metrics "mean", "p50",
// "p99", "p99.9" in ms; "extra-requests": hedges per read; "busiest": the hottest node's load as
// expected. Once: "max-load", the share of capacity at which the hottest node saturates (work
// average / peak: by expectation for workloads that can be walked, else by the draws).
#ifndef SIM_QUESTION_LATENCY_H
#define SIM_QUESTION_LATENCY_H

#include "sim/number/delay.h"
#include "sim/question/trial.h"

enum { LATENCY_LOADS_MAX = 32 };

enum latency_reads { LATENCY_PRIMARY, LATENCY_SPREAD };

struct latency_setup {
    double
        loads[LATENCY_LOADS_MAX]; // each above 0; from 1 on the queues only grow, which is allowed
    unsigned load_count;
    uint64_t requests; // of a repetition and load; the first tenth warms up and is not counted
    struct delay service;
    enum latency_reads reads;
    bool hedged;
    double hedge_ms;
};

void question_latency(const struct trial *trial, uint64_t seed, struct findings *out);

#endif
