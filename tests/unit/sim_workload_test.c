// SPDX-License-Identifier: Apache-2.0
// Workloads: what is expected of each key and what is drawn tell the same story for every kind;
// keys are hashed as the node hashes them; published peaks of shards; what is refused.
#include "sim/workload/workload.h"

#include "base/err.h"
#include "node/data/key.h"
#include "tests/lib/files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct workload *workload_of(struct workload_setup setup)
{
    struct workload *workload = NULL;
    struct buffer why = {0};

    if (workload_new(&setup, &workload, &why))
        fail_msg("%.*s", (int)why.size, (const char *)why.data);
    assert_int_equal(why.size, 0);
    return workload;
}

static void refused(struct workload_setup setup, const char *sentence)
{
    struct workload *workload = NULL;
    struct buffer why = {0};

    assert_int_equal(workload_new(&setup, &workload, &why), ERR_INVALID);
    buffer_add_u8(&why, 0);
    assert_string_equal((const char *)why.data, sentence);
    assert_null(workload);
    buffer_done(&why);
}

// 100 keys: number i stands i + 1 times.
static struct workload *trace_of_ramp(void)
{
    struct workload_setup setup = {.kind = WORKLOAD_TRACE, .read_share = 0.5};
    struct buffer content = {0};
    struct workload *workload;
    char folder[FILES_PATH_SIZE];
    char path[FILES_PATH_SIZE + 8];

    for (int i = 0; i < 100; i++) {
        for (int j = 0; j <= i; j++)
            buffer_add_format(&content, "key-%d\n", i);
    }
    files_make_folder(folder);
    snprintf(path, sizeof path, "%s/keys", folder);
    assert_true(files_write(path, buffer_slice(&content)));
    setup.trace_path = path;
    workload = workload_of(setup);
    files_remove_folder(folder);
    buffer_done(&content);
    return workload;
}

// All keys of a workload, walked in steps of `chunk`.
struct walk {
    double *reads;
    double *writes;
    uint64_t *hashes;
    uint32_t *bytes;
    uint64_t count;
};

static struct walk walk_of(const struct workload *workload, uint32_t chunk)
{
    uint64_t count = workload_setup(workload)->keys;
    struct workload_keys *keys = (struct workload_keys *)malloc(sizeof *keys);
    struct walk walk = {.reads = (double *)malloc(count * sizeof(double)),
                        .writes = (double *)malloc(count * sizeof(double)),
                        .hashes = (uint64_t *)malloc(count * sizeof(uint64_t)),
                        .bytes = (uint32_t *)malloc(count * sizeof(uint32_t)),
                        .count = count};

    for (uint64_t from = 0; from < count; from += chunk) {
        uint32_t some = (uint32_t)(count - from < chunk ? count - from : chunk);

        keys->from = from;
        keys->count = some;
        workload_hash(workload, 5, keys);
        workload_expect(workload, keys);
        memcpy(walk.reads + from, keys->reads, some * sizeof(double));
        memcpy(walk.writes + from, keys->writes, some * sizeof(double));
        memcpy(walk.hashes + from, keys->hash, some * sizeof(uint64_t));
        memcpy(walk.bytes + from, keys->bytes, some * sizeof(uint32_t));
    }
    free(keys);
    return walk;
}

static void walk_done(struct walk *walk)
{
    free(walk->reads);
    free(walk->writes);
    free(walk->hashes);
    free(walk->bytes);
}

static double sum_of(const double *values, uint64_t count)
{
    double sum = 0;

    for (uint64_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

// ---------------------------------------------------------------- expected and drawn

enum { DRAWS = 200 * 1000 };

// Chi-square of counts against shares: (statistic - mean) / standard deviation. Keys that expect
// less than ten are taken together.
static double surprise(const uint32_t *counts, const double *shares, uint64_t keys, double draws)
{
    double chi = 0;
    double rest = 0;
    double rest_count = 0;
    double cells = 0;

    for (uint64_t i = 0; i < keys; i++) {
        double expected = shares[i] * draws;

        if (expected < 10) {
            rest += expected;
            rest_count += counts[i];
            continue;
        }
        chi += (counts[i] - expected) * (counts[i] - expected) / expected;
        cells += 1;
    }
    if (rest >= 10) {
        chi += (rest_count - rest) * (rest_count - rest) / rest;
        cells += 1;
    }
    return cells > 1 ? (chi - (cells - 1)) / sqrt(2 * (cells - 1)) : 0;
}

// Draws from a workload whose writes are of the same keys as its reads, or that only reads.
static void check_draws(const struct workload *workload, const char *what)
{
    const struct workload_setup *setup = workload_setup(workload);
    struct walk walk = walk_of(workload, WORKLOAD_CHUNK);
    uint32_t *counts = (uint32_t *)calloc(2 * walk.count, sizeof *counts);
    struct workload_draw draw;
    double writes = 0;

    workload_draw_init(&draw, 3);
    for (int i = 0; i < DRAWS; i++) {
        struct operation operation = workload_draw(workload, &draw);

        assert_true(operation.key < walk.count);
        counts[operation.key + (operation.write ? walk.count : 0)] += 1;
        writes += operation.write;
    }
    if (surprise(counts, walk.reads, walk.count, DRAWS - writes) > 4.5 ||
        surprise(counts + walk.count, walk.writes, walk.count, writes) > 4.5)
        fail_msg("%s: reads %g, writes %g deviations", what,
                 surprise(counts, walk.reads, walk.count, DRAWS - writes),
                 surprise(counts + walk.count, walk.writes, walk.count, writes));
    assert_true(fabs(writes - (1 - setup->read_share) * DRAWS) <= 4 * sqrt(DRAWS / 4.0));
    assert_true(fabs(sum_of(walk.reads, walk.count) - 1) < 1e-12);
    assert_true(fabs(sum_of(walk.writes, walk.count) - 1) < 1e-12);
    free(counts);
    walk_done(&walk);
}

static void draws_are_as_expected(void **state)
{
    static const struct workload_setup setups[] = {
        {.kind = WORKLOAD_UNIFORM, .keys = 1000, .read_share = 0.5},
        {.kind = WORKLOAD_UNIFORM, .keys = 1, .read_share = 0.95},
        {.kind = WORKLOAD_ZIPF, .keys = 5000, .theta = 0.99, .read_share = 0.5},
        {.kind = WORKLOAD_ZIPF, .keys = 1000, .theta = 0, .read_share = 0},
        {.kind = WORKLOAD_ZIPF, .keys = 2000, .theta = 2, .read_share = 0.5},
        {.kind = WORKLOAD_HOTSPOT, .keys = 1000, .hot_operations = 0.8, .hot_keys = 0.2},
        {.kind = WORKLOAD_HOTSPOT, .keys = 1000, .hot_operations = 0.8, .hot_keys = 1},
        {.kind = WORKLOAD_HOTSPOT, .keys = 7, .hot_operations = 0.9, .hot_keys = 1e-9},
        {.kind = WORKLOAD_HOTSPOT, .keys = 100, .hot_operations = 0, .hot_keys = 0.5},
        {.kind = WORKLOAD_LATEST, .keys = 5000, .theta = 0.99, .read_share = 1},
        {.kind = WORKLOAD_LATEST, .keys = 1500, .theta = 0.5, .read_share = 1},
    };
    struct workload *workload;

    (void)state;
    for (unsigned i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        workload = workload_of(setups[i]);
        assert_false(workload_only_drawn(workload));
        check_draws(workload, workload_word(setups[i].kind));
        workload_free(workload);
    }
    workload = trace_of_ramp();
    check_draws(workload, "trace");
    workload_free(workload);
}

// Writes of `latest` are of keys that nobody wrote before; the reads between are as old, counted
// from the newest key, as they are expected when nothing is written.
static void latest_writes_new_keys(void **state)
{
    enum { KEYS = 500 };
    struct workload *workload = workload_of((struct workload_setup){
        .kind = WORKLOAD_LATEST, .keys = KEYS, .theta = 0.99, .read_share = 0.75});
    struct walk walk = walk_of(workload, WORKLOAD_CHUNK);
    uint32_t counts[KEYS] = {0};
    struct workload_draw draw;
    uint64_t born = KEYS;
    uint32_t reads = 0;

    (void)state;
    workload_draw_init(&draw, 8);
    for (int i = 0; i < DRAWS; i++) {
        struct operation operation = workload_draw(workload, &draw);

        if (operation.write) {
            assert_true(operation.key == born++);
            continue;
        }
        assert_true(operation.key < born && operation.key >= born - KEYS);
        counts[operation.key - (born - KEYS)] += 1;
        reads += 1;
    }
    assert_true(draw.born == born - KEYS && fabs(reads / (double)DRAWS - 0.75) < 0.004);
    assert_true(surprise(counts, walk.reads, KEYS, reads) < 4.5);
    assert_true(walk.reads[KEYS - 1] > walk.reads[KEYS - 2]); // the newest most
    walk_done(&walk);
    workload_free(workload);
}

// YCSB: of 10^10 items, so 1 / 26.469 of all operations on the hottest, whatever the number of keys
// is. Where its hash sends ranks 0 and 1: computed apart from this project.
static void scrambled(void **state)
{
    static const uint64_t sizes[] = {10000, 1000000};
    static const uint64_t places[][2] = {{7211, 6620}, {377211, 966620}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct workload *workload = workload_of((struct workload_setup){
            .kind = WORKLOAD_SCRAMBLED, .keys = sizes[i], .theta = 0.99, .read_share = 0.5});
        struct workload_keys *keys = (struct workload_keys *)calloc(1, sizeof *keys);
        uint32_t counts[2] = {0};
        struct workload_draw draw;

        workload_draw_init(&draw, i);
        for (int j = 0; j < DRAWS; j++) {
            struct operation operation = workload_draw(workload, &draw);

            assert_true(operation.key < sizes[i]);
            counts[0] += operation.key == places[i][0];
            counts[1] += operation.key == places[i][1];
        }
        assert_true(fabs(counts[0] / (double)DRAWS - 0.03778) < 0.0018);
        assert_true(fabs(counts[1] / (double)DRAWS - 0.03778 / pow(2, 0.99)) < 0.0013);
        assert_true(workload_only_drawn(workload));
        keys->count = 10;
        keys->reads[3] = keys->writes[3] = 1;
        workload_expect(workload, keys);
        assert_true(keys->reads[3] == 0 && keys->writes[3] == 0);
        free(keys);
        workload_free(workload);
    }
}

// ---------------------------------------------------------------- walks

// However the walk is cut; shares by Zipf's law at places on both sides of what is kept.
static void walks_do_not_depend_on_their_steps(void **state)
{
    enum { KEYS = (1 << 20) + 50000 };
    static const enum workload_kind kinds[] = {WORKLOAD_ZIPF, WORKLOAD_LATEST};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct workload *workload = workload_of((struct workload_setup){
            .kind = kinds[i], .keys = KEYS, .theta = 1.9, .bytes_min = 10, .bytes_max = 20});
        struct walk one = walk_of(workload, WORKLOAD_CHUNK);
        struct walk other = walk_of(workload, 779);

        assert_memory_equal(one.reads, other.reads, KEYS * sizeof(double));
        assert_memory_equal(one.writes, other.writes, KEYS * sizeof(double));
        assert_memory_equal(one.hashes, other.hashes, KEYS * sizeof(uint64_t));
        assert_memory_equal(one.bytes, other.bytes, KEYS * sizeof(uint32_t));
        assert_true(fabs(sum_of(one.reads, KEYS) - 1) < 1e-12);
        for (uint32_t rank = 0; rank < KEYS; rank += 97) {
            double share = one.reads[kinds[i] == WORKLOAD_ZIPF ? rank : KEYS - 1 - rank];

            assert_true(fabs(share / one.reads[i ? KEYS - 1 : 0] * pow(rank + 1, 1.9) - 1) < 1e-13);
        }
        walk_done(&one);
        walk_done(&other);
        workload_free(workload);
    }
}

static void keys_are_hashed_as_the_node_does(void **state)
{
    struct workload *workload =
        workload_of((struct workload_setup){.kind = WORKLOAD_UNIFORM, .keys = 3000});
    struct walk walk = walk_of(workload, WORKLOAD_CHUNK);

    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        uint8_t bytes[8];
        struct key key;

        bytes_put_u64(bytes, i);
        assert_int_equal(key_make(5, 4, slice_of_text("sim"), slice_of(bytes, 8), &key), 0);
        assert_true(walk.hashes[i] == key.low && workload_key_hash(workload, 5, i) == key.low);
    }
    assert_true(workload_key_hash(workload, 6, 1) != walk.hashes[1]);
    walk_done(&walk);
    workload_free(workload);
}

static void sizes_of_values(void **state)
{
    struct workload *workload = workload_of((struct workload_setup){
        .kind = WORKLOAD_UNIFORM, .keys = 50000, .bytes_min = 100, .bytes_max = 104});
    struct walk walk = walk_of(workload, WORKLOAD_CHUNK);
    uint32_t counts[5] = {0};

    (void)state;
    for (uint64_t i = 0; i < walk.count; i++) {
        assert_true(walk.bytes[i] >= 100 && walk.bytes[i] <= 104);
        counts[walk.bytes[i] - 100] += 1;
    }
    for (unsigned i = 0; i < 5; i++)
        assert_true(counts[i] > 9600 && counts[i] < 10400);
    walk_done(&walk);
    workload_free(workload);
    workload = workload_of((struct workload_setup){
        .kind = WORKLOAD_UNIFORM, .keys = 10, .bytes_min = UINT32_MAX, .bytes_max = UINT32_MAX});
    walk = walk_of(workload, WORKLOAD_CHUNK);
    assert_true(walk.bytes[9] == UINT32_MAX);
    walk_done(&walk);
    workload_free(workload);
}

// The fullest of `shards` over the average, mean over seeds. Walks the shares once, the hashes for
// every seed.
static double peak_shard(const struct workload *workload, uint32_t shards, uint32_t seeds)
{
    struct walk walk = walk_of(workload, WORKLOAD_CHUNK);
    struct workload_keys *keys = (struct workload_keys *)malloc(sizeof *keys);
    double sum = 0;

    for (uint32_t seed = 0; seed < seeds; seed++) {
        double loads[1024] = {0};
        double peak = 0;

        for (keys->from = 0; keys->from < walk.count; keys->from += keys->count) {
            uint64_t left = walk.count - keys->from;

            keys->count = (uint32_t)(left < WORKLOAD_CHUNK ? left : WORKLOAD_CHUNK);
            workload_hash(workload, seed, keys);
            for (uint32_t i = 0; i < keys->count; i++)
                loads[keys->hash[i] & (shards - 1)] += walk.reads[keys->from + i];
        }
        for (uint32_t i = 0; i < shards; i++)
            peak = fmax(peak, loads[i]);
        sum += peak * shards;
    }
    free(keys);
    walk_done(&walk);
    return sum / seeds;
}

static void published_peaks_of_shards(void **state)
{
    static const struct {
        double theta;
        uint32_t shards;
        double peak;
    } known[] = {{0, 16, 1.071},    {0, 64, 1.192},    {0, 256, 1.483},    {0, 1024, 2.188},
                 {0.99, 16, 2.460}, {0.99, 64, 7.167}, {0.99, 256, 25.96}, {0.99, 1024, 101.1}};

    (void)state;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct workload *workload = workload_of(
            (struct workload_setup){.kind = WORKLOAD_ZIPF, .keys = 10000, .theta = known[i].theta});
        double peak = peak_shard(workload, known[i].shards, 200);

        if (fabs(peak / known[i].peak - 1) > 0.03)
            fail_msg("theta %g, %u shards: %g, not %g", known[i].theta, known[i].shards, peak,
                     known[i].peak);
        workload_free(workload);
    }
}

// The same draws everywhere.
static void draws_are_the_same_everywhere(void **state)
{
    uint64_t mix = 0;

    (void)state;
    for (unsigned kind = WORKLOAD_UNIFORM; kind < WORKLOAD_TRACE; kind++) {
        struct workload *workload =
            workload_of((struct workload_setup){.kind = (enum workload_kind)kind,
                                                .keys = 100000,
                                                .theta = 0.99,
                                                .hot_operations = 0.8,
                                                .hot_keys = 0.2,
                                                .read_share = 0.7});
        struct workload_draw draw;

        workload_draw_init(&draw, kind);
        for (int i = 0; i < 1000; i++) {
            struct operation operation = workload_draw(workload, &draw);

            mix = rng_mix(mix ^ (2 * operation.key + operation.write));
        }
        workload_free(workload);
    }
    assert_int_equal(mix, 0x35c5e22f7140701e);
}

// ---------------------------------------------------------------- setups

static void setups_refused(void **state)
{
    struct workload_setup good = {
        .kind = WORKLOAD_HOTSPOT, .keys = 10, .hot_operations = 0.5, .hot_keys = 0.5};
    struct workload_setup zipf = {.kind = WORKLOAD_ZIPF, .keys = 10, .theta = -0.1};
    struct workload_setup setup = good;

    (void)state;
    setup.keys = 0;
    refused(setup, "the number of keys must be from 1 to 1000000000");
    setup.keys = WORKLOAD_KEYS_MAX + 1;
    refused(setup, "the number of keys must be from 1 to 1000000000");
    setup = good;
    setup.hot_operations = 1.01;
    refused(setup, "the share of operations on hot keys must be from 0 to 1");
    setup = good;
    setup.hot_keys = 0;
    refused(setup, "the share of hot keys must be above 0 and at most 1");
    setup.hot_keys = NAN;
    refused(setup, "the share of hot keys must be above 0 and at most 1");
    setup = good;
    setup.read_share = -0.5;
    refused(setup, "the share of reads must be from 0 to 1");
    setup = good;
    setup.bytes_min = 1;
    refused(setup, "the smallest value must not be larger than the largest");
    refused(zipf, "theta must be from 0 to 2");
    zipf.theta = 2.01;
    refused(zipf, "theta must be from 0 to 2");
    zipf.theta = NAN;
    refused(zipf, "theta must be from 0 to 2");
}

static void words(void **state)
{
    static const char *const all[] = {"uniform", "zipf",   "zipf-scrambled",
                                      "hotspot", "latest", "trace"};
    enum workload_kind kind = WORKLOAD_TRACE;

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        assert_true(workload_find(all[i], &kind) && kind == (enum workload_kind)i);
        assert_string_equal(workload_word(kind), all[i]);
    }
    assert_false(workload_find("zip", &kind));
    assert_false(workload_find("", &kind));
    workload_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_are_as_expected),
        cmocka_unit_test(latest_writes_new_keys),
        cmocka_unit_test(scrambled),
        cmocka_unit_test(walks_do_not_depend_on_their_steps),
        cmocka_unit_test(keys_are_hashed_as_the_node_does),
        cmocka_unit_test(sizes_of_values),
        cmocka_unit_test(published_peaks_of_shards),
        cmocka_unit_test(draws_are_the_same_everywhere),
        cmocka_unit_test(setups_refused),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
