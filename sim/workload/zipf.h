// SPDX-License-Identifier: Apache-2.0
// The Zipf distribution: of `items` ranks, rank r (from 1) is asked for with probability r^-theta /
// zeta(items, theta). Exact for any number of items in constant memory: rejection-inversion of
// Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
// distributions", ACM TOMACS 6(3), 1996. (What YCSB and most benchmarks use, Gray et al. 1994, is
// an approximation.)
#ifndef SIM_WORKLOAD_ZIPF_H
#define SIM_WORKLOAD_ZIPF_H

#include "base/rng.h"

#define ZIPF_ITEMS_MAX (UINT64_C(1) << 53)

struct zipf {
    uint64_t items;
    double theta;
    double zeta; // the sum of r^-theta over all ranks
    // of the sampler, see zipf.c
    double inverse; // 1 / (1 - theta), 0 when theta is 1 or nearly
    double low;     // integral at the first rank's lower edge
    double high;    // integral at the last rank's upper edge
    double shift;   // acceptance without a comparison up to here
};

// 1 <= items <= ZIPF_ITEMS_MAX, 0 <= theta <= 4 (0: uniform).
void zipf_init(struct zipf *zipf, uint64_t items, double theta);

// A rank 0..items-1, 0 the most popular. Some 30 ns.
uint64_t zipf_draw(const struct zipf *zipf, struct rng *rng);

// The probability of a rank (0..items-1).
double zipf_share(const struct zipf *zipf, uint64_t rank);

// zeta(items, theta): the sum of r^-theta for r = 1..items, to a relative error below 1e-12, in
// constant time (the head summed, the rest by Euler and Maclaurin).
double zipf_sum(uint64_t items, double theta);

#endif
