// SPDX-License-Identifier: Apache-2.0
// The grid of placement, multiplied by the loads and service times of a cluster.
#ifndef SIM_CLUSTER_GRID_H
#define SIM_CLUSTER_GRID_H

#include "sim/cluster/options.h"
#include "sim/placement/grid.h"

// The options must outlive the grid, which grid_done ends. ERR_INVALID when a combination is
// impossible; `why` then says which, and what is allowed (a sentence without a full stop).
int cluster_grid_make(struct grid *grid, const struct cluster_options *options, struct buffer *why);

#endif
