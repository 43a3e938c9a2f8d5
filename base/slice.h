// SPDX-License-Identifier: Apache-2.0
// A slice: bytes that somebody else owns. It is valid as long as its owner says so; keys and values
// travel as slices into the buffer that they arrived in.
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data; // may be NULL when size is 0
    size_t size;         // bytes
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){(const uint8_t *)data, size};
}

static inline struct slice slice_of_text(const char *text)
{
    return slice_of(text, strlen(text));
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_of_text(text));
}

// Less, equal or greater than 0, as memcmp; a prefix sorts before what it begins.
static inline int slice_compare(struct slice a, struct slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

#endif
