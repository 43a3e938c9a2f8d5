// SPDX-License-Identifier: Apache-2.0
// The elementary functions against libm's long doubles, and their very bits against a hash that
// every compiler has to meet; sorting, quantiles and measures of evenness.
#include "sim/number/number.h"
#include "sim/number/summary.h"

#include "base/buffer.h"
#include "base/rng.h"
#include "node/data/hash.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ARGUMENTS = 400 * 1000 };

static const double error_max = 1e-15;

// A number as any of its bit patterns, or one near 1, or a usual one.
static double any_positive(struct rng *rng)
{
    uint64_t bits = rng_u64(rng);
    double x;

    switch (bits & 3) {
    case 0:
        return 1 + (number_unit(rng) - 0.5) * exp2(-50 * number_unit(rng));
    case 1:
        return 1000 * number_unit(rng);
    default:
        bits >>= 1;
        memcpy(&x, &bits, sizeof x);
        return x <= DBL_MAX && x > 0 ? x : 1;
    }
}

static void near_to(const char *what, double x, double got, long double exact)
{
    long double magnitude = fabsl(exact);

    if (magnitude < DBL_MIN || magnitude > DBL_MAX) // no normal number: not promised
        return;
    if (!(fabsl(got - exact) <= error_max * magnitude))
        fail_msg("%s of %a: %a, error %Lg", what, x, got, fabsl(got - exact) / magnitude);
}

static void functions_agree_with_libm(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (int i = 0; i < ARGUMENTS; i++) {
        double x = any_positive(&rng);
        double y = 1500 * (number_unit(&rng) - 0.5);
        double z = (i & 1 ? -1 : 1) * exp2(-60 * number_unit(&rng));

        near_to("log", x, number_log(x), logl(x));
        near_to("log1p", x, number_log1p(x), log1pl(x));
        near_to("log1p", z, number_log1p(z), log1pl(z));
        near_to("exp", y, number_exp(y), expl(y));
        near_to("expm1", y, number_expm1(y), expm1l(y));
        near_to("expm1", z, number_expm1(z), expm1l(z));
        near_to("sqrt", x, number_sqrt(x), sqrtl(x));
    }
}

// Exponents chosen so that results fill the whole range of doubles.
static void powers_agree_with_libm(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (int i = 0; i < ARGUMENTS; i++) {
        double x = any_positive(&rng);
        double y = 1500 * (number_unit(&rng) - 0.5);
        double exponent = x == 1 ? y : y / (double)logl(x);

        near_to("pow", x, number_pow(x, exponent), powl(x, exponent));
        near_to("pow", i, number_pow(i, -0.99), powl(i, -0.99L));
    }
}

static void extremes(void **state)
{
    const double inf = NUMBER_INFINITY;

    (void)state;
    assert_true(number_exp(0) == 1 && number_exp(-0.0) == 1);
    assert_true(number_exp(inf) == inf && number_exp(710) == inf && number_exp(709.79) == inf);
    assert_true(number_exp(-inf) == 0 && number_exp(-746) == 0 && number_exp(-1e300) == 0);
    assert_true(number_exp(-745) > 0 && number_exp(709.78) < inf);
    assert_true(isnan(number_exp(NAN)) && isnan(number_log(NAN)) && isnan(number_log1p(NAN)));
    assert_true(number_log(1) == 0 && number_log(0) == -inf && number_log(-0.0) == -inf);
    assert_true(number_log(inf) == inf && isnan(number_log(-1)) && isnan(number_log(-inf)));
    assert_true(number_log1p(-1) == -inf && isnan(number_log1p(-1.5)) && number_log1p(inf) == inf);
    assert_true(number_log1p(0) == 0 && number_log1p(1e-300) == 1e-300);
    assert_true(number_expm1(0) == 0 && number_expm1(-inf) == -1 && number_expm1(inf) == inf);
    assert_true(number_expm1(5e-324) == 5e-324 && isnan(number_expm1(NAN)));
    assert_true(number_pow(0, 0) == 1 && number_pow(NAN, 0) == 1 && number_pow(1, NAN) == 1);
    assert_true(number_pow(0, 2) == 0 && number_pow(0, -2) == inf && number_pow(0, inf) == 0);
    assert_true(number_pow(inf, 2) == inf && number_pow(inf, -2) == 0 && number_pow(inf, 0) == 1);
    assert_true(number_pow(2, inf) == inf && number_pow(2, -inf) == 0);
    assert_true(number_pow(0.5, inf) == 0 && number_pow(0.5, -inf) == inf);
    assert_true(isnan(number_pow(-2, 2)) && isnan(number_pow(2, NAN)) && isnan(number_pow(NAN, 1)));
    assert_true(number_pow(2, 1024) == inf && number_pow(2, 1e308) == inf);
    assert_true(number_pow(2, -1074) == 5e-324 && number_pow(2, -1076) == 0);
    assert_true(isnan(number_sqrt(-1)) && number_sqrt(0) == 0 && number_sqrt(2.25) == 1.5);
    for (int n = -1022; n < 1024; n++)
        assert_true(number_pow(2, n) == ldexp(1, n));
    assert_true(number_unit_of(0) == 0x1p-53 && number_unit_of(UINT64_MAX) == 1 - 0x1p-53);
}

static void add_bits(struct buffer *bytes, double x)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    buffer_add_u64(bytes, bits);
}

// The same bits from gcc and clang, with and without optimisation. A change of the functions
// changes this hash, and with it every number that the simulator has ever printed.
static void bits_are_the_same_everywhere(void **state)
{
    struct buffer bytes = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (int i = 0; i < 100 * 1000; i++) {
        double x = (double)(rng_below(&rng, 1 << 20) + 1) / (double)(rng_below(&rng, 4096) + 1);
        double y = 1400 * (number_unit(&rng) - 0.5);

        add_bits(&bytes, number_log(x));
        add_bits(&bytes, number_log1p(x));
        add_bits(&bytes, number_exp(y));
        add_bits(&bytes, number_expm1(y / 1000));
        add_bits(&bytes, number_pow(x, y / 100));
        add_bits(&bytes, number_sqrt(x));
        add_bits(&bytes, number_unit(&rng));
    }
    assert_int_equal(hash_64(buffer_slice(&bytes)), 0x7daa54806d8049e9);
    buffer_done(&bytes);
}

// ---------------------------------------------------------------- sorting

// Values of several shapes: random, ascending, descending, few different, all alike, a saw.
static double shaped(unsigned shape, size_t i, size_t count, struct rng *rng)
{
    switch (shape) {
    case 0:
        return number_unit(rng) - 0.5;
    case 1:
        return (double)i;
    case 2:
        return -(double)i;
    case 3:
        return (double)rng_below(rng, 4);
    case 4:
        return 7;
    case 5:
        return (double)(i % 17);
    default:
        return i < count / 2 ? (double)i : (double)(count - i);
    }
}

enum { SHAPES = 7 };

// Ascending, and no value lost: sums of a mix of the bits stay what they were.
static void check_sorted(double *values, size_t count)
{
    uint64_t before = 0;
    uint64_t bits;

    for (size_t i = 0; i < count; i++) {
        memcpy(&bits, &values[i], sizeof bits);
        before += rng_mix(bits);
    }
    numbers_sort(values, count);
    for (size_t i = 0; i < count; i++) {
        memcpy(&bits, &values[i], sizeof bits);
        before -= rng_mix(bits);
        assert_true(i == 0 || values[i - 1] <= values[i] || isnan(values[i]));
    }
    assert_true(before == 0);
}

static void sorting(void **state)
{
    static const size_t counts[] = {0, 1, 2, 3, 23, 24, 25, 26, 100, 255, 256, 257, 1000, 100000};
    double *values = (double *)malloc(100000 * sizeof *values);
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (unsigned shape = 0; shape < SHAPES; shape++) {
        for (unsigned c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            for (size_t i = 0; i < counts[c]; i++)
                values[i] = shaped(shape, i, counts[c], &rng);
            check_sorted(values, counts[c]);
        }
    }
    for (size_t i = 0; i < 1000; i++)
        values[i] = i % 3 ? number_unit(&rng) : i % 2 ? NAN : i % 4 ? INFINITY : -INFINITY;
    check_sorted(values, 1000);
    assert_true(values[0] == -INFINITY && isnan(values[999]));
    free(values);
}

// An input made against the choice of pivots (the median of three medians of three, see sort.c), so
// that each level splits off but a few values: the samples of each level become the smallest values
// that are left. `place` follows where the values of the input stand while they are parted.
enum { HOSTILE = 50 * 1000, HOSTILE_LEVELS = 100 };

static double median_of(const double *three)
{
    double low = fmin(three[0], three[1]);
    double high = fmax(three[0], three[1]);

    return fmin(fmax(low, three[2]), high);
}

static size_t part_hostile(const double *input, size_t *place, size_t count, double pivot)
{
    size_t border = 0;

    for (size_t at = 0; at < count; at++) {
        size_t moved = place[at];

        place[at] = place[border];
        place[border] = moved;
        border += input[moved] < pivot;
    }
    return border;
}

static void make_hostile(double *input, size_t *place)
{
    double next = 0;
    size_t first = 0;

    for (size_t i = 0; i < HOSTILE; i++) {
        place[i] = i;
        input[i] = INFINITY;
    }
    for (unsigned level = 0; level < HOSTILE_LEVELS; level++) {
        double samples[9];
        double medians[3];

        for (size_t i = 0; i < 9; i++) {
            double *sample = &input[place[first + i * ((HOSTILE - first) / 9)]];

            *sample = isinf(*sample) ? next++ : *sample;
            samples[i] = *sample;
        }
        for (size_t i = 0; i < 3; i++)
            medians[i] = median_of(samples + 3 * i);
        first += part_hostile(input, place + first, HOSTILE - first, median_of(medians));
    }
    assert_true(first < 20 * HOSTILE_LEVELS);
    for (size_t i = 0; i < HOSTILE; i++)
        input[i] = isinf(input[i]) ? next++ : input[i];
}

static void sorting_against_the_choice_of_pivots(void **state)
{
    double *values = (double *)malloc(HOSTILE * sizeof *values);
    size_t *place = (size_t *)malloc(HOSTILE * sizeof *place);

    (void)state;
    make_hostile(values, place);
    check_sorted(values, HOSTILE);
    free(place);
    free(values);
}

// ---------------------------------------------------------------- summaries

static void quantiles(void **state)
{
    static const double five[] = {1, 2, 4, 8, 16};
    static const double ends[] = {-INFINITY, 1, INFINITY, INFINITY};

    (void)state;
    assert_true(quantile_of_sorted(five, 0, 0.5) == 0 && percentile_of_sorted(five, 0, 0.5) == 0);
    assert_true(quantile_of_sorted(five, 1, 0.99) == 1);
    assert_true(quantile_of_sorted(five, 5, 0) == 1 && quantile_of_sorted(five, 5, 1) == 16);
    assert_true(quantile_of_sorted(five, 5, 0.5) == 4 && quantile_of_sorted(five, 5, 0.625) == 6);
    assert_true(quantile_of_sorted(five, 4, 0.5) == 3);
    assert_true(quantile_of_sorted(ends, 4, 0.9) == INFINITY);
    assert_true(quantile_of_sorted(ends, 4, 1.0 / 3) == 1);
    assert_true(percentile_of_sorted(five, 5, 0) == 1 && percentile_of_sorted(five, 5, 1) == 16);
    assert_true(percentile_of_sorted(five, 5, 0.2) == 1);
    assert_true(percentile_of_sorted(five, 5, 0.21) == 2);
    assert_true(percentile_of_sorted(five, 5, 0.6) == 4 && percentile_of_sorted(five, 5, 0.8) == 8);
}

// By the definition, for every per mille of a thousand values.
static void percentiles_of_a_thousand(void **state)
{
    double values[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        values[i] = i + 1;
    for (int q = 1; q <= 1000; q++)
        assert_true(percentile_of_sorted(values, 1000, q / 1000.0) == q);
}

static void summaries(void **state)
{
    double values[101];
    struct summary summary;

    (void)state;
    for (int i = 0; i < 101; i++)
        values[i] = (i * 37) % 101;
    summary = summary_of(values, 101);
    assert_true(summary.mean == 50 && summary.p50 == 50);
    assert_true(summary.p5 == 5 && summary.p95 == 95);
    summary = summary_of(values, 0);
    assert_true(summary.mean == 0 && summary.p5 == 0 && summary.p50 == 0 && summary.p95 == 0);
    values[3] = INFINITY;
    summary = summary_of(values, 11);
    assert_true(summary.mean == INFINITY && summary.p95 == INFINITY && summary.p50 == 6);
    values[2] = NAN;
    summary = summary_of(values, 11);
    assert_true(isnan(summary.mean) && isnan(summary.p95) && isfinite(summary.p50));
}

static void spreads(void **state)
{
    static const double alike[] = {1, 1, 1, 1};
    static const double one_has_all[] = {0, 4, 0, 0};
    static const double ramp[] = {0.4, 1.6, 0.8, 1.2};
    static const double weighted[] = {0.5, 2};
    static const double weights[] = {2.0 / 3, 1.0 / 3};
    struct spread spread = spread_of(alike, NULL, 4);

    (void)state;
    assert_true(spread.peak == 1 && spread.floor == 1 && spread.p99 == 1 && spread.cv == 0);
    assert_true(fabs(spread.gini) < 1e-15 && spread.efficiency == 1);
    spread = spread_of(one_has_all, NULL, 4);
    assert_true(spread.peak == 4 && spread.floor == 0 && spread.efficiency == 0.25);
    assert_true(fabs(spread.gini - 0.75) < 1e-15 && fabs(spread.cv - sqrt(3)) < 1e-15);
    // Differences of 2 x (1.2 + 0.4 + 0.8 + 0.8 + 0.4 + 0.4) = 8: gini 8 / (2 * 16).
    spread = spread_of(ramp, NULL, 4);
    assert_true(fabs(spread.gini - 0.25) < 1e-15 && fabs(spread.cv - sqrt(0.2)) < 1e-15);
    assert_true(fabs(spread.p99 - (1.2 + 0.97 * 0.4)) < 1e-14);
    // 2/3 of the nodes at a half, 1/3 at the double: 2 x 2/9 x 1.5 / 2.
    spread = spread_of(weighted, weights, 2);
    assert_true(fabs(spread.gini - 1.0 / 3) < 1e-15 && fabs(spread.peak - 2) < 1e-15);
    assert_true(fabs(spread.cv - sqrt(0.5)) < 1e-15);
    spread = spread_of(one_has_all, NULL, 1);
    assert_true(spread.peak == 0 && spread.cv == 0 && spread.efficiency == 0);
    assert_true(spread_of(NULL, NULL, 0).peak == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_agree_with_libm),
        cmocka_unit_test(powers_agree_with_libm),
        cmocka_unit_test(extremes),
        cmocka_unit_test(bits_are_the_same_everywhere),
        cmocka_unit_test(sorting),
        cmocka_unit_test(sorting_against_the_choice_of_pivots),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(percentiles_of_a_thousand),
        cmocka_unit_test(summaries),
        cmocka_unit_test(spreads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
