// SPDX-License-Identifier: Apache-2.0
// From words on a command line to a grid of experiments, and from there to rows: lists,
// combinations, what is refused with which sentence, and that threads make no difference.
#include "base/check.h"
#include "base/err.h"
#include "sim/placement/choice.h"
#include "sim/placement/defaults.h"
#include "sim/placement/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t no_clock(void)
{
    return 0;
}

// ---- numbers and lists --------------------------------------------------------------------------

static void numbers_are_read_as_people_type_them(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},        {"10", 10},  {"0.99", 0.99}, {"1e6", 1e6},   {"10k", 1e4},
                {"2.5M", 2.5e6}, {"1G", 1e9}, {".5", 0.5},    {"1e-3", 0.001}};
    static const char *const bad[] = {"",  " 1", "1 ",  "inf",   "nan", "0x10",  "1kk", "1,",
                                      "k", "1e", "--1", "1.2.3", "1q",  "1e999", "k1"};
    double value = 0;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(number_read(good[i].text, &value));
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (number_read(bad[i], &value))
            fail_msg("'%s' was read as %g", bad[i], value);
    }
}

static void lists_are_whole_or_refused(void **state)
{
    static const char *const bad[] = {"", ",", "1,", ",1", "1,,2", "1,x", "1;2"};
    struct list list = {.count = 77};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(list_read(bad[i], &list));
        assert_int_equal(list.count, 77);
    }
    assert_true(list_read("5,10k,0.5", &list));
    assert_int_equal(list.count, 3);
    assert_true(list.values[1] == 10000);
    assert_true(list_within(&list, 0, 10000, false));
    assert_false(list_within(&list, 0, 10000, true));
    assert_false(list_within(&list, 1, 10000, false));
}

// ---- grids --------------------------------------------------------------------------------------

static struct options options;
static struct grid grid;
static struct buffer why;

static int setup(void **state)
{
    (void)state;
    sim_options_default(&options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    grid_done(&grid);
    sim_options_done(&options);
    buffer_done(&why);
    return 0;
}

static void set_list(struct list *list, const char *text)
{
    assert_true(list_read(text, list));
}

static int make(const char *question)
{
    assert_true(choose_question(&options, question, &why));
    if (options.event_count == 0)
        assert_true(choose_events(&options, "add,remove", &why));
    assert_true(choose_finish(&options, &why));
    return grid_make(&grid, &options, no_clock, &why);
}

// A refusal that names all the words.
static void assert_refused(const char *question, const char *first, const char *second)
{
    assert_int_equal(make(question), ERR_INVALID);
    buffer_add_u8(&why, 0);
    if (!strstr((const char *)why.data, first) || !strstr((const char *)why.data, second))
        fail_msg("'%s' lacks '%s' or '%s'", (const char *)why.data, first, second);
}

static void only_what_matters_multiplies(void **state)
{
    uint32_t statics = 0;
    uint32_t rings = 0;

    (void)state;
    assert_true(choose_schemes(&options, "static,ring,modulo", &why));
    set_list(&options.nodes, "5,10");
    set_list(&options.shards, "64,128,256");
    set_list(&options.vnodes, "1,16");
    set_list(&options.keys, "1000");
    assert_int_equal(make("balance"), 0);
    for (uint32_t i = 0; i < grid.count; i++) {
        statics += grid.list[i].trial.kind == scheme_find("static");
        rings += grid.list[i].trial.kind == scheme_find("ring");
        if (grid.list[i].trial.kind == scheme_find("modulo")) {
            assert_string_equal(grid.list[i].labels[LABEL_SHARDS], "");
            assert_string_equal(grid.list[i].labels[LABEL_VNODES], "");
        }
    }
    assert_int_equal(statics, 2 * 2 * 3); // two thetas
    assert_int_equal(rings, 2 * 2 * 2);
    assert_int_equal(grid.count, 12 + 8 + 4);
}

static void repeated_values_count_once(void **state)
{
    struct list list;

    (void)state;
    set_list(&list, "5,10,5,5,7,10");
    list_unique(&list);
    assert_int_equal(list.count, 3);
    assert_true(list.values[0] == 5 && list.values[1] == 10 && list.values[2] == 7);
    assert_true(choose_schemes(&options, "static,ring,static", &why));
    assert_int_equal(options.scheme_count, 2);
    assert_true(choose_workloads(&options, "latest,zipf,latest", &why));
    assert_int_equal(options.workload_count, 2);
}

static void the_last_schemes_count(void **state)
{
    (void)state;
    assert_true(choose_schemes(&options, "all", &why));
    assert_true(choose_schemes(&options, "split", &why));
    options.endless = true;
    assert_refused("balance", "split goes by the load", "--keys"); // not left out as one of all
}

// Q from V x nodes goes without saying, any other is told; where it is given, V does nothing.
static void partitions_are_told_and_replace_tokens(void **state)
{
    (void)state;
    assert_true(choose_schemes(&options, "ring-equal,ring-token-equal", &why));
    set_list(&options.vnodes, "8,16");
    set_list(&options.theta, "0");
    set_list(&options.keys, "1000");
    assert_int_equal(make("balance"), 0);
    assert_int_equal(grid.count, 4);
    assert_string_equal(grid.list[0].labels[LABEL_PARTITIONS], "");
    assert_string_equal(grid.list[2].labels[LABEL_PARTITIONS], "1024");
    grid_done(&grid);
    set_list(&options.partitions, "512");
    assert_int_equal(grid_make(&grid, &options, no_clock, &why), 0);
    assert_int_equal(grid.count, 3);
    assert_string_equal(grid.list[0].labels[LABEL_PARTITIONS], "512");
    assert_string_equal(grid.list[0].labels[LABEL_VNODES], "");
    assert_string_equal(grid.list[2].labels[LABEL_VNODES], "16");
}

static void operations_are_of_who_draws_them(void **state)
{
    (void)state;
    assert_true(choose_schemes(&options, "static", &why));
    set_list(&options.operations, "0,1000");
    set_list(&options.theta, "0");
    set_list(&options.keys, "1000");
    assert_true(choose_question(&options, "balance", &why));
    assert_true(choose_question(&options, "movement", &why));
    assert_int_equal(make("latency"), 0);
    assert_int_equal(grid.count, 2 + 2 + 1);
    assert_string_equal(grid.list[3].labels[LABEL_OPERATIONS], "1000");
    assert_string_equal(grid.list[4].labels[LABEL_OPERATIONS], "");
}

static void staleness_cares_for_r_also_when_keys_are_endless(void **state)
{
    (void)state;
    options.endless = true;
    assert_true(choose_levels("1,2", options.r, &options.r_count, &why));
    assert_true(choose_schemes(&options, "static", &why));
    assert_true(choose_question(&options, "balance", &why));
    assert_int_equal(make("staleness"), 0);
    assert_int_equal(grid.count, 1 + 2);
    assert_string_equal(grid.list[0].labels[LABEL_R], "");
    assert_string_equal(grid.list[2].labels[LABEL_R], "2");
}

static void staleness_asks_for_no_scheme(void **state)
{
    (void)state;
    set_list(&options.nodes, "5,10");
    assert_true(choose_levels("1,2", options.r, &options.r_count, &why));
    assert_true(choose_legs(&options, "lnkd-ssd,lnkd-disk", &why));
    assert_int_equal(make("staleness"), 0);
    assert_int_equal(grid.count, 4);
    assert_string_equal(grid.list[0].labels[LABEL_SCHEME], "");
    assert_string_equal(grid.list[0].labels[LABEL_NODES], "");
    assert_string_equal(grid.list[1].labels[LABEL_LEGS], "lnkd-disk");
    assert_string_equal(grid.list[3].labels[LABEL_R], "2");
}

static void levels_follow_the_replicas(void **state)
{
    (void)state;
    set_list(&options.replicas, "3,5");
    assert_true(choose_levels("quorum,all", options.r, &options.r_count, &why));
    assert_int_equal(make("staleness"), 0);
    assert_int_equal(grid.count, 4);
    assert_int_equal(grid.list[0].trial.r, 2);
    assert_int_equal(grid.list[1].trial.r, 3);
    assert_int_equal(grid.list[2].trial.r, 3);
    assert_int_equal(grid.list[3].trial.r, 5);
}

static void more_replicas_than_nodes_are_refused(void **state)
{
    (void)state;
    set_list(&options.nodes, "2");
    set_list(&options.keys, "100");
    assert_refused("balance", "2", "3");
}

static void shards_must_be_a_power_of_two(void **state)
{
    (void)state;
    set_list(&options.shards, "100");
    set_list(&options.keys, "100");
    assert_refused("balance", "100", "power of two");
}

static void levels_beyond_the_copies_are_refused(void **state)
{
    (void)state;
    assert_true(choose_levels("4", options.r, &options.r_count, &why));
    assert_refused("staleness", "r 4", "3 replicas");
}

static void events_must_leave_enough_nodes(void **state)
{
    (void)state;
    set_list(&options.nodes, "4");
    set_list(&options.keys, "100");
    assert_true(choose_events(&options, "remove:2", &why));
    assert_refused("movement", "remove:2", "4 nodes");
}

static void events_that_nobody_asked_for_are_those_that_fit(void **state)
{
    (void)state;
    set_list(&options.nodes, "3,4,1024");
    set_list(&options.theta, "0");
    set_list(&options.keys, "100");
    assert_true(choose_schemes(&options, "static", &why));
    options.events_default = true;
    assert_int_equal(make("movement"), 0);
    assert_int_equal(grid.count, 3);
    assert_int_equal(grid.list[0].trial.event_count, 1);
    assert_string_equal(grid.list[0].trial.events[0], "add");
    assert_int_equal(grid.list[1].trial.event_count, 2);
    assert_int_equal(grid.list[2].trial.event_count, 1);
    assert_string_equal(grid.list[2].trial.events[0], "remove");
}

// Zones of different sizes burden their nodes differently, which only keys can tell.
static void endless_keys_are_not_for_formulas_with_zones(void **state)
{
    (void)state;
    options.endless = true;
    set_list(&options.zones, "3");
    set_list(&options.replicas, "1");
    assert_true(choose_schemes(&options, "jump", &why));
    assert_int_equal(make("balance"), 0);
    grid_done(&grid);
    set_list(&options.replicas, "3");
    assert_refused("balance", "jump", "--keys");
}

static void endless_keys_are_not_for_those_that_learn(void **state)
{
    (void)state;
    options.endless = true;
    assert_true(choose_schemes(&options, "split", &why));
    assert_refused("balance", "split", "--keys");
}

static void all_leaves_out_who_cannot(void **state)
{
    (void)state;
    assert_true(choose_schemes(&options, "all", &why));
    assert_true(choose_weights(&options, "1,2", &why));
    set_list(&options.keys, "100");
    assert_int_equal(make("balance"), 0);
    buffer_add_u8(&grid.left_out, 0);
    assert_non_null(strstr((const char *)grid.left_out.data, "modulo: left out"));
    assert_non_null(strstr((const char *)grid.left_out.data, "jump: left out"));
    for (uint32_t i = 0; i < grid.count; i++) {
        assert_ptr_not_equal(grid.list[i].trial.kind, scheme_find("modulo"));
        assert_string_equal(grid.list[i].labels[LABEL_WEIGHTS], "1,2");
    }
}

static void words_that_mean_nothing_are_named(void **state)
{
    (void)state;
    assert_false(choose_schemes(&options, "static,circle", &why));
    assert_false(choose_question(&options, "speed", &why));
    assert_false(choose_workloads(&options, "gauss", &why));
    assert_false(choose_levels("0", options.r, &options.r_count, &why));
    assert_false(choose_levels("most", options.r, &options.r_count, &why));
    assert_false(choose_weights(&options, "1,0", &why));
    assert_false(choose_bytes(&options, "10-5", &why));
    assert_false(choose_events(&options, "grow", &why));
    assert_false(choose_events(&options, "double:2", &why));
    assert_false(choose_events(&options, "to", &why));
    assert_false(choose_legs(&options, "fast", &why));
    assert_false(choose_leg(&options, "X=exp:1", &why));
    buffer_add_u8(&why, 0);
    assert_non_null(strstr((const char *)why.data, "circle"));
    assert_non_null(strstr((const char *)why.data, "gauss"));
}

// ---- runs ---------------------------------------------------------------------------------------

// All rows in one text.
static char *run_text(unsigned threads)
{
    struct run_setup run_setup = {.seed = 7, .repetitions = 5, .threads = threads};
    struct run *run = run_new(&grid, &run_setup);
    struct buffer text = {0};
    size_t count;
    struct row *rows = run_rows(run, &count);

    for (size_t i = 0; i < count; i++) {
        for (unsigned label = 0; label < LABELS; label++)
            buffer_add_format(&text, "%s,", rows[i].labels[label]);
        buffer_add_format(&text, "%a,%a,%a,%a,%s\n", rows[i].value.mean, rows[i].value.p5,
                          rows[i].value.p50, rows[i].value.p95, rows[i].note);
    }
    buffer_add_u8(&text, 0);
    run_free(run);
    return (char *)text.data;
}

static void threads_make_no_difference(void **state)
{
    char *one;
    char *four;

    (void)state;
    assert_true(choose_schemes(&options, "all", &why));
    set_list(&options.keys, "3000");
    set_list(&options.vnodes, "8");
    options.latency.requests = 500;
    options.staleness.trials = 500;
    assert_true(choose_question(&options, "balance", &why));
    assert_true(choose_question(&options, "movement", &why));
    assert_true(choose_question(&options, "latency", &why));
    assert_int_equal(make("staleness"), 0);
    one = run_text(1);
    four = run_text(4);
    assert_true(strlen(one) > 10000);
    assert_string_equal(one, four);
    free(one);
    free(four);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_people_type_them),
        cmocka_unit_test(lists_are_whole_or_refused),
        cmocka_unit_test_setup_teardown(only_what_matters_multiplies, setup, teardown),
        cmocka_unit_test_setup_teardown(staleness_asks_for_no_scheme, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_follow_the_replicas, setup, teardown),
        cmocka_unit_test_setup_teardown(more_replicas_than_nodes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(shards_must_be_a_power_of_two, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_beyond_the_copies_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(events_must_leave_enough_nodes, setup, teardown),
        cmocka_unit_test_setup_teardown(endless_keys_are_not_for_those_that_learn, setup, teardown),
        cmocka_unit_test_setup_teardown(all_leaves_out_who_cannot, setup, teardown),
        cmocka_unit_test_setup_teardown(words_that_mean_nothing_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(repeated_values_count_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_schemes_count, setup, teardown),
        cmocka_unit_test_setup_teardown(partitions_are_told_and_replace_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(operations_are_of_who_draws_them, setup, teardown),
        cmocka_unit_test_setup_teardown(staleness_cares_for_r_also_when_keys_are_endless, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(events_that_nobody_asked_for_are_those_that_fit, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(endless_keys_are_not_for_formulas_with_zones, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(threads_make_no_difference, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
