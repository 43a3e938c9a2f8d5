// SPDX-License-Identifier: Apache-2.0
// Hedged reads: parts by hand, the closed form while queues are empty, and under load a plain
// simulation, event by event, that shares no code with the question.
#include "base/check.h"
#include "sim/number/number.h"
#include "sim/question/hedges.h"
#include "tests/lib/near.h"
#include "tests/lib/queueing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

// --- Parts ---------------------------------------------------------------------------------------

// Against a list that is searched, with bursts that make the ring turn and grow.
static void hedges_fall_due_in_order_and_none_is_lost(void **state)
{
    struct hedges hedges;
    struct hedge hedge = {0}, due;
    struct rng rng;
    uint32_t next = 0;
    double now = 0;

    (void)state;
    rng_init(&rng, 1);
    hedges_init(&hedges, 50);
    for (int round = 0; round < 20000; round++) {
        now += (double)rng_below(&rng, 4);
        while (hedges_due(&hedges, now, &due)) {
            assert_int_equal(due.read, next++);
            assert_true(due.start + 50 <= now);
        }
        assert_true(hedges.count == 0 || hedges.ring[hedges.first].start + 50 > now);
        for (uint64_t burst = rng_below(&rng, 10); burst > 0; burst--) {
            hedge.start = now;
            hedges_add(&hedges, &hedge);
            hedge.read += 1;
        }
    }
    while (hedges_due(&hedges, NUMBER_INFINITY, &due))
        assert_int_equal(due.read, next++);
    assert_int_equal(next, hedge.read);
    hedges_done(&hedges);
}

// The r-th of r answers and one more, counted plainly.
static void a_hedge_makes_the_r_th_answer_of_all_the_last(void **state)
{
    struct hedges hedges;

    (void)state;
    hedges_init(&hedges, 3);
    for (int before = 0; before < 10; before++)
        for (int last = before; last < 10; last++)
            for (int answer = 0; answer < 10; answer++) {
                struct hedge hedge = {.before = before, .last = last};
                int late = 3 + answer;
                int sooner = late < last ? late : last;

                assert_true(hedge_outcome(&hedges, &hedge, answer) ==
                            (sooner > before ? sooner : before));
            }
}

// --- Hedging -------------------------------------------------------------------------------------

// P(slower than ms) with a hedge after `after` ms, while queues are empty.
static double hedged_tail(const struct delay *service, double after, double ms)
{
    double tail = 1 - delay_cdf(service, ms);

    return ms > after ? tail * (1 - delay_cdf(service, ms - after)) : tail;
}

// Where that falls to `share`.
static double hedged_percentile(const struct delay *service, double after, double share)
{
    double low = 0, high = 1e6;

    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;

        if (hedged_tail(service, after, middle) > share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void check_hedging(const char *text, double after, enum latency_reads reads)
{
    struct queueing *queueing = queueing_new(4, 2, text);
    const struct delay *service = &queueing->setup.service;
    double extra = 1 - delay_cdf(service, after);

    queueing->setup.reads = reads;
    queueing->setup.hedged = true;
    queueing->setup.hedge_ms = after;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "reads", "extra-requests"), extra,
                4 * sqrt(extra / QUEUEING_REQUESTS) + 1e-9);
    assert_near(queueing_found(queueing, "reads", "p99"), hedged_percentile(service, after, 0.01),
                0.03 * hedged_percentile(service, after, 0.01));
    assert_near(queueing_found(queueing, "reads", "p99.9"),
                hedged_percentile(service, after, 0.001),
                0.06 * hedged_percentile(service, after, 0.001));
    queueing_free(queueing);
}

static void hedging_follows_its_closed_form(void **state)
{
    (void)state;
    for (unsigned reads = LATENCY_PRIMARY; reads <= LATENCY_SPREAD; reads++) {
        check_hedging("exp:1", 1, reads);
        check_hedging("exp:1", 0, reads);
        check_hedging("uniform:0,10", 4, reads);
        check_hedging("lognormal:1,1", 5, reads);
        check_hedging("0.9*exp:1+0.1*exp:0.05", 3, reads);
    }
}

// The second of three exponential times is on average 1/3 + 1/2.
static void a_hedge_at_once_makes_a_read_the_second_of_three(void **state)
{
    struct queueing *queueing = queueing_new(5, 3, "exp:1");

    (void)state;
    queueing->trial.r = 2;
    queueing->setup.hedged = true;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "reads", "mean"), 5.0 / 6, 0.01);
    queueing_free(queueing);
}

// Every read goes to two of one key's three copies. Any two: each node is busy for 0.9 of the time,
// and the faster of two such nodes, nearly independent, takes about 5.4 ms. Were one chosen more
// often, it would never be the faster, and the mean that of the others alone: 7 ms.
static void a_spread_hedge_goes_to_any_other_copy(void **state)
{
    struct queueing *queueing = queueing_new(3, 3, "exp:1");

    (void)state;
    queueing->wants.keys = 1;
    queueing->setup.reads = LATENCY_SPREAD;
    queueing->setup.hedged = true;
    queueing_ask(queueing, 0.45, 1);
    assert_near(queueing_found(queueing, "reads", "extra-requests"), 1, 0);
    assert_near(queueing_found(queueing, "reads", "mean"), 5.4, 0.6);
    queueing_free(queueing);
}

// 10 ms, 2 % more requests, p99.9 from 1,800 to 74 ms: of the slowest of 1,000 reads, so of one in
// a million. A log-normal service through the first two numbers gives the third within 10 %.
static void hedging_cuts_the_tail_as_dean_and_barroso_tell(void **state)
{
    struct queueing *queueing = queueing_new(4, 3, "lognormal:0.19247,1.92355");
    const struct delay *service = &queueing->setup.service;

    (void)state;
    assert_near(1 - delay_cdf(service, 10), 0.02, 1e-4);
    assert_near(1 - delay_cdf(service, 1800), 1e-6, 1e-8);
    assert_near(hedged_percentile(service, 10, 1e-6), 74, 7.4);
    queueing->setup.hedged = true;
    queueing->setup.hedge_ms = 10;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "reads", "extra-requests"), 0.02, 0.001);
    assert_near(queueing_found(queueing, "reads", "p99.9"), hedged_percentile(service, 10, 0.001),
                0.3);
    queueing_free(queueing);
}

// Taken as the p99.9 of single reads, the same two times need more: 13 % of reads are hedged.
static void one_reads_tail_of_1800_ms_takes_more_hedges(void **state)
{
    struct queueing *queueing = queueing_new(4, 3, "lognormal:0.508,2.645");
    const struct delay *service = &queueing->setup.service;

    (void)state;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(queueing_found(queueing, "reads", "p99.9"), 1800, 180);
    assert_null(queueing_find(queueing, "reads", "extra-requests"));
    queueing->setup.hedged = true;
    queueing->setup.hedge_ms = 10;
    queueing_ask(queueing, 1e-6, 1);
    assert_near(hedged_percentile(service, 10, 0.001), 74, 1);
    assert_near(queueing_found(queueing, "reads", "p99.9"), 74, 6);
    assert_near(queueing_found(queueing, "reads", "extra-requests"), 0.13, 0.003);
    queueing_free(queueing);
}

// --- A plain simulation --------------------------------------------------------------------------

enum { PLAIN_REQUESTS = 300 * 1000, PLAIN_NODES = 4, PLAIN_COPIES = 3, PLAIN_HEDGE_MS = 2 };

#define PLAIN_READS  0.7 // of all requests
#define PLAIN_GAP_MS 1.5 // between requests, on average

struct plain_request {
    double start;
    double done;
    uint32_t wanted; // answers
    uint32_t answers;
    uint32_t spare; // whom a hedge asks
    bool write;
};

struct plain_node {
    uint32_t *jobs; // numbers of requests; the first that is not done is being served
    size_t first;
    size_t count;
    double ends; // the service of the first; infinite when idle
};

struct plain {
    struct rng rng;
    double now;
    struct plain_request *requests;
    uint32_t arrived;
    uint32_t timers; // of requests before this one the time to hedge is over
    uint32_t hedges;
    double arrival; // the next
    struct plain_node nodes[PLAIN_NODES];
};

static double plain_exponential(struct plain *plain)
{
    return -log(number_unit(&plain->rng));
}

static void plain_send(struct plain *plain, uint32_t node_number, uint32_t request)
{
    struct plain_node *node = &plain->nodes[node_number];

    if (node->first == node->count)
        node->ends = plain->now + plain_exponential(plain);
    node->jobs[node->count++] = request;
}

// A read goes to two of three neighbours, a write to all three.
static void plain_arrive(struct plain *plain)
{
    uint32_t number = plain->arrived++;
    struct plain_request *request = &plain->requests[number];
    uint32_t first = (uint32_t)rng_below(&plain->rng, PLAIN_NODES);
    uint32_t left_out = (uint32_t)rng_below(&plain->rng, PLAIN_COPIES);

    request->start = plain->now;
    request->wanted = 2;
    request->write = number_unit(&plain->rng) > PLAIN_READS;
    request->spare = (first + left_out) % PLAIN_NODES;
    for (uint32_t i = 0; i < PLAIN_COPIES; i++)
        if (request->write || i != left_out)
            plain_send(plain, (first + i) % PLAIN_NODES, number);
    plain->arrival = plain->now + PLAIN_GAP_MS * plain_exponential(plain);
}

static void plain_hedge(struct plain *plain)
{
    struct plain_request *request = &plain->requests[plain->timers];

    if (!request->write && request->answers < request->wanted) {
        plain_send(plain, request->spare, plain->timers);
        plain->hedges += 1;
    }
    plain->timers += 1;
}

static void plain_answer(struct plain *plain, struct plain_node *node)
{
    struct plain_request *request = &plain->requests[node->jobs[node->first++]];

    request->answers += 1;
    if (request->answers == request->wanted)
        request->done = plain->now;
    node->ends = NUMBER_INFINITY;
    if (node->first < node->count)
        node->ends = plain->now + plain_exponential(plain);
}

// The next event; false when none is left.
static bool plain_step(struct plain *plain)
{
    double arrival = plain->arrived < PLAIN_REQUESTS ? plain->arrival : NUMBER_INFINITY;
    double timer = NUMBER_INFINITY;
    struct plain_node *soonest = &plain->nodes[0];

    if (plain->timers < plain->arrived)
        timer = plain->requests[plain->timers].start + PLAIN_HEDGE_MS;
    for (uint32_t i = 1; i < PLAIN_NODES; i++)
        if (plain->nodes[i].ends < soonest->ends)
            soonest = &plain->nodes[i];
    plain->now = fmin(soonest->ends, fmin(arrival, timer));
    if (plain->now == NUMBER_INFINITY)
        return false;
    if (plain->now == arrival)
        plain_arrive(plain);
    else if (plain->now == timer)
        plain_hedge(plain);
    else
        plain_answer(plain, soonest);
    return true;
}

static int compare_doubles(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

// The mean, and the time that one in a hundred exceeds, of reads or of writes.
static void plain_result(const struct plain *plain, bool writes, double *mean, double *p99)
{
    double *times = memory_new(PLAIN_REQUESTS * sizeof *times);
    size_t count = 0;
    double sum = 0;

    for (uint32_t i = PLAIN_REQUESTS / 10; i < PLAIN_REQUESTS; i++)
        if (plain->requests[i].write == writes)
            times[count++] = plain->requests[i].done - plain->requests[i].start;
    for (size_t i = 0; i < count; i++)
        sum += times[i];
    qsort(times, count, sizeof *times, compare_doubles);
    *mean = sum / (double)count;
    *p99 = times[count * 99 / 100];
    free(times);
}

static void check_against_plain(const struct plain *plain, const struct queueing *queueing)
{
    static const char *const subjects[] = {"reads", "writes"};
    double extra = plain->hedges / (PLAIN_READS * PLAIN_REQUESTS);

    for (unsigned writes = 0; writes < 2; writes++) {
        double mean, p99;

        plain_result(plain, writes, &mean, &p99);
        assert_near(queueing_found(queueing, subjects[writes], "mean"), mean, 0.03 * mean);
        assert_near(queueing_found(queueing, subjects[writes], "p99"), p99, 0.05 * p99);
    }
    assert_near(queueing_found(queueing, "reads", "extra-requests"), extra, 0.03 * extra);
}

// Without hedges, each request makes 2.3 ms of work for four nodes. At a higher load both would be
// too noisy to be compared.
static void hedged_queues_do_what_a_plain_simulation_does(void **state)
{
    struct queueing *queueing = queueing_new(PLAIN_NODES, PLAIN_COPIES, "exp:1");
    struct plain *plain = memory_new(sizeof *plain);

    (void)state;
    rng_init(&plain->rng, 1);
    plain->requests = memory_new(PLAIN_REQUESTS * sizeof *plain->requests);
    for (uint32_t i = 0; i < PLAIN_NODES; i++) {
        plain->nodes[i].jobs = memory_new(2 * PLAIN_REQUESTS * sizeof(uint32_t));
        plain->nodes[i].ends = NUMBER_INFINITY;
    }
    while (plain_step(plain))
        continue;
    queueing->wants.read_share = PLAIN_READS;
    queueing->trial.r = 2;
    queueing->trial.w = 2;
    queueing->setup.reads = LATENCY_SPREAD;
    queueing->setup.hedged = true;
    queueing->setup.hedge_ms = PLAIN_HEDGE_MS;
    queueing_ask(queueing, 2.3 / PLAIN_GAP_MS / PLAIN_NODES, 1);
    check_against_plain(plain, queueing);
    for (uint32_t i = 0; i < PLAIN_NODES; i++)
        free(plain->nodes[i].jobs);
    free(plain->requests);
    free(plain);
    queueing_free(queueing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hedges_fall_due_in_order_and_none_is_lost),
        cmocka_unit_test(a_hedge_makes_the_r_th_answer_of_all_the_last),
        cmocka_unit_test(hedging_follows_its_closed_form),
        cmocka_unit_test(a_hedge_at_once_makes_a_read_the_second_of_three),
        cmocka_unit_test(a_spread_hedge_goes_to_any_other_copy),
        cmocka_unit_test(hedging_cuts_the_tail_as_dean_and_barroso_tell),
        cmocka_unit_test(one_reads_tail_of_1800_ms_takes_more_hedges),
        cmocka_unit_test(hedged_queues_do_what_a_plain_simulation_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
