// SPDX-License-Identifier: Apache-2.0
// Numbers as quorate-sim writes them, for programs and for people.
#include "base/rng.h"
#include "sim/output/digits.h"
#include "sim/output/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void text_is(struct buffer *out, const char *text)
{
    if (!slice_is(buffer_slice(out), text))
        fail_msg("'%.*s' is not '%s'", (int)out->size, (const char *)out->data, text);
    buffer_reset(out, SIZE_MAX);
}

static void number_vectors(void **state)
{
    static const struct {
        double value;
        unsigned digits;
        const char *text;
    } vectors[] = {
        {0, 9, "0"},
        {-0.0, 9, "0"},
        {1, 1, "1"},
        {-1.5, 9, "-1.5"},
        {1.591, 9, "1.591"},
        {1.5996, 3, "1.6"},
        {0.0898437500001, 9, "0.08984375"},
        {99.95, 3, "100"}, // the nearest double is above
        {1e6, 9, "1000000"},
        {123456789012.0, 9, "123456789000"},
        {999999999999999.0, 15, "999999999999999"},
        {1e15, 9, "1e15"},
        {1.25e20, 9, "1.25e20"},
        {0.00001, 9, "0.00001"},
        {0.0000125, 9, "0.0000125"},
        {0.000001, 9, "1e-6"},
        {-1.25e-7, 3, "-1.25e-7"},
        {1e300, 17, "1.0000000000000001e300"},
        {5e-324, 3, "4.94e-324"},
        {0.1, 17, "0.10000000000000001"},
        {1e9, 2, "1000000000"},
    };
    struct buffer out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        number_write(&out, vectors[i].value, vectors[i].digits);
        text_is(&out, vectors[i].text);
    }
    number_write(&out, __builtin_nan(""), 9);
    text_is(&out, "nan");
    number_write(&out, __builtin_inf(), 9);
    text_is(&out, "inf");
    number_write(&out, -__builtin_inf(), 9);
    text_is(&out, "-inf");
    buffer_done(&out);
}

// Whatever the number: what is written reads back as the number rounded to so many digits, has no
// zero to spare and no byte that a number has not.
static void number_reads_back(void **state)
{
    struct buffer out = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (unsigned i = 0; i < 300000; i++) {
        unsigned digits = 1 + i % 17;
        uint64_t bits = rng_u64(&rng);
        double value = (double)(int64_t)bits / (double)(1ull << i % 63);
        char expected[64];
        const char *text;

        if (i % 3 == 0)
            memcpy(&value, &bits, sizeof value);
        if (value - value != 0)
            continue;
        snprintf(expected, sizeof expected, "%.*e", (int)digits - 1, value);
        number_write(&out, value, digits);
        buffer_add_u8(&out, 0);
        text = (const char *)out.data;
        if (strtod(text, NULL) != strtod(expected, NULL))
            fail_msg("%s with %u digits is %s", expected, digits, text);
        if (strspn(text, "0123456789.-e") != strlen(text) || strstr(text, ".e") ||
            text[strlen(text) - 1] == '.' ||
            (strchr(text, '.') && !strchr(text, 'e') && text[strlen(text) - 1] == '0'))
            fail_msg("%s", text);
        buffer_reset(&out, SIZE_MAX);
    }
    buffer_done(&out);
}

static void number_whole_numbers(void **state)
{
    struct buffer out = {0};

    (void)state;
    for (unsigned i = 0; i <= 100000; i++) {
        char expected[16];

        snprintf(expected, sizeof expected, "%u", i);
        number_write(&out, i, 9);
        text_is(&out, expected);
    }
    buffer_done(&out);
}

// Against printf, which is right in the C locale.
static void number_with_fixed_decimals(void **state)
{
    struct buffer out = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (unsigned i = 0; i < 200000; i++) {
        unsigned decimals = i % 7;
        double value = (double)(int64_t)rng_u64(&rng) / (double)(1ull << (20 + i % 44));
        char expected[64];

        snprintf(expected, sizeof expected, "%.*f", (int)decimals, value);
        if (strspn(expected, "-0.") == strlen(expected) && expected[0] == '-')
            memmove(expected, expected + 1, strlen(expected)); // never "-0"
        digits_write_fixed(&out, value, decimals);
        if (value < 1e9 && value > -1e9) // 16 digits at most
            text_is(&out, expected);
        buffer_reset(&out, SIZE_MAX);
    }
    buffer_done(&out);
}

static void number_for_people(void **state)
{
    static const struct {
        double value;
        const char *unit;
        const char *text;
    } vectors[] = {
        {1.591, "", "1.591"},          {0.089843, "", "0.0898"}, {12.3456, "", "12.35"},
        {270000, "", "270,000"},       {1234.5678, "", "1235"},  {0, "", "0"},
        {0.000123456, "", "0.000123"}, {0.99997, "", "0.99997"}, // not 1
        {0.99994, "", "0.9999"},       {0.9994, "", "0.999"},    {2.5, "ms", "2.500 ms"},
        {1536, "bytes", "1.5 KiB"},    {35.1, "ns", "35.10 ns"}, {1250, "ns", "1.250 us"},
        {2.5e9, "ns", "2.500 s"},      {1e15, "", "1e15"},
    };
    struct arena arena = {0};

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_string_equal(show_value(&arena, vectors[i].value, vectors[i].unit), vectors[i].text);
    assert_string_equal(show_value(&arena, __builtin_nan(""), "ms"), "-");
    assert_string_equal(show_number(&arena, __builtin_inf()), "inf");
    assert_string_equal(show_percent(&arena, 0.0898), "8.98 %");
    assert_string_equal(show_grouped(&arena, "1000000"), "1,000,000");
    assert_string_equal(show_grouped(&arena, "1e6"), "1e6");
    assert_string_equal(show_grouped(&arena, "0.99"), "0.99");
    arena_done(&arena);
}

// "[1.52-1.68]" of several repetitions that differ.
static void ranges_for_people(void **state)
{
    struct arena arena = {0};
    struct row row = {.unit = "", .value = {1.591, 1.5204, 1.59, 1.6811}, .repetitions = 100};

    (void)state;
    assert_string_equal(show_range(&arena, &row), "[1.52-1.68]");
    row.repetitions = 1;
    assert_string_equal(show_range(&arena, &row), "");
    row.repetitions = 2;
    row.unit = "bytes";
    row.value = (struct summary){2048, 1024, 2048, 4096};
    assert_string_equal(show_range(&arena, &row), "[1.0 KiB-4.0 KiB]");
    row.value = (struct summary){16, 16, 16, 16};
    assert_string_equal(show_range(&arena, &row), "");
    row.value.mean = __builtin_nan("");
    assert_string_equal(show_range(&arena, &row), "");
    arena_done(&arena);
}

// Texts of users on a line and in a page: no byte of theirs does anything there.
static void texts_for_people(void **state)
{
    struct arena arena = {0};
    struct buffer out = {0};

    (void)state;
    assert_string_equal(show_line(&arena, "a\x1b[31m\xff \xc3\xa4\xc2\x85\n"),
                        "a?[31m? \xc3\xa4??");
    assert_int_equal(show_columns("\xc3\xa4\xe2\x82\xac."), 3);
    show_html(&out, "<a href=\"x\">&\xfe\n");
    text_is(&out, "&#60;a href=&#34;x&#34;&#62;&#38;\xef\xbf\xbd ");
    show_utf8(&out, "\xe2\x82 \xc0\x80 \xf0\x9f\x98\x80");
    text_is(&out, "\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80");
    buffer_done(&out);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_vectors),       cmocka_unit_test(number_reads_back),
        cmocka_unit_test(number_whole_numbers), cmocka_unit_test(number_with_fixed_decimals),
        cmocka_unit_test(number_for_people),    cmocka_unit_test(ranges_for_people),
        cmocka_unit_test(texts_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
