// SPDX-License-Identifier: Apache-2.0
// Two members with one actor: whoever had it first keeps it, until it lives anew or is forgotten.
#include "node/io/ring_alarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_twin(struct ring_alarm *alarm, uint64_t node_id, uint64_t actor)
{
    struct node_meta meta = {.node_id = node_id, .actor = actor, .name = "n"};

    return ring_alarm_is_twin(alarm, &meta, "10.0.0.1:7401", 1000);
}

static void test_twins(void **state)
{
    struct ring_alarm alarm = {0};

    (void)state;
    ring_alarm_set_self(&alarm, 1, 100);
    assert_false(is_twin(&alarm, 2, 200));
    assert_false(is_twin(&alarm, 2, 200));
    assert_true(is_twin(&alarm, 3, 200));
    assert_true(is_twin(&alarm, 3, 200));
    assert_true(is_twin(&alarm, 3, 100)); // ours
    assert_false(is_twin(&alarm, 1, 100));
    // The first one restarts: its old actor is free, and so is the other one's claim to it.
    assert_false(is_twin(&alarm, 2, 201));
    assert_false(is_twin(&alarm, 3, 200));
    assert_true(is_twin(&alarm, 2, 200));
    ring_alarm_forget(&alarm, 3);
    assert_false(is_twin(&alarm, 2, 200));
    ring_alarm_forget(&alarm, 3);
    ring_alarm_done(&alarm);
}

static void test_many(void **state)
{
    struct ring_alarm alarm = {0};

    (void)state;
    for (uint64_t i = 1; i <= 5000; i++)
        assert_false(is_twin(&alarm, i, i * 7));
    for (uint64_t i = 1; i <= 5000; i++)
        assert_true(is_twin(&alarm, 10000 + i, i * 7));
    for (uint64_t i = 1; i <= 5000; i++)
        ring_alarm_forget(&alarm, i);
    assert_int_equal(alarm.by_actor.count, 0);
    assert_int_equal(alarm.by_node.count, 0);
    ring_alarm_done(&alarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
