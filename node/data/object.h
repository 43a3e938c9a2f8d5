// SPDX-License-Identifier: Apache-2.0
// An object: what one replica holds under one key. Its versions are the values that no write known
// here has superseded; its rest is what the key has seen beyond the shard's clock.
//
// The full context of an object at a replica is shard clock + rest. In the common case rest is
// empty and causality costs one dot a value.
//
// Source: DottedDB (see clock.h), section IV; the merge is the join of Almeida, Shoker, Baquero,
// "Delta State Replicated Data Types" (2018), section 7.2 (causal dot stores).
#ifndef NODE_DATA_OBJECT_H
#define NODE_DATA_OBJECT_H

#include "node/data/clock.h"

struct version {
    struct dot dot;
    uint64_t stamp;      // hybrid logical clock: milliseconds since 1970 << 16 | logical
    uint64_t expires_ms; // wall clock, milliseconds since 1970; 0: never
    struct slice value;
};

struct object {
    struct version *versions; // sorted by dot
    uint32_t count;
    struct clock rest; // never holds a dot that the shard clock has
};

// What an apply merges into an object: a put (one version, context = what it supersedes + its
// dot), a delete (the same with no version), a repair or an item of a sync (several versions, the
// sender's full context).
struct delta {
    struct version *versions; // sorted by dot
    uint32_t count;
    struct clock context; // holds the dots of its versions
    struct clock dots;    // the dots this delta stands for; those of its versions count too
    // Its own encoding, where somebody has it: then it is written from here (log, other replicas)
    // and not made again. Whoever changes a delta empties this.
    struct slice encoded;
};

enum { OBJECT_VERSIONS_MAX = 1 << 16 };

// Results live in the arena; values are slices into the inputs.

// A version survives when it is in both, or when the other's full context lacks its dot. Versions
// only: `out_versions` gets at most a_count + b_count. Commutative, associative, idempotent.
struct merge_side {
    const struct version *versions;
    uint32_t count;
    const struct clock *clock; // the full context is clock + rest; either may be NULL (empty)
    const struct clock *rest;
};
void object_merge(struct arena *arena, const struct merge_side *a, const struct merge_side *b,
                  struct object *out); // out->rest is left empty

// The rule of apply, pure (merge; clock gains the dots of the delta and of the versions it
// carries, never its whole context; rest := (old rest + delta context) - clock). Gives the new
// object. `shard_clock` is the replica's, before the call; it is joined with what the delta
// stands for. `fill_clock` (NULL: none) counts in the old side's context, and is not taken off the
// new rest: what the shard's clock says of a key must not need it (see node/store/README.md).
struct object object_apply(struct arena *arena, const struct object *old, struct clock *shard_clock,
                           const struct clock *fill_clock, const struct delta *delta);

// Takes off rest what the clock has. True when the object changed.
bool object_strip(struct object *object, const struct clock *clock);

// No version and nothing left to remember: it is erased.
static inline bool object_is_empty(const struct object *object)
{
    return object->count == 0 && object->rest.count == 0;
}

// Same dots (the values of a dot never differ).
bool object_same_versions(const struct object *a, const struct object *b);

// The winner by stamp, then dot ("last write wins" as a rule of reading): an index, -1 when empty.
int object_latest(const struct object *object);

// Drops versions whose expiry has passed; returns how many.
uint32_t object_expire(struct object *object, uint64_t wall_ms);

// A deep copy in the arena (values too).
void object_copy(struct arena *arena, const struct object *from, struct object *out);

// Encoding, one layout for log, tree and wire (all integers little-endian or varint):
//
//   varint count, per version, ascending by dot: u64 actor, varint counter, u64 stamp,
//          varint expires_ms, varint value size, value
//   clock  rest (clock_encode)
void object_encode(const struct object *object, struct buffer *out);

// Decodes with versions in the arena and values as slices into the reader's bytes. ERR_PROTOCOL for
// anything but a canonical encoding.
int object_decode(struct reader *reader, struct arena *arena, struct object *out);

// The versions as in an object, then clock context, then clock dots; or delta->encoded as it is.
void delta_encode(const struct delta *delta, struct buffer *out);

// Also refuses a context that lacks a dot of the versions or of `dots`. out->encoded is what was
// read.
int delta_decode(struct reader *reader, struct arena *arena, struct delta *out);

// The contribution of one version to the shard's digest: XOR of all is the digest over (key, dots).
// 0 for a version with an expiry (replicas drop those at slightly different times).
uint64_t version_digest(uint64_t key_low, uint64_t key_high, const struct version *version);

// The same for a whole object.
uint64_t object_digest(uint64_t key_low, uint64_t key_high, const struct object *object);

#endif
