// SPDX-License-Identifier: Apache-2.0
// Latency without hedges (sim_hedge_test.c has those): queues against the closed forms of queueing
// theory, quorums against order statistics, loads against what can be said by hand.
#include "sim/question/latency.h"
#include "sim/question/queues.h"
#include "tests/lib/near.h"
#include "tests/lib/queueing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

// --- Parts ---------------------------------------------------------------------------------------

static void a_queue_is_served_in_order(void **state)
{
    struct scheme_node nodes[2] = {{.weight = 100, .zone = SCHEME_NO_ZONE},
                                   {.weight = 300, .zone = SCHEME_NO_ZONE}};
    struct scheme_setup setup = {.nodes = nodes, .node_count = 2, .replicas = 1};
    struct scheme *scheme = scheme_new(&queueing_turn, &setup);
    struct queues queues;

    (void)state;
    queues_init(&queues, scheme);
    // Mean weight 200: the first node takes twice as long, the second two thirds of the time.
    assert_true(queues_ask(&queues, 0, 10, 3) == 6);
    assert_true(queues_ask(&queues, 0, 12, 1) == 6);  // waits 4, is served from 16 to 18
    assert_true(queues_ask(&queues, 0, 18, 1) == 2);  // just free
    assert_true(queues_ask(&queues, 0, 100, 1) == 2); // long idle
    assert_near(queues_ask(&queues, 1, 100, 3), 2, 1e-12);
    queues_done(&queues);
    scheme_free(scheme);
}

// --- Queueing theory -----------------------------------------------------------------------------

static void exponential_services_queue_as_m_m_1(void **state)
{
    static const double loads[] = {0.2, 0.5, 0.8};

    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        struct queueing *queueing = queueing_new(1, 1, "exp:1");
        double rest = 1 - loads[i]; // the rate at which time in the system ends

        queueing_ask(queueing, loads[i], i);
        assert_near(queueing_found(queueing, "reads", "mean") * rest, 1, 0.03);
        assert_near(queueing_found(queueing, "reads", "p50") * rest, log(2), 0.03 * log(2));
        assert_near(queueing_found(queueing, "reads", "p99") * rest, log(100), 0.05 * log(100));
        assert_near(queueing_found(queueing, "reads", "p99.9") * rest, log(1000), 0.10 * log(1000));
        queueing_free(queueing);
    }
}

// Pollaczek and Khinchine: the mean wait is load E[S^2] / (2 E[S] (1 - load)).
static void any_services_wait_as_pollaczek_and_khinchine_say(void **state)
{
    static const struct {
        const char *service;
        double mean;
        double square; // E[S^2]
    } services[] = {{"const:2", 2, 4},
                    {"uniform:1,3", 2, 4 + 1.0 / 3},
                    {"lognormal:1,0.5", 1.1331484530668263, 1.6487212707001282}};

    (void)state;
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)
        for (double load = 0.3; load < 0.8; load += 0.4) {
            struct queueing *queueing = queueing_new(1, 1, services[i].service);
            double wait = load * services[i].square / (2 * services[i].mean * (1 - load));

            queueing_ask(queueing, load, i);
            assert_near(queueing_found(queueing, "reads", "mean"), services[i].mean + wait,
                        0.03 * wait);
            queueing_free(queueing);
        }
}

// Keys at random split a Poisson stream into Poisson streams: each node is M/M/1 at the same load.
static void each_node_of_a_cluster_queues_by_itself(void **state)
{
    struct queueing *queueing = queueing_new(10, 1, "exp:2");

    (void)state;
    queueing_ask(queueing, 0.6, 1);
    assert_near(queueing_found(queueing, "reads", "mean"), 0.5 / 0.4, 0.02 * 0.5 / 0.4);
    assert_near(queueing_found(queueing, "reads", "p99"), log(100) * 0.5 / 0.4, 0.05 * 4.605 / 0.8);
    queueing_free(queueing);
}

// Node i gets w_i / W of the requests and serves at w_i / mean: the mean stays the same, the time
// of the light nodes is longer.
static void heavy_nodes_serve_faster(void **state)
{
    static const uint32_t weights[] = {100, 300};
    struct queueing *queueing = queueing_new(4, 1, "exp:1");

    (void)state;
    queueing->trial.weights = weights;
    queueing->trial.weight_count = 2;
    queueing_ask(queueing, 0.5, 1);
    assert_near(queueing_found(queueing, "", "max-load"), 1, 0.01);
    assert_near(queueing_found(queueing, "reads", "mean"), 2, 0.03 * 2);
    queueing_free(queueing);
}

// --- Quorums while queues are empty --------------------------------------------------------------

// The k-th smallest of n exponential times is on average 1/n + ... + 1/(n-k+1).
static double order_mean(unsigned n, unsigned k)
{
    double mean = 0;

    for (unsigned i = 0; i < k; i++)
        mean += 1.0 / (n - i);
    return mean;
}

static void quorums_take_the_w_th_and_the_r_th_answer(void **state)
{
    (void)state;
    for (unsigned w = 1; w <= 3; w++) {
        struct queueing *queueing = queueing_new(5, 3, "exp:1");

        queueing->wants.read_share = 0.5;
        queueing->trial.w = w;
        queueing->trial.r = w;
        queueing->setup.reads = w == 2 ? LATENCY_PRIMARY : LATENCY_SPREAD;
        queueing_ask(queueing, 1e-6, w);
        assert_near(queueing_found(queueing, "writes", "mean"), order_mean(3, w), 0.01);
        assert_near(queueing_found(queueing, "reads", "mean"), order_mean(w, w), 0.015);
        assert_near(queueing_found(queueing, "requests", "mean"),
                    (order_mean(3, w) + order_mean(w, w)) / 2, 0.015);
        queueing_free(queueing);
    }
}

// The median of the smallest of three is log(2)/3.
static void percentiles_of_a_quorum_are_order_statistics(void **state)
{
    struct queueing *queueing = queueing_new(5, 3, "exp:1");

    (void)state;
    queueing->wants.read_share = 0;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "writes", "p50"), log(2) / 3, 0.01 * log(2));
    assert_near(queueing_found(queueing, "writes", "p99.9"), log(1000) / 3, 0.04 * log(1000) / 3);
    assert_null(queueing_find(queueing, "reads", "mean"));
    assert_true(queueing_found(queueing, "requests", "p99") ==
                queueing_found(queueing, "writes", "p99"));
    queueing_free(queueing);
}

// --- Loads ---------------------------------------------------------------------------------------

static double found_max_load(struct queueing *queueing)
{
    queueing->setup.requests = 2000;
    queueing_ask(queueing, 0.5, 1);
    return queueing_found(queueing, "", "max-load");
}

// One key on two of four nodes: how much of the four can be used before one is full?
static void the_highest_load_is_that_of_the_hottest_node(void **state)
{
    static const struct {
        double read_share;
        uint32_t r;
        enum latency_reads reads;
        double max_load;
    } cases[] = {
        {1, 1, LATENCY_PRIMARY, 1.0 / 4},  {1, 1, LATENCY_SPREAD, 2.0 / 4},
        {0, 1, LATENCY_PRIMARY, 2.0 / 4},  {1, 2, LATENCY_PRIMARY, 2.0 / 4},
        {0.5, 1, LATENCY_PRIMARY, 0.375}, // of 1.5 services the first node takes 1
        {0.5, 1, LATENCY_SPREAD, 2.0 / 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct queueing *queueing = queueing_new(4, 2, "exp:1");

        queueing->wants.keys = 1;
        queueing->wants.read_share = cases[i].read_share;
        queueing->trial.r = cases[i].r;
        queueing->setup.reads = cases[i].reads;
        assert_near(found_max_load(queueing), cases[i].max_load, 1e-12);
        assert_near(queueing_found(queueing, "", "busiest"), 0.5 / cases[i].max_load, 1e-12);
        queueing_free(queueing);
    }
}

static void what_cannot_be_walked_is_drawn(void **state)
{
    struct queueing *queueing = queueing_new(4, 2, "exp:1");

    (void)state;
    queueing->wants.kind = WORKLOAD_SCRAMBLED;
    queueing->wants.theta = 0.99;
    queueing->wants.keys = 1;
    assert_near(found_max_load(queueing), 0.25, 1e-12);
    queueing_free(queueing);

    // Each new key is the hottest for a moment only; of the first 1,000, one would be for ever.
    queueing = queueing_new(10, 1, "exp:1");
    queueing->wants.kind = WORKLOAD_LATEST;
    queueing->wants.theta = 0.99;
    queueing->wants.keys = 1000;
    queueing->wants.read_share = 0.5;
    queueing->setup.requests = 20000;
    queueing_ask(queueing, 0.5, 1);
    assert_true(queueing_found(queueing, "", "max-load") > 0.85);
    queueing_free(queueing);
}

// Half of the keys have a third copy: the fastest of three, or of two.
static void rows_may_be_of_different_lengths(void **state)
{
    struct queueing *queueing = queueing_new(5, 2, "exp:1");

    (void)state;
    queueing->trial.kind = &queueing_boosted;
    queueing->wants.read_share = 0;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "writes", "mean"), (1.0 / 2 + 1.0 / 3) / 2, 0.005);
    queueing_free(queueing);
}

static void beyond_capacity_queues_only_grow(void **state)
{
    struct queueing *queueing = queueing_new(2, 1, "exp:1");
    double mean;

    (void)state;
    queueing->setup.requests = 20000;
    queueing_ask(queueing, 2, 1);
    mean = queueing_found(queueing, "reads", "mean");
    // Each node serves 1 a ms of the 2 that come: the wait grows by 1 ms in 2 ms, to 5,000.
    assert_near(mean, 2750, 300);
    queueing_free(queueing);
}

// With one key, only arrivals and services are left to differ.
static void seeds_and_loads_draw_anew_and_hedges_do_not(void **state)
{
    struct queueing *one = queueing_new(4, 3, "exp:1");
    struct queueing *two = queueing_new(4, 3, "exp:1");

    (void)state;
    one->wants.keys = two->wants.keys = 1;
    one->setup.requests = two->setup.requests = 20000;
    two->setup.hedged = true;
    two->setup.hedge_ms = 1e9;
    queueing_ask(one, 0.2, 5);
    queueing_ask(two, 0.2, 5);
    assert_true(queueing_found(two, "reads", "extra-requests") == 0);
    assert_true(queueing_found(one, "reads", "mean") == queueing_found(two, "reads", "mean"));
    assert_true(queueing_found(one, "requests", "p99") == queueing_found(two, "requests", "p99"));
    queueing_ask(two, 0.2, 6);
    assert_true(queueing_found(one, "reads", "mean") != queueing_found(two, "reads", "mean"));
    queueing_free(one);
    queueing_free(two);
}

static void loads_of_one_run_are_independent(void **state)
{
    struct queueing *queueing = queueing_new(4, 3, "exp:1");
    const struct finding *list;
    size_t half;

    (void)state;
    queueing->setup.requests = 20000;
    queueing->setup.loads[1] = 0.2;
    queueing->setup.load_count = 2;
    queueing_ask(queueing, 0.2, 5);
    list = queueing->found.list;
    half = queueing->found.count / 2;
    assert_int_equal(queueing->found.count, 2 * half + 1); // and max-load
    assert_string_equal(list[0].metric, list[half].metric);
    assert_true(list[0].at == 0.2 && list[half].at == 0.2);
    assert_true(list[0].value != list[half].value);
    queueing_free(queueing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_is_served_in_order),
        cmocka_unit_test(exponential_services_queue_as_m_m_1),
        cmocka_unit_test(any_services_wait_as_pollaczek_and_khinchine_say),
        cmocka_unit_test(each_node_of_a_cluster_queues_by_itself),
        cmocka_unit_test(heavy_nodes_serve_faster),
        cmocka_unit_test(quorums_take_the_w_th_and_the_r_th_answer),
        cmocka_unit_test(percentiles_of_a_quorum_are_order_statistics),
        cmocka_unit_test(the_highest_load_is_that_of_the_hottest_node),
        cmocka_unit_test(what_cannot_be_walked_is_drawn),
        cmocka_unit_test(rows_may_be_of_different_lengths),
        cmocka_unit_test(beyond_capacity_queues_only_grow),
        cmocka_unit_test(seeds_and_loads_draw_anew_and_hedges_do_not),
        cmocka_unit_test(loads_of_one_run_are_independent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
