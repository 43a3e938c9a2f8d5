// SPDX-License-Identifier: Apache-2.0
// What hashicorp/memberlist 0.2.2 and 0.5.3 sent, captured on loopback, in rings with a label or a
// key or both.
#ifndef TESTS_LIB_GUARD_VECTORS_H
#define TESTS_LIB_GUARD_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

struct guard_vector {
    const char *name;  // NULL ends the table
    bool stream;       // else a datagram
    bool dialled;      // sent by the side that opened the stream
    bool padded;       // encrypted in version 0
    const char *label; // NULL: none
    const char *key;   // hex; NULL: none
    const char *hex;
    const char *inside; // hex of what label and encryption are around
};

extern const struct guard_vector guard_vectors[];

#endif
