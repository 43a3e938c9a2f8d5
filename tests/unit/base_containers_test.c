// SPDX-License-Identifier: Apache-2.0
// Heap and table against naive models over random operations, histograms against sorted values.
#include "base/heap.h"
#include "base/histogram.h"
#include "base/rng.h"
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 200 * 1000, ITEMS = 200 };

// ---------------------------------------------------------------- heap

// The first by key, then by order of adding, looked for one by one.
static struct heap_item *first_of(struct heap_item *items)
{
    struct heap_item *first = NULL;

    for (unsigned i = 0; i < ITEMS; i++) {
        struct heap_item *item = &items[i];

        if (item->place == 0)
            continue;
        if (!first || item->key < first->key ||
            (item->key == first->key && item->order < first->order))
            first = item;
    }
    return first;
}

static void heap_random(void **state)
{
    static struct heap_item items[ITEMS];
    struct heap heap = {0};
    struct rng rng;
    size_t count = 0;

    (void)state;
    rng_init(&rng, 1);
    assert_null(heap_first(&heap));
    for (unsigned i = 0; i < STEPS; i++) {
        struct heap_item *item = &items[rng_below(&rng, ITEMS)];
        bool grow = i / 1000 % 2 == 0; // fuller, then emptier

        if (item->place == 0 && rng_below(&rng, 4) < (grow ? 4 : 1)) {
            heap_add(&heap, item, rng_below(&rng, 50));
            count += 1;
        } else if (item->place && rng_below(&rng, 4) < (grow ? 1 : 4)) {
            heap_remove(&heap, item);
            assert_int_equal(item->place, 0);
            heap_remove(&heap, item); // in no heap: nothing happens
            count -= 1;
        }
        assert_int_equal(heap.count, count);
        assert_ptr_equal(heap_first(&heap), first_of(items));
    }
    heap_done(&heap);
}

static void heap_equal_keys_in_order(void **state)
{
    static struct heap_item items[ITEMS];
    struct heap heap = {0};

    (void)state;
    for (unsigned i = 0; i < ITEMS; i++)
        heap_add(&heap, &items[i], UINT64_MAX);
    for (unsigned i = 0; i < ITEMS; i++) {
        assert_ptr_equal(heap_first(&heap), &items[i]);
        heap_remove(&heap, &items[i]);
    }
    assert_null(heap_first(&heap));
    heap_done(&heap);
}

// ---------------------------------------------------------------- table

// Ids are spread, and 0 and the greatest are among them.
static uint64_t id_of(unsigned number)
{
    return number == 1 ? UINT64_MAX : (uint64_t)number << (number % 2 * 40);
}

static void table_walk(const struct table *table, void *const *values)
{
    size_t at = 0;
    size_t seen = 0;

    for (void *value = table_next(table, &at); value; value = table_next(table, &at)) {
        unsigned number = *(unsigned *)value;

        assert_ptr_equal(values[number], value);
        seen += 1;
    }
    assert_int_equal(seen, table->count);
}

static void table_random(void **state)
{
    static unsigned numbers[2][ITEMS];
    void *values[ITEMS] = {0};
    struct table table = {0};
    struct rng rng;
    size_t count = 0;

    (void)state;
    rng_init(&rng, 2);
    assert_null(table_find(&table, 5));
    assert_null(table_remove(&table, 5));
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned number = (unsigned)rng_below(&rng, ITEMS);
        unsigned copy = (unsigned)rng_below(&rng, 2);
        bool grow = i / 1000 % 2 == 0;

        numbers[copy][number] = number;
        if (rng_below(&rng, 4) < (grow ? 3 : 1)) {
            count += !values[number];
            values[number] = &numbers[copy][number];
            table_set(&table, id_of(number), values[number]);
        } else {
            count -= values[number] != NULL;
            assert_ptr_equal(table_remove(&table, id_of(number)), values[number]);
            values[number] = NULL;
        }
        assert_int_equal(table.count, count);
        number = (unsigned)rng_below(&rng, ITEMS);
        assert_ptr_equal(table_find(&table, id_of(number)), values[number]);
        if (i % 500 == 0)
            table_walk(&table, values);
    }
    for (unsigned number = 0; number < ITEMS; number++)
        assert_ptr_equal(table_find(&table, id_of(number)), values[number]);
    table_done(&table);
}

// ---------------------------------------------------------------- histogram

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void histogram_quantiles(void **state)
{
    enum { VALUES = 5000 };
    static const unsigned quantiles[] = {1, 100, 1000, 5000, 9000, 9900, 9990, 9999, 10000};
    static uint64_t values[VALUES];
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (unsigned round = 0; round < 40; round++) {
        struct histogram histogram = {0};
        uint64_t sum = 0;

        for (unsigned i = 0; i < VALUES; i++) {
            values[i] = rng_u64(&rng) >> (24 + rng_below(&rng, 41) % (round + 1));
            histogram_add(&histogram, values[i]);
            sum += values[i];
        }
        qsort(values, VALUES, sizeof values[0], compare);
        assert_true(histogram.count == VALUES && histogram.sum == sum);
        assert_true(histogram.max == values[VALUES - 1]);
        for (unsigned i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
            uint64_t exact = values[(VALUES * quantiles[i] + 9999) / 10000 - 1];
            uint64_t got = histogram_quantile(&histogram, quantiles[i]);

            assert_in_range(got, exact, exact + exact / 32);
        }
    }
}

static void histogram_edges(void **state)
{
    static struct histogram a, b;

    (void)state;
    assert_int_equal(histogram_quantile(&a, 5000), 0);
    histogram_add(&a, 0);
    assert_int_equal(histogram_quantile(&a, 10000), 0);
    histogram_add(&a, UINT64_MAX); // counts in the last step
    assert_true(histogram_quantile(&a, 10000) >= ((uint64_t)1 << 40) - 1);
    assert_int_equal(histogram_quantile(&a, 5000), 0);
    for (unsigned i = 0; i < 100; i++)
        histogram_add(&b, i);
    histogram_join(&b, &a);
    assert_int_equal(b.count, 102);
    assert_true(b.max == UINT64_MAX);
    assert_int_equal(histogram_quantile(&b, 2000), 19);
    for (unsigned i = 0; i < 8; i++)
        histogram_fade(&b);
    assert_int_equal(b.count, 0);
    assert_int_equal(histogram_quantile(&b, 5000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_random),     cmocka_unit_test(heap_equal_keys_in_order),
        cmocka_unit_test(table_random),    cmocka_unit_test(histogram_quantiles),
        cmocka_unit_test(histogram_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
