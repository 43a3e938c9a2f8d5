// SPDX-License-Identifier: Apache-2.0
// Balance and movement against sums made the plain way: key by key, node by node, for every scheme.
#include "base/check.h"
#include "sim/number/summary.h"
#include "sim/question/question.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SEED = 5, KEYS = 4000, NODES = 7, REPLICAS = 3 };

static struct workload *workload_of(enum workload_kind kind, double theta)
{
    struct workload_setup setup = {.kind = kind,
                                   .keys = KEYS,
                                   .theta = theta,
                                   .hot_operations = 0.8,
                                   .hot_keys = 0.01,
                                   .read_share = 0.75,
                                   .bytes_min = 10,
                                   .bytes_max = 1000};
    struct workload *workload;
    struct buffer why = {0};

    assert_int_equal(workload_new(&setup, &workload, &why), 0);
    return workload;
}

static struct trial trial_of(const char *scheme, const struct workload *workload)
{
    return (struct trial){.kind = scheme_find(scheme),
                          .setup = {.replicas = REPLICAS,
                                    .shards = 64,
                                    .vnodes = 16,
                                    .bound = 1.25,
                                    .boost_shards = 2,
                                    .boost_copies = 2},
                          .nodes = NODES,
                          .workload = workload,
                          .r = 2,
                          .w = 2};
}

// The value of the one finding that fits; `at` 0: no curve.
static double value_of(const struct findings *findings, const char *subject, const char *copies,
                       const char *metric, double at)
{
    double value = 0;
    unsigned found = 0;

    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];

        if (strcmp(finding->subject, subject) || strcmp(finding->copies, copies) ||
            strcmp(finding->metric, metric) || (finding->curve ? finding->at : 0) != at)
            continue;
        value = finding->value;
        found += 1;
    }
    if (found != 1)
        fail_msg("%u findings of %s %s %s", found, subject, copies, metric);
    return value;
}

static void assert_near(double found, double expected)
{
    if (fabs(found - expected) > 1e-9 * (1 + fabs(expected)))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

// ---- the plain way ------------------------------------------------------------------------------

struct plain {
    double keys[2][SCHEME_NODES_MAX]; // first owners, all copies
    double load[2][SCHEME_NODES_MAX];
    double copies;
};

// Where every key lies: KEYS x SCHEME_WIDTH_MAX owners.
static uint16_t *plain_places(const struct trial *trial, struct scheme *scheme)
{
    uint16_t *all = memory_new((size_t)KEYS * SCHEME_WIDTH_MAX * sizeof *all);
    struct key_walk *walk = memory_new(sizeof *walk);

    memset(all, 0xff, (size_t)KEYS * SCHEME_WIDTH_MAX * sizeof *all);
    scheme_begin(scheme, KEYS);
    key_walk_begin(walk, trial, SEED);
    while (key_walk_next(walk)) {
        for (uint32_t i = 0; i < walk->keys.count; i++) {
            struct scheme_batch batch = {1, &walk->keys.hash[i], &walk->load[i], false};
            struct scheme_places places = {all + (walk->keys.from + i) * SCHEME_WIDTH_MAX, NULL};

            scheme_locate(scheme, &batch, &places);
        }
    }
    free(walk);
    return all;
}

static void plain_sum(const struct trial *trial, const uint16_t *places, struct plain *plain)
{
    struct key_walk *walk = memory_new(sizeof *walk);

    memset(plain, 0, sizeof *plain);
    key_walk_begin(walk, trial, SEED);
    while (key_walk_next(walk)) {
        for (uint32_t i = 0; i < walk->keys.count; i++) {
            const uint16_t *row = places + (walk->keys.from + i) * SCHEME_WIDTH_MAX;
            double reads = walk->keys.reads[i] * 0.75;
            double writes = walk->keys.writes[i] * 0.25;
            uint32_t count = 0;

            while (row[count] != SCHEME_NOBODY)
                count += 1;
            plain->keys[0][row[0]] += 1;
            plain->load[0][row[0]] += reads + writes;
            for (uint32_t copy = 0; copy < count; copy++) {
                plain->keys[1][row[copy]] += 1;
                plain->load[1][row[copy]] += reads * 2 / count + writes;
            }
            plain->copies += count;
        }
    }
    free(walk);
}

static double plain_peak(const double *sums, uint32_t nodes)
{
    double total = 0;
    double most = 0;

    for (uint32_t i = 0; i < nodes; i++) {
        total += sums[i];
        most = sums[i] > most ? sums[i] : most;
    }
    return most / total * nodes;
}

static void balance_is_the_plain_sum(void **state)
{
    static const enum workload_kind kinds[] = {WORKLOAD_UNIFORM, WORKLOAD_ZIPF, WORKLOAD_HOTSPOT,
                                               WORKLOAD_LATEST};
    struct plain *plain = memory_new(sizeof *plain);

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct workload *workload = workload_of(kinds[k], 0.99);

        for (size_t i = 0; scheme_kinds[i]; i++) {
            struct trial trial = trial_of(scheme_kinds[i]->name, workload);
            struct scheme *scheme = trial_scheme(&trial, SEED);
            uint16_t *places = plain_places(&trial, scheme);
            struct findings findings = {0};

            plain_sum(&trial, places, plain);
            question_balance(&trial, SEED, &findings);
            assert_near(value_of(&findings, "keys", "1", "peak/average", 0),
                        plain_peak(plain->keys[0], NODES));
            assert_near(value_of(&findings, "keys", "all", "peak/average", 0),
                        plain_peak(plain->keys[1], NODES));
            assert_near(value_of(&findings, "load", "1", "share", 1),
                        plain_peak(plain->load[0], NODES));
            assert_near(value_of(&findings, "load", "all", "peak/average", 0),
                        plain_peak(plain->load[1], NODES));
            assert_near(value_of(&findings, "load", "all", "efficiency", 0),
                        1 / plain_peak(plain->load[1], NODES));
            findings_done(&findings);
            free(places);
            scheme_free(scheme);
        }
        workload_free(workload);
    }
    free(plain);
}

static void drawn_operations_come_near_the_expected(void **state)
{
    struct workload *workload = workload_of(WORKLOAD_ZIPF, 0.99);

    (void)state;
    for (size_t i = 0; scheme_kinds[i]; i++) {
        struct trial trial = trial_of(scheme_kinds[i]->name, workload);
        struct findings expected = {0};
        struct findings drawn = {0};

        question_balance(&trial, SEED, &expected);
        trial.operations = 200 * 1000;
        question_balance(&trial, SEED, &drawn);
        for (size_t k = 0; k < 2; k++) {
            const char *copies = k ? "all" : "1";
            double is = value_of(&drawn, "load", copies, "peak/average", 0);
            double should = value_of(&expected, "load", copies, "peak/average", 0);

            if (fabs(is / should - 1) > 0.03)
                fail_msg("%s: %g drawn, %g expected", scheme_kinds[i]->name, is, should);
        }
        assert_near(value_of(&drawn, "keys", "1", "peak/average", 0),
                    value_of(&expected, "keys", "1", "peak/average", 0));
        findings_done(&expected);
        findings_done(&drawn);
    }
    workload_free(workload);
}

// The limit of many keys is what a walk over many keys comes near.
static void endless_keys_are_the_limit_of_many(void **state)
{
    static const char *const names[] = {"static", "ring", "ring-equal", "ring-token-equal"};
    struct workload *workload = workload_of(WORKLOAD_UNIFORM, 0);

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct trial trial = trial_of(names[i], workload);
        struct findings endless = {0};
        struct findings walked = {0};

        question_balance(&trial, SEED, &walked);
        trial.endless = true;
        question_balance(&trial, SEED, &endless);
        assert_true(fabs(value_of(&endless, "keys", "all", "peak/average", 0) -
                         value_of(&walked, "keys", "all", "peak/average", 0)) < 0.06);
        findings_done(&endless);
        findings_done(&walked);
    }
    workload_free(workload);
}

// ---- movement -----------------------------------------------------------------------------------

static bool among(const uint16_t *row, uint16_t node)
{
    for (uint32_t i = 0; row[i] != SCHEME_NOBODY; i++) {
        if (row[i] == node)
            return true;
    }
    return false;
}

static void movement_is_the_plain_difference(void **state)
{
    static const char *const events[] = {"add"};
    struct workload *workload = workload_of(WORKLOAD_ZIPF, 0.99);

    (void)state;
    for (size_t i = 0; scheme_kinds[i]; i++) {
        struct trial trial = trial_of(scheme_kinds[i]->name, workload);
        struct scheme *before = trial_scheme(&trial, SEED);
        struct scheme *after = trial_scheme(&trial, SEED);
        struct findings findings = {0};
        uint16_t *old;
        uint16_t *new;
        double made = 0;
        double first = 0;
        double copies = 0;

        assert_int_equal(scheme_add(after, trial_node(&trial, SEED, NODES), NULL), 0);
        old = plain_places(&trial, before);
        new = plain_places(&trial, after);
        for (size_t key = 0; key < KEYS; key++) {
            const uint16_t *was = old + key * SCHEME_WIDTH_MAX;
            const uint16_t *is = new + key *SCHEME_WIDTH_MAX;

            first += was[0] != is[0];
            for (uint32_t copy = 0; was[copy] != SCHEME_NOBODY; copy++)
                copies += 1;
            for (uint32_t copy = 0; is[copy] != SCHEME_NOBODY; copy++)
                made += !among(was, is[copy]);
        }
        trial.events = events;
        trial.event_count = 1;
        question_movement(&trial, SEED, &findings);
        assert_near(value_of(&findings, "keys", "all", "moved", 0), made / copies);
        assert_near(value_of(&findings, "keys", "all", "copied", 0), made);
        assert_near(value_of(&findings, "keys", "1", "moved", 0), first / KEYS);
        assert_near(value_of(&findings, "keys", "all", "minimum", 0), 1.0 / (NODES + 1));
        findings_done(&findings);
        free(old);
        free(new);
        scheme_free(before);
        scheme_free(after);
    }
    workload_free(workload);
}

// What lay on a node that is gone must be copied, and schemes that move little move just that.
static void what_was_on_a_lost_node_is_the_minimum(void **state)
{
    static const char *const events[] = {"fail"};
    static const char *const names[] = {"ring", "rendezvous"};
    struct workload *workload = workload_of(WORKLOAD_UNIFORM, 0);

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct trial trial = trial_of(names[i], workload);
        struct findings findings = {0};

        trial.events = events;
        trial.event_count = 1;
        question_movement(&trial, SEED, &findings);
        assert_near(value_of(&findings, "keys", "all", "moved", 0),
                    value_of(&findings, "keys", "all", "minimum", 0));
        assert_near(value_of(&findings, "bytes", "all", "moved", 0),
                    value_of(&findings, "bytes", "all", "minimum", 0));
        findings_done(&findings);
    }
    workload_free(workload);
}

static void weights_are_rounded(void **state)
{
    static const char *const events[] = {"reweigh:0.29"}; // 0.29 x 100 is 28.999... in a double
    struct workload *workload = workload_of(WORKLOAD_UNIFORM, 0);
    struct trial trial = trial_of("ring", workload);
    struct findings findings = {0};

    (void)state;
    trial.events = events;
    trial.event_count = 1;
    question_movement(&trial, SEED, &findings);
    assert_near(value_of(&findings, "keys", "all", "minimum", 0),
                (NODES - 1) * (100.0 / (100 * (NODES - 1) + 29) - 1.0 / NODES));
    findings_done(&findings);
    workload_free(workload);
}

static void events_are_read_as_numbers_are(void **state)
{
    static const char *const good[] = {"reweigh:0.50000000", "reweigh:1e1", "reweigh:.5", "add:3"};
    static const char *const bad[] = {"reweigh:",   "reweigh:0.001", "reweigh:101",
                                      "reweigh:2x", "reweigh:-1",    "add:0",
                                      "add:1.5",    "double:2",      "to"};
    struct buffer why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(movement_event_valid(good[i], &why));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(movement_event_valid(bad[i], &why));
    buffer_done(&why);
}

// Of a workload that can only be drawn, and of every other when operations are.
static void load_after_a_change_goes_by_what_is_drawn(void **state)
{
    static const char *const events[] = {"add"};
    static const enum workload_kind kinds[] = {WORKLOAD_SCRAMBLED, WORKLOAD_HOTSPOT};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct workload *workload = workload_of(kinds[i], 0.99);
        struct trial trial = trial_of("bounded", workload);
        struct findings moved = {0};
        struct findings balance = {0};

        trial.operations = 20000;
        trial.events = events;
        trial.event_count = 1;
        question_movement(&trial, SEED, &moved);
        trial.nodes += 1;
        question_balance(&trial, SEED, &balance);
        for (unsigned copies = 0; copies < 2; copies++) {
            const char *which = copies ? "all" : "1";

            assert_near(value_of(&moved, "load", which, "peak/average", 0),
                        value_of(&balance, "load", which, "peak/average", 0));
        }
        findings_done(&moved);
        findings_done(&balance);
        workload_free(workload);
    }
}

static bool has_subject(const struct findings *findings, const char *subject)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (strcmp(findings->list[i].subject, subject) == 0)
            return true;
    }
    return false;
}

// A repetition with fewer ranges has as many findings; and what there is none of has none.
static void findings_are_as_many_with_every_seed(void **state)
{
    struct workload_setup setup = {.kind = WORKLOAD_UNIFORM, .keys = 3, .read_share = 1};
    struct workload *workload;
    struct buffer why = {0};
    struct trial trial;
    size_t count = 0;

    (void)state;
    assert_int_equal(workload_new(&setup, &workload, &why), 0);
    trial = trial_of("split", workload);
    trial.setup.vnodes = trial.setup.replicas = trial.r = 1;
    trial.nodes = 2;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct findings findings = {0};

        question_balance(&trial, seed, &findings);
        assert_true(count == 0 || count == findings.count);
        count = findings.count;
        assert_true(has_subject(&findings, "reads"));
        assert_false(has_subject(&findings, "writes"));
        findings_done(&findings);
    }
    workload_free(workload);
}

static void no_event_no_number(void **state)
{
    static const char *const events[] = {"double"};
    struct workload *workload = workload_of(WORKLOAD_UNIFORM, 0);
    struct trial trial = trial_of("rendezvous", workload);
    struct findings findings = {0};

    (void)state;
    trial.events = events;
    trial.event_count = 1;
    question_movement(&trial, SEED, &findings);
    assert_true(isnan(value_of(&findings, "keys", "all", "moved", 0)));
    findings_done(&findings);
    workload_free(workload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balance_is_the_plain_sum),
        cmocka_unit_test(drawn_operations_come_near_the_expected),
        cmocka_unit_test(endless_keys_are_the_limit_of_many),
        cmocka_unit_test(movement_is_the_plain_difference),
        cmocka_unit_test(what_was_on_a_lost_node_is_the_minimum),
        cmocka_unit_test(weights_are_rounded),
        cmocka_unit_test(events_are_read_as_numbers_are),
        cmocka_unit_test(load_after_a_change_goes_by_what_is_drawn),
        cmocka_unit_test(findings_are_as_many_with_every_seed),
        cmocka_unit_test(no_event_no_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
