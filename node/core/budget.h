// SPDX-License-Identifier: Apache-2.0
// How much background work (sync, fill, compare, expiry) may be done: a bucket of tokens, in bytes
// and in keys, whose rate gives way to foreground requests: additive increase, multiplicative
// decrease (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion
// Avoidance in Computer Networks", 1989), steered by the foreground's p99.
//
// Work is paid for afterwards, when its size is known: the bucket may go below nothing by one piece
// of work, and the next piece waits until it has filled up again.
#ifndef NODE_CORE_BUDGET_H
#define NODE_CORE_BUDGET_H

#include "base/histogram.h"

#include <stdbool.h>

enum {
    BUDGET_WINDOW_US = 100000, // how often the rate is judged
    BUDGET_STEPS = 16,         // the rate is a multiple of this part of the maximum, at least one
    BUDGET_SAMPLES_MIN = 20    // a window with fewer requests says nothing: it counts as calm
};

struct budget {
    uint64_t bytes_per_s; // maxima
    uint64_t keys_per_s;
    uint32_t steps;       // in force: rate = maximum * steps / BUDGET_STEPS
    uint64_t bytes_spent; // tokens missing from a full bucket, in millionths
    uint64_t keys_spent;
    uint64_t filled_us;
    uint64_t judged_us;
    uint64_t baseline_us;    // of the foreground's p99, slow; 0: none yet
    uint64_t loud;           // windows in which the rate was halved, since start
    struct histogram before; // the foreground's, as of the last window
};

// Rates of at least 1. The bucket holds what one window brings at the full rate.
void budget_init(struct budget *budget, uint64_t bytes_per_s, uint64_t keys_per_s, uint64_t now_us);

// Fills the bucket for the time that has passed and, once a window, judges: `foreground` is a
// histogram that only grows. A p99 of the window beyond twice the baseline halves the rate, any
// other window adds a step.
void budget_turn(struct budget *budget, uint64_t now_us, const struct histogram *foreground);

// Its first half alone, and whether the other half is due: gathering a histogram is work too.
void budget_fill(struct budget *budget, uint64_t now_us);
bool budget_window_over(const struct budget *budget, uint64_t now_us);

// Whether another piece of work may begin.
bool budget_allows(const struct budget *budget);

void budget_spend(struct budget *budget, uint64_t bytes, uint64_t keys);

#endif
