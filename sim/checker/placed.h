// SPDX-License-Identifier: Apache-2.0
// S12: where a topology puts the copies of each shard.
#ifndef SIM_CHECKER_PLACED_H
#define SIM_CHECKER_PLACED_H

#include "node/data/topology.h"
#include "sim/checker/verdict.h"

// Each shard has N owners: existing members with weight, all different; on as many different hosts
// as N and the members with weight allow; and, where that leaves a choice, on as many zones: with
// at least N zones on N, with fewer on all of them. A member without a zone is one of its own.
// Call it for every topology that is ever in force.
void placed_check(const struct topology *topology, struct verdict *verdict);

#endif
