// SPDX-License-Identifier: Apache-2.0
// The network between the nodes of a world. Each node dials every other; what it says goes over its
// own connection, in order. While a direction is cut its messages wait, as in TCP: they arrive when
// it heals, or are lost when the connection is given up.
#ifndef SIM_WORLD_NET_H
#define SIM_WORLD_NET_H

#include "sim/world/sim.h"

// Cuts one direction, or lets it pass again.
void net_cut(struct sim *sim, uint32_t from, uint32_t to, bool cut);

// Messages take so many times as long (1: as ever).
void net_slow(struct sim *sim, uint32_t from, uint32_t to, uint32_t factor);

// The connection from -> to passes nothing any more, and `from` is told late.
void net_half_open(struct sim *sim, uint32_t from, uint32_t to);

// The connection breaks, and `from` is told soon.
void net_reset(struct sim *sim, uint32_t from, uint32_t to);

// Nothing is cut, slow, lost, repeated, out of order or damaged any more, and nobody is called dead
// who is not.
void net_heal(struct sim *sim);

// `who` is told that `about` is dead, and nothing else before then.
void net_call_dead(struct sim *sim, uint32_t who, uint32_t about, uint64_t until_us);

#endif
