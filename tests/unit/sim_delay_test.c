// SPDX-License-Identifier: Apache-2.0
// The notation of delays, what it refuses and in which words; and for every shape that draws,
// distribution function and mean tell the same story.
#include "sim/number/delay.h"

#include "base/err.h"
#include "sim/number/decimal.h"
#include "sim/number/normal.h"
#include "sim/number/number.h"
#include "sim/number/summary.h"
#include "tests/lib/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct delay delay_of(const char *text)
{
    struct buffer why = {0};
    struct delay delay;

    if (delay_read(text, &delay, &why))
        fail_msg("%s: %.*s", text, (int)why.size, (const char *)why.data);
    assert_int_equal(why.size, 0);
    return delay;
}

static void refused(const char *text, const char *sentence)
{
    struct delay delay = {.count = 77};
    struct buffer why = {0};

    assert_int_equal(delay_read(text, &delay, &why), ERR_INVALID);
    buffer_add_u8(&why, 0);
    assert_string_equal((const char *)why.data, sentence);
    assert_int_equal(delay.count, 77);
    buffer_done(&why);
}

static void decimals(void **state)
{
    static const char *const exact[] = {"0",    "12",      "0.1",   ".25",     "7.",
                                        "1e3",  "2.5E-3",  "1e22",  "0.9122",  "123456789012345",
                                        "-3.5", "0.00001", "1e-22", "1.66e+1", "0.0028"};
    static const char *const close[] = {"0.12345678901234567",
                                        "1e300",
                                        "1.7976931348623157e308",
                                        "123456789012345678901234567890",
                                        "3e-300",
                                        "0.000000000000000000000000000000123"};
    static const char *const wrong[] = {"", "-", ".", "e5", "+1", "x", "1e309", "nan", "inf", " 1"};
    double value = 5;

    (void)state;
    for (unsigned i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        struct slice text = slice_of_text(exact[i]);

        assert_true(decimal_read(&text, &value) && text.size == 0);
        assert_true(value == strtod(exact[i], NULL));
    }
    for (unsigned i = 0; i < sizeof close / sizeof close[0]; i++) {
        struct slice text = slice_of_text(close[i]);

        assert_true(decimal_read(&text, &value) && text.size == 0);
        assert_true(fabs(value / strtod(close[i], NULL) - 1) < 1e-14);
    }
    value = 5;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct slice text = slice_of_text(wrong[i]);

        assert_true(!decimal_read(&text, &value) && text.size == strlen(wrong[i]) && value == 5);
    }
    {
        struct slice text = slice_of_text("1e+x");

        assert_true(decimal_read(&text, &value) && value == 1 && slice_is(text, "e+x"));
    }
}

static void notation(void **state)
{
    struct delay delay = delay_of("0.38*pareto:1.05,1.51+0.62*exp:0.183");

    (void)state;
    assert_int_equal(delay.count, 2);
    assert_true(delay.parts[0].shape == DELAY_PARETO && delay.parts[0].share == 0.38);
    assert_true(delay.parts[0].a == 1.05 && delay.parts[0].b == 1.51);
    assert_true(delay.parts[1].shape == DELAY_EXPONENTIAL && delay.parts[1].a == 0.183);
    assert_true(delay.extra == 0);
    delay = delay_of("75+exp:1");
    assert_true(delay.extra == 75 && delay.count == 1 && delay.parts[0].share == 1);
    delay = delay_of("75+0.5*const:1e+1+0.5*uniform:1,3");
    assert_true(delay.extra == 75 && delay.count == 2 && delay.parts[0].a == 10);
    delay = delay_of("0.1*const:1+0.1*const:2+0.1*const:3+0.1*const:4+0.1*const:5+0.1*const:6+"
                     "0.1*const:7+0.3*lognormal:8,0");
    assert_int_equal(delay.count, 8);
    delay_done(&delay);
    assert_int_equal(delay.count, 0);
}

static void refusals(void **state)
{
    (void)state;
#define ONE_OF                                                                                     \
    "a delay must be one of const:MS, exp:RATE, pareto:XM,ALPHA, uniform:LOW,HIGH, "               \
    "lognormal:MEDIAN,SIGMA or file:PATH"
#define SHARES "each part of a mixture must have a share, as in 0.4*exp:1+0.6*const:5"
    refused("", ONE_OF);
    refused("gamma:1", "gamma:1: " ONE_OF);
    refused("exp", "exp: " ONE_OF);
    refused("1*", "1*: " ONE_OF);
    refused("0.5*exp:1+", ONE_OF);
    refused("75", "75: a fixed delay is written const:75");
    refused("exp:", "exp:: exp takes a number, exp:RATE");
    refused("exp:fast", "exp:fast: exp takes a number, exp:RATE");
    refused("pareto:1", "pareto:1: pareto takes two numbers, pareto:XM,ALPHA");
    refused("pareto:1;2", "pareto:1;2: pareto takes two numbers, pareto:XM,ALPHA");
    refused("exp:0", "exp:0: the rate must be above 0");
    refused("exp:-1", "exp:-1: the rate must be above 0");
    refused("exp:1e-10", "exp:1e-10: the rate must be at least 1e-09");
    refused("exp:1e10", "exp:1e10: the rate must be at most 1e+09");
    refused("const:-1", "const:-1: the delay must be 0 or more");
    refused("pareto:0,2", "pareto:0,2: the smallest value xm must be above 0");
    refused("pareto:1,0", "pareto:1,0: the alpha must be above 0");
    refused("uniform:3,1", "uniform:3,1: the upper bound must not be below the lower one");
    refused("lognormal:1,11", "lognormal:1,11: the sigma must be at most 10");
    refused("-3+exp:1", "-3: the number in front must be 0 or more");
    refused("0*exp:1", "0*exp:1: the share must be above 0");
    refused("0.5*exp:1+1.5*exp:2", "1.5*exp:2: the share must be at most 1");
    refused("0.5*exp:1", "the shares of a mixture must add up to 1, not to 0.5");
    refused("0.5*exp:1+0.6*exp:2", "the shares of a mixture must add up to 1, not to 1.1");
    refused("exp:1+exp:2", "exp:1+exp:2: " SHARES);
    refused("0.5*exp:1+exp:2", "exp:2: " SHARES);
    refused("exp:1 ", "exp:1: the end or a + must follow, not \" \"");
    refused("exp:1,2", "exp:1: the end or a + must follow, not \",2\"");
    refused("0.1*exp:1+0.1*exp:1+0.1*exp:1+0.1*exp:1+0.1*exp:1+0.1*exp:1+0.1*exp:1+0.1*exp:1+"
            "0.2*exp:1",
            "0.2*exp:1: a delay may have 8 parts at most");
    refused("file:", "file:: a path must follow file:");
}

// ---------------------------------------------------------------- draws

enum { DRAWS = 100 * 1000 };

// Draws against the distribution function: the largest gap between the two (Kolmogorov) is above
// 1.95 / sqrt(draws) once in a thousand; seeds are fixed.
static void check_draws(const char *text, bool continuous)
{
    struct delay delay = delay_of(text);
    double *draws = (double *)malloc(DRAWS * sizeof *draws);
    double mean = delay_mean(&delay);
    double sum = 0;
    double gap = 0;
    struct rng rng;

    rng_init(&rng, 11);
    for (int i = 0; i < DRAWS; i++)
        sum += draws[i] = delay_draw(&delay, &rng);
    numbers_sort(draws, DRAWS);
    for (int i = 0; i < DRAWS; i++) {
        double cdf = delay_cdf(&delay, draws[i]);

        if (continuous)
            gap = fmax(gap, fmax(fabs(cdf - i / (double)DRAWS), fabs(cdf - (i + 1.0) / DRAWS)));
        else if (i + 1 == DRAWS || draws[i] < draws[i + 1])
            gap = fmax(gap, fabs(cdf - (i + 1.0) / DRAWS));
    }
    if (gap > 1.95 / sqrt(DRAWS) || !(draws[0] >= 0))
        fail_msg("%s: gap %g, least %g", text, gap, draws[0]);
    if (isfinite(mean) && fabs(sum / DRAWS / mean - 1) > 0.02)
        fail_msg("%s: mean %g, of draws %g", text, mean, sum / DRAWS);
    assert_true(delay_cdf(&delay, -1) == 0 && delay_cdf(&delay, 0) <= 1);
    assert_true(delay_cdf(&delay, INFINITY) > 1 - 1e-15);
    free(draws);
    delay_done(&delay);
}

static void draws_follow_the_distribution(void **state)
{
    static const char *const continuous[] = {"exp:0.183",
                                             "pareto:1.05,3.5",
                                             "pareto:3,0.9",
                                             "uniform:1,3",
                                             "lognormal:0.5,1.2",
                                             "75+exp:1",
                                             "0.38*pareto:1.05,2.51+0.62*exp:0.183",
                                             "5+0.25*uniform:0,1+0.25*uniform:2,3+0.5*exp:2"};
    static const char *const steps[] = {"const:5", "const:0", "0.3*const:1+0.5*const:2+0.2*const:3",
                                        "uniform:2,2", "lognormal:4,0"};

    (void)state;
    for (unsigned i = 0; i < sizeof continuous / sizeof continuous[0]; i++)
        check_draws(continuous[i], true);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++)
        check_draws(steps[i], false);
}

static void means_and_distributions_by_hand(void **state)
{
    struct delay delay = delay_of("1+0.25*exp:0.5+0.75*pareto:2,3");

    (void)state;
    assert_true(fabs(delay_mean(&delay) - (1 + 0.25 * 2 + 0.75 * 3)) < 1e-15);
    assert_true(delay_cdf(&delay, 1) == 0);
    assert_true(fabs(delay_cdf(&delay, 5) - (0.25 * (1 - exp(-2)) + 0.75 * (1 - 0.125))) < 1e-15);
    delay = delay_of("pareto:1,1");
    assert_true(delay_mean(&delay) == NUMBER_INFINITY);
    delay = delay_of("lognormal:2,0.5");
    assert_true(fabs(delay_mean(&delay) - 2 * exp(0.125)) < 1e-15);
    assert_true(fabs(delay_cdf(&delay, 2) - 0.5) < 1e-15);
}

static void normal(void **state)
{
    (void)state;
    for (double x = -12; x <= 12; x += 1.0 / 64)
        assert_true(fabs(normal_cdf(x) - erfc(-x / sqrt(2)) / 2) < 1e-14);
    assert_true(normal_cdf(0) == 0.5 && normal_cdf(INFINITY) == 1 && normal_cdf(-INFINITY) == 0);
    assert_true(isnan(normal_cdf(NAN)));
}

// Bailis et al., VLDB 2012, table 3.
static void fits(void **state)
{
    static const char *const names[] = {"lnkd-ssd", "lnkd-disk", "ymmr"};
    struct delay delay;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        for (const char *leg = "WARS"; *leg; leg++) {
            delay = delay_of(delay_fit(names[i], *leg));
            assert_int_equal(delay.count, 2);
        }
        assert_null(delay_fit(names[i], 'X'));
    }
    assert_null(delay_fit("lnkd", 'W'));
    assert_string_equal(delay_fit("lnkd-disk", 'S'), delay_fit("lnkd-ssd", 'W'));
    delay = delay_of(delay_fit("lnkd-disk", 'W'));
    assert_true(delay.parts[0].share == 0.38 && delay.parts[0].a == 1.05);
    assert_true(delay.parts[0].b == 1.51 && delay.parts[1].a == 0.183);
    delay = delay_of(delay_fit("ymmr", 'W'));
    assert_true(delay.parts[0].share == 0.939 && delay.parts[0].a == 3);
    assert_true(delay.parts[0].b == 3.35 && delay.parts[1].a == 0.0028);
    delay = delay_of(delay_fit("ymmr", 'A'));
    assert_true(delay.parts[0].share == 0.982 && delay.parts[0].a == 1.5);
    assert_true(delay.parts[0].b == 3.8 && delay.parts[1].a == 0.0217);
    delay = delay_of(delay_fit("lnkd-ssd", 'R'));
    assert_true(delay.parts[0].share == 0.9122 && delay.parts[0].a == 0.235);
    assert_true(delay.parts[0].b == 10 && delay.parts[1].a == 1.66);
}

// ---------------------------------------------------------------- files

// Reads file:FOLDER/name with this content; the sentence begins with the path, which is cut off.
static void read_content(const char *content, struct delay *out, const char *sentence)
{
    char folder[FILES_PATH_SIZE];
    char text[FILES_PATH_SIZE + 32];
    struct buffer why = {0};
    int err;

    files_make_folder(folder);
    snprintf(text, sizeof text, "file:%s/a+b", folder);
    assert_true(files_write(text + 5, slice_of_text(content)));
    err = delay_read(text, out, &why);
    buffer_add_u8(&why, 0);
    assert_int_equal(err, sentence ? ERR_INVALID : 0);
    assert_string_equal((const char *)why.data + (sentence ? strlen(text + 5) : 0),
                        sentence ? sentence : "");
    buffer_done(&why);
    files_remove_folder(folder);
}

static void measured(void **state)
{
    struct delay delay;
    struct rng rng;
    unsigned counts[4] = {0};

    (void)state;
    read_content("3\n1\r\n\n  2 \t\n0.5", &delay, NULL);
    assert_true(delay.parts[0].shape == DELAY_MEASURED && delay.parts[0].count == 4);
    assert_true(delay.parts[0].measured[0] == 0.5 && delay.parts[0].measured[3] == 3);
    assert_true(delay_mean(&delay) == 1.625 && delay_cdf(&delay, 0.4) == 0);
    assert_true(delay_cdf(&delay, 0.5) == 0.25 && delay_cdf(&delay, 2.5) == 0.75);
    assert_true(delay_cdf(&delay, 3) == 1);
    rng_init(&rng, 1);
    for (int i = 0; i < 40000; i++)
        counts[(int)delay_draw(&delay, &rng)] += 1;
    for (int i = 0; i < 4; i++)
        assert_true(counts[i] > 9600 && counts[i] < 10400);
    delay_done(&delay);
}

static void files_refused(void **state)
{
    char line[1100] = {0};
    struct delay delay;

    (void)state;
    read_content("", &delay, ": no delay stands in it; it must have one number of ms a line");
    read_content("\n \r\n", &delay,
                 ": no delay stands in it; it must have one number of ms a line");
    read_content("1\nfast\n", &delay, ": line 2, \"fast\", must be a number of ms from 0 to 1e+09");
    read_content("-1", &delay, ": line 1, \"-1\", must be a number of ms from 0 to 1e+09");
    read_content("1 2", &delay, ": line 1, \"1 2\", must be a number of ms from 0 to 1e+09");
    memset(line, '0', 1001);
    read_content(line, &delay, ": line 1 is longer than 1000 bytes");
    line[1000] = 0;
    read_content(line, &delay, NULL);
    delay_done(&delay);
    refused("file:/nowhere/at/all", "/nowhere/at/all: cannot be read: No such file or directory");
    refused("file:/", "/: cannot be read: Is a directory");
    refused("0.5*file:/nowhere+0.5*exp:1", "/nowhere: cannot be read: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals),
        cmocka_unit_test(notation),
        cmocka_unit_test(refusals),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(means_and_distributions_by_hand),
        cmocka_unit_test(normal),
        cmocka_unit_test(fits),
        cmocka_unit_test(measured),
        cmocka_unit_test(files_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
