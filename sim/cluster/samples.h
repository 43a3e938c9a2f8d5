// SPDX-License-Identifier: Apache-2.0
// Times that are kept whole, so that percentiles are exact.
#ifndef SIM_CLUSTER_SAMPLES_H
#define SIM_CLUSTER_SAMPLES_H

#include "sim/question/finding.h"

struct samples {
    double *values; // ms
    size_t count;
    size_t room;
};

void samples_done(struct samples *samples);
void samples_add(struct samples *samples, double value);

// "mean", "p50", "p95", "p99" and "p99.9" in ms; sorts. Not a number when there are none.
void samples_find(struct samples *samples, const char *subject, struct findings *out);

#endif
