// SPDX-License-Identifier: Apache-2.0
// The budget of background work: its rate holds, gives way when requests become slow, comes back.
#include "node/core/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MS = 1000, SECOND = 1000000 };

// Work in pieces of 10 keys of 1,000 bytes each, whenever allowed, for a time; how many keys.
static uint64_t work(struct budget *budget, uint64_t *now_us, uint64_t us,
                     const struct histogram *foreground)
{
    uint64_t until = *now_us + us;
    uint64_t done = 0;

    while (*now_us < until) {
        *now_us += MS;
        budget_turn(budget, *now_us, foreground);
        while (budget_allows(budget)) {
            budget_spend(budget, 10000, 10);
            done += 10;
        }
    }
    return done;
}

static void the_rate_holds(void **state)
{
    static const struct histogram idle;
    struct budget budget;
    uint64_t now_us = SECOND;
    uint64_t done;

    (void)state;
    budget_init(&budget, 1000000, 50000, now_us); // bytes bind: 1,000 keys a second
    done = work(&budget, &now_us, 10 * SECOND, &idle);
    assert_in_range(done, 9900, 10200);
    budget_init(&budget, 100000000, 500, now_us); // keys bind
    done = work(&budget, &now_us, 10 * SECOND, &idle);
    assert_in_range(done, 4900, 5100);
}

static void a_window_of_requests(struct budget *budget, uint64_t *now_us,
                                 struct histogram *foreground, uint64_t us)
{
    for (int i = 0; i < 100; i++)
        histogram_add(foreground, us);
    *now_us += BUDGET_WINDOW_US;
    budget_turn(budget, *now_us, foreground);
}

static void slow_requests_halve_it_and_calm_ones_bring_it_back(void **state)
{
    static struct histogram foreground;
    struct budget budget;
    uint64_t now_us = SECOND;

    (void)state;
    budget_init(&budget, 1000000, 50000, now_us);
    for (int i = 0; i < 100; i++)
        a_window_of_requests(&budget, &now_us, &foreground, 1000);
    assert_int_equal(budget.steps, 16);
    a_window_of_requests(&budget, &now_us, &foreground, 1900); // slower, but not twice as slow
    assert_int_equal(budget.steps, 16);
    a_window_of_requests(&budget, &now_us, &foreground, 3000);
    assert_int_equal(budget.steps, 8);
    for (int i = 0; i < 10; i++)
        a_window_of_requests(&budget, &now_us, &foreground, 3000);
    assert_int_equal(budget.steps, 1);
    assert_in_range(work(&budget, &now_us, SECOND / 2, &foreground), 10, 200);
    for (int i = 0; i < 20; i++)
        a_window_of_requests(&budget, &now_us, &foreground, 1000);
    assert_int_equal(budget.steps, 16);
}

static void few_requests_say_nothing(void **state)
{
    static struct histogram foreground;
    struct budget budget;
    uint64_t now_us = SECOND;

    (void)state;
    budget_init(&budget, 1000000, 50000, now_us);
    for (int i = 0; i < 100; i++)
        a_window_of_requests(&budget, &now_us, &foreground, 1000);
    for (int i = 0; i < BUDGET_SAMPLES_MIN - 1; i++)
        histogram_add(&foreground, 100000);
    now_us += BUDGET_WINDOW_US;
    budget_turn(&budget, now_us, &foreground);
    assert_int_equal(budget.steps, 16);
}

static void a_rate_below_a_key_a_turn_still_works(void **state)
{
    static const struct histogram idle;
    struct budget budget;
    uint64_t now_us = SECOND;

    (void)state;
    budget_init(&budget, 1, 1, now_us);
    budget_spend(&budget, 5, 5);
    assert_false(budget_allows(&budget));
    work(&budget, &now_us, 4 * SECOND, &idle);
    assert_false(budget_allows(&budget));
    while (now_us < 8 * SECOND) {
        now_us += MS;
        budget_turn(&budget, now_us, &idle);
    }
    assert_true(budget_allows(&budget));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_holds),
        cmocka_unit_test(slow_requests_halve_it_and_calm_ones_bring_it_back),
        cmocka_unit_test(few_requests_say_nothing),
        cmocka_unit_test(a_rate_below_a_key_a_turn_still_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
