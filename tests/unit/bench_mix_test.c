// SPDX-License-Identifier: Apache-2.0
// Mixes of operations: shares, which keys, inserts that reads can find.
#include "base/err.h"
#include "client/bench/mix.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 1000, DRAWS = 100000 };

static struct workload *workload_of(const struct mix *mix)
{
    struct workload_setup setup = {.kind = mix->keys,
                                   .keys = KEYS,
                                   .theta = 0.99,
                                   .hot_operations = 0.9,
                                   .hot_keys = 0.1,
                                   .read_share = mix->read_share};
    struct workload *workload;
    struct buffer why = {0};

    assert_int_equal(workload_new(&setup, &workload, &why), 0);
    return workload;
}

static void shares(void **state)
{
    static const struct {
        const char *word;
        double share[OP_KINDS];
        enum workload_kind keys;
    } known[] = {
        {"a", {[OP_READ] = 0.5, [OP_WRITE] = 0.5}, WORKLOAD_SCRAMBLED},
        {"b", {[OP_READ] = 0.95, [OP_WRITE] = 0.05}, WORKLOAD_SCRAMBLED},
        {"c", {[OP_READ] = 1}, WORKLOAD_SCRAMBLED},
        {"d", {[OP_READ] = 0.95, [OP_INSERT] = 0.05}, WORKLOAD_LATEST},
        {"f", {[OP_READ] = 0.5, [OP_RMW] = 0.5}, WORKLOAD_SCRAMBLED},
        {"read", {[OP_READ] = 1}, WORKLOAD_UNIFORM},
        {"write", {[OP_WRITE] = 1}, WORKLOAD_UNIFORM},
        {"mixed=80", {[OP_READ] = 0.8, [OP_WRITE] = 0.2}, WORKLOAD_UNIFORM},
        {"mixed=0", {[OP_WRITE] = 1}, WORKLOAD_UNIFORM},
        {"mixed=100", {[OP_READ] = 1}, WORKLOAD_UNIFORM},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t counts[OP_KINDS] = {0};
        char why[MIX_TEXT_MAX];
        struct mix mix;
        struct mixer *mixer = calloc(1, sizeof *mixer);

        assert_int_equal(mix_find(known[i].word, &mix, why), 0);
        assert_int_equal(mix.keys, known[i].keys);
        struct workload *workload = workload_of(&mix);
        mixer_init(mixer, &(struct mixer_setup){&mix, workload, 0, 1, 5});
        for (int draw = 0; draw < DRAWS; draw++) {
            struct op op = mixer_draw(mixer);

            counts[op.kind]++;
            if (op.kind == OP_INSERT)
                mixer_inserted(mixer, op.key);
        }
        for (unsigned kind = 0; kind < OP_KINDS; kind++)
            assert_true(fabs((double)counts[kind] / DRAWS - known[i].share[kind]) < 0.01);
        workload_free(workload);
        free(mixer);
    }
}

static void refusals(void **state)
{
    static const char *const words[] = {"e",     "g",        "",          "A",
                                        "mixed", "mixed=",   "mixed=101", "mixed=x",
                                        "readx", "mixed=-1", "mixed=50%"};
    char why[MIX_TEXT_MAX];
    struct mix mix;

    (void)state;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        why[0] = 0;
        assert_int_equal(mix_find(words[i], &mix, why), ERR_INVALID);
        assert_true(strlen(why) > 10);
    }
    (void)mix_find("e", &mix, why);
    assert_non_null(strstr(why, "no scan"));
}

// Hot keys are asked for more often, the same seed gives the same stream, another thread another.
static void streams(void **state)
{
    struct mixer *mixers = calloc(3, sizeof *mixers);
    uint32_t counts[KEYS] = {0};
    char why[MIX_TEXT_MAX];
    struct mix mix;
    uint32_t most = 0, same = 0;

    (void)state;
    assert_int_equal(mix_find("a", &mix, why), 0);
    struct workload *workload = workload_of(&mix);
    mixer_init(&mixers[0], &(struct mixer_setup){&mix, workload, 0, 2, 5});
    mixer_init(&mixers[1], &(struct mixer_setup){&mix, workload, 0, 2, 5});
    mixer_init(&mixers[2], &(struct mixer_setup){&mix, workload, 1, 2, 5});
    for (int draw = 0; draw < DRAWS; draw++) {
        struct op op = mixer_draw(&mixers[0]);
        struct op again = mixer_draw(&mixers[1]);
        struct op other = mixer_draw(&mixers[2]);

        assert_true(op.key < KEYS);
        assert_true(op.key == again.key && op.kind == again.kind);
        same += op.key == other.key;
        counts[op.key]++;
    }
    for (unsigned i = 0; i < KEYS; i++)
        most = counts[i] > most ? counts[i] : most;
    assert_true(most > DRAWS / 100);
    assert_true(same < DRAWS / 10);
    workload_free(workload);
    free(mixers);
}

// Two threads insert keys of their own, and read no key whose insert, or one before it, is open.
static void inserts(void **state)
{
    enum { OPEN = 40, THREADS = 2 };
    struct mixer *mixers = calloc(THREADS, sizeof *mixers);
    bool *born = calloc(2 * DRAWS, sizeof *born);
    uint64_t open[THREADS][OPEN];
    uint32_t count[THREADS] = {0};
    uint32_t late = 0, fresh = 0;
    char why[MIX_TEXT_MAX];
    struct mix mix;
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    assert_int_equal(mix_find("d", &mix, why), 0);
    struct workload *workload = workload_of(&mix);
    for (uint32_t i = 0; i < THREADS; i++)
        mixer_init(&mixers[i], &(struct mixer_setup){&mix, workload, i, THREADS, 5});
    for (int draw = 0; draw < DRAWS; draw++) {
        uint32_t thread = (uint32_t)draw % THREADS;
        struct op op = mixer_draw(&mixers[thread]);

        if (op.kind == OP_READ) {
            assert_true(op.key < KEYS || born[op.key]);
            late += op.key >= KEYS;
            continue;
        }
        assert_true(op.key >= KEYS && op.key % THREADS == thread);
        assert_false(born[op.key]);
        fresh++;
        if (count[thread] == OPEN) { // any of those under way ends
            uint64_t which = rng_below(&rng, OPEN);

            born[open[thread][which]] = true;
            mixer_inserted(&mixers[thread], open[thread][which]);
            open[thread][which] = open[thread][--count[thread]];
        }
        open[thread][count[thread]++] = op.key;
    }
    assert_true(fresh > DRAWS / 25);
    assert_true(late > DRAWS / 4); // the latest are read most
    workload_free(workload);
    free(mixers);
    free(born);
}

// One that never ends does not hold the others back for ever.
static void births_pass_over(void **state)
{
    struct births *births = calloc(1, sizeof *births);

    (void)state;
    assert_int_equal(births_begin(births), 0);
    for (uint64_t i = 1; i < BIRTHS_WINDOW; i++) {
        assert_int_equal(births_begin(births), i);
        births_end(births, i);
    }
    assert_int_equal(births->settled, 0);
    assert_int_equal(births_begin(births), BIRTHS_WINDOW);
    assert_int_equal(births->settled, BIRTHS_WINDOW);
    births_end(births, 0); // at last: nobody waits for it
    births_end(births, BIRTHS_WINDOW);
    assert_int_equal(births->settled, BIRTHS_WINDOW + 1);
    assert_int_equal(births->issued, BIRTHS_WINDOW + 1);
    free(births);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares),  cmocka_unit_test(refusals),         cmocka_unit_test(streams),
        cmocka_unit_test(inserts), cmocka_unit_test(births_pass_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
