// SPDX-License-Identifier: Apache-2.0
// S12: where a topology puts the copies of each shard.
#ifndef SIM_CHECKER_PLACED_H
#define SIM_CHECKER_PLACED_H

#include "node/data/topology.h"
#include "sim/checker/verdict.h"

// Each shard has N owners: members with weight, all different. Spread over hosts as far as
// possible: with at least N hosts on N of them, else no host holds more copies than it must for N
// to find room. Of zones the same, as far as the hosts in them allow: with at least N zones one
// copy a zone. Members without a zone are in one together. Call it for every topology that is
// ever in force.
void placed_check(const struct topology *topology, struct verdict *verdict);

#endif
