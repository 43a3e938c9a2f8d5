// SPDX-License-Identifier: Apache-2.0
// A number as decimal digits, rounded to nearest. printf writes the digits, what stands between
// them is put there by us, so that no locale changes a byte.
#ifndef SIM_OUTPUT_DECIMAL_H
#define SIM_OUTPUT_DECIMAL_H

#include "base/buffer.h"

enum { DECIMAL_DIGITS_MAX = 17 };

// value = +-d.ddd * 10^exponent with these digits; zeros at the end are left out.
struct decimal {
    bool negative; // never of 0
    unsigned count;
    int exponent;
    char digits[DECIMAL_DIGITS_MAX];
};

// A finite value with at most `digits` (1..17) significant digits.
struct decimal decimal_of(double value, unsigned digits);

// Exactly so many decimals (0..9): "1.500". Finite values below 1e15; of larger ones only the first
// 17 digits are right. Never "-0".
void decimal_write_fixed(struct buffer *out, double value, unsigned decimals);

// A number as options and labels spell it: "0.99", "1e6", "-2". False, and `out` untouched, for any
// other text. Exact for up to 15 digits with an exponent within +-22, else within 1e-14.
bool decimal_read(const char *text, double *out);

#endif
