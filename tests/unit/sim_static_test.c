// SPDX-License-Identifier: Apache-2.0
// Static sharding and its boosted form: shards are the node's, shares are as even as whole shards
// can be, little moves, hot shards get their copies.
#include "base/check.h"
#include "base/err.h"
#include "node/data/key.h"
#include "sim/scheme/kinds.h"
#include "tests/lib/placing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// The largest share of the space over the mean, counting the first `copies` owners.
static double space_peak(const struct scheme *scheme, uint32_t copies)
{
    const struct ranges *ranges = scheme->ranges;
    double held[SCHEME_NODES_MAX] = {0};
    double peak = 0;

    for (uint32_t i = 0; i < ranges->count; i++) {
        for (uint32_t copy = 0; copy < copies; copy++)
            held[ranges->owners[(size_t)i * ranges->width + copy]] += ranges_length(ranges, i);
    }
    for (uint32_t i = 0; i < scheme->setup.node_count; i++)
        peak = held[i] > peak ? held[i] : peak;
    return peak * scheme->present / copies;
}

// Copies of the space on nodes that had none there, as a share of all copies. Both maps have the
// same ranges, or `after` has twice as many.
static double space_moved(const struct ranges *before, const struct ranges *after, uint32_t copies)
{
    double moved = 0;

    for (uint32_t i = 0; i < after->count; i++) {
        uint32_t i_before = i / (after->count / before->count);
        const uint16_t *old = before->owners + (size_t)i_before * before->width;
        const uint16_t *new = after->owners + (size_t)i * after->width;

        for (uint32_t copy = 0; copy < copies; copy++) {
            bool had = false;

            for (uint32_t j = 0; j < copies; j++)
                had = had || old[j] == new[copy];
            moved += had ? 0 : ranges_length(after, i);
        }
    }
    return moved / copies;
}

// A map to compare with later.
static struct ranges *ranges_copy(const struct ranges *from)
{
    struct ranges *copy = ranges_new(from->count, from->width);

    copy->reversed = from->reversed;
    memcpy(copy->ends, from->ends, from->count * sizeof *from->ends);
    memcpy(copy->owners, from->owners, (size_t)from->count * from->width * sizeof *from->owners);
    ranges_index(copy);
    return copy;
}

static void assert_near(double value, double expected, double tolerance)
{
    if (value < expected - tolerance || value > expected + tolerance)
        fail_msg("%f is not %f +- %f", value, expected, tolerance);
}

// ---------------------------------------------------------------- static

static void test_shards_are_the_nodes_own(void **state)
{
    struct placing placing;
    struct scheme *scheme;

    (void)state;
    placing_init(&placing, 7, 3, 1);
    for (uint32_t shards = 1; shards <= 1024; shards *= 2) {
        placing.setup.shards = shards;
        scheme = scheme_new(&scheme_static, &placing.setup);
        assert_int_equal(scheme->ranges->count, shards);
        for (uint64_t number = 0; number < 500; number++) {
            struct slice name = slice_of(&number, sizeof number);
            uint8_t tree_key[TREE_KEY_SIZE];
            struct key key;
            uint32_t range;

            assert_int_equal(key_make(5, shards, slice_of("sim", 3), name, &key), 0);
            range = ranges_find(scheme->ranges, key.low);
            assert_int_equal(ranges_number(scheme->ranges, range), key.shard);
            key_tree(&key, tree_key);
            assert_true(ranges_position(scheme->ranges, key.low) == bytes_u64_big(tree_key));
        }
        scheme_free(scheme);
    }
}

// ceil(S/n) n/S with one copy, ceil(SN/n) n/(SN) with all.
static void test_floor(void **state)
{
    static const struct {
        uint32_t nodes;
        double one;
        double all;
    } cases[] = {
        {3, 1.0078, 1.0}, {5, 1.0156, 1.0026}, {10, 1.0156, 1.0026}, {100, 1.1719, 1.0417}};

    (void)state;
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct placing placing;
        struct scheme *scheme;

        placing_init(&placing, cases[i].nodes, 3, i);
        placing.setup.shards = 256;
        for (int successive = 0; successive < 2; successive++) {
            placing.setup.successive = successive;
            scheme = scheme_new(&scheme_static, &placing.setup);
            assert_near(space_peak(scheme, 1), cases[i].one, 5e-5);
            if (!successive) // the first nodes gain at each rank
                assert_near(space_peak(scheme, 3), cases[i].all, 5e-5);
            scheme_free(scheme);
        }
    }
}

static void test_moved_by_a_new_node(void **state)
{
    struct placing placing;
    uint32_t number;

    (void)state;
    for (uint32_t nodes = 2; nodes < 40; nodes += nodes < 12 ? 1 : 9) {
        for (uint32_t copies = 1; copies <= 2; copies++) {
            uint32_t places = 256 * copies;
            struct scheme *scheme;
            struct ranges *before;

            placing_init(&placing, nodes, copies, nodes);
            placing.setup.shards = 256;
            scheme = scheme_new(&scheme_static, &placing.setup);
            before = ranges_copy(scheme->ranges);
            assert_int_equal(scheme_add(scheme, placing_node(1, SCHEME_NO_ZONE), &number), 0);
            assert_near(space_moved(before, scheme->ranges, copies) * places, places / (nodes + 1),
                        1e-6);
            if (nodes == 10 && copies == 1)
                assert_near(space_moved(before, scheme->ranges, 1), .0898, 5e-5);
            ranges_free(before);
            scheme_free(scheme);
        }
    }
}

static void test_moved_by_a_lost_node(void **state)
{
    struct placing placing;
    struct scheme *scheme;
    struct ranges *before;
    double moved;

    (void)state;
    placing_init(&placing, 10, 3, 1);
    placing.setup.shards = 256;
    scheme = scheme_new(&scheme_static, &placing.setup);
    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_remove(scheme, 4), 0);
    moved = space_moved(before, scheme->ranges, 3) * 768;
    assert_true(moved > 76 - 1e-6 && moved < 77 + 1e-6); // what it had, and nothing else
    assert_near(space_peak(scheme, 3), 86.0 * 9 / 768, 1e-6);
    ranges_free(before);
    scheme_free(scheme);
}

static void test_doubling_moves_nothing(void **state)
{
    (void)state;
    for (int successive = 0; successive < 2; successive++) {
        struct placing placing;
        struct scheme *scheme;
        struct ranges *before;
        uint32_t number;
        uint32_t renumbered = 0;

        placing_init(&placing, 10, 3, 1);
        placing.setup.successive = successive;
        scheme = scheme_new(&scheme_static, &placing.setup);
        before = ranges_copy(scheme->ranges);
        assert_int_equal(scheme_double(scheme), 0);
        assert_int_equal(scheme->ranges->count, 128);
        assert_int_equal(scheme->setup.shards, 128);
        assert_near(space_moved(before, scheme->ranges, 3), 0, 0);
        for (uint32_t i = 0; i < 128; i++) {
            uint32_t shard = ranges_number(scheme->ranges, i);

            assert_int_equal(shard & 63, ranges_number(before, i / 2));
            renumbered += shard != ranges_number(before, i / 2);
        }
        assert_int_equal(renumbered, 64); // half of all keys
        // From then on whole shards are half as large, and the planner may use them.
        assert_int_equal(scheme_add(scheme, placing_node(1, SCHEME_NO_ZONE), &number), 0);
        if (!successive)
            assert_near(space_peak(scheme, 3), 35.0 * 11 / 384, 1e-6);
        ranges_free(before);
        scheme_free(scheme);
    }
}

static void test_successive(void **state)
{
    struct placing placing;
    struct scheme *scheme;
    struct buffer why = {0};

    (void)state;
    placing_init(&placing, 10, 3, 1);
    placing.setup.successive = true;
    scheme = scheme_new(&scheme_static, &placing.setup);
    assert_int_equal(scheme_remove(scheme, 2), 0);
    for (uint32_t shard = 0; shard < 64; shard++) {
        const uint16_t *row = scheme->ranges->owners + ranges_find(scheme->ranges, shard) * 3;

        for (uint32_t i = 0; i < 3; i++) {
            uint32_t place = (shard + i) % 9;

            assert_int_equal(row[i], place < 2 ? place : place + 1);
        }
    }
    assert_int_equal(scheme_reweigh(scheme, 1, 10), ERR_METHOD);
    scheme_free(scheme);
    placing.nodes[3].zone = 1;
    assert_true(scheme_refuses(&scheme_static, &placing.setup, &why));
    placing.nodes[3].zone = SCHEME_NO_ZONE;
    placing.nodes[3].weight = 1;
    assert_true(scheme_refuses(&scheme_static, &placing.setup, &why));
    buffer_done(&why);
}

// The head-to-head table at theta 0: 1e6 keys on 10 nodes, one copy and three.
static void test_published_peaks(void **state)
{
    static const double peaks[][3] = {{64, 1.097, 1.094}, {256, 1.020, 1.017}};
    enum { RUNS = 3 };

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        double one = 0;
        double all = 0;

        for (uint64_t seed = 0; seed < RUNS; seed++) {
            struct placing_keys keys = placing_keys(1000 * 1000, 0, seed);
            struct placing placing;
            struct scheme *scheme;
            uint16_t *owners;

            placing_init(&placing, 10, 3, seed);
            placing.setup.successive = true;
            placing.setup.shards = (uint32_t)peaks[i][0];
            scheme = scheme_new(&scheme_static, &placing.setup);
            owners = placing_owners(scheme, &keys, NULL);
            one += placing_peak(scheme, &keys, owners, 1) / RUNS;
            all += placing_peak(scheme, &keys, owners, 3) / RUNS;
            free(owners);
            scheme_free(scheme);
            placing_keys_done(&keys);
        }
        assert_near(one, peaks[i][1], .01);
        assert_near(all, peaks[i][2], .01);
    }
}

// 1e4 keys hashed into S shards: the fullest shard over the average one, at theta 0 and .99.
static void test_published_peak_shards(void **state)
{
    static const double peaks[][3] = {
        {16, 1.071, 2.460}, {64, 1.192, 7.167}, {256, 1.483, 25.96}, {1024, 2.188, 101.1}};
    enum { RUNS = 200, KEYS = 10000 };
    static const double thetas[] = {0, .99};

    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t shards = (uint32_t)peaks[i / 2][0];
        double mean = 0;

        for (uint64_t seed = 0; seed < RUNS; seed++) {
            struct placing_keys keys = placing_keys(KEYS, thetas[i % 2], seed);
            double load[1024] = {0};
            double peak = 0;

            for (uint32_t key = 0; key < KEYS; key++)
                load[keys.hash[key] & (shards - 1)] += keys.load[key];
            for (uint32_t shard = 0; shard < shards; shard++)
                peak = load[shard] > peak ? load[shard] : peak;
            mean += peak * shards / RUNS;
            placing_keys_done(&keys);
        }
        assert_near(mean / peaks[i / 2][1 + i % 2], 1, .03);
    }
}

// ---------------------------------------------------------------- static-boost

static uint32_t row_count(const uint16_t *row, uint32_t width)
{
    uint32_t count = 0;

    while (count < width && row[count] != SCHEME_NOBODY)
        count += 1;
    return count;
}

static const uint16_t *shard_row(const struct scheme *scheme, uint32_t shard)
{
    const struct ranges *ranges = scheme->ranges;

    return ranges->owners + (size_t)ranges_find(ranges, shard) * ranges->width;
}

// Keys that say which shards are hot: key i lies in shard i, and all loads are different.
static struct placing_keys shard_keys(uint32_t shards)
{
    struct placing_keys keys = placing_keys(shards, 1, 1);

    for (uint32_t i = 0; i < shards; i++)
        keys.hash[i] = i | (uint64_t)i << 40;
    return keys;
}

static void test_hottest_get_copies(void **state)
{
    struct placing_keys keys = shard_keys(64);
    struct placing placing;
    struct scheme *scheme;
    struct scheme *plain;

    (void)state;
    placing_init(&placing, 10, 3, 1);
    placing.setup.boost_shards = 5;
    placing.setup.boost_copies = 4;
    plain = scheme_new(&scheme_static, &placing.setup);
    scheme = scheme_new(&scheme_static_boost, &placing.setup);
    assert_int_equal(scheme->width, 7);
    for (int settled = 0; settled < 2; settled++) {
        for (uint32_t shard = 0; shard < 64; shard++) {
            const uint16_t *row = shard_row(scheme, shard);

            assert_memory_equal(row, shard_row(plain, shard), 3 * sizeof *row);
            assert_int_equal(row_count(row, 7), settled && shard < 5 ? 7 : 3);
        }
        placing_learn(scheme, &keys);
    }
    scheme_free(scheme);
    scheme_free(plain);
    // One in a hundred, at least one.
    placing.setup.boost_shards = 0;
    scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
    assert_int_equal(row_count(shard_row(scheme, 0), 7), 7);
    assert_int_equal(row_count(shard_row(scheme, 1), 7), 3);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// The next copy goes to the node that has least, the copies so far counted in.
static void test_copies_go_to_the_least_loaded(void **state)
{
    struct placing_keys keys = shard_keys(4);
    struct placing placing;
    struct scheme *scheme;
    const uint16_t *row;
    uint16_t free_nodes[4];
    uint32_t free_count = 0;

    (void)state;
    placing_init(&placing, 8, 1, 3);
    placing.setup.shards = 4;
    placing.setup.boost_shards = 2;
    placing.setup.boost_copies = 2;
    scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
    // Four nodes own a shard each; the four others get a copy each of the two hottest.
    for (uint16_t node = 0; node < 8; node++) {
        bool owns = false;

        for (uint32_t shard = 0; shard < 4; shard++)
            owns = owns || shard_row(scheme, shard)[0] == node;
        if (!owns)
            free_nodes[free_count++] = node;
    }
    assert_int_equal(free_count, 4);
    row = shard_row(scheme, 0);
    assert_int_equal(row[1], free_nodes[0]);
    assert_int_equal(row[2], free_nodes[1]);
    row = shard_row(scheme, 1);
    assert_int_equal(row[1], free_nodes[2]);
    assert_int_equal(row[2], free_nodes[3]);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// A copy takes load off the owners before the next one is placed: shard 0 goes to the owner of 3,
// which is then as busy as that of 2, while its own owner has become the least busy.
static void test_copies_take_load_off(void **state)
{
    struct placing_keys keys = shard_keys(4);
    struct placing placing;
    struct scheme *scheme;

    (void)state;
    memcpy(keys.load, (double[]){.40, .30, .25, .05}, 4 * sizeof *keys.load);
    placing_init(&placing, 4, 1, 3);
    placing.setup.shards = 4;
    placing.setup.boost_shards = 2;
    placing.setup.boost_copies = 1;
    scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
    assert_int_equal(shard_row(scheme, 0)[1], shard_row(scheme, 3)[0]);
    assert_int_equal(shard_row(scheme, 1)[1], shard_row(scheme, 0)[0]);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// Load counts by weight: the owner of shard 2, if it is heavy, has less to do than that of 3.
static void test_boost_by_weight(void **state)
{
    struct placing_keys keys = shard_keys(4);
    struct placing placing;

    (void)state;
    memcpy(keys.load, (double[]){.50, .20, .16, .14}, 4 * sizeof *keys.load);
    placing_init(&placing, 4, 1, 3);
    placing.setup.shards = 4;
    placing.setup.boost_shards = 1;
    placing.setup.boost_copies = 1;
    for (uint32_t heavy = 0; heavy < 4; heavy++) {
        struct scheme *scheme;
        uint32_t coldest;

        for (uint32_t i = 0; i < 4; i++)
            placing.nodes[i].weight = i == heavy ? 130 : 100;
        scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
        coldest = shard_row(scheme, 2)[0] == heavy ? 2 : 3;
        assert_int_equal(shard_row(scheme, 0)[1], shard_row(scheme, coldest)[0]);
        scheme_free(scheme);
    }
    placing_keys_done(&keys);
}

static void test_boost_by_zone(void **state)
{
    struct placing_keys keys = shard_keys(4);
    struct placing placing;
    struct scheme *scheme;
    const uint16_t *row;

    (void)state;
    // A copy goes to the zone that has none, though its one node is the busiest.
    placing_init(&placing, 5, 2, 3);
    placing_zones(&placing, 2);
    placing.nodes[4].zone = 2;
    placing.setup.shards = 4;
    placing.setup.boost_shards = 4;
    placing.setup.boost_copies = 1;
    scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
    for (uint32_t shard = 0; shard < 4; shard++) {
        bool zones[3] = {false};

        row = shard_row(scheme, shard);
        for (uint32_t i = 0; i < 3; i++)
            zones[scheme->nodes[row[i]].zone] = true;
        assert_true(zones[0] && zones[1] && zones[2]);
    }
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// Three copies more fill up the nodes that had least. With copies nearly everywhere nothing is left
// to choose: six may be worse than three, but both are better than none.
static void test_boost_lowers_the_peak(void **state)
{
    struct placing_keys keys = placing_keys(20000, .99, 4);
    double peaks[3];

    (void)state;
    for (uint32_t copies = 0; copies < 3; copies++) {
        struct placing placing;
        struct scheme *scheme;
        uint16_t *owners;

        placing_init(&placing, 10, 3, 4);
        placing.setup.shards = 256;
        placing.setup.boost_copies = copies * 3;
        scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
        owners = placing_owners(scheme, &keys, NULL);
        peaks[copies] = placing_peak(scheme, &keys, owners, scheme->width);
        free(owners);
        scheme_free(scheme);
    }
    assert_true(peaks[1] < peaks[0] - .02);
    assert_true(peaks[2] < peaks[0] - .02);
    placing_keys_done(&keys);
}

static void test_boost_stays_where_it_was(void **state)
{
    struct placing_keys keys = shard_keys(64);
    struct placing placing;
    struct scheme *scheme;
    struct ranges *before;
    uint32_t number;

    (void)state;
    placing_init(&placing, 12, 3, 1);
    placing.setup.boost_shards = 4;
    scheme = placing_scheme(&scheme_static_boost, &placing, &keys);
    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_add(scheme, placing_node(5, SCHEME_NO_ZONE), &number), 0);
    for (uint32_t shard = 0; shard < 4; shard++) {
        const uint16_t *old = before->owners + ranges_find(before, shard) * 5;
        const uint16_t *new = shard_row(scheme, shard);

        for (uint32_t i = 3; i < 5; i++) {
            bool owner = old[i] == new[0] || old[i] == new[1] || old[i] == new[2];

            assert_true(owner || old[i] == new[3] || old[i] == new[4]);
        }
    }
    // The halves of a hot shard: the one that has the load keeps the copies.
    ranges_free(before);
    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_double(scheme), 0);
    for (uint32_t shard = 0; shard < 4; shard++) {
        assert_memory_equal(shard_row(scheme, shard),
                            before->owners + ranges_find(before, shard) * 5,
                            5 * sizeof *before->owners);
        assert_int_equal(row_count(shard_row(scheme, shard + 64), 5), 3);
    }
    ranges_free(before);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_are_the_nodes_own),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_moved_by_a_new_node),
        cmocka_unit_test(test_moved_by_a_lost_node),
        cmocka_unit_test(test_doubling_moves_nothing),
        cmocka_unit_test(test_successive),
        cmocka_unit_test(test_published_peaks),
        cmocka_unit_test(test_published_peak_shards),
        cmocka_unit_test(test_hottest_get_copies),
        cmocka_unit_test(test_copies_go_to_the_least_loaded),
        cmocka_unit_test(test_copies_take_load_off),
        cmocka_unit_test(test_boost_by_weight),
        cmocka_unit_test(test_boost_by_zone),
        cmocka_unit_test(test_boost_lowers_the_peak),
        cmocka_unit_test(test_boost_stays_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
