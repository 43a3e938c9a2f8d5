// SPDX-License-Identifier: Apache-2.0
// A preference list: the first N distinct nodes of a row of candidates, in distinct zones while
// there are enough. Dynamo, SOSP 2007, section 4.3: walk the ring clockwise and skip what does not
// fit.
#ifndef SIM_SCHEME_PICK_H
#define SIM_SCHEME_PICK_H

#include "sim/scheme/scheme.h"

struct pick {
    const struct scheme *scheme;
    uint16_t *owners; // where they go: room for `want`
    uint32_t want;
    uint32_t count;    // taken so far
    uint32_t zone_cap; // copies that a zone takes; as many as it takes to place all
    uint32_t skipped_count;
    uint16_t skipped[SCHEME_REPLICAS_MAX]; // candidates whose zone was full, in order
};

// At most SCHEME_REPLICAS_MAX. `zone_cap` comes from pick_zone_cap.
void pick_init(struct pick *pick, const struct scheme *scheme, uint16_t *owners, uint32_t want,
               uint32_t zone_cap);

// The smallest number of copies per zone with which `want` copies find a place: 1 while there are
// enough zones. Nodes without zone are each a zone of their own.
uint32_t pick_zone_cap(const struct scheme *scheme, uint32_t want);

// Offers the next candidate. True when the list is full.
bool pick_offer(struct pick *pick, uint16_t node);

// No candidates are left: those that were skipped for their zone fill the list, the rest is
// SCHEME_NOBODY.
void pick_finish(struct pick *pick);

#endif
