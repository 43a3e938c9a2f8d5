// SPDX-License-Identifier: Apache-2.0
// A histogram of latencies in nanoseconds, as Gil Tene's HdrHistogram: 256 linear steps in each
// power of two, so a value is known to within 1/256 (0.4 %), which is finer than base/histogram.h
// and takes more memory (66 KB). Recording costs one increment. Range 0..2^40-1 ns, 18 minutes
// (larger values count in the last step). Pure.
#ifndef CLIENT_BENCH_LATENCY_H
#define CLIENT_BENCH_LATENCY_H

#include "base/buffer.h"

enum {
    LATENCY_STEPS = 256,
    LATENCY_MAGNITUDES = 33,
    LATENCY_SLOTS = LATENCY_MAGNITUDES * LATENCY_STEPS
};

struct latency {
    uint64_t counts[LATENCY_SLOTS];
    uint64_t count;
    uint64_t sum_ns;
    uint64_t max_ns;
};

// A zeroed one is empty and ready.
void latency_add(struct latency *latency, uint64_t ns);
void latency_join(struct latency *latency, const struct latency *from);

// The smallest value v such that at least this share (0..1) of the recorded ones are <= v, to the
// resolution above and never beyond the largest; 0 when empty.
uint64_t latency_quantile_ns(const struct latency *latency, double share);

// 0 when empty.
double latency_mean_us(const struct latency *latency);

// Appends the distribution in the text format of HdrHistogram (value in microseconds, percentile,
// count, 1 / (1 - percentile)), which its plotter reads.
void latency_write(const struct latency *latency, struct buffer *out);

#endif
