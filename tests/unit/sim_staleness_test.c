// SPDX-License-Identifier: Apache-2.0
// Staleness: one write and read against a plain search, for every N, R, W and random legs with many
// ties; and the numbers that Bailis et al. (VLDB 2012) and REFERENCE print.
#include "sim/question/staleness.h"

#include "base/check.h"
#include "sim/number/number.h"
#include "tests/lib/near.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The tail of a Pareto leg needs more trials: one in a thousand of 2 million is known to 1.5 %.
enum { TRIALS = 400 * 1000, TRIALS_TAIL = 2 * 1000 * 1000 };

static const char *const ssd[LEGS] = {
    "0.9122*pareto:0.235,10+0.0878*exp:1.66", "0.9122*pareto:0.235,10+0.0878*exp:1.66",
    "0.9122*pareto:0.235,10+0.0878*exp:1.66", "0.9122*pareto:0.235,10+0.0878*exp:1.66"};
static const char *const disk[LEGS] = {
    "0.38*pareto:1.05,1.51+0.62*exp:0.183", "0.9122*pareto:0.235,10+0.0878*exp:1.66",
    "0.9122*pareto:0.235,10+0.0878*exp:1.66", "0.9122*pareto:0.235,10+0.0878*exp:1.66"};

// --- One write and one read ----------------------------------------------------------------------

// The first time at which w replicas have acknowledged.
static double plain_commit(const struct wars *wars)
{
    double commit = INFINITY;

    for (uint32_t i = 0; i < wars->n; i++) {
        double then = wars->legs[LEG_W][i] + wars->legs[LEG_A][i];
        uint32_t acknowledged = 0;

        for (uint32_t j = 0; j < wars->n; j++)
            acknowledged += wars->legs[LEG_W][j] + wars->legs[LEG_A][j] <= then;
        if (acknowledged >= wars->w && then < commit)
            commit = then;
    }
    return commit;
}

// Whether fewer than r replicas answered before this one.
static bool plain_waited_for(const struct wars *wars, uint32_t i)
{
    double mine = wars->legs[LEG_R][i] + wars->legs[LEG_S][i];
    uint32_t before = 0;

    for (uint32_t j = 0; j < wars->n; j++) {
        double other = wars->legs[LEG_R][j] + wars->legs[LEG_S][j];

        before += other < mine || (other == mine && j < i);
    }
    return before < wars->r;
}

static bool plain_consistent(const struct wars *wars, double t)
{
    for (uint32_t i = 0; i < wars->n; i++)
        if (plain_waited_for(wars, i) &&
            plain_commit(wars) + t + wars->legs[LEG_R][i] >= wars->legs[LEG_W][i])
            return true;
    return false;
}

static double plain_read(const struct wars *wars)
{
    double longest = 0;

    for (uint32_t i = 0; i < wars->n; i++)
        if (plain_waited_for(wars, i))
            longest = fmax(longest, wars->legs[LEG_R][i] + wars->legs[LEG_S][i]);
    return longest;
}

// Whole numbers, so that sums are exact and ties frequent.
static void check_outcome(const struct wars *wars)
{
    struct wars_outcome outcome = wars_outcome(wars);

    assert_true(outcome.write == plain_commit(wars));
    assert_true(outcome.read == plain_read(wars));
    for (int t = 0; t < 24; t++)
        assert_int_equal(plain_consistent(wars, t), t >= outcome.visible);
    if (wars->r + wars->w > wars->n)
        assert_true(outcome.visible == 0);
}

static void check_all_quorums(struct wars *wars)
{
    for (wars->r = 1; wars->r <= wars->n; wars->r++)
        for (wars->w = 1; wars->w <= wars->n; wars->w++)
            check_outcome(wars);
}

static void a_write_and_a_read_come_out_as_a_plain_search_says(void **state)
{
    enum { ROUNDS = 100 };
    struct wars wars;
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (int round = 0; round < ROUNDS * SCHEME_REPLICAS_MAX; round++) {
        wars.n = (uint32_t)(1 + round % SCHEME_REPLICAS_MAX);
        for (unsigned leg = 0; leg < LEGS; leg++)
            for (uint32_t i = 0; i < wars.n; i++)
                wars.legs[leg][i] = (double)rng_below(&rng, leg == LEG_W ? 24 : 6);
        check_all_quorums(&wars);
    }
}

// Sums of such legs are rounded; the promise must hold all the same.
static void overlapping_quorums_never_miss_however_legs_are_rounded(void **state)
{
    struct wars wars = {.n = 3, .r = 2, .w = 2};
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (int round = 0; round < 100000; round++) {
        for (unsigned leg = 0; leg < LEGS; leg++)
            for (uint32_t i = 0; i < wars.n; i++)
                wars.legs[leg][i] = number_unit(&rng) * (leg == LEG_W ? 1e6 : 1e-12);
        assert_true(wars_outcome(&wars).visible == 0);
    }
}

static void misses_by_versions_follow_the_closed_form(void **state)
{
    (void)state;
    assert_true(fabs(wars_stale_versions(3, 1, 1, 1) - 2.0 / 3) < 1e-12);
    assert_true(fabs(wars_stale_versions(3, 1, 1, 2) - 4.0 / 9) < 1e-12);
    assert_true(fabs(wars_stale_versions(3, 1, 2, 1) - 1.0 / 3) < 1e-12);
    assert_true(fabs(wars_stale_versions(5, 2, 2, 3) - 0.027) < 1e-12); // (C(3,2)/C(5,2))^3
    assert_true(fabs(wars_stale_versions(7, 3, 2, 1) - 10.0 / 35) < 1e-12);
    for (uint32_t n = 1; n <= 7; n++)
        for (uint32_t r = 1; r <= n; r++)
            for (uint32_t w = n - r + 1; w <= n; w++)
                assert_true(wars_stale_versions(n, r, w, 1) == 0);
}

// --- The question --------------------------------------------------------------------------------

struct experiment {
    struct trial trial;
    struct staleness_setup setup;
    struct findings found;
};

static void read_delay(const char *text, struct delay *out)
{
    struct buffer why = {0};

    if (delay_read(text, out, &why) != 0)
        fail_msg("%s is no delay", text);
    buffer_done(&why);
}

static struct experiment *experiment_new(const char *const legs[LEGS], uint32_t n, uint32_t r,
                                         uint32_t w)
{
    struct experiment *experiment = memory_new(sizeof *experiment);

    for (unsigned leg = 0; leg < LEGS; leg++)
        read_delay(legs[leg], &experiment->setup.legs[leg]);
    experiment->setup.trials = TRIALS;
    experiment->trial.setup.replicas = n;
    experiment->trial.r = r;
    experiment->trial.w = w;
    experiment->trial.staleness = &experiment->setup;
    return experiment;
}

static void experiment_free(struct experiment *experiment)
{
    for (unsigned leg = 0; leg < LEGS; leg++)
        delay_done(&experiment->setup.legs[leg]);
    for (unsigned i = 0; i < experiment->setup.pair_count; i++)
        delay_done(&experiment->setup.pairs[i].delay);
    findings_done(&experiment->found);
    free(experiment);
}

static void ask_at(struct experiment *experiment, double time)
{
    experiment->setup.times[experiment->setup.time_count++] = time;
}

static double found(const struct experiment *experiment, const char *subject, const char *metric,
                    double at)
{
    for (size_t i = 0; i < experiment->found.count; i++) {
        const struct finding *finding = &experiment->found.list[i];

        if (strcmp(finding->subject, subject) == 0 && strcmp(finding->metric, metric) == 0 &&
            (!finding->curve || finding->at == at))
            return finding->value;
    }
    fail_msg("no %s %s at %g", subject, metric, at);
    return 0;
}

// What REFERENCE prints of one row; tail latencies within 4 %.
struct row {
    const char *const *legs;
    uint32_t quorum; // R and W
    double read;     // p99.9
    double write;
};

static void tail_latencies_are_those_of_the_paper(void **state)
{
    static const struct row rows[] = {
        {ssd, 1, 0.66, 0.66}, {disk, 1, 0.66, 10.99}, {ssd, 2, 1.62, 1.64}, {disk, 2, 1.64, 20.96}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct experiment *experiment =
            experiment_new(rows[i].legs, 3, rows[i].quorum, rows[i].quorum);

        question_staleness(&experiment->trial, i, &experiment->found);
        assert_near(found(experiment, "reads", "p99.9", 0), rows[i].read, 0.04 * rows[i].read);
        assert_near(found(experiment, "writes", "p99.9", 0), rows[i].write, 0.04 * rows[i].write);
        experiment_free(experiment);
    }
}

static void partial_quorums_are_as_stale_as_in_the_paper(void **state)
{
    struct experiment *experiment = experiment_new(ssd, 3, 1, 1);

    (void)state;
    ask_at(experiment, 0);
    experiment->setup.probabilities[experiment->setup.probability_count++] = 0.999;
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_near(found(experiment, "", "p-consistent", 0), 0.974, 0.005);
    assert_near(found(experiment, "", "t-visible", 0.999), 1.97, 0.04 * 1.97);
    experiment_free(experiment);

    experiment = experiment_new(disk, 3, 1, 1);
    experiment->setup.trials = TRIALS_TAIL;
    ask_at(experiment, 0);
    ask_at(experiment, 10);
    experiment->setup.probabilities[experiment->setup.probability_count++] = 0.999;
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_near(found(experiment, "", "p-consistent", 0), 0.437, 0.005);
    assert_near(found(experiment, "", "p-consistent", 10), 0.926, 0.005);
    assert_near(found(experiment, "", "t-visible", 0.999), 52.8, 0.04 * 52.8);
    experiment_free(experiment);
}

static void exponential_legs_are_as_stale_as_in_the_paper(void **state)
{
    static const char *const fast[LEGS] = {"exp:4", "exp:1", "exp:1", "exp:1"};
    static const char *const slow[LEGS] = {"exp:0.1", "exp:1", "exp:1", "exp:1"};
    struct experiment *experiment = experiment_new(fast, 3, 1, 1);

    (void)state;
    ask_at(experiment, 0);
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_near(found(experiment, "", "p-consistent", 0), 0.943, 0.005);
    experiment_free(experiment);

    experiment = experiment_new(slow, 3, 1, 1);
    ask_at(experiment, 0);
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_near(found(experiment, "", "p-consistent", 0), 0.42, 0.005);
    experiment_free(experiment);
}

static void overlapping_quorums_are_never_stale(void **state)
{
    struct experiment *experiment = experiment_new(disk, 5, 3, 3);

    (void)state;
    ask_at(experiment, 0);
    experiment->setup.probabilities[experiment->setup.probability_count++] = 1;
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_true(found(experiment, "", "p-consistent", 0) == 1);
    assert_true(found(experiment, "", "t-visible", 1) == 0);
    assert_true(found(experiment, "", "p-stale-versions", 1) == 0);
    experiment_free(experiment);
}

// The whole question against other draws, counted for each t by the plain search.
static void curves_are_those_of_a_plain_simulation(void **state)
{
    static const double times[] = {0, 1, 3, 10, 30};
    enum { PLAIN = 20000, TIMES = sizeof times / sizeof *times };
    struct experiment *experiment = experiment_new(disk, 7, 2, 1);
    struct wars wars = {.n = 7, .r = 2, .w = 1};
    uint32_t consistent[TIMES] = {0};
    struct rng rng;

    (void)state;
    for (int i = 0; i < TIMES; i++)
        ask_at(experiment, times[i]);
    question_staleness(&experiment->trial, 1, &experiment->found);
    rng_init(&rng, 99);
    for (int round = 0; round < PLAIN; round++) {
        for (uint32_t i = 0; i < wars.n; i++)
            for (unsigned leg = 0; leg < LEGS; leg++)
                wars.legs[leg][i] = delay_draw(&experiment->setup.legs[leg], &rng);
        for (int i = 0; i < TIMES; i++)
            consistent[i] += plain_consistent(&wars, times[i]);
    }
    for (int i = 0; i < TIMES; i++) {
        double share = (double)consistent[i] / PLAIN;

        // Four standard errors.
        assert_near(found(experiment, "", "p-consistent", times[i]), share,
                    4 * sqrt(share * (1 - share) / PLAIN) + 1e-4);
    }
    experiment_free(experiment);
}

// --- Sites ---------------------------------------------------------------------------------------

static void add_pair(struct experiment *experiment, uint8_t a, uint8_t b, const char *delay)
{
    struct site_delay *pair = &experiment->setup.pairs[experiment->setup.pair_count++];

    pair->a = a;
    pair->b = b;
    read_delay(delay, &pair->delay);
}

static struct experiment *sites_new(uint8_t writer, uint8_t reader)
{
    static const char *const legs[LEGS] = {"const:1", "const:2", "const:3", "const:4"};
    struct experiment *experiment = experiment_new(legs, 3, 1, 1);

    experiment->setup.trials = 1000;
    for (uint8_t i = 0; i < 3; i++)
        experiment->setup.replica_sites[i] = i;
    add_pair(experiment, 0, 1, "const:100");
    add_pair(experiment, 2, 0, "const:200");
    add_pair(experiment, 1, 2, "const:400");
    experiment->setup.writer_site = writer;
    experiment->setup.reader_site = reader;
    experiment->setup.probabilities[experiment->setup.probability_count++] = 1;
    return experiment;
}

// A write at site 0 is there after 1, 101, 201 ms and commits at 3; a read at site 2 asks its own
// replica, which it reaches after 3 ms: consistent from 201 - 3 - 3 on.
static void sites_add_their_delay_to_each_leg(void **state)
{
    struct experiment *experiment = sites_new(0, 2);

    (void)state;
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_true(found(experiment, "writes", "p50", 0) == 3);
    assert_true(found(experiment, "reads", "p50", 0) == 7);
    assert_true(found(experiment, "", "t-visible", 1) == 195);
    experiment_free(experiment);

    // All three: the farthest site is 200 ms away, on the way there and back.
    experiment = sites_new(0, 0);
    experiment->trial.r = 3;
    experiment->trial.w = 3;
    question_staleness(&experiment->trial, 1, &experiment->found);
    assert_true(found(experiment, "writes", "p50", 0) == 403);
    assert_true(found(experiment, "reads", "p50", 0) == 407);
    experiment_free(experiment);
}

static void the_same_seed_finds_the_same(void **state)
{
    struct experiment *one = experiment_new(disk, 3, 1, 2);
    struct experiment *two = experiment_new(disk, 3, 1, 2);

    (void)state;
    question_staleness(&one->trial, 7, &one->found);
    question_staleness(&two->trial, 7, &two->found);
    assert_int_equal(one->found.count, two->found.count);
    for (size_t i = 0; i < one->found.count; i++)
        assert_true(one->found.list[i].value == two->found.list[i].value);
    question_staleness(&two->trial, 8, &two->found);
    assert_true(one->found.list[0].value != two->found.list[one->found.count].value);
    experiment_free(one);
    experiment_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_and_a_read_come_out_as_a_plain_search_says),
        cmocka_unit_test(overlapping_quorums_never_miss_however_legs_are_rounded),
        cmocka_unit_test(misses_by_versions_follow_the_closed_form),
        cmocka_unit_test(tail_latencies_are_those_of_the_paper),
        cmocka_unit_test(partial_quorums_are_as_stale_as_in_the_paper),
        cmocka_unit_test(exponential_legs_are_as_stale_as_in_the_paper),
        cmocka_unit_test(overlapping_quorums_are_never_stale),
        cmocka_unit_test(curves_are_those_of_a_plain_simulation),
        cmocka_unit_test(sites_add_their_delay_to_each_leg),
        cmocka_unit_test(the_same_seed_finds_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
