// SPDX-License-Identifier: Apache-2.0
// One write and the read after it, given what each leg of each replica took: section 4.1 of Bailis
// et al., "Probabilistically Bounded Staleness for Practical Partial Quorums", VLDB 2012.
#ifndef SIM_QUESTION_WARS_H
#define SIM_QUESTION_WARS_H

#include "sim/scheme/scheme.h"

// The legs of a write, its acknowledgement, a read request and its response.
enum { LEG_W, LEG_A, LEG_R, LEG_S, LEGS };

struct wars {
    uint32_t n;                             // replicas: 1..SCHEME_REPLICAS_MAX
    uint32_t r;                             // answers that a read waits for: 1..n
    uint32_t w;                             // and a write: 1..n
    double legs[LEGS][SCHEME_REPLICAS_MAX]; // ms, 0 or more
};

struct wars_outcome {
    double write; // ms until the write committed
    double read;  // ms that the read took
    // The smallest t (ms, 0 or more): a read that starts at least so long after the commit is
    // consistent. With r + w > n it is 0 exactly, rounding included.
    double visible;
};

// Of replicas whose read answers arrive at the same time, the one with the lower number counts as
// the faster.
struct wars_outcome wars_outcome(const struct wars *wars);

// The probability that a read misses by more than `versions` versions, however long ago they were
// written: (C(n-w, r) / C(n, r))^versions (section 3.1). 0 with r + w > n.
double wars_stale_versions(uint32_t n, uint32_t r, uint32_t w, uint32_t versions);

#endif
