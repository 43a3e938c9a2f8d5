// SPDX-License-Identifier: Apache-2.0
// Requests as clients would send them, one drawn after the other, each with the copies of its key.
#ifndef SIM_QUESTION_REQUESTS_H
#define SIM_QUESTION_REQUESTS_H

#include "sim/question/lookup.h"

// About 24 KiB. Batch by batch:
//
//   requests_init(&requests, lookup, seed, total);
//   while (requests_next(&requests))
//       ... requests.count, .operations, requests_owners(&requests, i) ...
//   requests_done(&requests);
struct requests {
    struct lookup *lookup; // borrowed
    struct workload_draw draw;
    uint64_t left; // behind this batch
    uint32_t count;
    struct operation operations[SCHEME_BATCH_MAX];
    uint16_t *rows;
};

void requests_init(struct requests *requests, struct lookup *lookup, uint64_t seed, uint64_t total);
void requests_done(struct requests *requests);
bool requests_next(struct requests *requests);

// The row of owners of a request (scheme.h), and how many there are.
const uint16_t *requests_owners(const struct requests *requests, uint32_t i);
uint32_t owners_count(const uint16_t *owners, uint32_t width);

#endif
