// SPDX-License-Identifier: Apache-2.0
// The experiment of Dadgar, Phillips, Currey ("Lifeguard: Local Health Awareness for More Accurate
// Failure Detection", arXiv 1707.00788, 2017, section V): among 128 members C are slow, again and
// again, all at the same time: for D what they send and get waits, then for I all is well. Timers
// go on. How many healthy members are given up, by anybody and by healthy ones, with and without
// the parts of Lifeguard.
//
// In memberlist, which the paper measured, whatever sends is a loop that stands still with its
// message: of many probes that were due one is made. That is how the first test does it. In the
// second one only the messages wait and probes go on, as with a slow network, which is harder.
// QUORATE_SCALE=full takes all parts alone, and a grid of C, D and I.
#include "tests/lib/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMBERS = 128, RUN_MS = 120000 };

static bool is_full(void)
{
    const char *scale = getenv("QUORATE_SCALE");

    return scale && strcmp(scale, "full") == 0;
}

struct parts {
    const char *name;
    bool probe;     // local health stretches probes
    bool suspicion; // its time shrinks with confirmations
    bool buddy;     // suspects are told with the ping
    bool doubts;    // ours, not the paper's
};

enum { SWIM_ALONE, PROBE_ONLY, SUSPICION_ONLY, BUDDY_ONLY, LIFEGUARD, OURS, CONFIGURATIONS };

static const struct parts configurations[CONFIGURATIONS] = {
    [SWIM_ALONE] = {"SWIM", false, false, false, false},
    [PROBE_ONLY] = {"with local health", true, false, false, false},
    [SUSPICION_ONLY] = {"with shrinking suspicion", false, true, false, false},
    [BUDDY_ONLY] = {"with buddy", false, false, true, false},
    [LIFEGUARD] = {"Lifeguard", true, true, true, false},
    [OURS] = {"and with doubts", true, true, true, true},
};

static const struct parts *parts;

// The timings of the paper: alpha 5, beta 6, K 3, S 8.
static void adjust(const struct swarm *swarm, size_t index, struct swim_settings *settings)
{
    (void)swarm;
    (void)index;
    settings->streams_max = 256;
    settings->timing.suspicion_mult = 5;
    settings->timing.suspicion_max_mult = parts->suspicion ? 6 : 1;
    settings->timing.awareness_max = parts->probe ? 9 : 1;
    settings->tells_suspects = parts->buddy;
    settings->doubts = parts->doubts;
}

struct anomaly {
    size_t members;   // C; the first ones are slow
    uint64_t slow_ms; // D
    uint64_t free_ms; // I
};

static size_t slow_members;

struct counted {
    uint64_t all;        // healthy ones that somebody gave up
    uint64_t by_healthy; // that a healthy one gave up
};

static struct counted counted;

static void count(struct swarm *swarm, size_t index, const struct swim_action *action)
{
    (void)swarm;
    if (action->notice != SWIM_DEAD || swarm_index(action->member->node_id) < slow_members)
        return;
    counted.all++;
    counted.by_healthy += index >= slow_members;
}

static void form(struct swarm *swarm, uint64_t seed)
{
    swarm_init(swarm, seed);
    swarm->adjust = adjust;
    for (size_t i = 0; i < MEMBERS; i++) {
        swarm_start(swarm, i);
        if (i)
            swarm_join(swarm, i, (size_t)rng_below(&swarm->rng, i));
        swarm_run(swarm, 10);
    }
    swarm_run(swarm, 5000);
}

static void run(const struct anomaly *anomaly, uint64_t ms, bool loops_block)
{
    struct swarm swarm;
    uint64_t end_ms;

    form(&swarm, 1 + anomaly->members + anomaly->slow_ms + anomaly->free_ms);
    swarm.loops_block = loops_block;
    swarm.delay_ms_max = 1; // the paper's members share machines
    slow_members = anomaly->members;
    swarm.noticed = count;
    end_ms = swarm.now_ms + ms;
    while (swarm.now_ms < end_ms) {
        for (size_t i = 0; i < slow_members; i++)
            swarm.nodes[i].blocked_until_ms = swarm.now_ms + anomaly->slow_ms;
        swarm_run(&swarm, anomaly->slow_ms + anomaly->free_ms);
    }
    swarm_done(&swarm);
}

static bool is_less(uint64_t count, uint64_t of, uint64_t permyriad)
{
    return count * 10000 <= of * permyriad;
}

static void print_counted(const struct counted found[CONFIGURATIONS])
{
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        if (i > 0 && i < LIFEGUARD && !is_full())
            continue;
        print_message("%-26s %7u false deaths (%6.2f %%), %5u of them seen by healthy members\n",
                      configurations[i].name, (unsigned)found[i].all,
                      100.0 * (double)found[i].all / (double)found[0].all,
                      (unsigned)found[i].by_healthy);
    }
}

// The paper counts 339,002 false deaths with SWIM alone and 5,193 with Lifeguard (1.53 %), at
// healthy members 1,326 and 25. Of its improvement we ask for half at least: not more than twice as
// many are left. Of the parts alone shrinking suspicion must help, and none may harm.
static void check_ratios(const struct counted found[CONFIGURATIONS])
{
    const struct counted *alone = &found[SWIM_ALONE];

    print_counted(found);
    assert_true(alone->all > 200);
    for (size_t i = PROBE_ONLY; i < LIFEGUARD && is_full(); i++) {
        assert_true(is_less(found[i].all, alone->all, i == SUSPICION_ONLY ? 2000 : 10500));
        assert_true(i == SUSPICION_ONLY || found[LIFEGUARD].all < found[i].all);
    }
    assert_true(is_less(found[LIFEGUARD].all, alone->all, 306));
    assert_true(found[LIFEGUARD].by_healthy <= alone->by_healthy);
    assert_true(is_less(found[OURS].all, alone->all, 306));
}

static void try_all(const struct anomaly *anomaly, uint64_t ms, bool loops_block,
                    struct counted found[CONFIGURATIONS])
{
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        parts = &configurations[i];
        counted = (struct counted){0, 0};
        if (i == SWIM_ALONE || i >= LIFEGUARD || is_full())
            run(anomaly, ms, loops_block);
        found[i].all += counted.all;
        found[i].by_healthy += counted.by_healthy;
    }
}

static void try_grid(const uint64_t *slow_ms, size_t count, struct counted found[CONFIGURATIONS])
{
    static const size_t members[] = {4, 16, 32};
    static const uint64_t free_ms[] = {4, 8, 64, 1024};

    for (size_t i = 0; i < count; i++) {
        struct counted of_one[CONFIGURATIONS] = {0};

        for (size_t at = 0; at < 12; at++) {
            struct anomaly anomaly = {members[at / 4], slow_ms[i], free_ms[at % 4]};

            try_all(&anomaly, RUN_MS, true, of_one);
        }
        print_message("D = %u ms:", (unsigned)slow_ms[i]);
        for (size_t j = 0; j < CONFIGURATIONS; j++) {
            print_message(" %u", (unsigned)of_one[j].all);
            found[j].all += of_one[j].all;
            found[j].by_healthy += of_one[j].by_healthy;
        }
        print_message("\n");
    }
}

// A suspicion lasts for 10.5 s at least here, so of shorter anomalies nobody dies. Nearly all are
// seen by the slow alone: what they think of others does not get far.
static void test_blocked_loops(void **state)
{
    static const uint64_t slow_ms[] = {16384, 32768};
    static const struct anomaly one = {8, 16384, 4};
    struct counted found[CONFIGURATIONS] = {0};

    (void)state;
    if (is_full())
        try_grid(slow_ms, 2, found);
    else
        try_all(&one, RUN_MS, true, found);
    check_ratios(found);
    assert_true(is_less(found[SWIM_ALONE].by_healthy, found[SWIM_ALONE].all, 100));
}

static void test_waiting_messages(void **state)
{
    static const struct anomaly anomalies[] = {
        {8, 16384, 512},  {4, 16384, 1024}, {16, 16384, 1024}, {16, 32768, 64},
        {4, 32768, 1024}, {32, 8192, 256},  {1, 32768, 64},
    };
    size_t kinds = is_full() ? sizeof anomalies / sizeof anomalies[0] : 1;
    struct counted found[CONFIGURATIONS] = {0};

    (void)state;
    for (size_t i = 0; i < kinds; i++)
        try_all(&anomalies[i], is_full() ? RUN_MS : 27000, false, found);
    check_ratios(found);
}

static bool first_is_given_up(const struct swarm *swarm)
{
    for (size_t i = 1; i < swarm->count; i++) {
        if (swarm_view(swarm, i, 0) != MEMBER_DEAD)
            return false;
    }
    return true;
}

static uint64_t detect(uint64_t seed)
{
    struct swarm swarm;
    uint64_t start_ms;

    form(&swarm, seed);
    swarm_kill(&swarm, 0);
    start_ms = swarm.now_ms;
    assert_true(swarm_run_until(&swarm, 60000, first_is_given_up));
    start_ms = swarm.now_ms - start_ms;
    swarm_done(&swarm);
    return start_ms;
}

// What Lifeguard gains does not cost time: the paper's median detection is 12.44 s without and
// 12.45 s with it.
static void test_detection(void **state)
{
    static const int with[] = {SWIM_ALONE, LIFEGUARD, OURS};
    uint64_t seeds = is_full() ? 40 : 1;
    uint64_t mean_ms[3];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        parts = &configurations[with[i]];
        mean_ms[i] = 0;
        for (uint64_t seed = 1; seed <= seeds; seed++)
            mean_ms[i] += detect(seed);
        mean_ms[i] /= seeds;
        print_message("%-26s a crash is known to all after %u ms\n", parts->name,
                      (unsigned)mean_ms[i]);
        assert_in_range(mean_ms[i], 11000, 14500);
    }
    assert_true(mean_ms[2] <= mean_ms[0] + 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_loops),
        cmocka_unit_test(test_waiting_messages),
        cmocka_unit_test(test_detection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
