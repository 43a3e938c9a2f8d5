// SPDX-License-Identifier: Apache-2.0
// Clocks against sets of dots that are too simple to be wrong: 64-bit masks, and arrays of flags
// for clocks with thousands of runs. Then the edges of the counters, and the encoding.
#include "node/data/clock.h"

#include "base/err.h"
#include "tests/lib/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CASES = 120 * 1000 };

static void add_any_order(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < 1500; i++) {
        struct clock clock = {0};
        uint64_t have = 0;

        for (unsigned j = 0; j < 100; j++) {
            unsigned bit = (unsigned)rng_below(&rng, NAIVE_DOTS);
            uint64_t dot = (uint64_t)1 << bit;

            assert_int_equal(clock_contains(&clock, naive_dot(bit)), (have & dot) != 0);
            assert_int_equal(clock_add(&clock, naive_dot(bit)), (have & dot) == 0);
            have |= dot;
            assert_true(naive_dots(&clock) == have);
        }
        clock_done(&clock);
    }
}

static void add_run_any_order(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (unsigned i = 0; i < 20000; i++) {
        struct clock clock = {0};
        uint64_t have = 0;

        for (unsigned j = 0; j < 8; j++) {
            unsigned actor = (unsigned)rng_below(&rng, NAIVE_ACTORS);
            unsigned first = (unsigned)rng_below(&rng, NAIVE_COUNTERS);
            unsigned last = first + (unsigned)rng_below(&rng, NAIVE_COUNTERS - first);
            struct dot dot = naive_dot(actor * NAIVE_COUNTERS + first);

            clock_add_run(&clock, (struct run){dot.actor, first + 1, last + 1});
            for (unsigned bit = first; bit <= last; bit++)
                have |= (uint64_t)1 << (actor * NAIVE_COUNTERS + bit);
            assert_true(naive_dots(&clock) == have);
        }
        clock_done(&clock);
    }
}

static unsigned bits_count(uint64_t dots)
{
    return (unsigned)__builtin_popcountll(dots);
}

static void looks_as(const struct clock *a, const struct clock *b, uint64_t set_a, uint64_t set_b)
{
    assert_int_equal(clock_covers(a, b), (set_b & ~set_a) == 0);
    assert_int_equal(clock_equal(a, b), set_a == set_b);
    assert_int_equal(clock_overlaps(a, b), (set_a & set_b) != 0);
    assert_int_equal(clock_size(a), bits_count(set_a));
    for (unsigned actor = 0; actor < NAIVE_ACTORS; actor++) {
        unsigned own = (unsigned)(set_a >> actor * NAIVE_COUNTERS) & 0xffff;
        unsigned last = own ? 32 - (unsigned)__builtin_clz(own) : 0;

        assert_int_equal(clock_last(a, naive_dot(actor * NAIVE_COUNTERS).actor), last);
    }
    assert_int_equal(clock_last(a, 5), 0);
}

static void operations(void **state)
{
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (unsigned i = 0; i < CASES; i++) {
        uint64_t set_a = naive_random(&rng);
        uint64_t set_b = i % 8 ? naive_random(&rng) : set_a & rng_u64(&rng);
        struct clock a = clock_in(i % 2 ? &arena : NULL);
        struct clock b = clock_in(&arena);
        struct clock into = clock_in(i % 2 ? &arena : NULL);

        naive_clock(set_a, &a);
        naive_clock(set_b, &b);
        looks_as(&a, &b, set_a, set_b);
        clock_copy(&into, &a);
        assert_true(clock_equal(&into, &a));
        clock_join(&into, &b);
        assert_true(naive_dots(&into) == (set_a | set_b));
        clock_copy(&into, &a);
        clock_subtract(&into, &b);
        assert_true(naive_dots(&into) == (set_a & ~set_b));
        clock_copy(&into, &a);
        clock_intersect(&into, &b);
        assert_true(naive_dots(&into) == (set_a & set_b));
        assert_true(naive_dots(&a) == set_a && naive_dots(&b) == set_b);
        clock_done(&a);
        clock_done(&into);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

// ---------------------------------------------------------------- many runs

enum { FLAG_ACTORS = 3, FLAG_COUNTERS = 800, FLAGS = FLAG_ACTORS * FLAG_COUNTERS };

// Flags at random; `step` is the mean length of runs and of gaps.
static void flags_random(struct rng *rng, bool *flags, unsigned step)
{
    bool on = false;

    for (unsigned i = 0; i < FLAGS; i++) {
        if (rng_below(rng, step) == 0)
            on = !on;
        flags[i] = on;
    }
}

static void flags_clock(const bool *flags, struct clock *out)
{
    for (unsigned i = FLAGS; i-- > 0;) {
        if (flags[i])
            clock_add(out, (struct dot){i / FLAG_COUNTERS + 1, i % FLAG_COUNTERS + 1});
    }
}

static void flags_same(const bool *flags, const struct clock *clock)
{
    uint64_t size = 0;

    assert_true(clock_valid(clock));
    for (unsigned i = 0; i < FLAGS; i++) {
        struct dot dot = {i / FLAG_COUNTERS + 1, i % FLAG_COUNTERS + 1};

        if (clock_contains(clock, dot) != flags[i])
            fail_msg("dot %u", i);
        size += flags[i];
    }
    assert_int_equal(clock_size(clock), size);
}

static void many_runs(void **state)
{
    static bool a[FLAGS], b[FLAGS], want[FLAGS];
    static const unsigned steps[] = {2, 8, 50, 400};
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (unsigned round = 0; round < 16; round++) {
        struct clock clocks[5] = {0};

        flags_random(&rng, a, steps[round % 4]);
        flags_random(&rng, b, steps[round / 4]);
        flags_clock(a, &clocks[0]);
        flags_clock(b, &clocks[1]);
        for (unsigned i = 2; i < 5; i++)
            clock_copy(&clocks[i], &clocks[0]);
        clock_join(&clocks[2], &clocks[1]);
        clock_subtract(&clocks[3], &clocks[1]);
        clock_intersect(&clocks[4], &clocks[1]);
        flags_same(a, &clocks[0]);
        for (unsigned i = 0; i < FLAGS; i++)
            want[i] = a[i] || b[i];
        flags_same(want, &clocks[2]);
        for (unsigned i = 0; i < FLAGS; i++)
            want[i] = a[i] && !b[i];
        flags_same(want, &clocks[3]);
        for (unsigned i = 0; i < FLAGS; i++)
            want[i] = a[i] && b[i];
        flags_same(want, &clocks[4]);
        assert_true(clock_covers(&clocks[2], &clocks[0]) && clock_covers(&clocks[2], &clocks[1]));
        assert_false(clock_overlaps(&clocks[3], &clocks[1]));
        for (unsigned i = 0; i < 5; i++)
            clock_done(&clocks[i]);
    }
}

// ---------------------------------------------------------------- edges

static void empty_clocks(void **state)
{
    struct clock a = {0};
    struct clock b = {0};

    (void)state;
    clock_join(&a, &b);
    clock_subtract(&a, &b);
    clock_intersect(&a, &b);
    clock_copy(&a, &b);
    assert_true(clock_equal(&a, &b) && clock_covers(&a, &b) && !clock_overlaps(&a, &b));
    assert_false(clock_contains(&a, (struct dot){1, 1}));
    assert_int_equal(clock_size(&a), 0);
    assert_int_equal(clock_last(&a, 1), 0);
    clock_add(&b, (struct dot){9, 9});
    assert_false(clock_covers(&a, &b));
    assert_true(clock_covers(&b, &a));
    clock_intersect(&b, &a);
    assert_int_equal(b.count, 0);
    clock_done(&a);
    clock_done(&b);
}

static void last_counters(void **state)
{
    struct clock clock = {0};
    struct clock other = {0};

    (void)state;
    clock_add(&clock, (struct dot){5, UINT64_MAX});
    clock_add(&clock, (struct dot){6, 1});
    assert_int_equal(clock.count, 2);
    assert_true(clock_last(&clock, 5) == UINT64_MAX);
    assert_false(clock_add(&clock, (struct dot){5, UINT64_MAX}));
    assert_true(clock_add(&clock, (struct dot){5, UINT64_MAX - 1}));
    assert_int_equal(clock.count, 2);
    clock_add_run(&clock, (struct run){5, 1, UINT64_MAX});
    assert_int_equal(clock.count, 2);
    assert_true(clock_size(&clock) == UINT64_MAX);
    clock_add_run(&clock, (struct run){4, 1, UINT64_MAX});
    assert_true(clock_size(&clock) == UINT64_MAX);
    clock_add(&other, (struct dot){5, UINT64_MAX});
    clock_add(&other, (struct dot){5, 1});
    clock_subtract(&clock, &other);
    assert_true(clock_valid(&clock));
    assert_true(clock_last(&clock, 5) == UINT64_MAX - 1);
    assert_false(clock_contains(&clock, (struct dot){5, 1}));
    clock_done(&clock);
    clock_done(&other);
}

static void dots_compare(void **state)
{
    (void)state;
    assert_true(dot_compare((struct dot){1, 9}, (struct dot){2, 1}) < 0);
    assert_true(dot_compare((struct dot){2, 1}, (struct dot){1, 9}) > 0);
    assert_true(dot_compare((struct dot){2, 1}, (struct dot){2, 2}) < 0);
    assert_true(dot_compare((struct dot){2, 2}, (struct dot){2, 2}) == 0);
    assert_true(dot_compare((struct dot){UINT64_MAX, 1}, (struct dot){1, 1}) > 0);
}

// ---------------------------------------------------------------- encoding

static int decode_whole(struct slice bytes, struct clock *out)
{
    struct reader reader = reader_of(bytes);
    int err = clock_decode(&reader, out);

    return err ? err : reader_finished(&reader) ? 0 : ERR_AGAIN;
}

static void encode_round_trip(void **state)
{
    struct arena arena = {0};
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (unsigned i = 0; i < CASES; i++) {
        struct clock clock = clock_in(&arena);
        struct clock read = clock_in(&arena);

        naive_clock(naive_random(&rng), &clock);
        clock_encode(&clock, &bytes);
        assert_int_equal(decode_whole(buffer_slice(&bytes), &read), 0);
        assert_true(clock_equal(&clock, &read));
        clock_encode(&read, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        if (i % 16 == 0) {
            for (size_t cut = 0; cut < bytes.size; cut++) {
                read = clock_in(&arena);
                assert_int_equal(decode_whole(slice_of(bytes.data, cut), &read), ERR_PROTOCOL);
                assert_int_equal(read.count, 0);
            }
        }
        buffer_reset(&bytes, SIZE_MAX);
        buffer_reset(&again, SIZE_MAX);
        arena_reset(&arena);
    }
    buffer_done(&bytes);
    buffer_done(&again);
    arena_done(&arena);
}

// Bytes with errors in them: refused, or the one spelling of what they say.
static void decode_mutated(void **state)
{
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct rng rng;
    unsigned read = 0;

    (void)state;
    rng_init(&rng, 6);
    for (unsigned i = 0; i < CASES; i++) {
        struct clock clock = {0};
        struct clock other = {0};

        naive_clock(naive_random(&rng), &clock);
        clock_encode(&clock, &bytes);
        bytes.data[rng_below(&rng, bytes.size)] ^= (uint8_t)(1 << rng_below(&rng, 8));
        if (decode_whole(buffer_slice(&bytes), &other) == 0) {
            assert_true(clock_valid(&other));
            clock_encode(&other, &again);
            assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
            read += 1;
        }
        clock_done(&clock);
        clock_done(&other);
        buffer_reset(&bytes, SIZE_MAX);
        buffer_reset(&again, SIZE_MAX);
    }
    assert_in_range(read, CASES / 20, CASES - CASES / 20);
    buffer_done(&bytes);
    buffer_done(&again);
}

struct spelling {
    const char *what;
    size_t size;
    uint8_t bytes[48];
    int err;
};

#define ACTOR(n) n, 0, 0, 0, 0, 0, 0, 0
#define MAX_10   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1

static const struct spelling spellings[] = {
    {"empty", 1, {0}, 0},
    {"base", 11, {1, ACTOR(3), 4, 0}, 0},
    {"base and run", 13, {1, ACTOR(3), 4, 1, 0, 0}, 0},
    {"run alone", 13, {1, ACTOR(3), 0, 1, 0, 0}, 0},
    {"two actors", 21, {2, ACTOR(3), 4, 0, ACTOR(4), 1, 0}, 0},
    {"base up to the end", 20, {1, ACTOR(3), MAX_10, 0}, 0},
    {"no bytes", 0, {0}, ERR_PROTOCOL},
    {"more actors than bytes", 1, {1}, ERR_PROTOCOL},
    {"actor without dots", 11, {1, ACTOR(3), 0, 0}, ERR_PROTOCOL},
    {"actor 0", 11, {1, ACTOR(0), 4, 0}, ERR_PROTOCOL},
    {"actors descending", 21, {2, ACTOR(4), 4, 0, ACTOR(3), 1, 0}, ERR_PROTOCOL},
    {"actor twice", 21, {2, ACTOR(4), 4, 0, ACTOR(4), 1, 0}, ERR_PROTOCOL},
    {"padded count of actors", 12, {0x81, 0, ACTOR(3), 4, 0}, ERR_PROTOCOL},
    {"padded base", 12, {1, ACTOR(3), 0x84, 0, 0}, ERR_PROTOCOL},
    {"padded length", 14, {1, ACTOR(3), 4, 1, 0, 0x80, 0}, ERR_PROTOCOL},
    {"run behind the end", 22, {1, ACTOR(3), MAX_10, 1, 0, 0}, ERR_PROTOCOL},
    {"gap beyond the end", 22, {1, ACTOR(3), 4, 1, MAX_10, 0}, ERR_PROTOCOL},
    {"length beyond the end", 22, {1, ACTOR(3), 4, 1, 0, MAX_10}, ERR_PROTOCOL},
    {"runs that never come", 20, {1, ACTOR(3), 4, MAX_10}, ERR_PROTOCOL},
};

static void decode_spellings(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
        struct slice bytes = slice_of(spellings[i].bytes, spellings[i].size);
        struct clock clock = {0};

        if (decode_whole(bytes, &clock) != spellings[i].err)
            fail_msg("%s", spellings[i].what);
        clock_done(&clock);
    }
}

// One actor with a base and `above` runs.
static int decode_runs(uint32_t above, struct clock *out)
{
    static const uint8_t actor[] = {1, ACTOR(3), 1};
    struct buffer bytes = {0};
    int err;

    buffer_add(&bytes, actor, sizeof actor);
    buffer_add_varint(&bytes, above);
    for (uint32_t i = 0; i < above; i++)
        buffer_add_u16(&bytes, 0);
    err = decode_whole(buffer_slice(&bytes), out);
    buffer_done(&bytes);
    return err;
}

static void decode_too_many(void **state)
{
    struct clock clock = {0};

    (void)state;
    assert_int_equal(decode_runs(CLOCK_RUNS_MAX - 1, &clock), 0);
    assert_int_equal(clock.count, CLOCK_RUNS_MAX);
    assert_int_equal(clock_last(&clock, 3), 2 * CLOCK_RUNS_MAX - 1);
    clock_done(&clock);
    assert_int_equal(decode_runs(CLOCK_RUNS_MAX, &clock), ERR_PROTOCOL);
    assert_null(clock.runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_any_order),   cmocka_unit_test(add_run_any_order),
        cmocka_unit_test(operations),      cmocka_unit_test(many_runs),
        cmocka_unit_test(empty_clocks),    cmocka_unit_test(last_counters),
        cmocka_unit_test(dots_compare),    cmocka_unit_test(encode_round_trip),
        cmocka_unit_test(decode_mutated),  cmocka_unit_test(decode_spellings),
        cmocka_unit_test(decode_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
