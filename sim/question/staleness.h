// SPDX-License-Identifier: Apache-2.0
// Probabilistically bounded staleness: Bailis, Venkataraman, Franklin, Hellerstein, Stoica, VLDB
// 2012. A write sends itself to N replicas (leg W) and each acknowledges (A); it commits when the
// W-th smallest W_i + A_i has passed. A read that starts t after that asks all N (leg R), which
// respond (S); it returns after the R fastest R_i + S_i, and is consistent when one of those R had
// the write by then: commit + t + R_i >= W_i. (Section 4.1, "WARS".)
//
// Sites: a replica and the client each stand at a site; a pair of sites may add a delay to each leg
// between them.
//
// Findings (no subject unless said): "p-consistent" at each t (ms, `at`); "t-visible" at each
// probability (`at`, e.g. 0.999): the smallest t with at least that P(consistent), in ms; subject
// "reads" and "writes": "mean", "p50", "p99", "p99.9" in ms; "p-stale-versions" at each k = 1..K:
// the probability to miss by more than k versions regardless of time, (C(N-W,R)/C(N,R))^k (section
// 3.1, closed form).
#ifndef SIM_QUESTION_STALENESS_H
#define SIM_QUESTION_STALENESS_H

#include "sim/number/delay.h"
#include "sim/question/trial.h"
#include "sim/question/wars.h"

enum {
    STALENESS_TIMES_MAX = 64,
    STALENESS_SITES_MAX = 8,
    STALENESS_PAIRS_MAX = 28,
    STALENESS_VERSIONS = 5,
    STALENESS_TRIALS_MAX = 10 * 1000 * 1000 // 24 bytes each
};

struct site_delay {
    uint8_t a; // between these two sites, both ways
    uint8_t b;
    struct delay delay;
};

struct staleness_setup {
    struct delay legs[LEGS];
    uint64_t trials;                   // writes, each with one read at every t; at least 1
    double times[STALENESS_TIMES_MAX]; // ms, ascending, 0 or more
    unsigned time_count;
    double probabilities[STALENESS_TIMES_MAX]; // of t-visible, 0..1
    unsigned probability_count;
    uint8_t replica_sites[SCHEME_REPLICAS_MAX]; // of the N replicas in turn
    uint8_t writer_site;
    uint8_t reader_site;
    struct site_delay pairs[STALENESS_PAIRS_MAX];
    unsigned pair_count;
    // Coordinators are replicas, as in quorate and Dynamo: the writer's and the reader's, each one
    // at random. Their own legs take no time, and a read asks r replicas: that one, then in order.
    bool local;
};

// Reads trial->setup.replicas (N), r, w and staleness; no scheme.
void question_staleness(const struct trial *trial, uint64_t seed, struct findings *out);

#endif
