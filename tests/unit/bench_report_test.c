// SPDX-License-Identifier: Apache-2.0
// Latencies against exact order statistics; what is told as JSON, CSV and as a distribution; what
// /proc says.
#include "base/err.h"
#include "base/rng.h"
#include "client/bench/report.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

// ---- latencies ----------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

static void exact_quantiles(void **state)
{
    static const double shares[] = {0, 0.001, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
    enum { COUNT = 20000 };
    uint64_t *values = malloc(COUNT * sizeof *values);
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned magnitude = 1; magnitude < 40; magnitude++) {
        struct latency *latency = calloc(1, sizeof *latency);
        double sum = 0;

        for (unsigned i = 0; i < COUNT; i++) {
            values[i] = rng_below(&rng, (uint64_t)1 << magnitude);
            latency_add(latency, values[i]);
            sum += (double)values[i];
        }
        qsort(values, COUNT, sizeof *values, compare);
        for (unsigned i = 0; i < sizeof shares / sizeof shares[0]; i++) {
            uint64_t rank = (uint64_t)ceil(shares[i] * COUNT - 1e-9);
            uint64_t exact = values[rank ? rank - 1 : 0];
            uint64_t got = latency_quantile_ns(latency, shares[i]);

            assert_true(got >= exact && got <= exact + exact / LATENCY_STEPS);
        }
        assert_int_equal(latency->max_ns, values[COUNT - 1]);
        assert_true(fabs(latency_mean_us(latency) - sum / COUNT / 1000) < 1e-3 * sum / COUNT);
        free(latency);
    }
    free(values);
}

static void edges(void **state)
{
    struct latency *latency = calloc(1, sizeof *latency);
    struct latency *other = calloc(1, sizeof *other);

    (void)state;
    assert_int_equal(latency_quantile_ns(latency, 0.5), 0);
    latency_add(latency, UINT64_MAX);
    assert_true(latency_quantile_ns(latency, 0.5) == UINT64_MAX);
    latency_add(other, 0);
    latency_join(latency, other);
    assert_int_equal(latency->count, 2);
    assert_int_equal(latency_quantile_ns(latency, 0.5), 0);
    assert_true(latency_quantile_ns(latency, 0.51) == UINT64_MAX);
    free(latency);
    free(other);
}

// As HdrHistogram prints them: percentiles and counts grow, the last line is the largest value.
static void distribution(void **state)
{
    struct latency *latency = calloc(1, sizeof *latency);
    struct buffer out = {0};
    double value = 0, share = 0, last_share = -1, last_value = 0;
    unsigned long seen = 0, last_seen = 0, lines = 0;

    (void)state;
    for (uint64_t i = 1; i <= 10000; i++)
        latency_add(latency, i * 1000);
    latency_write(latency, &out);
    buffer_add_u8(&out, 0);
    char *line = strtok((char *)out.data, "\n");
    assert_string_equal(line, "       Value     Percentile TotalCount 1/(1-Percentile)");
    while ((line = strtok(NULL, "\n")) != NULL && line[0] != '#') {
        assert_true(sscanf(line, "%lf %lf %lu", &value, &share, &seen) == 3);
        assert_true(share > last_share && value >= last_value && seen >= last_seen);
        assert_true((double)seen >= share * 10000 - 1);
        assert_true(value >= share * 10000 && value <= share * 10000 * (1 + 1.0 / 256) + 2);
        last_share = share;
        last_value = value;
        last_seen = seen;
        lines++;
    }
    assert_true(lines > 40);
    assert_true(share == 1 && seen == 10000 && value == 10000);
    assert_string_equal(line, "#[Mean =     5000.500, Max =    10000.000]");
    buffer_done(&out);
    free(latency);
}

// ---- reports ------------------------------------------------------------------------------------

struct fixture {
    struct bench_options options;
    struct run_outcome *outcome;
    struct watched watched[2];
    struct report report;
};

static struct fixture fixture_new(void)
{
    struct fixture fixture = {
        .options = {.workload = "a",
                    .distribution = WORKLOAD_ZIPF,
                    .keys = 1000,
                    .size_min = 100,
                    .size_max = 200,
                    .connections = 8,
                    .depth = 2,
                    .threads = 1,
                    .arrivals = ARRIVALS_POISSON,
                    .rate = 5000,
                    .check = true,
                    .warm_up_ms = 1000},
        .outcome = calloc(1, sizeof(struct run_outcome)),
        .watched = {{.pid = 5, .name = "quorate-node", .until = {.user_us = 30, .system_us = 10}},
                    {.pid = 6, .name = "quorate-node", .until = {.user_us = 50, .system_us = 10}}},
    };
    struct tally *tally = &fixture.outcome->tally;

    for (unsigned i = 1; i <= 30; i++)
        latency_add(&tally->of[OP_READ], i * 1000);
    for (unsigned i = 1; i <= 10; i++)
        latency_add(&tally->of[OP_WRITE], i * 10000);
    for (unsigned i = 0; i < 5; i++)
        latency_add(&tally->of[OP_RMW], 1000000); // counted by its read and its write
    tally_failed(tally, ERR_TIMEOUT, slice_of_text("put k: 1 of 2"));
    tally_failed(tally, ERR_TIMEOUT, slice_of_text("another"));
    tally_failed(tally, ERR_CLOSED, slice_of_text("x:1"));
    tally->missing = 3;
    tally->wrongs.faults[VALUE_RIGHT] = 27;
    tally_ended(tally, 0, 5000);
    tally_ended(tally, 999999999, 7000);
    tally_second(tally, 1000000000)->failed++;
    fixture.outcome->measured_ns = 2000000000;
    fixture.outcome->behind_ns = 1500000;
    fixture.outcome->unsent = 4;
    fixture.report = (struct report){.against = "quorate",
                                     .servers = 3,
                                     .replicas = 3,
                                     .r = 2,
                                     .w = 2,
                                     .owners_only = true,
                                     .watched_count = 2};
    return fixture;
}

static void fixture_link(struct fixture *fixture)
{
    fixture->report.options = &fixture->options;
    fixture->report.outcome = fixture->outcome;
    fixture->report.watched = fixture->watched;
}

static double number(const json_t *root, const char *path)
{
    char copy[100];
    char *rest = copy;
    char *name;

    (void)snprintf(copy, sizeof copy, "%s", path);
    while ((name = strsep(&rest, ".")) != NULL)
        root = json_object_get(root, name);
    assert_true(json_is_number(root));
    return json_number_value(root);
}

static void json(void **state)
{
    struct fixture fixture = fixture_new();
    struct buffer out = {0};
    json_error_t error;
    json_t *root;

    (void)state;
    fixture_link(&fixture);
    report_json(&fixture.report, &out);
    root = json_loadb((const char *)out.data, out.size, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_true(number(root, "operations") == 40);
    assert_true(number(root, "rate") == 20);
    assert_true(number(root, "elapsed_us") == 2000000);
    assert_true(number(root, "failed") == 3);
    assert_true(number(root, "errors.TIMEOUT") == 2);
    assert_true(number(root, "errors.CLOSED") == 1);
    assert_true(number(root, "missing") == 3);
    assert_true(number(root, "latency.read.operations") == 30);
    assert_true(fabs(number(root, "latency.read.p50_us") - 15) < 0.1);
    assert_true(number(root, "latency.write.max_us") == 100);
    assert_true(number(root, "latency.rmw.operations") == 5);
    assert_true(number(root, "latency.all.operations") == 40);
    assert_null(json_object_get(json_object_get(root, "latency"), "insert"));
    assert_true(number(root, "schedule.rate") == 5000);
    assert_true(number(root, "schedule.behind_us") == 1500);
    assert_true(number(root, "schedule.unsent") == 4);
    assert_true(number(root, "check.right") == 27);
    assert_true(json_is_true(json_object_get(json_object_get(root, "check"), "stale_is_wrong")));
    assert_int_equal(json_array_size(json_object_get(root, "watched")), 2);
    assert_true(number(root, "watched_together.us_each") == 2.5);
    assert_true(number(json_array_get(json_object_get(root, "watched"), 1), "us_each") == 1.5);
    const json_t *seconds = json_object_get(root, "seconds");
    assert_int_equal(json_array_size(seconds), 2);
    assert_true(number(json_array_get(seconds, 0), "operations") == 2);
    assert_true(number(json_array_get(seconds, 0), "max_us") == 7);
    assert_true(number(json_array_get(seconds, 1), "failed") == 1);
    json_decref(root);
    buffer_done(&out);
    free(fixture.outcome);
}

static void csv(void **state)
{
    struct fixture fixture = fixture_new();
    struct buffer out = {0};
    unsigned rows = 0;
    unsigned commas = 0;

    (void)state;
    fixture_link(&fixture);
    report_csv(&fixture.report, &out);
    buffer_add_u8(&out, 0);
    for (char *line = strtok((char *)out.data, "\n"); line; line = strtok(NULL, "\n"), rows++) {
        unsigned count = 0;

        for (const char *at = line; *at; at++)
            count += *at == ',';
        commas = rows ? commas : count;
        assert_int_equal(count, commas);
    }
    assert_int_equal(rows, 5); // a heading, read, write, rmw, all
    buffer_done(&out);
    free(fixture.outcome);
}

static void nothing_was_done(void **state)
{
    struct fixture fixture = fixture_new();
    struct buffer out = {0};
    json_error_t error;

    (void)state;
    fixture_link(&fixture);
    memset(fixture.outcome, 0, sizeof *fixture.outcome);
    report_json(&fixture.report, &out);
    json_t *root = json_loadb((const char *)out.data, out.size, 0, &error);
    assert_non_null(root);
    assert_true(number(root, "rate") == 0);
    assert_true(number(root, "watched_together.us_each") == 0);
    json_decref(root);
    buffer_done(&out);
    free(fixture.outcome);
}

// Too old is wrong where the owners read and written meet, and nothing else decides.
static void stale_reads(void **state)
{
    struct run_outcome *outcome = calloc(1, sizeof *outcome);
    struct report report = {.outcome = outcome, .replicas = 3, .owners_only = true};

    (void)state;
    outcome->tally.wrongs.stale = 5;
    outcome->tally.wrongs.faults[VALUE_TORN] = 1;
    for (report.r = 1; report.r <= 3; report.r++) {
        for (report.w = 1; report.w <= 3; report.w++) {
            assert_int_equal(report_stale_is_wrong(&report), report.r + report.w > 3);
            assert_int_equal(report_wrong(&report), report.r + report.w > 3 ? 6 : 1);
        }
    }
    report = (struct report){.outcome = outcome, .replicas = 3, .r = 2, .w = 2};
    assert_false(report_stale_is_wrong(&report)); // stand-ins
    report.pr = report.pw = 2;
    assert_true(report_stale_is_wrong(&report));
    report.last_write_wins = true;
    assert_false(report_stale_is_wrong(&report));
    free(outcome);
}

static void joining(void **state)
{
    struct tally *sum = calloc(1, sizeof *sum);
    struct tally *one = calloc(1, sizeof *one);

    (void)state;
    tally_failed(one, ERR_OVERLOADED, slice_of_text("full"));
    latency_add(&one->of[OP_INSERT], 5);
    one->missing = 2;
    tally_ended(one, 4000000000, 3000);
    tally_ended(one, 5000000000, 9000);
    tally_ended(one, UINT64_MAX, 1); // later than is kept
    one->late_ns_max = 7;
    one->wrongs.stale = 1;
    snprintf(one->wrongs.first, sizeof one->wrongs.first, "first");
    tally_join(sum, one);
    snprintf(one->wrongs.first, sizeof one->wrongs.first, "second");
    tally_join(sum, one);
    assert_int_equal(tally_failures(sum), 2);
    assert_string_equal(sum->texts[-ERR_OVERLOADED], "full");
    assert_int_equal(tally_done(sum), 2);
    assert_int_equal(sum->missing, 4);
    assert_int_equal(sum->seconds[5].done, 2);
    assert_int_equal(sum->seconds[5].max_us, 9);
    assert_int_equal(sum->seconds[5].p99_us, 9); // of the second that was not over yet
    assert_int_equal(sum->seconds[4].p99_us, 3);
    assert_int_equal(sum->late_ns_max, 7);
    assert_int_equal(sum->wrongs.stale, 2);
    assert_string_equal(sum->wrongs.first, "first");
    free(sum);
    free(one);
}

// ---- /proc --------------------------------------------------------------------------------------

static void proc_texts(void **state)
{
    static const char stat[] = "42 (a ) (b) S 1 42 42 0 -1 4194560 100 0 0 0 1234 567 8 9 20 0 1";
    static const char status[] = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n"
                                 "voluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t4\n";
    uint64_t user, system;

    (void)state;
    assert_int_equal(stat_parse(slice_of_text(stat), &user, &system), 0);
    assert_int_equal(user, 1234);
    assert_int_equal(system, 567);
    for (size_t size = 0; size < 50; size++)
        (void)stat_parse(slice_of(stat, size), &user, &system);
    assert_int_equal(stat_parse(slice_of_text("42 x"), &user, &system), ERR_INVALID);
    assert_int_equal(status_number(slice_of_text(status), "VmRSS"), 1024);
    assert_int_equal(status_number(slice_of_text(status), "VmHWM"), 2048);
    assert_int_equal(status_number(slice_of_text(status), "voluntary_ctxt_switches"), 17);
    assert_int_equal(status_number(slice_of_text(status), "Vm"), 0);
}

static void own_usage(void **state)
{
    struct usage from, until, used;

    (void)state;
    assert_int_equal(usage_read(getpid(), &from), 0);
    assert_true(from.memory_bytes > 0 && from.memory_peak_bytes >= from.memory_bytes / 2);
    assert_int_equal(usage_read(getpid(), &until), 0);
    used = usage_between(&from, &until);
    assert_int_equal(used.memory_bytes, until.memory_bytes);
    used = usage_between(&until, &(struct usage){0});
    assert_int_equal(used.user_us, 0);
    assert_int_equal(usage_read(0, &from), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_quantiles),
        cmocka_unit_test(edges),
        cmocka_unit_test(distribution),
        cmocka_unit_test(json),
        cmocka_unit_test(csv),
        cmocka_unit_test(nothing_was_done),
        cmocka_unit_test(stale_reads),
        cmocka_unit_test(joining),
        cmocka_unit_test(proc_texts),
        cmocka_unit_test(own_usage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
