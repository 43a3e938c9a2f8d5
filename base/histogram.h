// SPDX-License-Identifier: Apache-2.0
// A histogram of durations or sizes with a bounded relative error, after Gil Tene's HdrHistogram:
// 32 linear steps in each power of two, so a value is known to within 1/32 (3.2 %). Recording costs
// one increment. Range 0..2^40-1 (larger values count in the last step).
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_SLOTS = 36 * HISTOGRAM_STEPS + HISTOGRAM_STEPS };

struct histogram {
    uint64_t counts[HISTOGRAM_SLOTS];
    uint64_t count;
    uint64_t sum;
    uint64_t max;
};

// A zeroed histogram is empty and ready.
void histogram_add(struct histogram *histogram, uint64_t value);

// Adds all of `from`.
void histogram_join(struct histogram *histogram, const struct histogram *from);

// The smallest value v such that at least `permille10` / 10,000 of the recorded values are <= v (to
// the resolution above): 5000 is the median, 9990 the 99.9th percentile. 0 when empty.
uint64_t histogram_quantile(const struct histogram *histogram, unsigned permille10);

// Halves every count, so that old values fade.
void histogram_fade(struct histogram *histogram);

#endif
