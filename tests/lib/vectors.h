// SPDX-License-Identifier: Apache-2.0
// What hashicorp/memberlist 0.2.2 and 0.5.3 sent, captured on loopback: nodes ga, gb, gc at
// 127.0.0.1, ports 17946, 17947, 17948. Only what is neither encrypted nor labelled.
#ifndef TESTS_LIB_VECTORS_H
#define TESTS_LIB_VECTORS_H

#include "base/arena.h"

struct vector {
    const char *name; // NULL ends the table
    bool stream;      // else a datagram
    const char *hex;
};

extern const struct vector vectors[];

enum { LZW_PIECES = 4 }; // a C string may not be too long

struct lzw_vector {
    const char *plain; // what it stands for; NULL ends the table
    size_t plain_size;
    uint32_t plain_crc;
    const char *hex[LZW_PIECES];
};

extern const struct lzw_vector lzw_vectors[];

struct slice vector_bytes(const char *hex, struct arena *arena);

struct slice lzw_vector_bytes(const struct lzw_vector *vector, struct arena *arena);

// Empty when there is none.
struct slice vector_named(const char *name, struct arena *arena);

#endif
