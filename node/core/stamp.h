// SPDX-License-Identifier: Apache-2.0
// Stamps of versions: a hybrid logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical
// Physical Clocks", OPODIS 2014, figure 5) packed into 64 bits: milliseconds since 1970 << 16 |
// logical. Used to order versions for people and for buckets of rule lww; nothing else rests on it.
#ifndef NODE_CORE_STAMP_H
#define NODE_CORE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

// A stamp from elsewhere may be at most this far ahead of our wall clock to move ours: one node
// with a wrong clock must not drag the others along.
enum { STAMP_AHEAD_MS_MAX = 60000 };

// The next stamp of a write here: later than *last and than every stamp seen.
uint64_t stamp_next(uint64_t *last, uint64_t wall_ms);

// A stamp was seen in a version from elsewhere. False when it is too far ahead: ours does not
// follow it.
bool stamp_see(uint64_t *last, uint64_t wall_ms, uint64_t seen);

#endif
