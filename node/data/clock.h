// SPDX-License-Identifier: Apache-2.0
// A clock: a set of dots. One type serves as a replica's shard clock, as what an object has seen
// beyond it (its rest), as the context of a write and inside the token that a client holds.
//
// A dot (actor, counter) names one write: the counter-th of one life of one node in one shard.
// Held are runs of consecutive counters, sorted by actor and first counter, never touching: a
// base 1..b and what lies above it are runs alike. Equal sets therefore have equal runs and equal
// encodings.
//
// Source: Goncalves, Almeida, Baquero, Fonte, "DottedDB: Anti-Entropy without Merkle Trees,
// Deletes without Tombstones" (SRDS 2017), sections III and IV: node clocks and dotted causal
// containers; here one clock per shard replica.
#ifndef NODE_DATA_CLOCK_H
#define NODE_DATA_CLOCK_H

#include "base/arena.h"
#include "base/buffer.h"

struct dot {
    uint64_t actor;   // random id of one life of a node's store; never 0
    uint64_t counter; // from 1
};

// The counters first..last of one actor.
struct run {
    uint64_t actor;
    uint64_t first;
    uint64_t last;
};

struct clock {
    struct run *runs;
    uint32_t count;
    uint32_t capacity;
    struct arena *arena; // where runs live; NULL: on the heap
};

// A decoded clock has at most this many runs (a stranger's bytes; our own stay far below).
enum { CLOCK_RUNS_MAX = 1 << 16 };

// A zeroed clock is empty, on the heap. This one grows in the arena and needs no _done.
struct clock clock_in(struct arena *arena);

// Frees heap memory; leaves the clock empty.
void clock_done(struct clock *clock);

// Less, equal or greater than 0, by actor, then counter.
int dot_compare(struct dot a, struct dot b);

bool clock_contains(const struct clock *clock, struct dot dot);

// True when the dot was new.
bool clock_add(struct clock *clock, struct dot dot);

// Adds first..last of an actor. 1 <= first <= last.
void clock_add_run(struct clock *clock, struct run run);

// into := into + from, into - what, into * with. `into` and the other are different clocks.
void clock_join(struct clock *into, const struct clock *from);
void clock_subtract(struct clock *into, const struct clock *what);
void clock_intersect(struct clock *into, const struct clock *with);

// into := from (the memory of `into` is reused).
void clock_copy(struct clock *into, const struct clock *from);

// True when a contains every dot of b.
bool clock_covers(const struct clock *a, const struct clock *b);
bool clock_equal(const struct clock *a, const struct clock *b);

// True when some dot is in both.
bool clock_overlaps(const struct clock *a, const struct clock *b);

// How many dots (saturates at UINT64_MAX).
uint64_t clock_size(const struct clock *clock);

// The highest counter of the actor, 0 when there is none.
uint64_t clock_last(const struct clock *clock, uint64_t actor);

// Canonical encoding: equal clocks give equal bytes, and every other spelling is refused.
//
//   varint  number of actors
//   per actor, ascending:  u64 actor (little-endian), varint base (0: none),
//                          varint number of runs above, per run: varint gap, varint length - 1
//
// where base means 1..base, and gap >= 0 counts the missing dots after the previous run or base,
// minus one (two runs never touch; for an actor without base the first gap counts from 0).
void clock_encode(const struct clock *clock, struct buffer *out);

// Reads one clock into an empty one. ERR_PROTOCOL for bytes that are not a canonical encoding or
// that exceed CLOCK_RUNS_MAX; memory stays within a small multiple of the bytes read.
int clock_decode(struct reader *reader, struct clock *out);

// Sorted, disjoint, not touching, counters and actors >= 1: for check_slow and tests.
bool clock_valid(const struct clock *clock);

#endif
