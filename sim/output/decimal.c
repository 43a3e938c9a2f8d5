// SPDX-License-Identifier: Apache-2.0
#include "sim/output/decimal.h"

#include "base/check.h"

#include <stdio.h>

struct decimal decimal_of(double value, unsigned digits)
{
    struct decimal out = {0};
    char text[DECIMAL_DIGITS_MAX + 16];
    const char *at = text;
    int exponent = 0;
    bool below = false;

    check(digits >= 1 && digits <= DECIMAL_DIGITS_MAX);
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

void decimal_write_fixed(struct buffer *out, double value, unsigned decimals)
{
    struct decimal all = decimal_of(value, DECIMAL_DIGITS_MAX);
    int wanted = all.exponent + 1 + (int)decimals; // significant digits
    struct decimal number = {.count = 1, .digits = "0"};
    int first;

    if (wanted >= 1)
        number =
            decimal_of(value, wanted < DECIMAL_DIGITS_MAX ? (unsigned)wanted : DECIMAL_DIGITS_MAX);
    else if (wanted == 0 && all.digits[0] >= '5')
        number = (struct decimal){all.negative, 1, all.exponent + 1, "1"};
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

// Times 10^exponent by squaring; exact while the power is (up to 10^22).
static double scaled(double value, int exponent)
{
    double power = 1;
    double base = 10;

    for (int left = exponent < 0 ? -exponent : exponent; left > 0; left /= 2) {
        if (left % 2)
            power *= base;
        base *= base;
    }
    if (value == 0)
        return 0;
    return exponent < 0 ? value / power : value * power;
}

// Reads "e-3"; returns where it ends, NULL when it is none.
static const char *read_exponent(const char *at, int *out)
{
    bool below = *at == '-';
    int exponent = 0;

    if (*at == '-' || *at == '+')
        at += 1;
    if (*at < '0' || *at > '9')
        return NULL;
    for (; *at >= '0' && *at <= '9'; at++)
        exponent = exponent < 1000 ? exponent * 10 + (*at - '0') : exponent;
    *out = below ? -exponent : exponent;
    return at;
}

bool decimal_read(const char *text, double *out)
{
    const char *at = *text == '-' ? text + 1 : text;
    double value = 0;
    int shift = 0;
    int exponent = 0;
    unsigned digits = 0;
    bool point = false;

    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        value = value * 10 + (*at - '0');
        shift += point;
        digits += 1;
    }
    if (digits > 0 && (*at == 'e' || *at == 'E')) {
        at = read_exponent(at + 1, &exponent);
        if (!at)
            return false;
    }
    if (digits == 0 || *at)
        return false;
    value = scaled(value, exponent - shift);
    *out = *text == '-' ? -value : value;
    return true;
}
