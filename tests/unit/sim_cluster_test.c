// SPDX-License-Identifier: Apache-2.0
//
// Whole clusters under load: placements given from outside, staleness against the closed Monte
// Carlo of probabilistically bounded staleness, the same numbers for the same seed.

#include "sim/cluster/cluster.h"
#include "sim/cluster/fresh.h"
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

__attribute__((unused)) static double value_of(const struct findings *findings, const char *subject, const char *metric)
{
    return value_at(findings, subject, metric, 0);
}

// ---- probabilistically bounded staleness --------------------------------------------------------

static const double times[] = {0, 1, 2, 5, 10, 20};
enum { TIMES = sizeof times / sizeof times[0] };

// The root of the mean square of differences, over t.
static double staleness_differs(const char *fit, uint32_t r, uint32_t w)
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
    stage.setup.probes = 8000;
    stage.setup.time_count = stage.closed.time_count = TIMES;
    memcpy(stage.setup.times, times, sizeof times);
    memcpy(stage.closed.times, times, sizeof times);
    memcpy(stage.closed.legs, stage.legs, sizeof stage.legs);
    stage.closed.local = true;
    stage.closed.trials = 200000;
    question_cluster.ask(&stage.trial, 7, &played);
    question_staleness(&stage.trial, 8, &closed);
    for (unsigned i = 0; i < TIMES; i++) {
        double one = value_at(&played, "", "p-consistent", times[i]);
        double other = value_at(&closed, "", "p-consistent", times[i]);

        print_message("%s r=%u w=%u t=%g: played %.4f, closed %.4f\n", fit, r, w, times[i], one,
                      other);
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
    assert_true(staleness_differs("lnkd-ssd", 1, 1) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 1, 1) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 1, 2) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 2, 1) < 0.01);
    assert_true(staleness_differs("lnkd-disk", 2, 2) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stale_reads_are_as_many_as_expected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
