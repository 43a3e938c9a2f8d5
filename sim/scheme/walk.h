// SPDX-License-Identifier: Apache-2.0
// The preference lists of a whole ring, one after the other. Walking clockwise from each place
// anew would take as long as the way to the N-th distinct node is; going backwards, the list of a
// place is its own node in front of the list of the place after it:
//
//     list(i) = node(i), then what of list(i + 1) still fits
//
// What does not fit is node(i) itself, when it stood further down, or the last node of its zone,
// when the zone has become full. So every list takes N + 1 offers to pick.h, however few nodes hold
// most of the ring.
#ifndef SIM_SCHEME_WALK_H
#define SIM_SCHEME_WALK_H

#include "sim/scheme/pick.h"

struct walk {
    const struct scheme *scheme;
    struct pick pick;
    uint16_t owners[SCHEME_REPLICAS_MAX]; // the list of the place where the walk stands
};

// A walk begins behind the last place of the ring, with the list of the first one: offer the nodes
// from there clockwise, until an offer returns true or they have all had their turn; then call
// walk_turn. Where they are fewer than N distinct nodes, the others follow by their numbers.
void walk_init(struct walk *walk, const struct scheme *scheme);
bool walk_offer(struct walk *walk, uint16_t node);
void walk_turn(struct walk *walk);

// One place back, to one that is `node`'s.
void walk_back(struct walk *walk, uint16_t node);

#endif
