// SPDX-License-Identifier: Apache-2.0
// Seeds, knobs and shrinking of `quorate-sim check`, and a few whole runs.
#include "base/err.h"
#include "sim/check/shrink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_seed_decides_all_knobs(void **state)
{
    static struct knobs_set none;
    struct knobs first;
    struct knobs second;

    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        knobs_draw(&first, seed, &none);
        knobs_draw(&second, seed, &none);
        assert_memory_equal(&first, &second, sizeof first);
        assert_true(first.at[KNOB_REPLICAS] <= first.at[KNOB_NODES]);
        assert_true(first.at[KNOB_R] + first.at[KNOB_W] > first.at[KNOB_REPLICAS]);
        if (first.at[KNOB_FAULT_ROLLBACK] || first.at[KNOB_FAULT_ROT])
            assert_true(first.at[KNOB_W] > first.at[KNOB_REPLICAS] / 2 && first.at[KNOB_W] > 1);
    }
}

static void runs_are_dealt_as_promised(void **state)
{
    static struct knobs_set none;
    uint32_t calm = 0;
    uint32_t hot = 0;
    uint32_t fills = 0;
    uint32_t two = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct knobs knobs;
        uint64_t faults = 0;

        knobs_draw(&knobs, seed, &none);
        for (int kind = 0; kind < FAULT_KINDS; kind++)
            faults += knobs.at[KNOB_FAULT_KILL + kind];
        calm += faults == 0;
        hot += knobs.at[KNOB_KEYS] == 1;
        fills += knobs.at[KNOB_KEYS] == 600 && knobs.at[KNOB_DOT_LOG_KIB] == 2;
        two += knobs.at[KNOB_CLIENTS] == 2;
    }
    assert_in_range(calm, 150, 250); // a tenth
    assert_in_range(hot, 800, 1000); // a half, less a tenth for fills
    assert_in_range(fills, 150, 250);
    assert_in_range(two, 500, 800); // a quarter, and a seventh of the rest
}

static void knobs_are_read(void **state)
{
    static struct knobs_set set;
    struct buffer why = {0};
    struct knobs knobs;

    (void)state;
    assert_int_equal(knobs_set_read(&set, slice_of_text("nodes=4"), &why), 0);
    assert_int_equal(knobs_set_read(&set, slice_of_text("nodes"), &why), ERR_INVALID);
    assert_int_equal(knobs_set_read(&set, slice_of_text("nodes=400"), &why), ERR_INVALID);
    assert_int_equal(knobs_set_read(&set, slice_of_text("knots=4"), &why), ERR_INVALID);
    assert_int_equal(knobs_faults_read(&set, "kill,loss", &why), 0);
    assert_int_equal(knobs_faults_read(&set, "kill,nodes", &why), ERR_INVALID);
    knobs_draw(&knobs, 5, &set);
    assert_int_equal(knobs.at[KNOB_NODES], 4);
    assert_true(knobs.at[KNOB_FAULT_KILL] > 0 && knobs.at[KNOB_LOSS] > 0);
    assert_int_equal(knobs.at[KNOB_FAULT_PAUSE], 0);
    buffer_done(&why);
}

// A run that fails when faults 3 and 40 happen and the phase lasts at least 9 seconds.
static int fails_with_two(const struct trial *trial, uint64_t seconds_max, struct trial_result *out)
{
    struct knobs knobs;
    bool fails = fault_is_kept(&trial->kept, 3) && fault_is_kept(&trial->kept, 40);

    (void)seconds_max;
    knobs_draw(&knobs, trial->seed, &trial->set);
    *out = (struct trial_result){.seed = trial->seed, .faults_drawn = 100};
    out->findings = fails && knobs.at[KNOB_SECONDS] >= 9;
    return 0;
}

static void a_failing_run_is_made_smaller(void **state)
{
    static struct trial trial = {.seed = 1};
    static struct trial_result result;
    struct shrink_setup setup = {.tries_max = 1000, .attempt = fails_with_two};
    struct buffer command = {0};
    struct knobs knobs;

    (void)state;
    trial.set.is[KNOB_SECONDS] = true;
    trial.set.to[KNOB_SECONDS] = 60;
    assert_int_equal(fails_with_two(&trial, 1, &result), 0);
    assert_int_equal(result.findings, 1);
    assert_true(shrink(&setup, &trial, &result) < 200);
    knobs_draw(&knobs, trial.seed, &trial.set);
    assert_int_equal(knobs.at[KNOB_SECONDS], 9);
    assert_int_equal(knobs.at[KNOB_CLIENTS], 1);
    shrink_command(&trial, 100, &command);
    buffer_add_u8(&command, 0);
    assert_non_null(strstr((char *)command.data, "--keep 3,40"));
    assert_non_null(strstr((char *)command.data, "seconds=9"));
    buffer_done(&command);
}

static void kept_faults_are_read(void **state)
{
    static struct faults_kept kept;

    (void)state;
    assert_int_equal(faults_kept_read("3,7-9", &kept), 0);
    assert_false(fault_is_kept(&kept, 2));
    assert_true(fault_is_kept(&kept, 3) && fault_is_kept(&kept, 8) && fault_is_kept(&kept, 9));
    assert_int_equal(faults_kept_read("none", &kept), 0);
    assert_false(fault_is_kept(&kept, 3));
    assert_int_equal(faults_kept_read("3,", &kept), ERR_INVALID);
    assert_int_equal(faults_kept_read("3-", &kept), ERR_INVALID);
    assert_int_equal(faults_kept_read("5000", &kept), ERR_INVALID);
}

static void short_runs_keep_all_promises_and_repeat(void **state)
{
    static struct trial trial;
    static struct trial_result result;
    uint64_t acknowledged = 0;

    (void)state;
    trial.set.is[KNOB_SECONDS] = trial.set.is[KNOB_THINK_US] = true;
    trial.set.to[KNOB_SECONDS] = 5;
    trial.set.to[KNOB_THINK_US] = 100000;
    for (trial.seed = 1; trial.seed <= 48; trial.seed++) {
        uint64_t hash;

        trial_run(&trial, &result);
        if (result.findings)
            fail_msg("seed %d: %s", (int)trial.seed, result.text);
        acknowledged += result.done;
        hash = result.hash;
        if (trial.seed > 4)
            continue;
        trial_run(&trial, &result);
        assert_true(result.hash == hash);
    }
    assert_true(acknowledged > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_decides_all_knobs),
        cmocka_unit_test(runs_are_dealt_as_promised),
        cmocka_unit_test(knobs_are_read),
        cmocka_unit_test(a_failing_run_is_made_smaller),
        cmocka_unit_test(kept_faults_are_read),
        cmocka_unit_test(short_runs_keep_all_promises_and_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
