// SPDX-License-Identifier: Apache-2.0
// Levels what ranges cost over the nodes, as the rebalancers of CockroachDB ("Load-based replica
// rebalancing", "Load-based lease rebalancing": Replication Layer, Architecture, its manual) and
// YugabyteDB ("Cluster balancing") do: by moving copies of ranges, and by handing on who of a
// range's owners is first, which moves no data.
#ifndef SIM_SCHEME_LEVEL_H
#define SIM_SCHEME_LEVEL_H

#include "sim/scheme/scheme.h"

// What each copy of a range costs its node. Any unit; together below 2^53.
struct level_cost {
    uint64_t load; // requests
    uint64_t size; // keys
};

// Changes the rows of owners, scheme->width wide, in three steps:
//
//   1. A copy that lies nowhere (SCHEME_NOBODY), on a node that left, or in a zone that has too
//      many of its range, is placed on the node that bears least; the dearest ranges first.
//   2. Copies move from the node that bears most to the one that bears least, as few as do it.
//   3. First copies change places with others of their range, so that what nodes are first for is
//      level too.
//
// A node bears its load and its size, whichever is more, both as multiples of its fair share by
// weight; size counts for four fifths, so that it gives way first where they are at odds. What all
// nodes bear lies within LEVEL_SLACK afterwards, as far as single steps get there: one range may be
// more than a node should bear. A map that is level stays as it is.
#define LEVEL_SLACK 0.02
void level_ranges(const struct scheme *scheme, struct ranges *ranges,
                  const struct level_cost *costs);

#endif
