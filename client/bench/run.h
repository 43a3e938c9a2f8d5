// SPDX-License-Identifier: Apache-2.0
// A run of all threads: connects, begins together, watches, joins what they counted.
#ifndef CLIENT_BENCH_RUN_H
#define CLIENT_BENCH_RUN_H

#include "client/bench/driver.h"

// A run of so many operations, which has no end in time, ends when none succeeds for so long.
enum { RUN_STUCK_S = 60 };

// How far a run is.
struct progress {
    uint64_t elapsed_ns;
    uint64_t done, failed; // operations, warm-up included
    bool measuring;        // warm-up is over
};

// Called by the thread that called run_job.
struct run_watcher {
    void (*measure)(void *data, bool ends);                        // measured time begins, ends
    void (*progress)(void *data, const struct progress *progress); // some times a second; or NULL
    void *data;
};

struct run_outcome {
    struct tally tally;
    uint64_t measured_ns;
    uint64_t behind_ns; // open loop: how far behind the schedule the last thread ended
    uint64_t unsent;    // requests of the schedule that never left
    uint32_t connected; // connections that were up at the start
    bool interrupted;
    bool stuck; // ended because nothing had succeeded for RUN_STUCK_S
};

// SIGINT must be blocked; one that comes ends the run early, a second one the program. ERR_CONNECT
// when no connection comes up; `why` then gets a sentence.
int run_job(const struct job *job, const struct run_watcher *watcher, struct run_outcome *out,
            struct buffer *why);

#endif
