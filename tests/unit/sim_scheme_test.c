// SPDX-License-Identifier: Apache-2.0
// Laws that every scheme of placement obeys, whatever it is and whatever happened to its nodes:
// owners are distinct, N, in the cluster, in distinct zones while there are enough; ranges cover
// the space; a key has the same owners alone and in a batch; the same calls give the same.
#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"
#include "tests/lib/placing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 1500 };

#define each_kind(kind)                                                                            \
    const struct scheme_kind *const *at = scheme_kinds, *kind = *at;                               \
    kind;                                                                                          \
    kind = *++at

// ---------------------------------------------------------------- the laws

// By trying: the fewest copies that zones must take so that all find a place.
static uint32_t zone_cap_of(const struct scheme *scheme)
{
    static uint32_t sizes[UINT16_MAX + 1];
    const struct scheme_node *nodes = scheme->nodes;

    for (uint32_t cap = 1;; cap++) {
        uint32_t room = 0;

        memset(sizes, 0, sizeof sizes);
        for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
            if (nodes[i].weight == 0)
                continue;
            room += nodes[i].zone == SCHEME_NO_ZONE || sizes[nodes[i].zone] < cap;
            sizes[nodes[i].zone] += 1;
        }
        if (room >= scheme->setup.replicas)
            return cap;
    }
}

static void law_owners(const struct scheme *scheme, const uint16_t *row, uint32_t zone_cap)
{
    uint32_t count = 0;

    while (count < scheme->width && row[count] != SCHEME_NOBODY)
        count += 1;
    assert_true(count >= scheme->setup.replicas);
    for (uint32_t i = count; i < scheme->width; i++)
        assert_int_equal(row[i], SCHEME_NOBODY);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t in_zone = 0;

        assert_true(row[i] < scheme->setup.node_count);
        assert_true(scheme->nodes[row[i]].weight > 0);
        for (uint32_t j = 0; j < i; j++) {
            assert_int_not_equal(row[i], row[j]);
            in_zone += scheme->nodes[row[i]].zone == scheme->nodes[row[j]].zone;
        }
        if (i < scheme->setup.replicas && scheme->nodes[row[i]].zone != SCHEME_NO_ZONE)
            assert_true(in_zone < zone_cap);
    }
}

static void law_ranges(const struct scheme *scheme)
{
    const struct ranges *ranges = scheme->ranges;
    double length = 0;

    assert_int_equal(ranges->width, scheme->width);
    assert_true(ranges->ends[ranges->count - 1] == UINT64_MAX);
    for (uint32_t i = 0; i < ranges->count; i++)
        length += ranges_length(ranges, i);
    assert_true(length > 1 - 1e-9 && length < 1 + 1e-9);
}

static void law_slot(const struct scheme *scheme, uint64_t hash, uint32_t slot,
                     const uint16_t *owners)
{
    const struct ranges *ranges = scheme->ranges;
    uint64_t position = ranges_position(ranges, hash);

    assert_int_equal(slot, ranges_find(ranges, hash));
    assert_true(position <= ranges->ends[slot]);
    assert_true(slot == 0 || position > ranges->ends[slot - 1]);
    assert_memory_equal(owners, ranges->owners + (size_t)slot * ranges->width,
                        ranges->width * sizeof *owners);
}

static void law_alone(struct scheme *scheme, const struct placing_keys *keys, uint32_t key,
                      const uint16_t *owners)
{
    struct scheme_batch batch = {1, keys->hash + key, keys->load + key, false};
    uint16_t row[SCHEME_WIDTH_MAX];
    struct scheme_places places = {row, NULL};

    scheme_locate(scheme, &batch, &places);
    assert_memory_equal(row, owners, scheme->width * sizeof *row);
}

// All laws; returns a number that stands for all owners.
static uint64_t laws(struct scheme *scheme, const struct placing_keys *keys)
{
    uint32_t zone_cap = zone_cap_of(scheme);
    uint32_t *slots = memory_new(keys->count * sizeof *slots);
    uint16_t *owners = placing_owners(scheme, keys, slots);
    uint64_t digest = scheme_metadata(scheme);

    assert_true(scheme_metadata(scheme) > 0);
    if (scheme->ranges)
        law_ranges(scheme);
    for (uint32_t key = 0; key < keys->count; key++) {
        const uint16_t *row = owners + (size_t)key * scheme->width;

        law_owners(scheme, row, zone_cap);
        if (scheme->ranges)
            law_slot(scheme, keys->hash[key], slots[key], row);
        if (!(scheme->kind->uses & SCHEME_ORDERED))
            law_alone(scheme, keys, key, row);
        for (uint32_t i = 0; i < scheme->width; i++)
            digest = rng_mix(digest ^ row[i]);
    }
    free(slots);
    free(owners);
    return digest;
}

// ---------------------------------------------------------------- lives of a cluster

static void or_no_such_thing(int err)
{
    assert_true(err == 0 || err == ERR_METHOD);
}

// Everything that can happen; laws hold after each step.
static uint64_t life(const struct scheme_kind *kind, const struct placing *placing)
{
    struct placing_keys keys = placing_keys(KEYS, 0.9, 5);
    struct scheme *scheme = placing_scheme(kind, placing, &keys);
    uint16_t zone = placing->nodes[1].zone;
    uint64_t digest = laws(scheme, &keys);
    uint32_t number;

    assert_int_equal(scheme_add(scheme, placing_node(77, zone), &number), 0);
    assert_int_equal(number, placing->setup.node_count);
    digest ^= laws(scheme, &keys);
    assert_int_equal(scheme_remove(scheme, 1), 0);
    digest ^= rng_mix(laws(scheme, &keys));
    or_no_such_thing(scheme_reweigh(scheme, 0, 250));
    digest ^= rng_mix(laws(scheme, &keys) + 1);
    or_no_such_thing(scheme_double(scheme));
    digest ^= rng_mix(laws(scheme, &keys) + 2);
    scheme_settle(scheme);
    digest ^= rng_mix(laws(scheme, &keys) + 3);
    assert_int_equal(scheme_add(scheme, placing_node(78, SCHEME_NO_ZONE), &number), 0);
    assert_int_equal(number, placing->setup.node_count + 1);
    assert_int_equal(scheme_remove(scheme, placing->setup.node_count), 0);
    digest ^= rng_mix(laws(scheme, &keys) + 4);
    scheme_free(scheme);
    placing_keys_done(&keys);
    return digest;
}

static void lives(const struct placing *placing)
{
    for (each_kind(kind)) {
        struct buffer why = {0};
        bool refused = scheme_refuses(kind, &placing->setup, &why);

        if (!refused)
            assert_true(life(kind, placing) == life(kind, placing));
        buffer_done(&why);
    }
}

static void test_alike(void **state)
{
    static const uint32_t sizes[][2] = {{1, 1}, {3, 3}, {5, 3}, {10, 1}, {7, 7}, {40, 3}};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        placing_init(&placing, sizes[i][0] + (sizes[i][0] == 1), sizes[i][1], i);
        lives(&placing);
    }
}

static void test_zones(void **state)
{
    static const uint32_t sizes[][3] = {{6, 3, 3}, {7, 3, 3}, {8, 3, 2}, {9, 5, 3}, {30, 3, 5}};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        placing_init(&placing, sizes[i][0], sizes[i][1], i);
        placing_zones(&placing, sizes[i][2]);
        lives(&placing);
        placing.nodes[2].zone = SCHEME_NO_ZONE; // some have none
        placing.nodes[3].zone = UINT16_MAX - 1;
        lives(&placing);
    }
}

static void test_weights(void **state)
{
    struct placing placing;

    (void)state;
    placing_init(&placing, 9, 3, 1);
    for (uint32_t i = 0; i < 9; i++)
        placing.nodes[i].weight = 20 + i * 40;
    lives(&placing);
    placing_zones(&placing, 4);
    lives(&placing);
    placing.nodes[4].weight = 0; // a member that owns nothing
    lives(&placing);
}

static void test_small_parameters(void **state)
{
    struct placing placing;

    (void)state;
    placing_init(&placing, 5, 3, 1);
    placing.setup.shards = 1;
    placing.setup.vnodes = 1;
    placing.setup.partitions = 0;
    placing.setup.boost_copies = 0;
    placing.setup.bound = 1.01;
    lives(&placing);
    placing.setup.bound_keys = false;
    placing.setup.boost_copies = SCHEME_WIDTH_MAX - 3;
    placing.setup.successive = true;
    lives(&placing);
}

// ---------------------------------------------------------------- shares

static void shares_are_fair(const struct scheme_kind *kind, const struct placing *placing,
                            double tolerance)
{
    struct placing_keys keys = placing_keys(30000, 0, 9);
    struct scheme *scheme = placing_scheme(kind, placing, &keys);
    uint16_t *owners = placing_owners(scheme, &keys, NULL);
    double shares[SCHEME_NODES_MAX];

    for (uint32_t copies = 1; copies <= scheme->setup.replicas; copies += 2) {
        placing_shares(scheme, &keys, owners, copies, shares);
        for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
            double share = shares[i];

            if (share < 1 - tolerance || share > 1 + tolerance)
                fail_msg("%s: node %u has %f of its fair share", kind->name, i, share);
        }
    }
    free(owners);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

static void test_fair_shares(void **state)
{
    struct placing placing;

    (void)state;
    placing_init(&placing, 10, 3, 3);
    for (each_kind(kind))
        shares_are_fair(kind, &placing, kind->fair ? 0.06 : 0.35);
    // A copy is no part of another's share, so weights count in full where there is one.
    placing.setup.replicas = 1;
    placing.setup.shards = 1024;
    for (uint32_t i = 0; i < 10; i++)
        placing.nodes[i].weight = 50 + 50 * (i % 4);
    for (each_kind(kind)) {
        struct buffer why = {0};

        if (!scheme_refuses(kind, &placing.setup, &why))
            shares_are_fair(kind, &placing, kind->fair ? 0.06 : 0.4);
        buffer_done(&why);
    }
}

// ---------------------------------------------------------------- what cannot be

static void refused(const struct scheme_kind *kind, const struct scheme_setup *setup,
                    const char *text)
{
    struct buffer why = {0};

    assert_true(scheme_refuses(kind, setup, &why));
    buffer_add_u8(&why, 0);
    if (!strstr((const char *)why.data, text))
        fail_msg("%s: \"%s\" does not say \"%s\"", kind->name, (const char *)why.data, text);
    buffer_done(&why);
}

static void test_refusals(void **state)
{
    static struct scheme_node many[SCHEME_NODES_MAX + 1];
    struct placing placing;
    struct scheme_setup setup;

    (void)state;
    placing_init(&placing, 5, 3, 1);
    for (each_kind(kind)) {
        setup = placing.setup;
        setup.node_count = 0;
        refused(kind, &setup, "1 to 1024");
        setup.nodes = many;
        setup.node_count = SCHEME_NODES_MAX + 1;
        refused(kind, &setup, "1 to 1024");
        setup = placing.setup;
        setup.replicas = 0;
        refused(kind, &setup, "1 to 7");
        setup.replicas = 8;
        refused(kind, &setup, "1 to 7");
        setup.replicas = 6;
        refused(kind, &setup, "at most 5");
    }
}

static void test_refused_parameters(void **state)
{
    struct placing placing;
    struct scheme_setup setup;

    (void)state;
    placing_init(&placing, 5, 3, 1);
    for (each_kind(kind)) {
        setup = placing.setup;
        setup.shards = 48;
        if (kind->uses & SCHEME_USES_SHARDS)
            refused(kind, &setup, "power of two");
        setup.shards = 1 << 17;
        if (kind->uses & SCHEME_USES_SHARDS)
            refused(kind, &setup, "to 65536");
        setup = placing.setup;
        setup.vnodes = 0;
        if (kind->uses & SCHEME_USES_VNODES)
            refused(kind, &setup, "1 to 4096");
        setup = placing.setup;
        setup.partitions = SCHEME_PARTITIONS_MAX + 1;
        if (kind->uses & SCHEME_USES_PARTITIONS)
            refused(kind, &setup, "to 1048576");
        setup = placing.setup;
        setup.bound = 1;
        if (kind->uses & SCHEME_USES_BOUND)
            refused(kind, &setup, "above 1");
        setup = placing.setup;
        setup.boost_shards = setup.shards + 1;
        if (kind->uses & SCHEME_USES_BOOST)
            refused(kind, &setup, "at most the 64 shards");
        setup = placing.setup;
        setup.boost_copies = SCHEME_WIDTH_MAX;
        if (kind->uses & SCHEME_USES_BOOST)
            refused(kind, &setup, "at most 64 together");
    }
}

static void test_impossible_changes(void **state)
{
    struct placing_keys keys = placing_keys(100, 0, 1);
    struct placing placing;
    uint32_t number = 99;

    (void)state;
    placing_init(&placing, 4, 3, 1);
    for (each_kind(kind)) {
        struct scheme *scheme = placing_scheme(kind, &placing, &keys);
        struct scheme_node nothing = {.id = 5, .weight = 0, .zone = SCHEME_NO_ZONE};
        uint64_t before;

        assert_int_equal(scheme_remove(scheme, 0), 0);
        before = laws(scheme, &keys);
        assert_int_equal(scheme_remove(scheme, 0), ERR_INVALID); // it is gone
        assert_int_equal(scheme_reweigh(scheme, 0, 10), ERR_INVALID);
        assert_int_equal(scheme_remove(scheme, 1), ERR_INVALID); // three are needed
        assert_int_equal(scheme_remove(scheme, 4), ERR_INVALID); // there is no such node
        assert_int_equal(scheme_reweigh(scheme, 1, 0), ERR_INVALID);
        assert_int_equal(scheme_add(scheme, nothing, &number), ERR_INVALID);
        assert_int_equal(number, 99);
        assert_int_equal(scheme->setup.node_count, 4);
        assert_true(laws(scheme, &keys) == before);
        scheme_free(scheme);
    }
    placing_keys_done(&keys);
}

static void test_limits_of_growth(void **state)
{
    struct placing placing;
    uint32_t number;

    (void)state;
    placing_init(&placing, SCHEME_NODES_MAX, 3, 1);
    placing.setup.shards = 1 << 16;
    placing.setup.vnodes = 1;
    placing.setup.partitions = SCHEME_PARTITIONS_MAX;
    for (each_kind(kind)) {
        struct scheme *scheme = scheme_new(kind, &placing.setup);

        assert_int_equal(scheme_add(scheme, placing_node(1, SCHEME_NO_ZONE), &number), ERR_INVALID);
        if (kind->uses & (SCHEME_USES_SHARDS | SCHEME_USES_PARTITIONS))
            assert_true(scheme_double(scheme) != 0);
        scheme_free(scheme);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (each_kind(kind)) {
        assert_ptr_equal(scheme_find(kind->name), kind);
        assert_true(kind->text[0] && kind->paper[0]);
    }
    assert_null(scheme_find("statics"));
    scheme_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_small_parameters),
        cmocka_unit_test(test_fair_shares),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_refused_parameters),
        cmocka_unit_test(test_impossible_changes),
        cmocka_unit_test(test_limits_of_growth),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
