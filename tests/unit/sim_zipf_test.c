// SPDX-License-Identifier: Apache-2.0
// Sums of Zipf's shares against values computed with 40 digits, published ones, and draws against
// exact shares.
#include "sim/workload/zipf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void near_to(double got, double want, double error_max)
{
    if (!(fabs(got / want - 1) <= error_max))
        fail_msg("%.17g, not %.17g: off by %g", got, want, got / want - 1);
}

static void sums(void **state)
{
    static const struct {
        uint64_t items;
        double theta;
        double sum;
    } known[] = {{UINT64_C(39), 0.5, 11.1095344948304172},
                 {UINT64_C(39), 0.99, 4.32122681769122774},
                 {UINT64_C(39), 1 - 0x1p-30, 4.25354304516212671},
                 {UINT64_C(39), 1, 4.25354303893637599},
                 {UINT64_C(39), 1 + 0x1p-20, 4.25353666377516473},
                 {UINT64_C(39), 1.2, 3.19469410475428168},
                 {UINT64_C(39), 4, 1.08231782681111293},
                 {UINT64_C(40), 0.5, 11.2676483778388362},
                 {UINT64_C(40), 0.99, 4.34716625844437214},
                 {UINT64_C(40), 1 - 0x1p-30, 4.27854304524801513},
                 {UINT64_C(40), 1, 4.27854303893637599},
                 {UINT64_C(40), 1 + 0x1p-20, 4.27853657582557964},
                 {UINT64_C(40), 1.2, 3.20664851100165715},
                 {UINT64_C(40), 4, 1.08231821743611293},
                 {UINT64_C(41), 0.5, 11.4238221397274423},
                 {UINT64_C(41), 0.99, 4.37247927958546404},
                 {UINT64_C(41), 1 - 0x1p-30, 4.30293328923480863},
                 {UINT64_C(41), 1, 4.30293328283881501},
                 {UINT64_C(41), 1 + 0x1p-20, 4.30292673334918864},
                 {UINT64_C(41), 1.2, 3.2182538911785229},
                 {UINT64_C(41), 4, 1.08231857132308356},
                 {UINT64_C(1000000), 0.5, 1998.54014549114875},
                 {UINT64_C(1000000), 0.99, 15.3918497460368039},
                 {UINT64_C(1000000), 1 - 0x1p-30, 14.3927268116779086},
                 {UINT64_C(1000000), 1, 14.3927267228657236},
                 {UINT64_C(1000000), 1 + 0x1p-20, 14.3926357795884352},
                 {UINT64_C(1000000), 1.2, 5.27610380048551591},
                 {UINT64_C(1000000), 4, 1.08232323371113819},
                 {UINT64_C(10000000000), 0.5, 199998.53965049119},
                 {UINT64_C(10000000000), 0.99, 26.4690282017514818},
                 {UINT64_C(10000000000), 1 - 0x1p-30, 23.6030668417130464},
                 {UINT64_C(10000000000), 1, 23.6030665948919897},
                 {UINT64_C(10000000000), 1 + 0x1p-20, 23.6028138519822968},
                 {UINT64_C(10000000000), 1.2, 5.54158244117825182},
                 {UINT64_C(10000000000), 4, 1.08232323371113819},
                 {UINT64_C(9007199254740992), 0.5, 189812529.788148602},
                 {UINT64_C(9007199254740992), 0.99, 44.9694065745214299},
                 {UINT64_C(9007199254740992), 1 - 0x1p-30, 37.3140168629638148},
                 {UINT64_C(9007199254740992), 1, 37.3140162345786343},
                 {UINT64_C(9007199254740992), 1 + 0x1p-20, 37.3133727756764723},
                 {UINT64_C(9007199254740992), 1.2, 5.58836098631746649},
                 {UINT64_C(9007199254740992), 4, 1.08232323371113819}};

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        near_to(zipf_sum(known[i].items, known[i].theta), known[i].sum, 5e-15);
    for (double theta = 0; theta <= 4; theta += 0.01) {
        double sum = 0;

        for (uint64_t items = 1; items <= 300; items++) {
            sum += pow((double)items, -theta);
            near_to(zipf_sum(items, theta), sum, 1e-13);
        }
    }
    near_to(zipf_sum(ZIPF_ITEMS_MAX, 1e-300), (double)ZIPF_ITEMS_MAX, 5e-15);
}

// Sum and hottest share for keys and theta as published; the last is YCSB's constant for 10^10
// items, which it once added up term by term: 1.2e-12 beside the exact sum.
static void published_sums(void **state)
{
    static const struct {
        uint64_t items;
        double theta;
        double sum;
        double hottest;
        double error_max;
    } known[] = {
        {10000, 0.5, 198.544645, 0.005037, 1e-4},
        {10000, 0.99, 10.224361, 0.097806, 1e-5},
        {100000, 0.99, 12.778338, 0.078257, 1e-5},
        {10000, 1.0, 9.787606, 0.102170, 1e-5},
        {10000, 1.2, 4.799144, 0.208371, 1e-5},
        {10000000000, 0.99, 26.46902820178302, 0.03778, 1e-4},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct zipf zipf;

        zipf_init(&zipf, known[i].items, known[i].theta);
        near_to(zipf.zeta, known[i].sum, known[i].items < 1000000 ? 5e-8 : 2e-12);
        near_to(zipf_share(&zipf, 0), known[i].hottest, known[i].error_max);
    }
}

static void shares_add_up(void **state)
{
    (void)state;
    for (double theta = 0; theta <= 4; theta += 0.25) {
        struct zipf zipf;
        double sum = 0;

        zipf_init(&zipf, 5000, theta);
        for (uint64_t rank = 5000; rank > 0; rank--)
            sum += zipf_share(&zipf, rank - 1);
        near_to(sum, 1, 1e-13);
    }
}

// ---------------------------------------------------------------- draws

enum { DRAWS = 200 * 1000, RANKS_MAX = 100 };

// The chi-square statistic of draws over the ranks that expect at least ten, the rest as one; minus
// its mean, in standard deviations.
static double surprise(const struct zipf *zipf, uint64_t seed)
{
    uint32_t counts[RANKS_MAX + 1] = {0};
    double chi = 0;
    double rest = DRAWS;
    unsigned ranks = 0;
    struct rng rng;

    while (ranks < RANKS_MAX && ranks < zipf->items && zipf_share(zipf, ranks) * DRAWS >= 10)
        ranks += 1;
    rng_init(&rng, seed);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = zipf_draw(zipf, &rng);

        assert_true(rank < zipf->items);
        counts[rank < ranks ? rank : ranks] += 1;
    }
    for (unsigned i = 0; i < ranks; i++) {
        double expected = DRAWS * zipf_share(zipf, i);

        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
        rest -= expected;
    }
    if (rest >= 10)
        chi += (counts[ranks] - rest) * (counts[ranks] - rest) / rest;
    else
        ranks -= 1;
    return ranks > 0 ? (chi - ranks) / sqrt(2.0 * ranks) : 0;
}

static void draws_follow_the_shares(void **state)
{
    static const uint64_t items[] = {1, 2, 3, 7, 100, 1000, 1000000, 10000000000, ZIPF_ITEMS_MAX};
    static const double thetas[] = {0, 0.1, 0.5, 0.8, 0.99, 1 - 1e-9, 1, 1 + 1e-12, 1.2, 2, 3, 4};
    double worst = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++) {
        for (unsigned t = 0; t < sizeof thetas / sizeof thetas[0]; t++) {
            struct zipf zipf;
            double found;

            zipf_init(&zipf, items[i], thetas[t]);
            found = surprise(&zipf, 31 * i + t);
            if (found > 4.5)
                fail_msg("%g items, theta %g: %g deviations", (double)items[i], thetas[t], found);
            worst = fmax(worst, found);
        }
    }
    assert_true(worst > 1); // of so many one is a little off, if anything was compared
}

// Far ranks too: the share of draws up to each power of ten.
static void far_ranks_follow_their_shares(void **state)
{
    static const double thetas[] = {0, 0.3, 0.7, 0.99, 1, 1.1};

    (void)state;
    for (unsigned t = 0; t < sizeof thetas / sizeof thetas[0]; t++) {
        uint32_t counts[11] = {0};
        struct zipf zipf;
        struct rng rng;
        double items = 1;

        zipf_init(&zipf, 10000000000, thetas[t]);
        rng_init(&rng, t);
        for (int i = 0; i < DRAWS; i++) {
            double rank = 1 + (double)zipf_draw(&zipf, &rng);

            for (int power = 10; power >= 0 && rank <= pow(10, power); power--)
                counts[power] += 1;
        }
        for (int power = 0; power <= 10; power++, items *= 10) {
            double share = zipf_sum((uint64_t)items, thetas[t]) / zipf.zeta;

            assert_true(fabs(counts[power] - share * DRAWS) <=
                        4 * sqrt(share * (1 - share) * DRAWS) + 1);
        }
    }
}

// The same draws everywhere.
static void draws_are_the_same_everywhere(void **state)
{
    uint64_t mix = 0;
    struct zipf zipf;
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (double theta = 0; theta < 2; theta += 0.1) {
        zipf_init(&zipf, 1000000, theta);
        for (int i = 0; i < 1000; i++)
            mix = rng_mix(mix ^ zipf_draw(&zipf, &rng));
    }
    assert_int_equal(mix, 0x8d7ee331f479da6d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),
        cmocka_unit_test(published_sums),
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(draws_follow_the_shares),
        cmocka_unit_test(far_ranks_follow_their_shares),
        cmocka_unit_test(draws_are_the_same_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
