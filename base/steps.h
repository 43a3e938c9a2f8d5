// SPDX-License-Identifier: Apache-2.0
// The slots of an HdrHistogram (Gil Tene): 2^bits linear steps in each power of two, so a value is
// known to within one part in 2^bits. Values below 2^bits have a slot each.
#ifndef BASE_STEPS_H
#define BASE_STEPS_H

#include <stdint.h>

// The slot of a value; that of a larger one is never smaller.
static inline unsigned steps_slot(uint64_t value, unsigned bits)
{
    uint64_t steps = UINT64_C(1) << bits;
    unsigned magnitude;

    if (value < steps)
        return (unsigned)value;
    magnitude = 63 - (unsigned)__builtin_clzll(value);
    return (unsigned)((magnitude - bits + 1) * steps +
                      ((value >> (magnitude - bits)) & (steps - 1)));
}

// The largest value of a slot.
static inline uint64_t steps_top(unsigned slot, unsigned bits)
{
    uint64_t steps = UINT64_C(1) << bits;

    if (slot < steps)
        return slot;
    return ((steps + slot % steps + 1) << (slot / steps - 1)) - 1;
}

#endif
