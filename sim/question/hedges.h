// SPDX-License-Identifier: Apache-2.0
// Reads that will be sent to one more copy when their delay is over. The delay is the same for all,
// so they fall due in the order in which they were added.
#ifndef SIM_QUESTION_HEDGES_H
#define SIM_QUESTION_HEDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hedge {
    double start;  // ms: when the read began
    double last;   // ms after that: its r-th answer, with which it is done if nothing is faster
    double before; // its answer before the last; 0 when it needs but one
    uint32_t read; // the caller's number for it
    uint16_t node; // whom to ask
};

struct hedges {
    double delay; // ms
    struct hedge *ring;
    size_t first;
    size_t count;
    size_t capacity; // 0 or a power of two
};

// Empty, without memory of its own yet.
void hedges_init(struct hedges *hedges, double delay);
void hedges_done(struct hedges *hedges);

void hedges_add(struct hedges *hedges, const struct hedge *hedge);

// Takes the first that falls due no later than `now`; false when there is none.
bool hedges_due(struct hedges *hedges, double now, struct hedge *out);

// How long the read takes when the node that was asked late answers `answer` ms after being asked:
// the r-th answer of all.
double hedge_outcome(const struct hedges *hedges, const struct hedge *hedge, double answer);

#endif
