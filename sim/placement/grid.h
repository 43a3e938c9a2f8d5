// SPDX-License-Identifier: Apache-2.0
// The grid: every combination of the values that were given, as experiments. A parameter that makes
// no difference to a scheme or question does not multiply it and leaves its label empty.
#ifndef SIM_PLACEMENT_GRID_H
#define SIM_PLACEMENT_GRID_H

#include "sim/output/row.h"
#include "sim/placement/options.h"

enum { EXPERIMENTS_MAX = 10000 };

struct experiment {
    const struct question *question;
    struct trial trial;
    const char *labels[LABELS]; // "" where one does not apply
};

struct grid {
    struct experiment *list;
    uint32_t count;
    struct workload **workloads; // made once, shared by the experiments
    uint32_t workload_count;
    struct arena texts;
    struct latency_setup *latency;
    struct staleness_setup *staleness; // one for each set of legs
    struct buffer left_out; // of --scheme all: which schemes cannot do it, and why; a line each
};

// The options must outlive the grid. ERR_INVALID when a combination is impossible; `why` then says
// which, and what is allowed (a sentence without a full stop).
int grid_make(struct grid *grid, const struct options *options, uint64_t (*clock_ns)(void),
              struct buffer *why);
void grid_done(struct grid *grid);

#endif
