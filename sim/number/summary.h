// SPDX-License-Identifier: Apache-2.0
// What many numbers come down to: over repetitions (mean and quantiles), and over the nodes of a
// cluster (how even a load is).
#ifndef SIM_NUMBER_SUMMARY_H
#define SIM_NUMBER_SUMMARY_H

#include <stddef.h>

struct summary {
    double mean;
    double p5;
    double p50;
    double p95;
};

// Sorts `values`. All are 0 when there are none; a value that is not a number or infinite makes
// what depends on it so.
struct summary summary_of(double *values, size_t count);

// The q-quantile (0..1) of sorted values, between neighbours by linear interpolation (type 7 of
// Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996). 0 when there are none.
double quantile_of_sorted(const double *sorted, size_t count, double q);

// The smallest value that at least the share q of the values do not exceed (type 1): for tails of
// latencies. Sorted values; 0 when there are none.
double percentile_of_sorted(const double *sorted, size_t count, double q);

// Ascending; what is not a number goes last. Quick, the same everywhere, without allocating.
void numbers_sort(double *values, size_t count);

// How evenly a load is spread. Each value is a node's load divided by its fair share, so that 1 is
// fair; `weights` are the fair shares (they add up to 1), NULL when all are alike.
struct spread {
    double peak;       // largest value: peak / average
    double floor;      // smallest value: minimum / average
    double p99;        // 99th percentile of the values / average (type 7)
    double cv;         // coefficient of variation: standard deviation / mean, over the population
    double gini;       // 0: all alike .. 1: one has all. Of the values, each counted by its weight
    double efficiency; // mean / maximum (Dynamo, SOSP 2007, section 6.2): 1 / peak
};

// Sorts nothing; allocates nothing that it keeps. All are 0 when there are no values or all are 0.
struct spread spread_of(const double *values, const double *weights, size_t count);

#endif
