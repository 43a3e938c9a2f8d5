// SPDX-License-Identifier: Apache-2.0
// A number as decimal digits, rounded to nearest. printf writes the digits, what stands between
// them is put there by us, so that no locale changes a byte.
#ifndef SIM_OUTPUT_DIGITS_H
#define SIM_OUTPUT_DIGITS_H

#include "base/buffer.h"

enum { DIGITS_MAX = 17 };

// value = +-d.ddd * 10^exponent with these digits; zeros at the end are left out.
struct digits {
    bool negative; // never of 0
    unsigned count;
    int exponent;
    char digits[DIGITS_MAX];
};

// A finite value with at most `digits` (1..17) significant digits.
struct digits digits_of(double value, unsigned digits);

// Exactly so many decimals (0..9): "1.500". Finite values below 1e15; of larger ones only the first
// 17 digits are right. Never "-0".
void digits_write_fixed(struct buffer *out, double value, unsigned decimals);

#endif
