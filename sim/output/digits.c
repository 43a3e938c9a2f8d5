// SPDX-License-Identifier: Apache-2.0
#include "sim/output/digits.h"

#include "base/check.h"

#include <stdio.h>

struct digits digits_of(double value, unsigned digits)
{
    struct digits out = {0};
    char text[DIGITS_MAX + 16];
    const char *at = text;
    int exponent = 0;
    bool below = false;

    check(digits >= 1 && digits <= DIGITS_MAX);
    snprintf(text, sizeof text, "%.*e", (int)digits - 1, value);
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9')
            out.digits[out.count++] = *at;
    }
    below = at[1] == '-';
    for (at += 2; *at; at++)
        exponent = exponent * 10 + (*at - '0');
    out.exponent = below ? -exponent : exponent;
    while (out.count > 1 && out.digits[out.count - 1] == '0')
        out.count -= 1;
    out.negative = text[0] == '-' && out.digits[0] != '0';
    return out;
}

void digits_write_fixed(struct buffer *out, double value, unsigned decimals)
{
    struct digits all = digits_of(value, DIGITS_MAX);
    int wanted = all.exponent + 1 + (int)decimals; // significant digits
    struct digits number = {.count = 1, .digits = "0"};
    int first;

    if (wanted >= 1)
        number = digits_of(value, wanted < DIGITS_MAX ? (unsigned)wanted : DIGITS_MAX);
    else if (wanted == 0 && all.digits[0] >= '5')
        number = (struct digits){all.negative, 1, all.exponent + 1, "1"};
    first = number.exponent > 0 ? number.exponent : 0;
    if (number.negative)
        buffer_add_u8(out, '-');
    for (int place = first; place >= -(int)decimals; place--) {
        int digit = number.exponent - place;
        bool there = digit >= 0 && digit < (int)number.count;

        if (place == -1)
            buffer_add_u8(out, '.');
        buffer_add_u8(out, there ? (uint8_t)number.digits[digit] : '0');
    }
}
