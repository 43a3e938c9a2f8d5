// SPDX-License-Identifier: Apache-2.0
// Bytes that no honest side sends, and honest frames to be cut short. Everything follows from a
// seed.
#ifndef TESTS_LIB_GARBAGE_H
#define TESTS_LIB_GARBAGE_H

#include "base/buffer.h"
#include "base/rng.h"

// The kinds of garbage: random bytes, declared sizes, nesting, other protocols, wrong types, ...
enum { GARBAGE_KINDS = 24 };

// Appends one piece of garbage of a kind; `rng` varies it.
void garbage_add(uint32_t kind, struct rng *rng, struct buffer *out);

// Honest request frames, one per method and some with all options.
enum { GARBAGE_REQUESTS = 12 };
void garbage_add_request(uint32_t which, struct buffer *out);

// A frame with a few bytes changed.
void garbage_mutate(struct rng *rng, struct buffer *frame);

#endif
