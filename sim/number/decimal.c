// SPDX-License-Identifier: Apache-2.0
// Digits go into a 64-bit integer, the point and the exponent into a power of ten. When both are
// exact as doubles (below 2^53; up to 10^22) one rounded operation gives the nearest double
// (Clinger, "How to read floating point numbers accurately", PLDI 1990).
#include "sim/number/decimal.h"

#include "sim/number/number.h"

enum { POWERS = 23, EXPONENT_MAX = 400 };

static const double powers_of_10[POWERS] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool starts_with_digit(struct slice text)
{
    return text.size > 0 && text.data[0] >= '0' && text.data[0] <= '9';
}

static void drop(struct slice *text, size_t size)
{
    text->data += size;
    text->size -= size;
}

static bool take(struct slice *text, char letter)
{
    if (text->size == 0 || text->data[0] != (uint8_t)letter)
        return false;
    drop(text, 1);
    return true;
}

struct digits {
    uint64_t value;
    unsigned count; // how many there were
    int places;     // 10^places * value is meant; more than 19 digits do not fit into it
};

static void take_digits(struct slice *text, struct digits *digits, bool behind_point)
{
    for (; starts_with_digit(*text); drop(text, 1)) {
        bool fits = digits->value <= (UINT64_MAX - 9) / 10;

        if (fits)
            digits->value = digits->value * 10 + (uint64_t)(text->data[0] - '0');
        digits->places += !fits - behind_point;
        digits->count += 1;
    }
}

// "e5", "E-3"; nothing when no digit follows.
static int take_exponent(struct slice *text)
{
    struct slice rest = *text;
    struct digits digits = {0};
    bool negative;

    if (!take(&rest, 'e') && !take(&rest, 'E'))
        return 0;
    negative = take(&rest, '-');
    if (!negative)
        take(&rest, '+');
    if (!starts_with_digit(rest))
        return 0;
    take_digits(&rest, &digits, false);
    *text = rest;
    if (digits.value > EXPONENT_MAX)
        digits.value = EXPONENT_MAX;
    return negative ? -(int)digits.value : (int)digits.value;
}

static double scale(double value, int places)
{
    for (; places >= POWERS; places -= POWERS - 1)
        value *= powers_of_10[POWERS - 1];
    for (; places <= -POWERS; places += POWERS - 1)
        value /= powers_of_10[POWERS - 1];
    return places < 0 ? value / powers_of_10[-places] : value * powers_of_10[places];
}

bool decimal_read(struct slice *text, double *out)
{
    struct slice rest = *text;
    struct digits digits = {0};
    bool negative = take(&rest, '-');
    double value;

    take_digits(&rest, &digits, false);
    if (take(&rest, '.'))
        take_digits(&rest, &digits, true);
    if (digits.count == 0)
        return false;
    value = scale((double)digits.value, digits.places + take_exponent(&rest));
    if (!(value < NUMBER_INFINITY))
        return false;
    *text = rest;
    *out = negative ? -value : value;
    return true;
}
