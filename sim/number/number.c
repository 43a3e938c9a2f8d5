// SPDX-License-Identifier: Apache-2.0
// A logarithm is found in two steps: a table gives that of a number c nearby, a series that of the
// quotient, which is 1 + r with |r| < 1/250.
//
//     x = 2^k m,   m near 1:   log x = k log 2  +  log c  +  log(1 + r),   r = m/c - 1
//
// It is kept as the sum of two doubles, good to about 2^-61 of itself, because a power multiplies
// it: an error of e in y log x is one of e in x^y, relatively, and y log x may be as large as 745.
//
// An exponential goes the other way: x = (128 k + i) log(2)/128 + r; exp x = 2^k 2^(i/128) exp r.
//
// Products that must be exact are made of factors cut to few bits; the comments count them. Nothing
// rests on fused multiply-add, on a rounding mode, or on more bits than a double has.
#include "sim/number/number.h"

#include "sim/number/number_table.h"

#include <stdint.h>
#include <string.h>

#define NOT_A_NUMBER __builtin_nan("")

static const uint64_t step_first = 0x3fe6b00000000000; // 0x1.6bp-1, where the table begins
static const double log2_high = 0x1.62e42fefa38p-1;    // 42 bits
static const double log2_low = 0x1.ef35793c7673p-45;
static const double step_high = 0x1.62e42fef8p-8; // log(2)/128: 35 bits
static const double step_low = 0x1.1cf79abc9e3b4p-43;
static const double steps_per_one = 0x1.71547652b82fep+7; // 128/log(2)

// A number as the sum of two doubles.
struct pair {
    double high;
    double low;
};

static uint64_t bits_of(double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

// 2^k, -1022 <= k <= 1023.
static double power_of_2(int k)
{
    return double_of((uint64_t)(1023 + k) << 52);
}

// x without its last 27 bits of 53.
static double cut(double x)
{
    return double_of(bits_of(x) & 0xfffffffff8000000);
}

// a + b exactly (Knuth, TAOCP 2, section 4.2.2, theorem B).
static struct pair sum_of(double a, double b)
{
    double sum = a + b;
    double b_in_it = sum - a;
    double a_in_it = sum - b_in_it;

    return (struct pair){sum, (a - a_in_it) + (b - b_in_it)};
}

// log(1 + r) - r for |r| < 1/250, to 2^-63 r.
static double log_series(double r)
{
    double square = r * r;
    double tail = (1.0 / 3 - r * (1.0 / 4)) + square * (1.0 / 5 - r * (1.0 / 6)) +
                  square * square * (1.0 / 7 - r * (1.0 / 8));

    return square * (r * tail - 0.5);
}

// x is above 0 and finite.
static struct pair log_pair(double x)
{
    uint64_t bits = bits_of(x);
    uint64_t above;
    int k = 0;
    double m;
    double m_high;
    struct pair r;
    struct pair sum;
    const struct log_step *step;

    if (bits < (uint64_t)1 << 52) { // subnormal
        bits = bits_of(x * 0x1p52);
        k = -52;
    }
    above = bits - step_first;
    step = &number_log_steps[above >> 45 & (NUMBER_STEPS - 1)];
    k += (int)((int64_t)above >> 52);
    m = double_of(bits - ((above >> 52) << 52));
    m_high = cut(m);
    // 26 and 27 bits by 12; and the first product is so near to 1 that the difference is exact.
    r = sum_of(m_high * step->inverse - 1, (m - m_high) * step->inverse);
    sum = sum_of(k * log2_high + step->high, r.high); // multiples of 2^-42 below 2^10: exact
    sum.low += (k * log2_low + step->low) + (log_series(r.high) + (r.low - r.low * r.high));
    return sum_of(sum.high, sum.low);
}

double number_log(double x)
{
    if (x > 0 && x < NUMBER_INFINITY)
        return log_pair(x).high;
    if (x == 0)
        return -NUMBER_INFINITY;
    return x > 0 ? x : NOT_A_NUMBER;
}

// exp(r) - 1 for |r| < 1/360.
static double exp_series(double r)
{
    double square = r * r;

    return r + square * ((1.0 / 2 + r * (1.0 / 6)) + square * (1.0 / 24 + r * (1.0 / 120)));
}

// exp(high + low); low is far below high.
static double exp_pair(double high, double low)
{
    int steps;
    int k;
    double r;
    double base;
    double result;

    if (!(high < 710))
        return high > 0 ? NUMBER_INFINITY : high;
    if (high < -746)
        return 0;
    steps = (int)(high * steps_per_one + (high < 0 ? -0.5 : 0.5));
    r = (high - steps * step_high) - (steps * step_low - low); // 18 by 35 bits: exact
    base = number_exp_steps[steps & (NUMBER_STEPS - 1)];
    k = (steps - (steps & (NUMBER_STEPS - 1))) / NUMBER_STEPS;
    result = base + base * exp_series(r);
    if (k >= -1022 && k <= 1023)
        return result * power_of_2(k);
    return result * power_of_2(k / 2) * power_of_2(k - k / 2);
}

double number_exp(double x)
{
    return exp_pair(x, 0);
}

static double power_of_positive(double base, double exponent)
{
    struct pair log = log_pair(base);
    double log_cut = cut(log.high);
    double exponent_cut = cut(exponent);
    double product = exponent * log.high;
    double low;

    if (!(product < 1000 && product > -1000))
        return product > 0 ? NUMBER_INFINITY : 0;
    // The rest of the product: 26 by 26, 26 by 27, 27 by 26 bits are exact.
    low = ((exponent_cut * log_cut - product) + exponent_cut * (log.high - log_cut)) +
          (exponent - exponent_cut) * log_cut;
    low += (exponent - exponent_cut) * (log.high - log_cut) + exponent * log.low;
    return exp_pair(product, low);
}

double number_pow(double base, double exponent)
{
    double magnitude = exponent < 0 ? -exponent : exponent;

    if (base > 0 && base < NUMBER_INFINITY && magnitude < NUMBER_INFINITY)
        return power_of_positive(base, exponent);
    if (exponent == 0 || base == 1)
        return 1;
    if (!(base >= 0) || exponent != exponent)
        return NOT_A_NUMBER;
    return (base > 1) == (exponent > 0) ? NUMBER_INFINITY : 0;
}

// For |x| <= 0.35: the series to the 15th power, whose next term is below 2^-67 x.
static double expm1_series(double x)
{
    static const double parts[] = {1.0 / 15, 1.0 / 14, 1.0 / 13, 1.0 / 12, 1.0 / 11,
                                   1.0 / 10, 1.0 / 9,  1.0 / 8,  1.0 / 7,  1.0 / 6,
                                   1.0 / 5,  1.0 / 4,  1.0 / 3,  1.0 / 2};
    double sum = 0;

    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        sum = (sum + 1) * (x * parts[i]);
    return x + x * sum;
}

double number_expm1(double x)
{
    if (x >= -0.35 && x <= 0.35)
        return expm1_series(x);
    return number_exp(x) - 1;
}

// log(1 + x) = log(u) + log(1 + lost/u), where u is 1 + x as a double and lost what it lacks.
double number_log1p(double x)
{
    struct pair u = sum_of(1, x);

    if (!(x > -1 && x < NUMBER_INFINITY))
        return number_log(u.high);
    return log_pair(u.high).high + u.low / u.high;
}

double number_sqrt(double x)
{
    return __builtin_sqrt(x);
}

double number_unit_of(uint64_t bits)
{
    return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

double number_unit(struct rng *rng)
{
    return number_unit_of(rng_u64(rng));
}
