// SPDX-License-Identifier: Apache-2.0
#include "node/core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 2000, QUEUE_MAX = 1 << 20, LOOK_MS = 200 };

// A server that answers in the order of arrival, so many each ms, and its clients, who wait for
// TIMEOUT_MS.
struct server {
    struct pace pace;
    uint64_t now_ms;
    uint64_t came_ms[QUEUE_MAX];
    uint32_t first, last; // of the queue
    uint64_t refused, late, in_time;
};

static struct server server;

static void server_init(void)
{
    memset(&server, 0, sizeof server);
    pace_init(&server.pace, 0);
}

static void pass(uint64_t ms, uint32_t arrivals, uint32_t answers)
{
    for (uint64_t until_ms = server.now_ms + ms; server.now_ms < until_ms; server.now_ms++) {
        for (uint32_t i = 0; i < arrivals; i++) {
            if (pace_allows(&server.pace, server.last - server.first, TIMEOUT_MS))
                server.came_ms[server.last++ % QUEUE_MAX] = server.now_ms;
            else
                server.refused++;
        }
        for (uint32_t i = 0; i < answers && server.first < server.last; i++) {
            uint64_t waited_ms = server.now_ms - server.came_ms[server.first++ % QUEUE_MAX];

            server.late += waited_ms > TIMEOUT_MS;
            server.in_time += waited_ms <= TIMEOUT_MS;
            pace_answered(&server.pace, 1 + waited_ms * 1000);
        }
        if (server.now_ms % LOOK_MS == LOOK_MS - 1)
            pace_turn(&server.pace, (server.now_ms + 1) * 1000);
    }
    assert_true(server.last - server.first < QUEUE_MAX);
}

static void what_fits_is_let_in(void **state)
{
    (void)state;
    server_init();
    pass(5000, 5, 6);
    assert_int_equal(server.refused, 0);
    pass(1, 4000, 6); // a burst that takes a third of a second
    pass(5000, 5, 20);
    assert_int_equal(server.refused, 0);
}

static void overload_leaves_the_goodput(void **state)
{
    static const uint32_t capacities[] = {1, 5, 40};

    (void)state;
    for (unsigned i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        uint32_t capacity = capacities[i];

        server_init();
        pass(20000, 10 * capacity, capacity);
        server.late = server.in_time = 0;
        pass(20000, 10 * capacity, capacity);
        assert_int_equal(server.late, 0);
        assert_int_equal(server.in_time, 20000 * capacity);
        // and the queue is short enough to be gone soon
        assert_true(server.last - server.first <= capacity * TIMEOUT_MS / PACE_SHARE + PACE_FREE);
        pass(1000, 0, capacity);
        assert_int_equal(server.last, server.first);
    }
}

static void a_stall_is_forgotten(void **state)
{
    (void)state;
    server_init();
    pass(5000, 10, 12);
    pass(3000, 10, 0); // nothing is answered for a while
    assert_true(server.refused > 0);
    pass(3000, 10, 12);
    server.refused = 0;
    pass(10000, 10, 12);
    assert_int_equal(server.refused, 0);
}

static void a_few_are_always_let_in(void **state)
{
    (void)state;
    server_init();
    pass(20000, 1, 0); // until no rate is believed any more
    server.first = server.last;
    pass(20000, 1, 0);
    assert_int_equal(server.last - server.first, PACE_FREE);
}

// A thousand that wait for somebody else's disk; those that do not are few and quick.
static void who_is_stuck_holds_nobody_up(void **state)
{
    struct pace pace;
    uint32_t refused = 0;

    (void)state;
    pace_init(&pace, 0);
    for (uint32_t ms = 1; ms <= 30000; ms++) {
        pace_answered(&pace, 900);
        if (ms % LOOK_MS == 0)
            pace_turn(&pace, ms * 1000);
        refused += !pace_allows(&pace, ms < 1000 ? 1 : 1000, TIMEOUT_MS);
    }
    assert_int_equal(refused, 0);
    // When those left take long as well it is a queue.
    for (uint32_t ms = 30001; ms <= 40000; ms++) {
        pace_answered(&pace, 400000);
        if (ms % LOOK_MS == 0)
            pace_turn(&pace, ms * 1000);
    }
    assert_false(pace_allows(&pace, 1000, TIMEOUT_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_let_in),
        cmocka_unit_test(overload_leaves_the_goodput),
        cmocka_unit_test(a_stall_is_forgotten),
        cmocka_unit_test(a_few_are_always_let_in),
        cmocka_unit_test(who_is_stuck_holds_nobody_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
