// SPDX-License-Identifier: Apache-2.0
// Bits of a number.
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdint.h>

// The same bits in reverse order: the lowest becomes the highest.
static inline uint64_t bits_reverse(uint64_t value)
{
    value = (value & 0x5555555555555555) << 1 | (value >> 1 & 0x5555555555555555);
    value = (value & 0x3333333333333333) << 2 | (value >> 2 & 0x3333333333333333);
    value = (value & 0x0f0f0f0f0f0f0f0f) << 4 | (value >> 4 & 0x0f0f0f0f0f0f0f0f);
    return __builtin_bswap64(value);
}

#endif
