// SPDX-License-Identifier: Apache-2.0
// When requests are meant to begin: exact times, independent ones, several threads as one, and that
// a stall shows in the latency of everything that was to begin in it.
#include "client/bench/latency.h"
#include "client/bench/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

static struct schedule_setup setup_of(enum arrivals arrivals, uint64_t rate)
{
    return (struct schedule_setup){.arrivals = arrivals, .rate = rate, .threads = 1, .seed = 7};
}

static void closed_is_always_due(void **state)
{
    struct schedule_setup setup = setup_of(ARRIVALS_CLOSED, 0);
    struct schedule schedule;

    (void)state;
    schedule_init(&schedule, &setup, 5 * S);
    for (int i = 0; i < 3; i++) {
        assert_true(schedule_is_due(&schedule, 0));
        assert_int_equal(schedule_take(&schedule), 0);
        assert_int_equal(schedule_behind(&schedule, UINT64_MAX), 0);
    }
    assert_int_equal(schedule_unsent(&schedule, UINT64_MAX), 0);
}

// A rate that does not divide a second: no error adds up, ever.
static void uniform_is_exact(void **state)
{
    struct schedule_setup setup = setup_of(ARRIVALS_UNIFORM, 7);
    struct schedule schedule;

    (void)state;
    schedule_init(&schedule, &setup, 3 * S);
    for (uint64_t i = 0; i < 700; i++)
        assert_int_equal(schedule_take(&schedule), 3 * S + i / 7 * S + i % 7 * S / 7);
    assert_int_equal(schedule.next_ns, 103 * S);
    setup = setup_of(ARRIVALS_UNIFORM, RATE_MAX);
    schedule_init(&schedule, &setup, 0);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(schedule_take(&schedule), 10 * i);
}

// Taken together in the order of time, three threads send what one would.
static void threads_take_turns(void **state)
{
    struct schedule_setup setup = setup_of(ARRIVALS_UNIFORM, 1000);
    struct schedule one, three[3];

    (void)state;
    schedule_init(&one, &setup, S);
    for (uint32_t i = 0; i < 3; i++) {
        setup.thread = i;
        setup.threads = 3;
        schedule_init(&three[i], &setup, S);
    }
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(schedule_take(&three[i % 3]), schedule_take(&one));
}

// Mean and deviation of the distances are both 1 / rate, for each thread with its part of the rate.
static void poisson_distances(void **state)
{
    enum { COUNT = 200000 };
    double sum = 0, squares = 0, mean;
    struct schedule_setup setup = setup_of(ARRIVALS_POISSON, 4000);
    struct schedule schedule;
    uint64_t last = S;

    (void)state;
    setup.threads = 4;
    setup.thread = 2;
    schedule_init(&schedule, &setup, S);
    for (int i = 0; i < COUNT; i++) {
        uint64_t next = schedule_take(&schedule);
        double distance = (double)(next - last) / 1e6;

        assert_true(next >= last);
        sum += distance;
        squares += distance * distance;
        last = next;
    }
    mean = sum / COUNT;
    assert_true(fabs(mean - 1) < 0.01);
    assert_true(fabs(sqrt(squares / COUNT - mean * mean) - 1) < 0.02);
}

static void threads_differ(void **state)
{
    struct schedule_setup setup = setup_of(ARRIVALS_POISSON, 1000);
    struct schedule first, second;

    (void)state;
    setup.threads = 2;
    schedule_init(&first, &setup, 0);
    setup.thread = 1;
    schedule_init(&second, &setup, 0);
    assert_int_not_equal(first.next_ns, second.next_ns);
}

static void behind_and_unsent(void **state)
{
    struct schedule_setup setup = setup_of(ARRIVALS_UNIFORM, 100);
    struct schedule schedule;

    (void)state;
    schedule_init(&schedule, &setup, S);
    assert_false(schedule_is_due(&schedule, S - 1));
    assert_true(schedule_is_due(&schedule, S));
    for (int i = 0; i < 50; i++)
        (void)schedule_take(&schedule);
    // The next one was meant for 1.5 s.
    assert_int_equal(schedule_behind(&schedule, S + 500 * MS), 0);
    assert_int_equal(schedule_behind(&schedule, 2 * S), 500 * MS);
    assert_int_equal(schedule_unsent(&schedule, 2 * S), 50);
    assert_int_equal(schedule_unsent(&schedule, 2 * S), 0);
    assert_int_equal(schedule.count, 100);
}

// One slot; the server takes 1 ms, but stands still from second 2 to second 3. From sending, one
// request of a thousand was slow; from when they were meant to begin, all of that second's were,
// and those behind them until the queue is gone.
static void stall_is_seen_by_all(void **state)
{
    struct latency *intended = calloc(1, sizeof *intended);
    struct latency *sending = calloc(1, sizeof *sending);
    struct schedule_setup setup = setup_of(ARRIVALS_UNIFORM, 100);
    struct schedule schedule;
    uint64_t now = 0;

    (void)state;
    schedule_init(&schedule, &setup, 0);
    while (schedule.next_ns < 10 * S) {
        uint64_t meant = schedule_take(&schedule);
        uint64_t sent = now > meant ? now : meant;

        now = sent + MS;
        if (now > 2 * S && now <= 3 * S)
            now = 3 * S;
        latency_add(intended, now - meant);
        latency_add(sending, now - sent);
    }
    assert_int_equal(intended->count, 1000);
    // Nine in ten milliseconds the queue shrinks: the k-th slowest waited for 1000 - 9 k ms.
    assert_in_range(latency_quantile_ns(intended, 0.95), 540 * MS, 560 * MS);
    assert_in_range(latency_quantile_ns(intended, 0.90), 90 * MS, 110 * MS);
    assert_in_range(latency_quantile_ns(sending, 0.99), MS - MS / 100, MS + MS / 100);
    assert_in_range(intended->max_ns, 990 * MS, S);
    free(intended);
    free(sending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_is_always_due), cmocka_unit_test(uniform_is_exact),
        cmocka_unit_test(threads_take_turns),   cmocka_unit_test(poisson_distances),
        cmocka_unit_test(threads_differ),       cmocka_unit_test(behind_and_unsent),
        cmocka_unit_test(stall_is_seen_by_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
