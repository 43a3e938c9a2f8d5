// SPDX-License-Identifier: Apache-2.0
// The hash space cut into ranges of one size, as exactly as whole positions allow.
#ifndef SIM_SCHEME_PARTITION_H
#define SIM_SCHEME_PARTITION_H

#include "sim/scheme/ranges.h"

// Sets all ends.
void partitions_cut(struct ranges *ranges);

#endif
