// SPDX-License-Identifier: Apache-2.0
// Whole rings in virtual time: what SWIM promises, under delay and loss.
#include "tests/lib/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Nodes 1.. join through node 0, and all know all.
static void form(struct swarm *swarm, size_t count, uint64_t seed)
{
    swarm_init(swarm, seed);
    for (size_t i = 0; i < count; i++)
        swarm_start(swarm, i);
    for (size_t i = 1; i < count; i++)
        swarm_join(swarm, i, 0);
    assert_true(swarm_run_until(swarm, 60000, swarm_agrees));
}

static bool first_is_dead(const struct swarm *swarm)
{
    for (size_t i = 1; i < swarm->count; i++) {
        if (swarm_view(swarm, i, 0) != MEMBER_DEAD)
            return false;
    }
    return true;
}

static bool first_has_left(const struct swarm *swarm)
{
    for (size_t i = 1; i < swarm->count; i++) {
        if (swarm_view(swarm, i, 0) != MEMBER_LEFT)
            return false;
    }
    return true;
}

static void test_join_converges(void **state)
{
    static const size_t sizes[] = {2, 3, 5, 10, 32};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct swarm swarm;

        form(&swarm, sizes[i], 7 + i);
        assert_true(swarm.now_ms < 1000 + 5000);
        swarm_run(&swarm, 20); // gossip may be faster than the answer to the last one's exchange
        for (size_t node = 1; node < swarm.count; node++) {
            assert_int_equal(swarm.nodes[node].joins_ok, 1);
            assert_int_equal(swarm.nodes[node].notices[SWIM_JOINED], swarm.count - 1);
        }
        swarm_done(&swarm);
    }
}

// Nobody is accused in a healthy ring, and at rest it hardly talks: a ping and an acknowledgement
// per member and second.
static void test_rest(void **state)
{
    struct swarm swarm;
    uint64_t before;

    (void)state;
    form(&swarm, 10, 3);
    swarm_run(&swarm, 60000);
    before = swarm.datagrams;
    swarm_run(&swarm, 100000);
    assert_in_range(swarm.datagrams - before, 1900, 2100);
    for (size_t i = 0; i < swarm.count; i++) {
        assert_int_equal(swarm.nodes[i].notices[SWIM_SUSPECT], 0);
        assert_int_equal(swim_counts(swarm.nodes[i].swim)->datagrams_malformed, 0);
    }
    swarm_done(&swarm);
}

static size_t sent_by[20];

static void count_sent(struct swarm *swarm, size_t index, struct slice bytes)
{
    (void)swarm;
    (void)bytes;
    sent_by[index]++;
}

// News is told before the next round is due, but that round and the later ones are owed: of news
// that never ends there are no more rounds, each to three, than one an interval, but for a few.
static void test_endless_news(void **state)
{
    const size_t early = 10, told = 10000 / 200 + early + 1, pings = 2 * 10 + 10;
    struct swarm swarm;

    (void)state;
    form(&swarm, 20, 4);
    swarm_run(&swarm, 10000);
    memset(sent_by, 0, sizeof sent_by);
    swarm.tap = count_sent;
    for (uint8_t i = 0; i < 250; i++) {
        swim_set_meta(swarm.nodes[0].swim, swarm.now_ms, slice_of(&i, 1));
        swarm_perform(&swarm, 0);
        swarm_run(&swarm, 40);
    }
    for (size_t i = 0; i < swarm.count; i++)
        assert_in_range(sent_by[i], told * 3 / 2, told * 3 + pings);
    swarm_done(&swarm);
}

// A crash: probed within two rounds at the latest, then suspected for at most the maximum, with all
// others confirming: far earlier. Known to all shortly after.
static void test_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct swarm swarm;
        uint64_t start_ms;

        form(&swarm, 10, seed);
        swarm_run(&swarm, 5000);
        swarm_kill(&swarm, 0);
        start_ms = swarm.now_ms;
        assert_true(swarm_run_until(&swarm, 30000, first_is_dead));
        assert_in_range(swarm.now_ms - start_ms, 4000, 15000);
        // Forgotten by all after a while, and nobody else was hurt.
        swarm_run(&swarm, 60000);
        assert_true(swarm_agrees(&swarm));
        for (size_t i = 1; i < swarm.count; i++) {
            assert_int_equal(swarm_view(&swarm, i, 0), MEMBER_LEFT + 1);
            assert_int_equal(swarm.nodes[i].notices[SWIM_DEAD], 1);
            assert_int_equal(swarm.nodes[i].notices[SWIM_FORGOTTEN], 1);
        }
        swarm_done(&swarm);
    }
}

// Of three members one crashes: no confirmation can come, the minimum holds from the start.
static void test_crash_of_three(void **state)
{
    struct swarm swarm;
    uint64_t start_ms;

    (void)state;
    form(&swarm, 3, 5);
    swarm_kill(&swarm, 0);
    start_ms = swarm.now_ms;
    assert_true(swarm_run_until(&swarm, 30000, first_is_dead));
    assert_in_range(swarm.now_ms - start_ms, 4000, 4000 + 4 * 1000 + 500);
    swarm_done(&swarm);
}

static void test_leave(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 8, 11);
    swarm_leave(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 5000, first_has_left));
    swarm_run(&swarm, 2000);
    assert_true(swarm.nodes[0].left);
    assert_true(swim_deadline(swarm.nodes[0].swim) == UINT64_MAX);
    for (size_t i = 1; i < swarm.count; i++)
        assert_int_equal(swarm.nodes[i].notices[SWIM_SUSPECT], 0);
    swarm_done(&swarm);
}

// A member that left comes back at another address at once, one that crashed after reclaim_ms.
static void test_return_elsewhere(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 5, 13);
    swarm_leave(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 5000, first_has_left));
    swarm_kill(&swarm, 0);
    swarm_start_at(&swarm, 0, 100);
    swarm_join(&swarm, 0, 1);
    assert_true(swarm_run_until(&swarm, 5000, swarm_agrees));

    swarm_kill(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 30000, first_is_dead));
    swarm_start_at(&swarm, 0, 101);
    swarm_join(&swarm, 0, 1);
    swarm_run(&swarm, 5000);
    assert_false(swarm_agrees(&swarm));
    assert_true(swarm.nodes[1].notices[SWIM_CONFLICT] > 0);
    assert_true(swarm_run_until(&swarm, 90000, swarm_agrees));
    swarm_done(&swarm);
}

// The same node, restarted at the same address, starts again at incarnation 1 and outdoes what is
// said about its earlier life.
static void test_restart(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 5, 17);
    swarm_kill(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 30000, first_is_dead));
    swarm_start(&swarm, 0);
    swarm_join(&swarm, 0, 1);
    assert_true(swarm_run_until(&swarm, 10000, swarm_agrees));
    assert_true(swim_self(swarm.nodes[0].swim)->incarnation > 1);
    swarm_done(&swarm);
}

// A lie about a healthy member: it refutes, and nobody ever holds it dead.
static void test_refutation(void **state)
{
    struct swarm swarm;
    uint8_t lie[64] = {0x03, 0x83, 0xa4, 'F', 'r', 'o', 'm', 0xa1, 'x', 0xab};
    size_t size = 10;

    (void)state;
    form(&swarm, 6, 19);
    swarm_run(&swarm, 5000);
    memcpy(lie + size,
           "Incarnation\x01\xa4Node\xb0"
           "0000000000000001",
           11 + 1 + 5 + 1 + 16);
    size += 11 + 1 + 5 + 1 + 16;
    swim_datagram(swarm.nodes[1].swim, swarm.now_ms, &swarm.nodes[2].address, slice_of(lie, size));
    assert_int_equal(swarm_view(&swarm, 1, 0), MEMBER_SUSPECT);
    swarm_perform(&swarm, 1);
    assert_true(swarm_run_until(&swarm, 4000, swarm_agrees));
    assert_int_equal(swim_self(swarm.nodes[0].swim)->incarnation, 2);
    swarm_run(&swarm, 30000);
    for (size_t i = 0; i < swarm.count; i++)
        assert_int_equal(swarm.nodes[i].notices[SWIM_DEAD], 0);
    swarm_done(&swarm);
}

// Our own process is stopped while it suspects another, which refutes meanwhile. What waits in our
// sockets is read before anybody is given up, however long we were away.
static void stop_while_suspecting(uint64_t seed, uint64_t stop_ms)
{
    struct swarm swarm;

    form(&swarm, 5, seed);
    swarm_run(&swarm, 5000);
    swarm.nodes[1].stopped = true;
    while (swarm_view(&swarm, 0, 1) != MEMBER_SUSPECT)
        swarm_run(&swarm, 10);
    swarm.nodes[1].stopped = false;
    swarm.nodes[0].stopped = true;
    swarm_run(&swarm, stop_ms);
    swarm.nodes[0].stopped = false;
    assert_true(swarm_run_until(&swarm, 40000, swarm_agrees));
    assert_int_equal(swarm.nodes[0].notices[SWIM_DEAD], 0);
    assert_true(swarm.nodes[0].notices[SWIM_SUSPECT] <= 1); // the one before the stop
    assert_int_equal(swim_counts(swarm.nodes[0].swim)->stalls, 1);
    swarm_done(&swarm);
}

static void test_stopped_process(void **state)
{
    static const uint64_t stops_ms[] = {2000, 10000, 27000, 300000};

    (void)state;
    for (uint64_t seed = 50; seed < 60; seed++) {
        for (size_t i = 0; i < sizeof stops_ms / sizeof stops_ms[0]; i++)
            stop_while_suspecting(seed, stops_ms[i]);
    }
}

// A member that gets no datagrams is held alive through streams.
static void test_deaf_member_stays(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 5, 23);
    swarm.nodes[0].deaf = true;
    swarm_run(&swarm, 60000);
    for (size_t i = 1; i < swarm.count; i++) {
        assert_int_equal(swarm.nodes[i].notices[SWIM_DEAD], 0);
        assert_int_equal(swarm_view(&swarm, i, 0), MEMBER_ALIVE);
    }
    swarm_done(&swarm);
}

// Two members that do not reach one another at all, while all others reach both: helpers keep them
// from accusing each other.
static void test_helpers(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 5, 41);
    swarm.apart[1] = 1;
    swarm_run(&swarm, 120000);
    for (size_t i = 0; i < swarm.count; i++) {
        assert_int_equal(swarm.nodes[i].notices[SWIM_SUSPECT], 0);
        assert_int_equal(swim_counts(swarm.nodes[i].swim)->probes_failed, 0);
    }
    assert_true(swim_counts(swarm.nodes[0].swim)->probes_late > 5);
    swarm_done(&swarm);
}

static void test_loss(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 10, 29);
    swarm.loss_permille = 100;
    swarm_run(&swarm, 300000);
    for (size_t i = 0; i < swarm.count; i++)
        assert_int_equal(swarm.nodes[i].notices[SWIM_DEAD], 0);
    swarm.loss_permille = 0;
    assert_true(swarm_run_until(&swarm, 30000, swarm_agrees));
    swarm_done(&swarm);
}

static bool sides_are_apart(const struct swarm *swarm)
{
    for (size_t seer = 0; seer < swarm->count; seer++) {
        for (size_t seen = 0; seen < swarm->count; seen++) {
            bool same = swarm->nodes[seer].side == swarm->nodes[seen].side;

            if ((swarm_view(swarm, seer, seen) == MEMBER_ALIVE) != same)
                return false;
            if (!same && swarm_view(swarm, seer, seen) == MEMBER_SUSPECT)
                return false;
        }
    }
    return true;
}

// A parted ring heals by itself when it was short: each side still gossips to its newly dead, who
// refute. (After the dead are forgotten, somebody must join again.)
static void test_partition_and_heal(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 6, 31);
    for (size_t i = 0; i < 3; i++)
        swarm.nodes[i].side = 1;
    assert_true(swarm_run_until(&swarm, 60000, sides_are_apart));
    for (size_t i = 0; i < 3; i++)
        swarm.nodes[i].side = 0;
    swarm_join(&swarm, 0, 5);
    assert_true(swarm_run_until(&swarm, 30000, swarm_agrees));
    swarm_done(&swarm);
}

static bool all_have_the_meta(const struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++) {
        const struct swim_member *member = swim_find(swarm->nodes[i].swim, 1);

        if (!member || !slice_is(member_meta(member), "other"))
            return false;
    }
    return true;
}

static void test_meta_and_user_state(void **state)
{
    struct swarm swarm;

    (void)state;
    form(&swarm, 8, 37);
    for (size_t i = 0; i < swarm.count; i++)
        assert_int_equal(swim_set_user_state(swarm.nodes[i].swim, slice_of_text("state")), 0);
    assert_int_equal(swim_set_meta(swarm.nodes[0].swim, swarm.now_ms, slice_of_text("other")), 0);
    swarm_perform(&swarm, 0);
    assert_true(swarm_run_until(&swarm, 60000, all_have_the_meta));
    swarm_run(&swarm, 60000);
    for (size_t i = 0; i < swarm.count; i++) {
        assert_true(swarm.nodes[i].user_states > 0);
        assert_int_equal(swarm.nodes[i].notices[SWIM_UPDATED], i != 0);
    }
    swarm_done(&swarm);
}

static uint64_t trace_of(uint64_t seed)
{
    struct swarm swarm;
    uint64_t trace;

    form(&swarm, 12, seed);
    swarm.loss_permille = 50;
    swarm_run(&swarm, 10000);
    swarm_kill(&swarm, 3);
    swarm_run(&swarm, 60000);
    trace = swarm.trace;
    swarm_done(&swarm);
    return trace;
}

static void test_same_seed_same_trace(void **state)
{
    (void)state;
    assert_true(trace_of(1) == trace_of(1));
    assert_true(trace_of(1) != trace_of(2));
}

static void test_join_nobody(void **state)
{
    struct swarm swarm;

    (void)state;
    swarm_init(&swarm, 1);
    swarm_start(&swarm, 0);
    swarm_start(&swarm, 1);
    swarm_kill(&swarm, 1);
    swarm_join(&swarm, 0, 1);
    swarm_run(&swarm, 20000);
    assert_int_equal(swarm.nodes[0].joins_failed, 1);
    swarm_leave(&swarm, 0);
    assert_true(swarm.nodes[0].left);
    swarm_done(&swarm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_converges),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_endless_news),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_crash_of_three),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_return_elsewhere),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_refutation),
        cmocka_unit_test(test_stopped_process),
        cmocka_unit_test(test_deaf_member_stays),
        cmocka_unit_test(test_helpers),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_partition_and_heal),
        cmocka_unit_test(test_meta_and_user_state),
        cmocka_unit_test(test_same_seed_same_trace),
        cmocka_unit_test(test_join_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
