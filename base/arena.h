// SPDX-License-Identifier: Apache-2.0
// An arena: memory that is handed out piece by piece and taken back all at once. The results of one
// step of the node live in the step's arena, so that the steady path allocates nothing.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; // the one being filled; older ones are linked behind it
    size_t used;               // bytes handed out of `chunk`
    size_t total;              // bytes handed out since the last reset
};

// A zeroed arena is ready to use; no _init is needed.
void arena_done(struct arena *arena);

// Aligned to 16 bytes, not zeroed, valid until the next reset. Never NULL.
void *arena_alloc(struct arena *arena, size_t size);

// The same, zeroed.
void *arena_new(struct arena *arena, size_t size);

// A copy of the slice.
struct slice arena_copy(struct arena *arena, struct slice from);

// A printf-formatted, terminated text.
const char *arena_text(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Takes everything back; keeps one chunk (of at most 256 KiB) for the next use.
void arena_reset(struct arena *arena);

#endif
