// SPDX-License-Identifier: Apache-2.0
// L6: what grows during faults and must shrink again: queues, tables, memory, descriptors, pages.
#ifndef SIM_CHECKER_GAUGE_H
#define SIM_CHECKER_GAUGE_H

#include "sim/checker/verdict.h"

struct gauge {
    const char *name;   // "node 2: bytes queued to node 1"
    uint64_t before;    // in calm, before the faults
    uint64_t after;     // in calm again
    uint64_t highest;   // meanwhile; 0: not measured
    uint64_t limit;     // of `highest`, the bound that the code states; 0: none
    uint64_t allowance; // `after` may be above `before` by a tenth, and by this
};

void gauges_check(const struct gauge *gauges, uint32_t count, struct verdict *verdict);

#endif
