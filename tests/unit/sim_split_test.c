// SPDX-License-Identifier: Apache-2.0
// Ranges that split and move: cut as far as they must be and no further, level in load, moving
// little.
#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"
#include "tests/lib/placing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CELL (UINT64_C(1) << (64 - 18))

static const struct scheme_kind *split_kind(void)
{
    return scheme_find("split");
}

static void below(const char *what, double is, double most)
{
    if (!(is <= most))
        fail_msg("%s: %f is more than %f", what, is, most);
}

static void near(const char *what, double is, double should, double tolerance)
{
    if (!(fabs(is - should) <= tolerance))
        fail_msg("%s: %f, not %f within %f", what, is, should, tolerance);
}

static struct ranges *ranges_copy(const struct ranges *from)
{
    struct ranges *copy = ranges_new(from->count, from->width);

    memcpy(copy->ends, from->ends, from->count * sizeof *from->ends);
    memcpy(copy->owners, from->owners, (size_t)from->count * from->width * sizeof *from->owners);
    ranges_index(copy);
    return copy;
}

// What nodes have of the first `copies` copies over their fair share: of load, or else of keys.
static void shares_of(const struct scheme *scheme, const struct placing_keys *keys, bool load,
                      uint32_t copies, double *out)
{
    memset(out, 0, scheme->setup.node_count * sizeof *out);
    for (uint32_t key = 0; key < keys->count; key++) {
        uint32_t range = ranges_find(scheme->ranges, keys->hash[key]);
        double part = load ? keys->load[key] : 1.0 / keys->count;

        for (uint32_t rank = 0; rank < copies; rank++)
            out[scheme->ranges->owners[(size_t)range * scheme->width + rank]] += part / copies;
    }
    for (uint32_t node = 0; node < scheme->setup.node_count; node++) {
        if (scheme->nodes[node].weight)
            out[node] /= scheme_fair(scheme, node);
    }
}

static double peak_of(const struct scheme *scheme, const struct placing_keys *keys, bool load,
                      uint32_t copies)
{
    double shares[SCHEME_NODES_MAX];
    double peak = 0;

    shares_of(scheme, keys, load, copies, shares);
    for (uint32_t node = 0; node < scheme->setup.node_count; node++)
        peak = shares[node] > peak ? shares[node] : peak;
    return peak;
}

static bool row_has(const uint16_t *row, uint32_t width, uint16_t node)
{
    for (uint32_t i = 0; i < width; i++) {
        if (row[i] == node)
            return true;
    }
    return false;
}

// Copies of keys that lie where they did not, as a share of all copies.
static double moved(const struct scheme *scheme, const struct placing_keys *keys,
                    const struct ranges *before)
{
    uint32_t width = scheme->width;
    uint64_t count = 0;

    for (uint32_t key = 0; key < keys->count; key++) {
        uint32_t old = ranges_find(before, keys->hash[key]);
        uint32_t now = ranges_find(scheme->ranges, keys->hash[key]);

        for (uint32_t rank = 0; rank < width; rank++)
            count += !row_has(before->owners + (size_t)old * width, width,
                              scheme->ranges->owners[(size_t)now * width + rank]);
    }
    return (double)count / keys->count / width;
}

// ---------------------------------------------------------------- cuts

// No range of more than one cell holds more than one part in V x nodes of the keys or of the load,
// and there are not many more ranges than that takes.
static void bounds_hold(const struct scheme *scheme, const struct placing_keys *keys)
{
    const struct ranges *ranges = scheme->ranges;
    double *load = memory_new(ranges->count * sizeof *load);
    double *size = memory_new(ranges->count * sizeof *size);
    double most = (1 + 1e-9) / (scheme->setup.vnodes * scheme->present);
    uint64_t begin = 0;

    for (uint32_t key = 0; key < keys->count; key++) {
        uint32_t range = ranges_find(ranges, keys->hash[key]);

        load[range] += keys->load[key];
        size[range] += 1.0 / keys->count;
    }
    for (uint32_t i = 0; i < ranges->count; i++) {
        assert_true((ranges->ends[i] + 1) % CELL == 0);
        if (ranges->ends[i] - begin >= CELL) {
            below("load of a range", load[i], most);
            below("keys of a range", size[i], most);
        }
        begin = ranges->ends[i] + 1;
    }
    free(load);
    free(size);
    assert_true(ranges->count <= 4 * scheme->setup.vnodes * scheme->present);
}

static void test_bounds(void **state)
{
    static const double thetas[] = {0, 0.99, 1.5};
    static const uint32_t sizes[][2] = {{10, 128}, {3, 1}, {100, 16}};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        struct placing_keys keys = placing_keys(100 * 1000, thetas[i / 3], i);
        struct scheme *scheme;

        placing_init(&placing, sizes[i % 3][0], 3, i);
        placing.setup.vnodes = sizes[i % 3][1];
        scheme = placing_scheme(split_kind(), &placing, &keys);
        bounds_hold(scheme, &keys);
        scheme_free(scheme);
        placing_keys_done(&keys);
    }
}

// Alike keys in alike cells: halves, quarters, ... and all of one size.
static void test_even_cuts(void **state)
{
    struct placing placing;
    struct scheme *scheme;

    (void)state;
    placing_init(&placing, 10, 3, 1);
    scheme = scheme_new(split_kind(), &placing.setup);
    for (uint32_t settled = 0; settled < 2; settled++) {
        assert_int_equal(scheme->ranges->count, 2048); // 1,280 parts, rounded up by halving
        for (uint32_t i = 0; i < 2048; i++)
            near("length", ranges_length(scheme->ranges, i), 1.0 / 2048, 1e-12);
        assert_int_equal(scheme_metadata(scheme) - 2048 * (8 + 3 * 2), 10 * 20);
        scheme_settle(scheme); // though it has seen nothing
    }
    scheme_free(scheme);
}

// ---------------------------------------------------------------- level

static struct scheme *split_new(uint32_t nodes, uint32_t replicas, const struct placing_keys *keys)
{
    struct placing placing;

    placing_init(&placing, nodes, replicas, 9);
    return placing_scheme(split_kind(), &placing, keys);
}

// One copy: as level as the hottest key allows, where a ring is a matter of luck.
static void test_one_copy(void **state)
{
    struct placing_keys keys = placing_keys(1000 * 1000, 0.99, 4);
    struct scheme *scheme = split_new(10, 1, &keys);
    struct placing placing;
    double ring = 0;

    (void)state;
    assert_true(keys.load[0] * 10 < 1);
    near("peak of 10", peak_of(scheme, &keys, true, 1), 1, 0.01);
    scheme_free(scheme);
    scheme = split_new(100, 1, &keys);
    near("peak of 100", peak_of(scheme, &keys, true, 1), 100 * keys.load[0],
         0.01 * 100 * keys.load[0]);
    scheme_free(scheme);
    for (uint32_t i = 0; i < 10; i++) {
        placing_init(&placing, 10, 1, i);
        scheme = scheme_new(scheme_find("ring"), &placing.setup);
        ring += peak_of(scheme, &keys, true, 1) / 10;
        scheme_free(scheme);
    }
    near("peak of a ring", ring, 1.598, 0.1);
    placing_keys_done(&keys);
}

static void test_all_copies(void **state)
{
    static const double thetas[] = {0, 0.8, 0.99};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        struct placing_keys keys = placing_keys(200 * 1000, thetas[i], i);
        struct scheme *scheme = split_new(10, 3, &keys);

        near("peak of first copies", peak_of(scheme, &keys, true, 1), 1, 0.006);
        near("peak of all copies", peak_of(scheme, &keys, true, 3), 1, 0.01);
        below("keys of first copies", peak_of(scheme, &keys, false, 1), 1.28);
        below("keys of all copies", peak_of(scheme, &keys, false, 3), 1.05);
        scheme_free(scheme);
        placing_keys_done(&keys);
    }
}

// Ten keys take all requests: they lie on ten nodes, and the silent ones are spread all the same.
static void test_silent_keys(void **state)
{
    struct placing_keys keys = placing_keys(100 * 1000, 0, 3);
    struct scheme *scheme;

    (void)state;
    for (uint32_t i = 0; i < keys.count; i++)
        keys.load[i] = i < 10 ? 0.1 : 0;
    scheme = split_new(10, 1, &keys);
    near("load", peak_of(scheme, &keys, true, 1), 1, 1e-6);
    below("keys", peak_of(scheme, &keys, false, 1), 1.02);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

static void test_weights(void **state)
{
    struct placing_keys keys = placing_keys(200 * 1000, 0.8, 3);
    struct placing placing;
    struct scheme *scheme;

    (void)state;
    placing_init(&placing, 10, 2, 3);
    for (uint32_t i = 0; i < 10; i++)
        placing.nodes[i].weight = 50 + 50 * (i % 4);
    scheme = placing_scheme(split_kind(), &placing, &keys);
    near("peak of first copies", peak_of(scheme, &keys, true, 1), 1, 0.03);
    near("peak of all copies", peak_of(scheme, &keys, true, 2), 1, 0.01);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// ---------------------------------------------------------------- changes

static void level_still(const struct scheme *scheme, const struct placing_keys *keys)
{
    near("peak of all copies", peak_of(scheme, keys, true, scheme->width), 1, 0.021);
    near("peak of first copies", peak_of(scheme, keys, true, 1), 1, 0.05);
}

// What moves is what must, and a little; who comes gets keys as well as requests.
static void changes(double theta, uint32_t replicas)
{
    struct placing_keys keys = placing_keys(200 * 1000, theta, 8);
    struct scheme *scheme = split_new(10, replicas, &keys);
    struct ranges *before = ranges_copy(scheme->ranges);
    double shares[SCHEME_NODES_MAX];
    double lost;
    uint32_t number;

    scheme_settle(scheme);
    assert_true(moved(scheme, &keys, before) == 0);
    assert_int_equal(scheme_add(scheme, placing_node(4, SCHEME_NO_ZONE), &number), 0);
    below("moved to a new node", moved(scheme, &keys, before), 1.05 / 11);
    level_still(scheme, &keys);
    shares_of(scheme, &keys, false, replicas, shares);
    assert_true(shares[number] > (replicas == 1 ? 0.3 : 0.8));
    lost = shares[4] / 11;
    ranges_free(before);

    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_remove(scheme, 4), 0);
    assert_int_equal(scheme->ranges->count, before->count);
    below("moved from a lost node", moved(scheme, &keys, before), lost * 1.05 + 0.02);
    level_still(scheme, &keys);
    ranges_free(before);

    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_reweigh(scheme, 0, 200), 0);
    below("moved to a heavier node", moved(scheme, &keys, before), 2.0 / 11 - 0.1 + 0.02);
    level_still(scheme, &keys);
    ranges_free(before);
    assert_int_equal(scheme_double(scheme), ERR_METHOD);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

static void test_changes(void **state)
{
    (void)state;
    changes(0, 1);
    changes(0, 3);
    changes(0.8, 1);
    changes(0.8, 3);
}

// A third zone opens: every range has one of its three copies there from now on. A third of the
// copies must move, and some more to be level again.
static void test_new_zone(void **state)
{
    struct placing_keys keys = placing_keys(50 * 1000, 0.5, 8);
    struct placing placing;
    struct scheme *scheme;
    struct ranges *before;
    uint32_t number;

    (void)state;
    placing_init(&placing, 6, 3, 3);
    placing_zones(&placing, 2);
    scheme = placing_scheme(split_kind(), &placing, &keys);
    before = ranges_copy(scheme->ranges);
    assert_int_equal(scheme_add(scheme, placing_node(4, 2), &number), 0);
    for (uint32_t i = 0; i < scheme->ranges->count; i++)
        assert_true(row_has(scheme->ranges->owners + (size_t)i * 3, 3, (uint16_t)number));
    below("moved", moved(scheme, &keys, before), 0.45);
    ranges_free(before);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// Load that comes later: ranges are cut further, never joined, and the map stays level.
static void test_learning_again(void **state)
{
    struct placing_keys first = placing_keys(200 * 1000, 0, 8);
    struct placing_keys later = placing_keys(200 * 1000, 0.99, 8);
    struct scheme *scheme = split_new(10, 3, &first);
    struct ranges *before = ranges_copy(scheme->ranges);

    (void)state;
    placing_learn(scheme, &later);
    for (uint32_t i = 0; i < first.count; i++)
        first.load[i] = (first.load[i] + later.load[i]) / 2;
    bounds_hold(scheme, &first);
    assert_true(scheme->ranges->count > before->count);
    for (uint32_t i = 0; i < before->count; i++) {
        uint32_t range = ranges_find(scheme->ranges, before->ends[i]);

        assert_true(scheme->ranges->ends[range] == before->ends[i]);
    }
    level_still(scheme, &first);
    below("moved", moved(scheme, &first, before), 0.25);
    ranges_free(before);
    scheme_free(scheme);
    placing_keys_done(&first);
    placing_keys_done(&later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),         cmocka_unit_test(test_even_cuts),
        cmocka_unit_test(test_one_copy),       cmocka_unit_test(test_all_copies),
        cmocka_unit_test(test_silent_keys),    cmocka_unit_test(test_weights),
        cmocka_unit_test(test_changes),        cmocka_unit_test(test_new_zone),
        cmocka_unit_test(test_learning_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
