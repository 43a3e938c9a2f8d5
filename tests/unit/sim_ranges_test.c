// SPDX-License-Identifier: Apache-2.0
// What schemes are built from: ranges and how they are looked up, lists of owners in distinct
// zones, tokens.
#include "base/bits.h"
#include "base/check.h"
#include "base/rng.h"
#include "sim/scheme/pick.h"
#include "sim/scheme/tokens.h"
#include "tests/lib/placing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// ---------------------------------------------------------------- ranges

static int by_value(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return *a < *b ? -1 : *a > *b;
}

static uint32_t find_by_walking(const struct ranges *ranges, uint64_t position)
{
    uint32_t range = 0;

    while (ranges->ends[range] < position)
        range += 1;
    return range;
}

static void test_find(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (uint32_t count = 1; count <= 300; count += count < 20 ? 1 : 35) {
        struct ranges *ranges = ranges_new(count, 1);
        double length = 0;

        ranges->reversed = count % 2;
        for (uint32_t i = 0; i < count; i++) // some lie close together, some are the same
            ranges->ends[i] = i % 3 ? rng_u64(&rng) : rng_below(&rng, 9) << 40;
        ranges->ends[0] = UINT64_MAX;
        qsort(ranges->ends, count, sizeof *ranges->ends, by_value);
        ranges_index(ranges);
        for (uint32_t i = 0; i < 3 * count + 200; i++) {
            uint64_t position = i < 3 * count ? ranges->ends[i / 3] + i % 3 - 1 : rng_u64(&rng);
            uint64_t hash = ranges->reversed ? bits_reverse(position) : position;

            assert_true(ranges_position(ranges, hash) == position);
            assert_int_equal(ranges_find(ranges, hash), find_by_walking(ranges, position));
        }
        for (uint32_t i = 0; i < count; i++)
            length += ranges_length(ranges, i);
        assert_true(length > 1 - 1e-12 && length < 1 + 1e-12);
        ranges_free(ranges);
    }
    ranges_free(NULL);
}

static void test_lengths(void **state)
{
    struct ranges *ranges = ranges_new(3, 1);

    (void)state;
    ranges->ends[0] = UINT64_MAX / 2;
    ranges->ends[1] = UINT64_MAX / 2;
    ranges->ends[2] = UINT64_MAX;
    ranges_index(ranges);
    assert_true(ranges_length(ranges, 0) == .5);
    assert_true(ranges_length(ranges, 1) == 0);
    assert_true(ranges_length(ranges, 2) == .5);
    assert_int_equal(ranges_number(ranges, 2), 2);
    ranges_free(ranges);
}

// ---------------------------------------------------------------- pick

static struct scheme cluster_of(struct placing *placing)
{
    return (struct scheme){.setup = placing->setup, .nodes = placing->nodes};
}

// Distinct; returns how many lie in the fullest zone.
static uint32_t owners_look(const struct placing *placing, const uint16_t *owners, uint32_t count)
{
    uint32_t in_zone[3] = {0};
    uint32_t most = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t zone = placing->nodes[owners[i]].zone;

        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(owners[i], owners[j]);
        if (zone != SCHEME_NO_ZONE && ++in_zone[zone] > most)
            most = in_zone[zone];
    }
    return most;
}

// Nodes offered from each start on, forwards and backwards: the list is always full, distinct, and
// within the cap, which is the least that will do.
static void picks_of(struct placing *placing, uint32_t want)
{
    struct scheme scheme = cluster_of(placing);
    uint32_t nodes = placing->setup.node_count;
    uint32_t cap = pick_zone_cap(&scheme, want);
    uint32_t most = 0;

    for (uint32_t run = 0; run < 2 * nodes; run++) {
        uint16_t owners[SCHEME_REPLICAS_MAX];
        struct pick pick;
        uint32_t zone_most;

        pick_init(&pick, &scheme, owners, want, cap);
        for (uint32_t i = 0; i < nodes; i++) {
            uint16_t node = (uint16_t)((run < nodes ? run + i : run - i) % nodes);

            if (pick_offer(&pick, node))
                break;
            pick_offer(&pick, node); // once more: nothing changes
        }
        assert_int_equal(pick.count, want);
        zone_most = owners_look(placing, owners, want);
        most = zone_most > most ? zone_most : most;
    }
    assert_true(most <= cap);
    assert_true(cap == 1 || most == cap); // a smaller one does not do
}

// Every cluster of up to five nodes in up to three zones, or in none.
static void test_pick(void **state)
{
    struct placing placing;

    (void)state;
    for (uint32_t nodes = 1; nodes <= 5; nodes++) {
        uint32_t cases = 1u << (2 * nodes);

        placing_init(&placing, nodes, 1, 1);
        for (uint32_t zones = 0; zones < cases; zones++) {
            for (uint32_t i = 0; i < nodes; i++) {
                uint32_t zone = zones >> (2 * i) & 3;

                placing.nodes[i].zone = zone < 3 ? (uint16_t)zone : SCHEME_NO_ZONE;
            }
            for (uint32_t want = 1; want <= nodes; want++)
                picks_of(&placing, want);
        }
    }
}

static void test_pick_finish(void **state)
{
    struct placing placing;
    struct scheme scheme;
    struct pick pick;
    uint16_t owners[4];

    (void)state;
    placing_init(&placing, 6, 4, 1);
    placing_zones(&placing, 2);
    placing.nodes[5].zone = 7;
    scheme = cluster_of(&placing);
    assert_int_equal(pick_zone_cap(&scheme, 4), 2);
    pick_init(&pick, &scheme, owners, 4, 1);
    assert_false(pick_offer(&pick, 2));
    assert_false(pick_offer(&pick, 4)); // as 2, in zone 0
    assert_false(pick_offer(&pick, 1));
    pick_finish(&pick);
    assert_int_equal(owners[0], 2);
    assert_int_equal(owners[1], 1);
    assert_int_equal(owners[2], 4);
    assert_int_equal(owners[3], SCHEME_NOBODY);
}

// ---------------------------------------------------------------- tokens

static void test_token_counts(void **state)
{
    (void)state;
    assert_int_equal(tokens_of_node(128, 100), 128);
    assert_int_equal(tokens_of_node(128, 200), 256);
    assert_int_equal(tokens_of_node(3, 50), 2); // 1.5, rounded
    assert_int_equal(tokens_of_node(3, 49), 1);
    assert_int_equal(tokens_of_node(3, 1), 1);
    assert_int_equal(tokens_of_node(3, 0), 0);
    assert_true(tokens_of_node(4096, UINT32_MAX) == (UINT64_C(4096) * UINT32_MAX + 50) / 100);
}

static void test_tokens(void **state)
{
    struct placing placing;
    struct scheme scheme;
    struct tokens small;
    struct tokens large;
    uint32_t found = 0;

    (void)state;
    placing_init(&placing, 20, 1, 1);
    placing.nodes[3].weight = 250;
    placing.nodes[4].weight = 0;
    scheme = cluster_of(&placing);
    small = tokens_make(&scheme);
    assert_int_equal(small.count, tokens_total(&scheme.setup));
    assert_int_equal(small.count, 18 * 128 + 320);
    scheme.setup.vnodes = 256;
    placing.nodes[4].weight = 10;
    large = tokens_make(&scheme);
    for (uint32_t i = 0; i < small.count; i++)
        assert_int_not_equal(small.list[i].node, 4);
    for (uint32_t i = 1; i < large.count; i++)
        assert_true(large.list[i - 1].position < large.list[i].position);
    // Nobody's tokens have moved.
    for (uint32_t i = 0; i < large.count && found < small.count; i++)
        found += large.list[i].position == small.list[found].position &&
                 large.list[i].node == small.list[found].node;
    assert_int_equal(found, small.count);
    tokens_done(&small);
    tokens_done(&large);
}

// Nodes with the same id have the same tokens: in the order of their numbers.
static void test_token_ties(void **state)
{
    struct placing placing;
    struct scheme scheme;
    struct tokens tokens;

    (void)state;
    placing_init(&placing, 3, 1, 1);
    placing.nodes[0].id = placing.nodes[1].id = placing.nodes[2].id;
    scheme = cluster_of(&placing);
    tokens = tokens_make(&scheme);
    for (uint32_t i = 0; i < tokens.count; i++)
        assert_int_equal(tokens.list[i].node, i % 3);
    tokens_done(&tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),         cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_pick),         cmocka_unit_test(test_pick_finish),
        cmocka_unit_test(test_token_counts), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_ties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
