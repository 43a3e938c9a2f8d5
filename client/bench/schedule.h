// SPDX-License-Identifier: Apache-2.0
// When requests are meant to begin. Pure.
//
// Closed: as soon as there is a free slot; the schedule asks for nothing. Open: at times fixed
// beforehand, whatever the servers do. A request that finds no free slot stays in the schedule with
// its intended time, from which its latency counts: that a slow answer holds back the requests
// behind it is so seen by them too, and not left out (Tene's "coordinated omission").
#ifndef CLIENT_BENCH_SCHEDULE_H
#define CLIENT_BENCH_SCHEDULE_H

#include "base/rng.h"

#include <stdbool.h>

enum arrivals {
    ARRIVALS_CLOSED,
    ARRIVALS_UNIFORM, // at equal distances; threads take turns
    ARRIVALS_POISSON  // independent of each other, as those of many users are
};

enum { RATE_MAX = 100 * 1000 * 1000 };

struct schedule_setup {
    enum arrivals arrivals;
    uint64_t rate; // a second, of all threads together: 1..RATE_MAX; closed: any
    uint32_t thread, threads;
    uint64_t seed;
};

struct schedule {
    struct schedule_setup setup;
    uint64_t start_ns;
    uint64_t count;   // taken so far
    uint64_t next_ns; // intended time of the next one; closed: 0
    double at_ns;     // Poisson: the same since the start, with its fraction
    struct rng rng;
};

void schedule_init(struct schedule *schedule, const struct schedule_setup *setup,
                   uint64_t start_ns);

static inline bool schedule_is_due(const struct schedule *schedule, uint64_t now_ns)
{
    return schedule->next_ns <= now_ns;
}

// The intended time of the next request, which is taken off the schedule; 0 when closed.
uint64_t schedule_take(struct schedule *schedule);

// How long the next request has been due; 0: it is not.
uint64_t schedule_behind(const struct schedule *schedule, uint64_t now_ns);

// How many requests were meant to begin before `until_ns` and were not taken. They are now. Closed:
// 0.
uint64_t schedule_unsent(struct schedule *schedule, uint64_t until_ns);

#endif
