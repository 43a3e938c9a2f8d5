// SPDX-License-Identifier: Apache-2.0
// Rings against the numbers that others published, in the limit of endlessly many keys: a node's
// share is the length of its ranges. Few rings with wide tolerances; all rings are drawn from
// seeds, so what passes once passes always.
#include "base/check.h"
#include "base/err.h"
#include "base/rng.h"
#include "sim/scheme/tokens.h"
#include "tests/lib/placing.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct scheme *ring_new(const char *kind, const uint32_t nodes_copies[2], uint32_t vnodes,
                               uint32_t partitions, uint64_t seed)
{
    struct placing placing;

    placing_init(&placing, nodes_copies[0], nodes_copies[1], seed);
    placing.setup.vnodes = vnodes;
    placing.setup.partitions = partitions;
    return scheme_new(scheme_find(kind), &placing.setup);
}

// What each node has of the first `copies` copies, over its fair share.
static void shares_of(const struct scheme *scheme, uint32_t copies, double *out)
{
    const struct ranges *ranges = scheme->ranges;

    memset(out, 0, scheme->setup.node_count * sizeof *out);
    for (uint32_t i = 0; i < ranges->count; i++) {
        for (uint32_t rank = 0; rank < copies; rank++)
            out[ranges->owners[(size_t)i * ranges->width + rank]] += ranges_length(ranges, i);
    }
    for (uint32_t node = 0; node < scheme->setup.node_count; node++) {
        if (scheme->nodes[node].weight)
            out[node] /= copies * scheme_fair(scheme, node);
    }
}

static double peak_of(const struct scheme *scheme, uint32_t copies)
{
    double shares[SCHEME_NODES_MAX];
    double peak = 0;

    shares_of(scheme, copies, shares);
    for (uint32_t node = 0; node < scheme->setup.node_count; node++)
        peak = shares[node] > peak ? shares[node] : peak;
    return peak;
}

static void near(const char *what, double is, double should, double tolerance)
{
    if (!(fabs(is - should) <= tolerance))
        fail_msg("%s: %f, not %f within %f", what, is, should, tolerance);
}

// ---------------------------------------------------------------- published numbers

static int number_compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

// Standard error, and the bounds of 99 % of the buckets.
static void lamping_veach(uint32_t vnodes, uint32_t rings, const double should[3], double tolerance)
{
    enum { NODES = 1000 };
    double *shares = memory_new((size_t)rings * NODES * sizeof *shares);
    uint32_t count = rings * NODES;
    double error = 0;

    for (uint32_t ring = 0; ring < rings; ring++) {
        struct scheme *scheme =
            ring_new("ring", (uint32_t[2]){NODES, 1}, vnodes, 0, 100 * vnodes + ring);
        double square = 0;

        shares_of(scheme, 1, shares + (size_t)ring * NODES);
        for (uint32_t i = 0; i < NODES; i++) {
            double off = shares[(size_t)ring * NODES + i] - 1;

            square += off * off;
        }
        error += sqrt(square / NODES) / rings;
        scheme_free(scheme);
    }
    qsort(shares, count, sizeof *shares, number_compare);
    near("standard error", error, should[0], tolerance * should[0]);
    near("standard error", error, sqrt((NODES - 1.0) / (NODES * vnodes + 1)), tolerance * error);
    near("0.5 % of buckets below", shares[count / 200], should[1], 0.005 + tolerance * should[1]);
    near("0.5 % of buckets above", shares[count - count / 200], should[2], 0.005 + tolerance * 5);
    free(shares);
}

// A Fast, Minimal Memory, Consistent Hash Algorithm: 1,000 buckets.
static void test_lamping_veach(void **state)
{
    (void)state;
    lamping_veach(1, 400, (double[3]){0.9979060, 0.005, 5.25}, 0.02);
    lamping_veach(100, 10, (double[3]){0.0996996, 0.76, 1.28}, 0.01);
}

// Mean over mean load of the fullest node, where all copies count.
static double efficiency(const char *kind, uint32_t tokens, uint32_t rings)
{
    double sum = 0;

    for (uint32_t ring = 0; ring < rings; ring++) {
        struct scheme *scheme = ring_new(kind, (uint32_t[2]){30, 3}, tokens, 0, 7000 + ring);

        sum += 1 / peak_of(scheme, 3);
        scheme_free(scheme);
    }
    return sum / rings;
}

// SOSP 2007, figure 8: 30 nodes, N = 3.
static void test_dynamo_figure_8(void **state)
{
    static const struct {
        uint32_t tokens;
        uint32_t rings;
        double efficiency[3]; // strategies 1, 2, 3
    } table[] = {
        {2, 200, {0.528, 0.524, 0.863}},  {8, 100, {0.692, 0.692, 0.900}},
        {32, 40, {0.822, 0.818, 0.943}},  {128, 20, {0.902, 0.875, 0.970}},
        {512, 10, {0.949, 0.849, 0.984}},
    };

    (void)state;
    for (uint32_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t tokens = table[i].tokens;
        uint32_t rings = table[i].rings;

        near("strategy 1", efficiency("ring", tokens, rings), table[i].efficiency[0], 0.02);
        near("strategy 2", efficiency("ring-token-equal", tokens, rings), table[i].efficiency[1],
             0.02);
        near("strategy 3", efficiency("ring-equal", tokens, rings), table[i].efficiency[2], 0.01);
    }
}

static void peaks(uint32_t nodes, uint32_t vnodes, uint32_t rings, const double should[2])
{
    double one = 0;
    double all = 0;
    double spread = 0.02 + 0.3 / sqrt(rings) * (should[0] - 1); // a peak varies by about a quarter

    for (uint32_t ring = 0; ring < rings; ring++) {
        struct scheme *scheme = ring_new("ring", (uint32_t[2]){nodes, 3}, vnodes, 0, ring);

        one += peak_of(scheme, 1) / rings;
        all += peak_of(scheme, 3) / rings;
        scheme_free(scheme);
    }
    near("peak of one copy", one, should[0], spread);
    near("peak of all copies", all, should[1], spread);
}

static void test_peaks(void **state)
{
    static const uint32_t vnodes[] = {1, 8, 16, 64, 128, 256};
    static const uint32_t nodes[] = {5, 10, 100};
    static const double table[3][6][2] = {
        {{2.296, 1.389},
         {1.439, 1.240},
         {1.308, 1.172},
         {1.148, 1.087},
         {1.105, 1.063},
         {1.073, 1.044}},
        {{2.932, 1.726},
         {1.609, 1.330},
         {1.415, 1.234},
         {1.202, 1.116},
         {1.140, 1.082},
         {1.096, 1.058}},
        {{5.205, 2.831},
         {2.110, 1.583},
         {1.739, 1.399},
         {1.342, 1.190},
         {1.232, 1.135},
         {1.164, 1.093}},
    };

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < 6; j++)
            peaks(nodes[i], vnodes[j], vnodes[j] * nodes[i] > 2000 ? 20 : 200, table[i][j]);
    }
}

// ---------------------------------------------------------------- what moves

// The table as it is now.
static struct ranges *ranges_copy(const struct ranges *from)
{
    struct ranges *copy = ranges_new(from->count, from->width);

    memcpy(copy->ends, from->ends, from->count * sizeof *from->ends);
    memcpy(copy->owners, from->owners, (size_t)from->count * from->width * sizeof *from->owners);
    ranges_index(copy);
    return copy;
}

struct moves {
    double all;      // share of the space whose first owner is another now
    double to[16];   // by the new owner
    double from[16]; // by the old one
};

static struct moves moves_of(const struct ranges *before, const struct ranges *after)
{
    struct moves moves = {0};
    uint64_t begin = 0;
    uint32_t old = 0;

    for (uint32_t next = 0; next < after->count;) {
        uint64_t end = after->ends[next];
        uint16_t to = after->owners[(size_t)next * after->width];
        uint16_t from = before->owners[(size_t)old * before->width];

        if (before->ends[old] < end)
            end = before->ends[old];
        if (to != from) {
            double length = ((double)(end - begin) + 1) * 0x1p-64;

            moves.all += length;
            moves.to[to] += length;
            moves.from[from] += length;
        }
        begin = end + 1;
        next += after->ends[next] == end;
        old += before->ends[old] == end;
    }
    return moves;
}

// A node that comes takes 1/(n+1) on average, and nothing moves between the others.
static void test_ring_add(void **state)
{
    enum { RINGS = 300 };
    double sum = 0;

    (void)state;
    for (uint32_t ring = 0; ring < RINGS; ring++) {
        struct scheme *scheme = ring_new("ring", (uint32_t[2]){10, 3}, 64, 0, ring);
        struct ranges *before = ranges_copy(scheme->ranges);
        struct moves moves;
        uint32_t number;

        assert_int_equal(scheme_add(scheme, placing_node(900 + ring, SCHEME_NO_ZONE), &number), 0);
        moves = moves_of(before, scheme->ranges);
        near("to the new node", moves.to[number], moves.all, 1e-12);
        sum += moves.all / RINGS;
        ranges_free(before);
        before = ranges_copy(scheme->ranges);
        assert_int_equal(scheme_remove(scheme, 3), 0);
        moves = moves_of(before, scheme->ranges);
        near("from the lost node", moves.from[3], moves.all, 1e-12);
        ranges_free(before);
        scheme_free(scheme);
    }
    near("moved", sum, 1.0 / 11, 0.002);
}

// Twice the tokens: the first ones stay, so half of each arc's keys do, about.
static void test_ring_double(void **state)
{
    struct scheme *scheme = ring_new("ring", (uint32_t[2]){10, 3}, 64, 0, 1);
    struct scheme *wider = ring_new("ring", (uint32_t[2]){10, 3}, 128, 0, 1);
    struct ranges *before = ranges_copy(scheme->ranges);

    (void)state;
    assert_int_equal(scheme_double(scheme), 0);
    assert_int_equal(scheme->ranges->count, 1281);
    assert_memory_equal(scheme->ranges->ends, wider->ranges->ends, 1281 * sizeof(uint64_t));
    assert_memory_equal(scheme->ranges->owners, wider->ranges->owners,
                        (size_t)3 * 1281 * sizeof(uint16_t));
    near("moved", moves_of(before, scheme->ranges).all, 0.45, 0.05);
    ranges_free(before);
    scheme_free(scheme);
    scheme_free(wider);
}

// ---------------------------------------------------------------- equal partitions

static void counts_of(const struct scheme *scheme, uint32_t *out)
{
    memset(out, 0, scheme->setup.node_count * sizeof *out);
    for (uint32_t i = 0; i < scheme->ranges->count; i++)
        out[scheme->ranges->owners[(size_t)i * scheme->width]] += 1;
}

// Each node owns its share of the partitions, rounded up or down.
static void quotas_hold(const struct scheme *scheme)
{
    uint32_t counts[SCHEME_NODES_MAX];

    counts_of(scheme, counts);
    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        double share = scheme_fair(scheme, i) * scheme->ranges->count;

        assert_in_range(counts[i], (uint32_t)floor(share), (uint32_t)ceil(share));
    }
}

// How many partitions changed hands.
static uint32_t steals(const struct scheme *scheme, const struct ranges *before)
{
    return (uint32_t)lround(moves_of(before, scheme->ranges).all * scheme->ranges->count);
}

// The fewest that can change hands: quotas that are rounded up where that keeps a partition.
static uint32_t gains_min(const struct scheme *scheme, const uint32_t *before)
{
    uint32_t partitions = scheme->ranges->count;
    uint32_t left = partitions;
    uint32_t keep = 0; // who can be rounded up at no cost
    uint32_t sum = 0;

    for (uint32_t i = 0; i < scheme->setup.node_count; i++) {
        uint64_t due = (uint64_t)scheme->nodes[i].weight * partitions;
        uint32_t down = (uint32_t)(due / scheme->weight);

        left -= down;
        keep += before[i] > down && due % scheme->weight;
        sum += down > before[i] ? down - before[i] : 0;
    }
    return sum + (left > keep ? left - keep : 0);
}

// As many partitions changed hands as must.
static void steals_hold(const struct scheme *scheme, const struct ranges *before,
                        const uint32_t *counts)
{
    quotas_hold(scheme);
    assert_int_equal(scheme->ranges->count, before->count);
    assert_int_equal(steals(scheme, before), gains_min(scheme, counts));
}

static void equal_add(struct scheme *scheme)
{
    struct ranges *before = ranges_copy(scheme->ranges);
    uint32_t counts[SCHEME_NODES_MAX] = {0};
    struct moves moves;
    uint32_t number;

    counts_of(scheme, counts);
    assert_int_equal(scheme_add(scheme, placing_node(5, SCHEME_NO_ZONE), &number), 0);
    steals_hold(scheme, before, counts);
    moves = moves_of(before, scheme->ranges);
    assert_true(moves.all > 0);
    near("stolen", moves.to[number], moves.all, 1e-9);
    ranges_free(before);
}

static void equal_remove(struct scheme *scheme, uint32_t number)
{
    struct ranges *before = ranges_copy(scheme->ranges);
    uint32_t counts[SCHEME_NODES_MAX] = {0};
    struct moves moves;

    counts_of(scheme, counts);
    assert_int_equal(scheme_remove(scheme, number), 0);
    steals_hold(scheme, before, counts);
    moves = moves_of(before, scheme->ranges);
    assert_true(moves.all > 0);
    near("left", moves.from[number], moves.all, 1e-9);
    ranges_free(before);
}

static void equal_reweigh(struct scheme *scheme, uint32_t number, uint32_t weight)
{
    struct ranges *before = ranges_copy(scheme->ranges);
    uint32_t counts[SCHEME_NODES_MAX] = {0};

    counts_of(scheme, counts);
    assert_int_equal(scheme_reweigh(scheme, number, weight), 0);
    steals_hold(scheme, before, counts);
    ranges_free(before);
}

// Exactly the share of who comes or goes changes hands, from all alike; and no more on reweighing.
static void test_equal_changes(void **state)
{
    static const uint32_t partitions[] = {0, 256, 1000, 97};

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint64_t seed = 0; seed < 5; seed++) {
            struct scheme *scheme =
                ring_new("ring-equal", (uint32_t[2]){10, 3}, 16, partitions[i], seed);

            assert_int_equal(scheme->ranges->count, partitions[i] ? partitions[i] : 160);
            quotas_hold(scheme);
            equal_add(scheme);
            equal_remove(scheme, 2);
            for (uint32_t node = 3; node < 11; node++)
                equal_reweigh(scheme, node, 100 + 7 * node);
            scheme_free(scheme);
        }
    }
}

// Cut in two, partitions stay where they are, with all their copies.
static void test_equal_double(void **state)
{
    static const char *const kinds[] = {"ring-equal", "ring-token-equal"};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct scheme *scheme = ring_new(kinds[i], (uint32_t[2]){7, 3}, 8, 100, 3);
        struct ranges *before = ranges_copy(scheme->ranges);

        assert_int_equal(scheme_double(scheme), 0);
        assert_int_equal(scheme->ranges->count, 200);
        for (uint32_t j = 0; j < 100 && i == 0; j++) {
            uint32_t end = ranges_find(scheme->ranges, before->ends[j]);

            assert_int_equal(end, 2 * j + 1);
            for (uint32_t half = end - 1; half <= end; half++)
                assert_memory_equal(scheme->ranges->owners + (size_t)half * 3,
                                    before->owners + (size_t)j * 3, 3 * sizeof(uint16_t));
        }
        ranges_free(before);
        scheme_free(scheme);
    }
}

// ---------------------------------------------------------------- preference lists, the long way

// The first N distinct nodes, in distinct zones if so said, of a row that is walked from `start`.
static void walk_slowly(const struct scheme *scheme, const uint16_t *row, const uint32_t at[2],
                        uint16_t *out)
{
    uint32_t found = 0;

    for (uint32_t step = 0; step < at[1] && found < scheme->setup.replicas; step++) {
        uint16_t node = row[(at[0] + step) % at[1]];
        bool fits = true;

        for (uint32_t i = 0; i < found; i++) {
            fits = fits && out[i] != node &&
                   (scheme->nodes[node].zone == SCHEME_NO_ZONE ||
                    scheme->nodes[node].zone != scheme->nodes[out[i]].zone);
        }
        if (fits)
            out[found++] = node;
    }
    assert_int_equal(found, scheme->setup.replicas);
}

// Where a range's list begins in the row of nodes: the first token at or after its end (ring), or
// after it (ring-token-equal), or its own number (ring-equal).
static uint32_t start_of(const struct scheme *scheme, const struct tokens *tokens, uint32_t range)
{
    uint64_t end = scheme->ranges->ends[range];
    bool after = scheme_find("ring-token-equal") == scheme->kind;
    uint32_t start = 0;

    if (scheme_find("ring-equal") == scheme->kind)
        return range;
    while (start < tokens->count &&
           (tokens->list[start].position < end || (after && tokens->list[start].position == end)))
        start += 1;
    return start % tokens->count;
}

static void lists_hold(const struct scheme *scheme)
{
    bool equal = scheme_find("ring-equal") == scheme->kind;
    struct tokens tokens = tokens_make(scheme);
    uint32_t count = equal ? scheme->ranges->count : tokens.count;
    uint16_t *row = memory_new(count * sizeof *row);

    for (uint32_t i = 0; i < count; i++)
        row[i] = equal ? scheme->ranges->owners[(size_t)i * scheme->width] : tokens.list[i].node;
    for (uint32_t i = 0; i < scheme->ranges->count; i++) {
        uint32_t at[2] = {start_of(scheme, &tokens, i), count};
        uint16_t list[SCHEME_REPLICAS_MAX];

        walk_slowly(scheme, row, at, list);
        assert_memory_equal(list, scheme->ranges->owners + (size_t)i * scheme->width,
                            scheme->width * sizeof *list);
    }
    free(row);
    tokens_done(&tokens);
}

static void test_lists(void **state)
{
    static const char *const kinds[] = {"ring", "ring-token-equal", "ring-equal"};
    struct placing placing;

    (void)state;
    for (uint32_t i = 0; i < 3 * 40; i++) {
        struct scheme *scheme;

        placing_init(&placing, 9, 1 + i % 4, i);
        placing.setup.vnodes = 5;
        placing.setup.partitions = i % 3 ? 37 : 64;
        if (i % 2)
            placing_zones(&placing, 4);
        placing.nodes[i % 9].weight = 2000;
        placing.nodes[(i + 1) % 9].zone = SCHEME_NO_ZONE;
        scheme = scheme_new(scheme_find(kinds[i / 40]), &placing.setup);
        lists_hold(scheme);
        scheme_free(scheme);
    }
}

// A key belongs to the first token at or after it; behind the last token, to the first.
static void test_tokens(void **state)
{
    struct scheme *scheme = ring_new("ring", (uint32_t[2]){10, 1}, 16, 0, 1);
    struct tokens tokens = tokens_make(scheme);

    (void)state;
    assert_int_equal(tokens.count, 160);
    for (uint32_t i = 0; i < tokens.count; i++) {
        uint32_t at = ranges_find(scheme->ranges, tokens.list[i].position);
        uint32_t after = ranges_find(scheme->ranges, tokens.list[i].position + 1);

        assert_int_equal(scheme->ranges->owners[at], tokens.list[i].node);
        assert_int_equal(scheme->ranges->owners[after], tokens.list[(i + 1) % 160].node);
    }
    tokens_done(&tokens);
    scheme_free(scheme);
}

// One node with nearly all tokens, so that lists reach far.
static void test_lopsided(void **state)
{
    double shares[SCHEME_NODES_MAX];
    struct placing placing;
    struct scheme *scheme;

    (void)state;
    placing_init(&placing, 4, 3, 1);
    placing.setup.vnodes = 1;
    placing.nodes[0].weight = 3000 * SCHEME_WEIGHT;
    scheme = scheme_new(scheme_find("ring"), &placing.setup);
    assert_int_equal(scheme->ranges->count, 3000 + 3 + 1);
    shares_of(scheme, 3, shares);
    near("of all copies", shares[0], 1.0 / 3, 0.001); // one of each key
    lists_hold(scheme);
    scheme_free(scheme);
}

static void test_metadata(void **state)
{
    struct scheme *ring = ring_new("ring", (uint32_t[2]){10, 3}, 128, 0, 1);
    struct scheme *tokens = ring_new("ring-token-equal", (uint32_t[2]){10, 3}, 128, 0, 1);
    struct scheme *equal = ring_new("ring-equal", (uint32_t[2]){10, 3}, 128, 0, 1);
    uint64_t list = scheme_metadata(ring) - 1280 * 10; // of nodes

    (void)state;
    assert_true(list >= 10 * 16 && list <= 10 * 32);
    assert_int_equal(tokens->ranges->count, 1024);
    assert_int_equal(scheme_metadata(tokens), 1280 * 10 + list);
    assert_int_equal(scheme_metadata(equal), 1280 * 2 + list);
    scheme_free(ring);
    scheme_free(tokens);
    scheme_free(equal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lamping_veach), cmocka_unit_test(test_dynamo_figure_8),
        cmocka_unit_test(test_peaks),         cmocka_unit_test(test_ring_add),
        cmocka_unit_test(test_ring_double),   cmocka_unit_test(test_equal_changes),
        cmocka_unit_test(test_equal_double),  cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lopsided),      cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
