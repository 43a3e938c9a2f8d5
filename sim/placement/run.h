// SPDX-License-Identifier: Apache-2.0
// Runs a grid: every experiment as many times as there are repetitions, on all threads, and sums
// each finding up over them. Repetition k of every experiment has the same seed, so that schemes
// meet the same keys and differences between them are not noise. The result does not depend on the
// number of threads, nor on which thread ran what.
#ifndef SIM_PLACEMENT_RUN_H
#define SIM_PLACEMENT_RUN_H

#include "sim/placement/grid.h"

struct run_setup {
    uint64_t seed;
    uint32_t repetitions;
    unsigned threads;
    // Called by one thread at a time, now and then; `done` of `total` repetitions are through.
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *context;
};

struct run;

// Blocks until all is done. The rows are in the order of the grid, and point into it.
struct run *run_new(const struct grid *grid, const struct run_setup *setup);
void run_free(struct run *run);

struct row *run_rows(const struct run *run, size_t *count);

#endif
