// SPDX-License-Identifier: Apache-2.0
//
// Whole clusters under load: placements given from outside, staleness against the closed Monte
// Carlo of probabilistically bounded staleness, the same numbers for the same seed.

#include "node/data/key.h"
#include "sim/cluster/cluster.h"
#include "sim/cluster/fresh.h"
#include "sim/cluster/options.h"
#include "sim/cluster/owners.h"
#include "sim/number/number.h"
#include "sim/question/staleness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stage {
    struct trial trial;
    struct cluster_setup setup;
    struct staleness_setup closed;
    struct workload *workload;
    struct delay legs[LEGS];
    struct delay client_leg;
};

// Few requests, no time for anything but the legs: three nodes, each of which has every key.
static void stage_init(struct stage *stage, const char *fit)
{
    struct buffer why = {0};
    struct workload_setup load = {.kind = WORKLOAD_UNIFORM,
                                  .keys = 100,
                                  .read_share = 0.5,
                                  .bytes_min = 100,
                                  .bytes_max = 100};

    *stage = (struct stage){0};
    for (unsigned leg = 0; leg < LEGS; leg++)
        assert_int_equal(delay_read(delay_fit(fit, "WARS"[leg]), &stage->legs[leg], &why), 0);
    assert_int_equal(delay_read("const:0", &stage->client_leg, &why), 0);
    assert_int_equal(workload_new(&load, &stage->workload, &why), 0);
    stage->setup = (struct cluster_setup){.rate = 1000,
                                          .clients = 1,
                                          .seconds = 1,
                                          .warm = 0.1,
                                          .timeout_ms = 10000,
                                          .legs = stage->legs,
                                          .client_leg = &stage->client_leg};
    stage->trial = (struct trial){.kind = scheme_find("static"),
                                  .setup = {.replicas = 3, .shards = 64, .vnodes = 128},
                                  .nodes = 3,
                                  .workload = stage->workload,
                                  .r = 1,
                                  .w = 1,
                                  .cluster = &stage->setup,
                                  .staleness = &stage->closed};
}

static void stage_done(struct stage *stage)
{
    workload_free(stage->workload);
    for (unsigned leg = 0; leg < LEGS; leg++)
        delay_done(&stage->legs[leg]);
    delay_done(&stage->client_leg);
}

static double value_at(const struct findings *findings, const char *subject, const char *metric,
                       double at)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *found = &findings->list[i];

        if (strcmp(found->metric, metric) == 0 && strcmp(found->subject, subject) == 0 &&
            (!found->curve || fabs(found->at - at) < 1e-9))
            return found->value;
    }
    fail_msg("no %s of '%s' at %g", metric, subject, at);
    return 0;
}

static double value_of(const struct findings *findings, const char *subject, const char *metric)
{
    return value_at(findings, subject, metric, 0);
}

// ---- probabilistically bounded staleness --------------------------------------------------------

static const double times[] = {0, 1, 2, 5, 10, 20};
enum { TIMES = sizeof times / sizeof times[0] };

// The root of the mean square of differences, over t.
static double staleness_differs(const char *fit, uint32_t r, uint32_t w, uint32_t probes)
{
    struct findings played = {0};
    struct findings closed = {0};
    struct stage stage;
    double sum = 0;

    stage_init(&stage, fit);
    stage.trial.r = r;
    stage.trial.w = w;
    stage.setup.rate = 1;
    stage.setup.seconds = 20;
    stage.setup.probes = probes;
    stage.setup.time_count = stage.closed.time_count = TIMES;
    memcpy(stage.setup.times, times, sizeof times);
    memcpy(stage.closed.times, times, sizeof times);
    memcpy(stage.closed.legs, stage.legs, sizeof stage.legs);
    stage.closed.local = true;
    stage.closed.trials = 100000;
    question_cluster.ask(&stage.trial, 7, &played);
    question_staleness(&stage.trial, 8, &closed);
    for (unsigned i = 0; i < TIMES; i++) {
        double one = value_at(&played, "", "p-consistent", times[i]);
        double other = value_at(&closed, "", "p-consistent", times[i]);

        sum += (one - other) * (one - other);
    }
    findings_done(&played);
    findings_done(&closed);
    stage_done(&stage);
    return sqrt(sum / TIMES);
}

static void stale_reads_are_as_many_as_expected(void **state)
{
    (void)state;
    assert_true(staleness_differs("lnkd-ssd", 1, 1, 8000) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 1, 1, 8000) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 1, 2, 2000) < 0.015);
    assert_true(staleness_differs("lnkd-disk", 2, 1, 2000) < 0.015);
    assert_true(staleness_differs("lnkd-disk", 2, 2, 1000) < 1e-12);
}

// ---- placements ---------------------------------------------------------------------------------

static void static_shards_are_those_of_the_planner(void **state)
{
    struct stage stage;
    struct owners owners;
    struct scheme *scheme;

    (void)state;
    stage_init(&stage, "lnkd-ssd");
    stage.trial.nodes = 7;
    owners_init(&owners, &stage.trial, 5);
    scheme = trial_scheme(&stage.trial, 5);
    assert_int_equal(owners.shards, 64);
    for (uint64_t i = 0; i < 1000; i++) {
        const uint64_t hash = rng_mix(i);
        const double load = 1;
        uint16_t places[3];

        scheme_locate(scheme, &(struct scheme_batch){1, &hash, &load, false},
                      &(struct scheme_places){places, NULL});
        assert_memory_equal(places, owners_of(&owners, hash), sizeof places);
    }
    scheme_free(scheme);
    owners_done(&owners);
    stage_done(&stage);
}

// What each node holds of the ring itself, all copies, and of its fine shards.
static void fine_shards_hold_what_the_ring_does(void **state)
{
    double exact[10] = {0};
    double fine[10] = {0};
    struct stage stage;
    struct owners owners;
    struct scheme *scheme;

    (void)state;
    stage_init(&stage, "lnkd-ssd");
    stage.trial.nodes = 10;
    stage.trial.kind = scheme_find("ring");
    owners_init(&owners, &stage.trial, 5);
    scheme = trial_scheme(&stage.trial, 5);
    assert_int_equal(owners.shards, 32768);
    for (uint32_t i = 0; i < scheme->ranges->count; i++) {
        for (unsigned rank = 0; rank < 3; rank++)
            exact[scheme->ranges->owners[i * 3 + rank]] += ranges_length(scheme->ranges, i);
    }
    for (uint32_t i = 0; i < owners.shards * 3; i++)
        fine[owners.rows[i]] += 1.0 / owners.shards;
    for (unsigned i = 0; i < 10; i++) {
        assert_true(fabs(fine[i] / exact[i] - 1) < 0.004);
        assert_true(fabs(fine[i] - 0.3) < 0.1);
    }
    scheme_free(scheme);
    owners_done(&owners);
    stage_done(&stage);
}

static void schemes_that_go_by_load_are_not_possible(void **state)
{
    (void)state;
    assert_true(owners_possible(scheme_find("jump")));
    assert_false(owners_possible(scheme_find("split")));
    assert_false(owners_possible(scheme_find("bounded")));
    assert_false(owners_possible(scheme_find("static-boost")));
}

// Requests go where the placement says: all of one key's to the three nodes that own it.
static void requests_go_to_the_owners(void **state)
{
    struct buffer why = {0};
    struct workload_setup load = {.kind = WORKLOAD_UNIFORM, .keys = 1, .read_share = 0.5};
    struct findings found = {0};
    struct stage stage;

    (void)state;
    stage_init(&stage, "lnkd-ssd");
    workload_free(stage.workload);
    assert_int_equal(workload_new(&load, &stage.workload, &why), 0);
    stage.trial.workload = stage.workload;
    stage.trial.nodes = 12;
    stage.trial.kind = scheme_find("ring");
    stage.setup.seconds = 4;
    question_cluster.ask(&stage.trial, 3, &found);
    assert_true(value_at(&found, "coordinated", "share", 3) > 3.6);
    assert_true(value_at(&found, "coordinated", "share", 4) < 1e-9);
    assert_true(value_at(&found, "replicated", "share", 4) < 0.01); // bucket properties
    assert_true(value_of(&found, "forward", "messages/operation") < 1e-9);
    findings_done(&found);
    stage.setup.route = ROUTE_ANY;
    question_cluster.ask(&stage.trial, 3, &found);
    assert_true(fabs(value_of(&found, "forward", "messages/operation") - 0.75) < 0.05);
    assert_true(value_at(&found, "coordinated", "share", 4) < 1e-9);
    findings_done(&found);
    stage_done(&stage);
}

// ---- how fresh ----------------------------------------------------------------------------------

static uint32_t behind(struct fresh *fresh, const struct clock *context, uint64_t began_us)
{
    struct buffer token = {0};
    struct fresh_read read = {.bucket = slice_of_text("sim"),
                              .name = slice_of_text("name"),
                              .key = 4,
                              .began_us = began_us};
    uint32_t found;

    token_encode(read.bucket, read.name, context, &token);
    read.token = buffer_slice(&token);
    found = fresh_behind(fresh, &read);
    buffer_done(&token);
    return found;
}

static void a_read_lacks_what_its_context_does_not_name(void **state)
{
    struct fresh fresh = {0};
    struct arena arena = {0};
    struct clock context = clock_in(&arena);

    (void)state;
    assert_int_equal(behind(&fresh, &context, 50), 0); // never written
    fresh_written(&fresh, 4, (struct dot){7, 1}, 10);
    fresh_written(&fresh, 4, (struct dot){8, 1}, 20);
    fresh_written(&fresh, 5, (struct dot){7, 2}, 20); // another key
    assert_int_equal(behind(&fresh, &context, 9), 0);
    assert_int_equal(behind(&fresh, &context, 10), 1);
    assert_int_equal(behind(&fresh, &context, 30), 2);
    clock_add(&context, (struct dot){8, 1});
    assert_int_equal(behind(&fresh, &context, 30), 1);
    clock_add(&context, (struct dot){7, 1});
    assert_int_equal(behind(&fresh, &context, 30), 0);
    for (uint64_t i = 2; i < 100; i++)
        fresh_written(&fresh, 4, (struct dot){7, i}, 30 + i);
    assert_int_equal(behind(&fresh, &context, 1000), FRESH_PAST_MAX);
    fresh_done(&fresh);
    arena_done(&arena);
}

// ---- queues -------------------------------------------------------------------------------------

// One node that serves in 20 us what comes by chance: M/D/1, whose mean time is
// s + rho s / (2 (1 - rho)).
static void a_node_is_a_queue(void **state)
{
    const double service_ms = 0.02;
    const double rho = 0.7;
    const double expected = service_ms + rho * service_ms / (2 * (1 - rho));
    struct findings found = {0};
    struct stage stage;

    (void)state;
    stage_init(&stage, "lnkd-ssd");
    stage.trial.nodes = 1;
    stage.trial.setup.replicas = 1;
    stage.setup.service_us = 20;
    stage.setup.rate = rho / service_ms * 1000;
    stage.setup.seconds = 3;
    question_cluster.ask(&stage.trial, 11, &found);
    assert_true(fabs(value_of(&found, "reads", "mean") / expected - 1) < 0.05);
    assert_true(fabs(value_of(&found, "messages", "busiest") - rho) < 0.02);
    assert_true(fabs(value_of(&found, "operations", "throughput") / stage.setup.rate - 1) < 0.02);
    findings_done(&found);
    stage_done(&stage);
}

// ---- the same again, faults, options ------------------------------------------------------------

static void the_same_seed_finds_the_same(void **state)
{
    struct findings runs[3] = {{0}};
    const uint64_t seeds[3] = {1, 1, 2};
    struct stage stage;
    bool same = true;

    (void)state;
    stage_init(&stage, "lnkd-disk");
    stage.trial.nodes = 5;
    stage.setup.service_us = 30;
    stage.setup.hedged = true;
    stage.trial.r = stage.trial.w = 2;
    for (unsigned i = 0; i < 3; i++)
        question_cluster.ask(&stage.trial, seeds[i], &runs[i]);
    for (size_t i = 0; i < runs[0].count; i++) {
        assert_memory_equal(&runs[0].list[i].value, &runs[1].list[i].value, sizeof(double));
        same = same && memcmp(&runs[0].list[i].value, &runs[2].list[i].value, sizeof(double)) == 0;
    }
    assert_int_equal(runs[0].count, runs[2].count);
    assert_false(same);
    assert_true(value_of(&runs[0], "reads", "hedges") > 0);
    assert_true(value_of(&runs[0], "reads", "stale") < 1e-12);
    for (unsigned i = 0; i < 3; i++)
        findings_done(&runs[i]);
    stage_done(&stage);
}

// Two of three nodes away: nothing can be answered at r = w = 2; one away: everything, reads that
// were on their way to it included, for clients ask again.
static void nodes_that_are_killed_are_missed(void **state)
{
    struct findings found = {0};
    struct buffer why = {0};
    struct stage stage;

    (void)state;
    stage_init(&stage, "lnkd-ssd");
    delay_done(&stage.client_leg);
    assert_int_equal(delay_read("const:5", &stage.client_leg, &why), 0);
    stage.trial.r = stage.trial.w = 2;
    stage.setup.timeout_ms = 200;
    stage.setup.events[0] = (struct cluster_event){
        .kind = CLUSTER_KILL, .from = 0.5, .to = NUMBER_INFINITY, .nodes = {0}, .node_count = 1};
    stage.setup.event_count = 1;
    question_cluster.ask(&stage.trial, 4, &found);
    assert_true(value_of(&found, "reads", "available") > 1 - 1e-12);
    assert_true(value_of(&found, "writes", "available") > 0.98);
    assert_true(value_of(&found, "request", "messages/operation") > 1.001);
    findings_done(&found);
    stage.setup.events[0].nodes[1] = 1;
    stage.setup.events[0].node_count = 2;
    question_cluster.ask(&stage.trial, 4, &found);
    assert_true(fabs(value_of(&found, "reads", "available") - 0.5) < 0.1);
    assert_true(value_at(&found, "operations", "answered", 0.4) > 0.99);
    assert_true(value_at(&found, "operations", "answered", 0.9) < 0.01);
    findings_done(&found);
    stage_done(&stage);
}

static void events_are_read(void **state)
{
    static const char *const bad[] = {"1", "@1", "0@1", "1@", "1@2..1", "1@x", "129@1", "a@1"};
    struct cluster_event event;
    struct buffer why = {0};

    (void)state;
    assert_true(cluster_event_read("2,5@0.5..2", &event, &why));
    assert_int_equal(event.node_count, 2);
    assert_int_equal(event.nodes[0], 1);
    assert_int_equal(event.nodes[1], 4);
    assert_true(fabs(event.from - 0.5) < 1e-12 && fabs(event.to - 2) < 1e-12);
    assert_true(cluster_event_read("1@3", &event, &why));
    assert_true(event.to > 1e9);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cluster_event_read(bad[i], &event, &why));
    buffer_done(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_reads_are_as_many_as_expected),
        cmocka_unit_test(static_shards_are_those_of_the_planner),
        cmocka_unit_test(fine_shards_hold_what_the_ring_does),
        cmocka_unit_test(schemes_that_go_by_load_are_not_possible),
        cmocka_unit_test(requests_go_to_the_owners),
        cmocka_unit_test(a_read_lacks_what_its_context_does_not_name),
        cmocka_unit_test(a_node_is_a_queue),
        cmocka_unit_test(the_same_seed_finds_the_same),
        cmocka_unit_test(nodes_that_are_killed_are_missed),
        cmocka_unit_test(events_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
