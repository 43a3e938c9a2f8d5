// SPDX-License-Identifier: Apache-2.0
// What the nodes have to do for the requests of a trial: how much, and how unevenly.
#ifndef SIM_QUESTION_WORK_H
#define SIM_QUESTION_WORK_H

#include "sim/question/lookup.h"

struct work {
    double copies; // of a request: how many nodes it is sent to, on average
    double peak;   // the hottest node's work over its fair share by weight: 1 is even
};

// By the keys' expected shares. Of a workload that can only be drawn, and of "latest" with writes,
// whose hot keys move on: by trial->latency->requests requests of a seed. Reads go to the copies
// that trial->latency says.
struct work work_of(const struct trial *trial, struct lookup *lookup, uint64_t seed);

#endif
