// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_ALIGN = 16, ARENA_CHUNK_MIN = 16 << 10, ARENA_KEEP_MAX = 256 << 10 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; // bytes in data
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

static void chunk_add(struct arena *arena, size_t size)
{
    size_t want = arena->chunk ? arena->chunk->size * 2 : ARENA_CHUNK_MIN;
    struct arena_chunk *chunk;

    if (want > ARENA_KEEP_MAX)
        want = ARENA_KEEP_MAX;
    if (want < size)
        want = size;
    chunk = memory_grow(NULL, sizeof *chunk + want);
    chunk->older = arena->chunk;
    chunk->size = want;
    arena->chunk = chunk;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    void *piece;

    check(rounded >= size);
    if (!arena->chunk || arena->chunk->size - arena->used < rounded)
        chunk_add(arena, rounded);
    piece = arena->chunk->data + arena->used;
    arena->used += rounded;
    arena->total += rounded;
    return piece;
}

void *arena_new(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

struct slice arena_copy(struct arena *arena, struct slice from)
{
    void *copy = arena_alloc(arena, from.size);

    if (from.size)
        memcpy(copy, from.data, from.size);
    return slice_of(copy, from.size);
}

const char *arena_text(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    char *text;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    check(size >= 0);
    text = arena_alloc(arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

static void chunks_free(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;

        free(chunk);
        chunk = older;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *newest = arena->chunk;

    arena->used = 0;
    arena->total = 0;
    if (!newest)
        return;
    chunks_free(newest->older);
    newest->older = NULL;
    if (newest->size > ARENA_KEEP_MAX) {
        free(newest);
        arena->chunk = NULL;
    }
}

void arena_done(struct arena *arena)
{
    chunks_free(arena->chunk);
    *arena = (struct arena){0};
}
