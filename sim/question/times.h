// SPDX-License-Identifier: Apache-2.0
// How long something took, many times over, as findings: "mean", "p50", "p99" and "p99.9" in ms.
#ifndef SIM_QUESTION_TIMES_H
#define SIM_QUESTION_TIMES_H

#include "sim/question/finding.h"

// Which curve the findings belong to, if any (finding.h).
struct times_place {
    const char *subject; // "reads", "writes", ...
    double at;
    bool curve;
};

// Sorts the times. Not a number when there are none.
void times_find(struct findings *out, struct times_place place, double *times, size_t count);

#endif
