// SPDX-License-Identifier: Apache-2.0
// Schemes that answer key by key: modulo, jump, rendezvous, bounded. How much moves, how even they
// are, and what is particular to each.
#include "base/check.h"
#include "base/err.h"
#include "sim/scheme/jump.h"
#include "sim/scheme/kinds.h"
#include "sim/scheme/tokens.h"
#include "tests/lib/placing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 100 * 1000 };

static void assert_near(double value, double expected, double tolerance)
{
    if (value < expected - tolerance || value > expected + tolerance)
        fail_msg("%f is not %f +- %f", value, expected, tolerance);
}

// What lay where before a change of nodes, and after it.
struct change {
    struct placing_keys keys;
    struct scheme *scheme;
    uint32_t copies;
    uint16_t *before;
    uint16_t *after;
};

static void change_begin(struct change *change, const struct scheme_kind *kind,
                         const struct placing *placing)
{
    change->keys = placing_keys(KEYS, 0, placing->setup.seed);
    change->scheme = scheme_new(kind, &placing->setup);
    change->copies = placing->setup.replicas;
    change->before = placing_owners(change->scheme, &change->keys, NULL);
    change->after = NULL;
}

// The share of copies that moved so far.
static double change_moved(struct change *change)
{
    free(change->after);
    change->after = placing_owners(change->scheme, &change->keys, NULL);
    return placing_moved(&change->keys, change->before, change->after, change->copies);
}

static bool key_has(const struct change *change, const uint16_t *owners, uint32_t key,
                    uint16_t node)
{
    const uint16_t *row = owners + (size_t)key * change->copies;

    for (uint32_t i = 0; i < change->copies; i++) {
        if (row[i] == node)
            return true;
    }
    return false;
}

// Keys whose owners are others than before, though this node is in neither list.
static uint32_t change_elsewhere(const struct change *change, uint16_t node)
{
    uint32_t count = 0;

    for (uint32_t key = 0; key < KEYS; key++) {
        size_t at = (size_t)key * change->copies;

        if (key_has(change, change->before, key, node) || key_has(change, change->after, key, node))
            continue;
        count += memcmp(change->before + at, change->after + at,
                        change->copies * sizeof *change->before) != 0;
    }
    return count;
}

static void change_end(struct change *change)
{
    free(change->before);
    free(change->after);
    scheme_free(change->scheme);
    placing_keys_done(&change->keys);
}

static void moved_by_one_more(const struct scheme_kind *kind, const struct placing *placing,
                              double expected)
{
    struct change change;
    uint32_t number;

    change_begin(&change, kind, placing);
    assert_int_equal(scheme_add(change.scheme, placing_node(4, SCHEME_NO_ZONE), &number), 0);
    assert_near(change_moved(&change), expected, .005);
    if (kind != &scheme_modulo)
        assert_int_equal(change_elsewhere(&change, (uint16_t)number), 0);
    change_end(&change);
}

// n to n + 1 nodes: modulo moves n/(n+1) of the keys, jump and rendezvous 1/(n+1).
static void test_moved_by_one_more(void **state)
{
    static const uint32_t sizes[] = {1, 2, 5, 10, 63};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        double nodes = sizes[i];

        placing_init(&placing, sizes[i], 1, i);
        moved_by_one_more(&scheme_modulo, &placing, nodes / (nodes + 1));
        moved_by_one_more(&scheme_jump, &placing, 1 / (nodes + 1));
        moved_by_one_more(&scheme_rendezvous, &placing, 1 / (nodes + 1));
    }
    // With three copies the new node takes its share of each. Jump moves some more: two of a key's
    // jumps may lead to the new node, which counts once.
    placing_init(&placing, 10, 3, 1);
    moved_by_one_more(&scheme_rendezvous, &placing, 1 / 11.0);
    moved_by_one_more(&scheme_jump, &placing, 1 / 11.0 + .005);
}

// The head-to-head table at theta 0: 1e6 keys on 10 nodes, one copy and three.
static void test_published_peaks(void **state)
{
    static const struct scheme_kind *const kinds[] = {&scheme_jump, &scheme_rendezvous};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct placing_keys keys = placing_keys(1000 * 1000, 0, 3);
        struct placing placing;
        struct scheme *scheme;
        uint16_t *owners;

        placing_init(&placing, 10, 3, 3);
        scheme = scheme_new(kinds[i], &placing.setup);
        owners = placing_owners(scheme, &keys, NULL);
        assert_near(placing_peak(scheme, &keys, owners, 1), 1.001, .006);
        assert_near(placing_peak(scheme, &keys, owners, 3), 1.000, .006);
        free(owners);
        scheme_free(scheme);
        placing_keys_done(&keys);
    }
}

// ---------------------------------------------------------------- modulo

static void test_modulo_is_modulo(void **state)
{
    struct scheme_node heavy = placing_node(8, SCHEME_NO_ZONE);
    struct placing placing;
    struct change change;
    uint32_t number;

    (void)state;
    placing_init(&placing, 7, 3, 1);
    change_begin(&change, &scheme_modulo, &placing);
    assert_int_equal(scheme_remove(change.scheme, 2), 0);
    change_moved(&change);
    for (uint32_t key = 0; key < KEYS; key++) {
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t place = (change.keys.hash[key] % 6 + i) % 6;

            assert_int_equal(change.before[key * 3 + i], (change.keys.hash[key] % 7 + i) % 7);
            assert_int_equal(change.after[key * 3 + i], place < 2 ? place : place + 1);
        }
    }
    assert_int_equal(scheme_reweigh(change.scheme, 1, 50), ERR_METHOD);
    assert_int_equal(change.scheme->nodes[1].weight, SCHEME_WEIGHT);
    assert_int_equal(scheme_double(change.scheme), ERR_METHOD);
    heavy.weight = 2 * SCHEME_WEIGHT;
    assert_int_equal(scheme_add(change.scheme, heavy, &number), ERR_METHOD);
    assert_int_equal(change.scheme->setup.node_count, 7);
    change_end(&change);
}

// ---------------------------------------------------------------- jump

static void test_jump_vectors(void **state)
{
    (void)state;
    assert_int_equal(jump_hash(1, 1), 0);
    assert_int_equal(jump_hash(42, 57), 43);
    assert_int_equal(jump_hash(0xDEAD10CC, 1), 0);
    assert_int_equal(jump_hash(0xDEAD10CC, 666), 361);
    assert_int_equal(jump_hash(256, 1024), 520);
}

// As even as dealing at random: 1,000 buckets, chi square with 999 degrees of freedom.
static void test_jump_is_even(void **state)
{
    struct placing_keys keys = placing_keys(1000 * 1000, 0, 1);
    uint32_t held[1000] = {0};
    double squares = 0;

    (void)state;
    for (uint32_t i = 0; i < keys.count; i++)
        held[jump_hash(keys.hash[i], 1000)] += 1;
    for (uint32_t i = 0; i < 1000; i++)
        squares += (held[i] - 1000.0) * (held[i] - 1000.0) / 1000;
    assert_near(squares, 999, 200); // 4.5 standard deviations
    placing_keys_done(&keys);
}

static void test_jump_removes(void **state)
{
    struct placing placing;
    struct change change;

    (void)state;
    placing_init(&placing, 10, 1, 2);
    // The last: its keys move and no other.
    change_begin(&change, &scheme_jump, &placing);
    assert_int_equal(scheme_remove(change.scheme, 9), 0);
    assert_near(change_moved(&change), .1, .005);
    assert_int_equal(change_elsewhere(&change, 9), 0);
    change_end(&change);
    // One in the middle: the last one's bucket is gone as well, for it becomes the other.
    change_begin(&change, &scheme_jump, &placing);
    assert_int_equal(scheme_remove(change.scheme, 3), 0);
    assert_near(change_moved(&change), .1 + .1 * 8 / 9, .005);
    for (uint32_t key = 0; key < KEYS; key++) {
        if (change.before[key] == 3)
            assert_int_equal(change.after[key], 9);
        else if (change.before[key] != 9)
            assert_int_equal(change.after[key], change.before[key]);
    }
    assert_int_equal(scheme_reweigh(change.scheme, 1, 50), ERR_METHOD);
    change_end(&change);
}

// ---------------------------------------------------------------- rendezvous

static void test_rendezvous_removes(void **state)
{
    struct placing placing;
    struct change change;

    (void)state;
    for (uint32_t copies = 1; copies <= 5; copies += 2) {
        placing_init(&placing, 12, copies, 2);
        change_begin(&change, &scheme_rendezvous, &placing);
        assert_int_equal(scheme_remove(change.scheme, 5), 0);
        assert_near(change_moved(&change), 1 / 12.0, .005);
        assert_int_equal(change_elsewhere(&change, 5), 0);
        for (uint32_t key = 0; key < KEYS; key++) { // who was second is first now
            const uint16_t *before = change.before + key * copies;

            if (copies > 1 && before[0] == 5)
                assert_int_equal(change.after[key * copies], before[1]);
        }
        change_end(&change);
    }
}

static void test_rendezvous_weights(void **state)
{
    struct placing_keys keys = placing_keys(1000 * 1000, 0, 3);
    double shares[SCHEME_NODES_MAX];
    struct placing placing;
    struct scheme *scheme;
    uint16_t *owners;

    (void)state;
    placing_init(&placing, 10, 1, 3);
    for (uint32_t i = 0; i < 10; i++)
        placing.nodes[i].weight = 40 + 30 * i;
    scheme = scheme_new(&scheme_rendezvous, &placing.setup);
    owners = placing_owners(scheme, &keys, NULL);
    placing_shares(scheme, &keys, owners, 1, shares);
    for (uint32_t i = 0; i < 10; i++)
        assert_near(shares[i], 1, .025);
    free(owners);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// From weights that are alike to others and back: only the node's own keys move, though scores are
// compared in another way.
static void test_rendezvous_reweighs(void **state)
{
    struct placing placing;
    struct change change;

    (void)state;
    placing_init(&placing, 10, 3, 3);
    change_begin(&change, &scheme_rendezvous, &placing);
    assert_int_equal(scheme_reweigh(change.scheme, 4, 1), 0);
    assert_near(change_moved(&change), .1, .005);
    assert_int_equal(change_elsewhere(&change, 4), 0);
    assert_int_equal(scheme_reweigh(change.scheme, 4, 300), 0);
    assert_true(change_moved(&change) > .08);
    assert_int_equal(change_elsewhere(&change, 4), 0);
    for (uint32_t key = 0; key < KEYS; key++) { // it lost none
        if (key_has(&change, change.before, key, 4))
            assert_true(key_has(&change, change.after, key, 4));
    }
    assert_int_equal(scheme_reweigh(change.scheme, 4, SCHEME_WEIGHT), 0);
    assert_near(change_moved(&change), 0, 0);
    change_end(&change);
}

// Each in a zone of its own is as if there were none.
static void test_rendezvous_zones(void **state)
{
    struct placing placing;
    struct change plain;
    struct change zoned;

    (void)state;
    placing_init(&placing, 10, 4, 3);
    change_begin(&plain, &scheme_rendezvous, &placing);
    placing_zones(&placing, 10);
    change_begin(&zoned, &scheme_rendezvous, &placing);
    assert_memory_equal(plain.before, zoned.before, (size_t)KEYS * 4 * sizeof *plain.before);
    change_end(&plain);
    change_end(&zoned);
}

// ---------------------------------------------------------------- bounded

// The largest excess of a node over c times its fair share of all copies, in keys or in load.
static double excess(const struct scheme *scheme, const struct placing_keys *keys,
                     const uint16_t *owners)
{
    double held[SCHEME_NODES_MAX] = {0};
    double pass = scheme->setup.replicas * (scheme->setup.bound_keys ? (double)keys->count : 1.0);
    double most = -1;

    for (size_t i = 0; i < (size_t)keys->count * scheme->width; i++)
        held[owners[i]] += scheme->setup.bound_keys ? 1 : keys->load[i / scheme->width];
    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        double over = held[i] - scheme->setup.bound * pass * scheme_fair(scheme, i);

        most = over > most ? over : most;
    }
    return most;
}

static void bound_holds(const struct placing *placing, double theta)
{
    struct placing_keys keys = placing_keys(20000, theta, 6);
    struct scheme *scheme = scheme_new(&scheme_bounded, &placing->setup);
    uint16_t *owners = placing_owners(scheme, &keys, NULL);
    double largest = placing->setup.bound_keys ? 1 : keys.load[0];

    assert_true(excess(scheme, &keys, owners) < largest + 1e-9);
    if (theta == 0)
        assert_true(placing_peak(scheme, &keys, owners, placing->setup.replicas) <
                    placing->setup.bound * 1.01);
    free(owners);
    scheme_free(scheme);
    placing_keys_done(&keys);
}

// No node takes more than c times its share, and one key.
static void test_bounded_keeps_the_bound(void **state)
{
    static const double bounds[] = {1.02, 1.1, 1.25, 2};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t run = 0; run < 8; run++) {
            uint32_t copies = run & 1 ? 3 : 1;

            placing_init(&placing, 40, copies, run);
            placing.setup.vnodes = run & 2 ? 4 : 64;
            placing.setup.bound = bounds[i];
            if (run & 4)
                placing.nodes[5].weight = 300;
            placing.setup.bound_keys = true;
            bound_holds(&placing, 0);
            bound_holds(&placing, .99);
            placing.setup.bound_keys = false;
            bound_holds(&placing, 0);
            bound_holds(&placing, .5);
        }
    }
}

// A key that fills a node by its load leaves room for no other there; by keys it is one of many.
static void test_bounded_by_load_or_keys(void **state)
{
    struct placing_keys keys = placing_keys(1000, 2, 6); // the first has .6 of the load
    struct placing placing;

    (void)state;
    placing_init(&placing, 10, 1, 1);
    for (int by_keys = 0; by_keys < 2; by_keys++) {
        struct scheme *scheme;
        uint16_t *owners;
        uint32_t beside = 0;

        placing.setup.bound_keys = by_keys;
        scheme = scheme_new(&scheme_bounded, &placing.setup);
        owners = placing_owners(scheme, &keys, NULL);
        for (uint32_t key = 1; key < keys.count; key++)
            beside += owners[key] == owners[0];
        assert_true(by_keys ? beside > 50 : beside == 0);
        free(owners);
        scheme_free(scheme);
    }
    placing_keys_done(&keys);
}

// The bound matters: with one token each, a ring alone is far from even.
static void test_bounded_binds(void **state)
{
    struct placing_keys keys = placing_keys(20000, 0, 6);
    struct placing placing;
    double peaks[2];

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct scheme *scheme;
        uint16_t *owners;

        placing_init(&placing, 40, 1, 1);
        placing.setup.vnodes = 1;
        placing.setup.bound = i ? 1.1 : 40;
        scheme = scheme_new(&scheme_bounded, &placing.setup);
        owners = placing_owners(scheme, &keys, NULL);
        peaks[i] = placing_peak(scheme, &keys, owners, 1);
        free(owners);
        scheme_free(scheme);
    }
    assert_true(peaks[0] > 2);
    assert_near(peaks[1], 1.1, .002);
    placing_keys_done(&keys);
}

// With a bound that nobody meets it is a ring: the next distinct nodes clockwise.
static void test_bounded_without_bound_is_a_ring(void **state)
{
    struct placing placing;
    struct change change;
    struct tokens tokens;

    (void)state;
    placing_init(&placing, 12, 3, 5);
    placing.setup.vnodes = 5;
    placing.setup.bound = SCHEME_NODES_MAX;
    change_begin(&change, &scheme_bounded, &placing);
    tokens = tokens_make(change.scheme);
    for (uint32_t key = 0; key < 5000; key++) {
        const uint16_t *row = change.before + key * 3;
        uint32_t at = 0;
        uint32_t count = 0;

        while (at < tokens.count && tokens.list[at].position < change.keys.hash[key])
            at += 1;
        for (; count < 3; at++) {
            uint16_t node = tokens.list[at % tokens.count].node;

            if ((count > 0 && row[0] == node) || (count > 1 && row[1] == node))
                continue;
            assert_int_equal(row[count++], node);
        }
    }
    tokens_done(&tokens);
    change_end(&change);
}

// A new pass forgets the one before; within a pass the first keys come first.
static void test_bounded_passes(void **state)
{
    struct placing placing;
    struct change change;
    uint32_t beside = 0;

    (void)state;
    placing_init(&placing, 20, 1, 5);
    placing.setup.vnodes = 4;
    placing.setup.bound = 1.05;
    change_begin(&change, &scheme_bounded, &placing);
    assert_near(change_moved(&change), 0, 0);
    for (uint32_t key = 0; key < KEYS / 2; key++) { // the same hash, twice
        change.keys.hash[KEYS / 2 + key] = change.keys.hash[key];
    }
    change_moved(&change);
    for (uint32_t key = 0; key < KEYS / 2; key++)
        beside += change.after[key] != change.after[KEYS / 2 + key];
    assert_true(beside > KEYS / 20);
    change_end(&change);
}

// Three copies on four nodes, hardly more room than load: at the end of the pass fewer than three
// nodes have room, and the others step in: three copies of every key there are all the same.
static void test_bounded_when_all_are_full(void **state)
{
    struct placing placing;
    struct change change;
    struct placing_keys *keys = &change.keys;

    (void)state;
    placing_init(&placing, 4, 3, 5);
    placing.setup.bound = 1.0001;
    change_begin(&change, &scheme_bounded, &placing);
    assert_true(excess(change.scheme, keys, change.before) < KEYS * .03);
    change_end(&change);
    // A zone of one node has to hold every key, whatever the bound; the others do not suffer.
    placing_zones(&placing, 2);
    placing.nodes[0].zone = 0;
    placing.nodes[1].zone = placing.nodes[2].zone = placing.nodes[3].zone = 1;
    placing.setup.replicas = 2;
    placing.setup.bound = 1.1;
    change_begin(&change, &scheme_bounded, &placing);
    for (uint32_t key = 0; key < KEYS; key++)
        assert_true(key_has(&change, change.before, key, 0));
    change_end(&change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved_by_one_more),
        cmocka_unit_test(test_published_peaks),
        cmocka_unit_test(test_modulo_is_modulo),
        cmocka_unit_test(test_jump_vectors),
        cmocka_unit_test(test_jump_is_even),
        cmocka_unit_test(test_jump_removes),
        cmocka_unit_test(test_rendezvous_removes),
        cmocka_unit_test(test_rendezvous_weights),
        cmocka_unit_test(test_rendezvous_reweighs),
        cmocka_unit_test(test_rendezvous_zones),
        cmocka_unit_test(test_bounded_keeps_the_bound),
        cmocka_unit_test(test_bounded_by_load_or_keys),
        cmocka_unit_test(test_bounded_binds),
        cmocka_unit_test(test_bounded_without_bound_is_a_ring),
        cmocka_unit_test(test_bounded_passes),
        cmocka_unit_test(test_bounded_when_all_are_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
