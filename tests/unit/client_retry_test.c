// SPDX-License-Identifier: Apache-2.0
// Trying again, exhaustively over methods, errors and ways to fail: what may have changed something
// is never repeated, what was refused or never left may be. And the budget, the pauses, the choice
// of nodes.
#include "base/err.h"
#include "client/retry.h"
#include "client/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const int errors[] = {
#define X(name, number, code, exit_code, text) name,
    ERR_MAP(X)
#undef X
};

enum { ERRORS = sizeof errors / sizeof errors[0] };

static bool changes(enum method method)
{
    return method == METHOD_PUT || method == METHOD_DELETE || method == METHOD_BUCKET_SET ||
           method == METHOD_CLUSTER_INIT;
}

static void unknown_is_never_repeated(void **state)
{
    uint32_t repeated = 0;

    (void)state;
    for (uint32_t i = 0; i < METHOD_COUNT * ERRORS * 2 * 2 * 2; i++) {
        struct failure failure = {.method = (enum method)(i / 8 / ERRORS),
                                  .err = errors[i / 8 % ERRORS],
                                  .answered = i & 1,
                                  .sent = i & 2,
                                  .acks = i & 4 ? 1 : 0};
        bool is_unknown = failure_is_unknown(&failure);

        assert_false(is_unknown && failure_is_retryable(&failure));
        assert_false(is_unknown && !changes(failure.method));
        if (!failure.answered && changes(failure.method))
            assert_true(is_unknown == failure.sent);
        if (changes(failure.method) && failure.answered && failure.err == ERR_TIMEOUT)
            assert_true(is_unknown);
        repeated += failure_is_retryable(&failure);
    }
    assert_true(repeated > 0);
}

static void refusals_are_repeated(void **state)
{
    static const int refusals[] = {ERR_OVERLOADED, ERR_SHUTDOWN, ERR_NOT_SERVING, ERR_UNAVAILABLE};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct failure failure = {.method = METHOD_PUT, .err = refusals[i], .answered = true};

        assert_true(failure_is_retryable(&failure));
        failure.acks = 1;
        assert_false(failure_is_retryable(&failure));
    }
}

static void ways_that_fail(void **state)
{
    struct failure put = {.method = METHOD_PUT, .err = ERR_CLOSED, .sent = true};
    struct failure get = {.method = METHOD_GET, .err = ERR_CLOSED, .sent = true};
    struct failure nonsense = {.method = METHOD_GET, .err = ERR_PROTOCOL, .sent = true};
    struct failure coordinator_gone = {.method = METHOD_GET, .err = ERR_CLOSED, .answered = true};

    (void)state;
    assert_true(failure_is_unknown(&put));
    put.sent = false;
    assert_true(failure_is_retryable(&put));
    assert_true(failure_is_retryable(&get));
    assert_true(failure_is_retryable(&nonsense));
    assert_true(failure_is_retryable(&coordinator_gone));
    coordinator_gone.method = METHOD_PUT;
    assert_false(failure_is_retryable(&coordinator_gone));
}

static void budget_is_a_tenth(void **state)
{
    struct retry_budget budget;
    uint32_t spent = 0;

    (void)state;
    retry_budget_init(&budget);
    while (retry_budget_spend(&budget))
        spent++;
    assert_int_equal(spent, 10);
    for (int i = 0; i < 1000; i++) {
        retry_budget_earn(&budget);
        spent += retry_budget_spend(&budget);
    }
    assert_int_equal(spent, 10 + 100);
    for (int i = 0; i < 100000; i++)
        retry_budget_earn(&budget);
    for (spent = 0; retry_budget_spend(&budget);)
        spent++;
    assert_int_equal(spent, RETRY_BUDGET_MAX / 1000);
}

static void pauses_grow_and_end(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (uint32_t attempts = 1; attempts < 100; attempts++) {
        for (int i = 0; i < 100; i++) {
            uint32_t ms = retry_pause_ms(attempts, &rng);

            assert_in_range(ms, 1, RETRY_PAUSE_MS_MAX);
            assert_true(attempts > 5 || ms <= 10U << attempts);
        }
    }
}

// ---- whom to ask --------------------------------------------------------------------------------

static uint32_t chosen_most(const struct choice *choices, uint32_t count)
{
    struct rng rng;
    uint32_t times[8] = {0};
    uint32_t most = 0;

    rng_init(&rng, 3);
    for (int i = 0; i < 1000; i++)
        times[route_choose(choices, count, &rng)]++;
    for (uint32_t i = 0; i < count; i++)
        most = times[i] > times[most] ? i : most;
    assert_int_equal(times[most], 1000);
    return most;
}

static void the_best_is_asked(void **state)
{
    struct choice stranger = {.alive = true, .linked = true};
    struct choice owner = {.owner = true, .alive = true, .linked = true};
    struct choice dead = {.owner = true, .linked = true};
    struct choice unlinked = {.owner = true, .alive = true};
    struct choice avoided = owner;
    struct choice tried = owner;

    (void)state;
    avoided.failed = true;
    tried.tried = 1;
    assert_int_equal(chosen_most((struct choice[]){stranger, owner}, 2), 1);
    assert_int_equal(chosen_most((struct choice[]){dead, stranger}, 2), 1);
    assert_int_equal(chosen_most((struct choice[]){avoided, stranger}, 2), 1);
    assert_int_equal(chosen_most((struct choice[]){tried, avoided}, 2), 1);
    assert_int_equal(chosen_most((struct choice[]){unlinked, owner, dead}, 3), 1);
    assert_int_equal(chosen_most((struct choice[]){unlinked, stranger}, 2), 0);
}

static void equals_share(void **state)
{
    struct choice choices[3];
    uint32_t times[3] = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (int i = 0; i < 3; i++)
        choices[i] = (struct choice){.owner = true, .alive = true, .linked = true};
    for (int i = 0; i < 3000; i++)
        times[route_choose(choices, 3, &rng)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(times[i], 850, 1150);
}

static void patience_follows_what_reads_take(void **state)
{
    struct patience patience = {0};

    (void)state;
    assert_int_equal(patience_ms(&patience, 50, 1000), 1000);
    patience_learn(&patience, 100000);
    assert_int_equal(patience_ms(&patience, 50, 1000), 300);
    for (int i = 0; i < 100; i++)
        patience_learn(&patience, 1000);
    assert_int_equal(patience_ms(&patience, 50, 1000), 50);
    for (int i = 0; i < 100; i++)
        patience_learn(&patience, i % 2 ? 10000 : 90000);
    assert_in_range(patience_ms(&patience, 50, 1000), 150, 300);
    for (int i = 0; i < 100; i++)
        patience_learn(&patience, UINT64_MAX);
    assert_int_equal(patience_ms(&patience, 50, 1000), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_is_never_repeated),
        cmocka_unit_test(refusals_are_repeated),
        cmocka_unit_test(ways_that_fail),
        cmocka_unit_test(budget_is_a_tenth),
        cmocka_unit_test(pauses_grow_and_end),
        cmocka_unit_test(the_best_is_asked),
        cmocka_unit_test(patience_follows_what_reads_take),
        cmocka_unit_test(equals_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
