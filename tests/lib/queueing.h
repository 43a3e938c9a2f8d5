// SPDX-License-Identifier: Apache-2.0
// Experiments with the question of latency, on schemes so plain that the result can be known.
#ifndef TESTS_LIB_QUEUEING_H
#define TESTS_LIB_QUEUEING_H

#include "sim/question/latency.h"

enum { QUEUEING_REQUESTS = 400 * 1000 };

// Copies on neighbours; the first owner as often as its weight says.
extern const struct scheme_kind queueing_turn;
// The same with one copy more for every second key, as static-boost gives to hot shards.
extern const struct scheme_kind queueing_boosted;

struct queueing {
    struct trial trial;
    struct workload_setup wants;
    struct latency_setup setup;
    struct findings found;
};

// Reads only, of a million keys, each as often, R = W = 1, the first owner's, without hedges;
// change what is to be different.
struct queueing *queueing_new(uint32_t nodes, uint32_t n, const char *service);
void queueing_free(struct queueing *queueing);

// Asks with this as the first load, of one unless the setup says more.
void queueing_ask(struct queueing *queueing, double load, uint64_t seed);

// What was found; NULL, or a failed test, when there is no such thing.
const struct finding *queueing_find(const struct queueing *queueing, const char *subject,
                                    const char *metric);
double queueing_found(const struct queueing *queueing, const char *subject, const char *metric);

#endif
