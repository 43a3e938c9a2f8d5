// SPDX-License-Identifier: Apache-2.0
//
// The checker of the system tests, against histories with one planted violation each and against
// histories that only look wrong.

#include "tests/lib/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEN(...)                                                                                  \
    .seen = (const uint64_t[]){__VA_ARGS__},                                                       \
    .seen_count = sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)
#define SHOWS(...)                                                                                 \
    .values = (const uint64_t[]){__VA_ARGS__},                                                     \
    .count = sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)

struct expected {
    uint64_t lost, returned, invented, refused;
};

static int setup(void **state)
{
    *state = history_new(2, 16);
    return 0;
}

static int teardown(void **state)
{
    history_free(*state);
    return 0;
}

static void put(void **state, struct history_write write)
{
    history_add_write(*state, &write);
}

static void expect(void **state, struct history_read read, struct expected expected)
{
    struct history_verdict verdict = {0};
    struct buffer report = {0};

    history_add_read(*state, &read);
    history_check(*state, &verdict, &report);
    assert_int_equal(verdict.reads, 1);
    assert_int_equal(verdict.lost, expected.lost);
    assert_int_equal(verdict.returned, expected.returned);
    assert_int_equal(verdict.invented, expected.invented);
    assert_int_equal(verdict.refused, expected.refused);
    assert_int_equal(report.size == 0, history_is_clean(&verdict));
    buffer_done(&report);
}

static void acknowledged_value_is_shown(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    expect(state, (struct history_read){SHOWS(1), .began = 3, .ended = 4}, (struct expected){0});
}

static void acknowledged_value_is_missing(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    expect(state, (struct history_read){.began = 3, .ended = 4}, (struct expected){.lost = 1});
}

static void one_of_two_siblings_is_missing(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, .began = 1, .ended = 2});
    expect(state, (struct history_read){SHOWS(2), .began = 3, .ended = 4},
           (struct expected){.lost = 1});
}

static void unknown_value_may_be_missing_or_shown(void **state)
{
    put(state,
        (struct history_write){.value = 1, .began = 1, .ended = 2, .outcome = HISTORY_UNKNOWN});
    expect(state, (struct history_read){.began = 3, .ended = 4}, (struct expected){0});
    expect(state, (struct history_read){SHOWS(1), .began = 5, .ended = 6}, (struct expected){0});
}

static void value_acknowledged_during_the_read_may_be_missing(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 4});
    expect(state, (struct history_read){.began = 3, .ended = 5}, (struct expected){0});
}

static void replaced_value_is_gone(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, SEEN(1), .began = 3, .ended = 4});
    expect(state, (struct history_read){SHOWS(2), .began = 5, .ended = 6}, (struct expected){0});
}

static void replaced_value_comes_back(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, SEEN(1), .began = 3, .ended = 4});
    expect(state, (struct history_read){SHOWS(1, 2), .began = 5, .ended = 6},
           (struct expected){.returned = 1});
}

static void deleted_value_comes_back(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){SEEN(1), .began = 3, .ended = 4});
    expect(state, (struct history_read){.began = 5, .ended = 6}, (struct expected){0});
    expect(state, (struct history_read){SHOWS(1), .began = 7, .ended = 8},
           (struct expected){.returned = 1});
}

static void replacement_on_its_way_explains_both(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, SEEN(1), .began = 3, .ended = 6});
    expect(state, (struct history_read){SHOWS(1), .began = 4, .ended = 5}, (struct expected){0});
    expect(state, (struct history_read){SHOWS(2), .began = 4, .ended = 5}, (struct expected){0});
}

static void later_replacement_explains_nothing(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, SEEN(1), .began = 5, .ended = 6});
    expect(state, (struct history_read){.began = 3, .ended = 4}, (struct expected){.lost = 1});
}

static void refused_replacement_explains_nothing(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){
                   .value = 2, SEEN(1), .began = 3, .ended = 4, .outcome = HISTORY_REFUSED});
    expect(state, (struct history_read){.began = 5, .ended = 6}, (struct expected){.lost = 1});
    expect(state, (struct history_read){SHOWS(1, 2), .began = 5, .ended = 6},
           (struct expected){.refused = 1});
}

static void unknown_replacement_may_take_effect(void **state)
{
    put(state, (struct history_write){.value = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){SEEN(1), .began = 3, .ended = 4, .outcome = HISTORY_UNKNOWN});
    expect(state, (struct history_read){.began = 5, .ended = 6}, (struct expected){0});
    expect(state, (struct history_read){SHOWS(1), .began = 5, .ended = 6}, (struct expected){0});
}

static void values_nobody_wrote(void **state)
{
    put(state, (struct history_write){.value = 1, .key = 1, .began = 1, .ended = 2});
    put(state, (struct history_write){.value = 2, .began = 9, .ended = 10});
    expect(state, (struct history_read){SHOWS(7), .began = 3, .ended = 4},
           (struct expected){.invented = 1});
    expect(state, (struct history_read){SHOWS(0), .began = 3, .ended = 4},
           (struct expected){.invented = 1});
    expect(state, (struct history_read){SHOWS(99), .began = 3, .ended = 4},
           (struct expected){.invented = 1});
    // Of another key, and from the future.
    expect(state, (struct history_read){SHOWS(1), .began = 3, .ended = 4},
           (struct expected){.invented = 1});
    expect(state, (struct history_read){SHOWS(2), .began = 3, .ended = 4},
           (struct expected){.invented = 1});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_value_is_shown),
        TEST(acknowledged_value_is_missing),
        TEST(one_of_two_siblings_is_missing),
        TEST(unknown_value_may_be_missing_or_shown),
        TEST(value_acknowledged_during_the_read_may_be_missing),
        TEST(replaced_value_is_gone),
        TEST(replaced_value_comes_back),
        TEST(deleted_value_comes_back),
        TEST(replacement_on_its_way_explains_both),
        TEST(later_replacement_explains_nothing),
        TEST(refused_replacement_explains_nothing),
        TEST(unknown_replacement_may_take_effect),
        TEST(values_nobody_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
