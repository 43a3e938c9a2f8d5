// SPDX-License-Identifier: Apache-2.0
// Whole rings in virtual time: what SWIM promises, under delay and loss.
#include "tests/lib/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Nodes 1.. join through node 0, and all know all.
static void form(struct ring *ring, size_t count, uint64_t seed)
{
    ring_init(ring, seed);
    for (size_t i = 0; i < count; i++)
        ring_start(ring, i);
    for (size_t i = 1; i < count; i++)
        ring_join(ring, i, 0);
    assert_true(ring_run_until(ring, 60000, ring_agrees));
}

static bool first_is_dead(const struct ring *ring)
{
    for (size_t i = 1; i < ring->count; i++) {
        if (ring_view(ring, i, 0) != MEMBER_DEAD)
            return false;
    }
    return true;
}

static bool first_has_left(const struct ring *ring)
{
    for (size_t i = 1; i < ring->count; i++) {
        if (ring_view(ring, i, 0) != MEMBER_LEFT)
            return false;
    }
    return true;
}

static void test_join_converges(void **state)
{
    static const size_t sizes[] = {2, 3, 5, 10, 32};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ring ring;

        form(&ring, sizes[i], 7 + i);
        assert_true(ring.now_ms < 1000 + 5000);
        for (size_t node = 1; node < ring.count; node++) {
            assert_int_equal(ring.nodes[node].joins_ok, 1);
            assert_int_equal(ring.nodes[node].notices[SWIM_JOINED], ring.count - 1);
        }
        ring_done(&ring);
    }
}

// Nobody is accused in a healthy ring, and at rest it hardly talks: a ping and an acknowledgement
// per member and second.
static void test_rest(void **state)
{
    struct ring ring;
    uint64_t before;

    (void)state;
    form(&ring, 10, 3);
    ring_run(&ring, 60000);
    before = ring.datagrams;
    ring_run(&ring, 100000);
    assert_in_range(ring.datagrams - before, 1900, 2100);
    for (size_t i = 0; i < ring.count; i++) {
        assert_int_equal(ring.nodes[i].notices[SWIM_SUSPECT], 0);
        assert_int_equal(swim_counts(ring.nodes[i].swim)->datagrams_malformed, 0);
    }
    ring_done(&ring);
}

// A crash: probed within two rounds at the latest, then suspected for at most the maximum, with all
// others confirming: far earlier. Known to all shortly after.
static void test_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct ring ring;
        uint64_t start_ms;

        form(&ring, 10, seed);
        ring_run(&ring, 5000);
        ring_kill(&ring, 0);
        start_ms = ring.now_ms;
        assert_true(ring_run_until(&ring, 30000, first_is_dead));
        assert_in_range(ring.now_ms - start_ms, 4000, 15000);
        // Forgotten by all after a while, and nobody else was hurt.
        ring_run(&ring, 60000);
        assert_true(ring_agrees(&ring));
        for (size_t i = 1; i < ring.count; i++) {
            assert_int_equal(ring_view(&ring, i, 0), MEMBER_LEFT + 1);
            assert_int_equal(ring.nodes[i].notices[SWIM_DEAD], 1);
            assert_int_equal(ring.nodes[i].notices[SWIM_FORGOTTEN], 1);
        }
        ring_done(&ring);
    }
}

// Of three members one crashes: no confirmation can come, the minimum holds from the start.
static void test_crash_of_three(void **state)
{
    struct ring ring;
    uint64_t start_ms;

    (void)state;
    form(&ring, 3, 5);
    ring_kill(&ring, 0);
    start_ms = ring.now_ms;
    assert_true(ring_run_until(&ring, 30000, first_is_dead));
    assert_in_range(ring.now_ms - start_ms, 4000, 4000 + 4 * 1000 + 500);
    ring_done(&ring);
}

static void test_leave(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 8, 11);
    ring_leave(&ring, 0);
    assert_true(ring_run_until(&ring, 5000, first_has_left));
    ring_run(&ring, 2000);
    assert_true(ring.nodes[0].left);
    assert_true(swim_deadline(ring.nodes[0].swim) == UINT64_MAX);
    for (size_t i = 1; i < ring.count; i++)
        assert_int_equal(ring.nodes[i].notices[SWIM_SUSPECT], 0);
    ring_done(&ring);
}

// A member that left comes back at another address at once, one that crashed after reclaim_ms.
static void test_return_elsewhere(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 5, 13);
    ring_leave(&ring, 0);
    assert_true(ring_run_until(&ring, 5000, first_has_left));
    ring_kill(&ring, 0);
    ring_start_at(&ring, 0, 100);
    ring_join(&ring, 0, 1);
    assert_true(ring_run_until(&ring, 5000, ring_agrees));

    ring_kill(&ring, 0);
    assert_true(ring_run_until(&ring, 30000, first_is_dead));
    ring_start_at(&ring, 0, 101);
    ring_join(&ring, 0, 1);
    ring_run(&ring, 5000);
    assert_false(ring_agrees(&ring));
    assert_true(ring.nodes[1].notices[SWIM_CONFLICT] > 0);
    assert_true(ring_run_until(&ring, 90000, ring_agrees));
    ring_done(&ring);
}

// The same node, restarted at the same address, starts again at incarnation 1 and outdoes what is
// said about its earlier life.
static void test_restart(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 5, 17);
    ring_kill(&ring, 0);
    assert_true(ring_run_until(&ring, 30000, first_is_dead));
    ring_start(&ring, 0);
    ring_join(&ring, 0, 1);
    assert_true(ring_run_until(&ring, 10000, ring_agrees));
    assert_true(swim_self(ring.nodes[0].swim)->incarnation > 1);
    ring_done(&ring);
}

// A lie about a healthy member: it refutes, and nobody ever holds it dead.
static void test_refutation(void **state)
{
    struct ring ring;
    uint8_t lie[64] = {0x03, 0x83, 0xa4, 'F', 'r', 'o', 'm', 0xa1, 'x', 0xab};
    size_t size = 10;

    (void)state;
    form(&ring, 6, 19);
    ring_run(&ring, 5000);
    memcpy(lie + size,
           "Incarnation\x01\xa4Node\xb0"
           "0000000000000001",
           11 + 1 + 5 + 1 + 16);
    size += 11 + 1 + 5 + 1 + 16;
    swim_datagram(ring.nodes[1].swim, ring.now_ms, &ring.nodes[2].address, slice_of(lie, size));
    assert_int_equal(ring_view(&ring, 1, 0), MEMBER_SUSPECT);
    ring_perform(&ring, 1);
    assert_true(ring_run_until(&ring, 4000, ring_agrees));
    assert_int_equal(swim_self(ring.nodes[0].swim)->incarnation, 2);
    ring_run(&ring, 30000);
    for (size_t i = 0; i < ring.count; i++)
        assert_int_equal(ring.nodes[i].notices[SWIM_DEAD], 0);
    ring_done(&ring);
}

// A member that gets no datagrams is held alive through streams.
static void test_deaf_member_stays(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 5, 23);
    ring.nodes[0].deaf = true;
    ring_run(&ring, 60000);
    for (size_t i = 1; i < ring.count; i++) {
        assert_int_equal(ring.nodes[i].notices[SWIM_DEAD], 0);
        assert_int_equal(ring_view(&ring, i, 0), MEMBER_ALIVE);
    }
    ring_done(&ring);
}

// Two members that do not reach one another at all, while all others reach both: helpers keep them
// from accusing each other.
static void test_helpers(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 5, 41);
    ring.apart[1] = 1;
    ring_run(&ring, 120000);
    for (size_t i = 0; i < ring.count; i++) {
        assert_int_equal(ring.nodes[i].notices[SWIM_SUSPECT], 0);
        assert_int_equal(swim_counts(ring.nodes[i].swim)->probes_failed, 0);
    }
    assert_true(swim_counts(ring.nodes[0].swim)->probes_late > 5);
    ring_done(&ring);
}

static void test_loss(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 10, 29);
    ring.loss_permille = 100;
    ring_run(&ring, 300000);
    for (size_t i = 0; i < ring.count; i++)
        assert_int_equal(ring.nodes[i].notices[SWIM_DEAD], 0);
    ring.loss_permille = 0;
    assert_true(ring_run_until(&ring, 30000, ring_agrees));
    ring_done(&ring);
}

static bool sides_are_apart(const struct ring *ring)
{
    for (size_t seer = 0; seer < ring->count; seer++) {
        for (size_t seen = 0; seen < ring->count; seen++) {
            bool same = ring->nodes[seer].side == ring->nodes[seen].side;

            if ((ring_view(ring, seer, seen) == MEMBER_ALIVE) != same)
                return false;
            if (!same && ring_view(ring, seer, seen) == MEMBER_SUSPECT)
                return false;
        }
    }
    return true;
}

// A parted ring heals by itself when it was short: each side still gossips to its newly dead, who
// refute. (After the dead are forgotten, somebody must join again.)
static void test_partition_and_heal(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 6, 31);
    for (size_t i = 0; i < 3; i++)
        ring.nodes[i].side = 1;
    assert_true(ring_run_until(&ring, 60000, sides_are_apart));
    for (size_t i = 0; i < 3; i++)
        ring.nodes[i].side = 0;
    ring_join(&ring, 0, 5);
    assert_true(ring_run_until(&ring, 30000, ring_agrees));
    ring_done(&ring);
}

static bool all_have_the_meta(const struct ring *ring)
{
    for (size_t i = 0; i < ring->count; i++) {
        const struct swim_member *member = swim_find(ring->nodes[i].swim, 1);

        if (!member || !slice_is(member_meta(member), "other"))
            return false;
    }
    return true;
}

static void test_meta_and_user_state(void **state)
{
    struct ring ring;

    (void)state;
    form(&ring, 8, 37);
    for (size_t i = 0; i < ring.count; i++)
        assert_int_equal(swim_set_user_state(ring.nodes[i].swim, slice_of_text("state")), 0);
    assert_int_equal(swim_set_meta(ring.nodes[0].swim, ring.now_ms, slice_of_text("other")), 0);
    ring_perform(&ring, 0);
    assert_true(ring_run_until(&ring, 60000, all_have_the_meta));
    ring_run(&ring, 60000);
    for (size_t i = 0; i < ring.count; i++) {
        assert_true(ring.nodes[i].user_states > 0);
        assert_int_equal(ring.nodes[i].notices[SWIM_UPDATED], i != 0);
    }
    ring_done(&ring);
}

static uint64_t trace_of(uint64_t seed)
{
    struct ring ring;
    uint64_t trace;

    form(&ring, 12, seed);
    ring.loss_permille = 50;
    ring_run(&ring, 10000);
    ring_kill(&ring, 3);
    ring_run(&ring, 60000);
    trace = ring.trace;
    ring_done(&ring);
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
    struct ring ring;

    (void)state;
    ring_init(&ring, 1);
    ring_start(&ring, 0);
    ring_start(&ring, 1);
    ring_kill(&ring, 1);
    ring_join(&ring, 0, 1);
    ring_run(&ring, 20000);
    assert_int_equal(ring.nodes[0].joins_failed, 1);
    ring_leave(&ring, 0);
    assert_true(ring.nodes[0].left);
    ring_done(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_converges),
        cmocka_unit_test(test_rest),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_crash_of_three),
        cmocka_unit_test(test_leave),
        cmocka_unit_test(test_return_elsewhere),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_refutation),
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
