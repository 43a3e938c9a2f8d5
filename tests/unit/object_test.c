// SPDX-License-Identifier: Apache-2.0
// Merging as a join of states (versions and context) over random triples, the small operations, and
// the encodings. Rules of apply: apply_test.c.
#include "node/data/object.h"

#include "base/err.h"
#include "tests/lib/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CASES = 100 * 1000 };

// A state: which dots are there as versions, and which are known. As masks, and as the real thing.
struct side {
    uint64_t versions;
    uint64_t context; // holds the versions
};

static struct version version_of(unsigned bit)
{
    static uint8_t values[NAIVE_DOTS];
    struct version version = {naive_dot(bit), 1000 + bit % 3, 0, slice_of(&values[bit], 1)};

    values[bit] = (uint8_t)bit;
    return version;
}

static struct version *versions_of(struct arena *arena, uint64_t dots, uint32_t *out_count)
{
    size_t count = (size_t)__builtin_popcountll(dots);
    struct version *versions = arena_alloc(arena, count * sizeof *versions);

    *out_count = 0;
    for (; dots; dots &= dots - 1)
        versions[(*out_count)++] = version_of((unsigned)__builtin_ctzll(dots));
    return versions;
}

static struct side side_random(struct rng *rng)
{
    struct side side = {0, naive_random(rng)};

    side.versions = side.context & rng_u64(rng) & rng_u64(rng) & rng_u64(rng);
    return side;
}

static uint64_t version_dots(const struct object *object)
{
    uint64_t dots = 0;

    for (uint32_t i = 0; i < object->count; i++) {
        unsigned bit = naive_bit(object->versions[i].dot);

        if (i > 0)
            assert_true(dot_compare(object->versions[i - 1].dot, object->versions[i].dot) < 0);
        assert_int_equal(*object->versions[i].value.data, bit);
        dots |= (uint64_t)1 << bit;
    }
    return dots;
}

// The merge of two states by the code; the context is split at random in clock and rest.
static struct side merge(struct arena *arena, struct rng *rng, struct side a, struct side b)
{
    struct side sides[] = {a, b};
    struct clock clocks[4];
    struct merge_side real[2];
    struct object out;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t split = rng_u64(rng);

        clocks[2 * i] = clock_in(arena);
        clocks[2 * i + 1] = clock_in(arena);
        naive_clock(sides[i].context & split, &clocks[2 * i]);
        naive_clock(sides[i].context & ~split, &clocks[2 * i + 1]);
        real[i].versions = versions_of(arena, sides[i].versions, &real[i].count);
        real[i].clock = clocks[2 * i].count ? &clocks[2 * i] : NULL;
        real[i].rest = clocks[2 * i + 1].count ? &clocks[2 * i + 1] : NULL;
    }
    object_merge(arena, &real[0], &real[1], &out);
    assert_int_equal(out.rest.count, 0);
    return (struct side){version_dots(&out), a.context | b.context};
}

static void same(struct side a, struct side b)
{
    assert_true(a.versions == b.versions && a.context == b.context);
}

static void merge_is_a_join(void **state)
{
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < CASES; i++) {
        struct side a = side_random(&rng);
        struct side b = side_random(&rng);
        struct side c = side_random(&rng);
        struct side ab = merge(&arena, &rng, a, b);
        struct side bc = merge(&arena, &rng, b, c);

        assert_true(ab.versions == ((a.versions & b.versions) | (a.versions & ~b.context) |
                                    (b.versions & ~a.context)));
        same(ab, merge(&arena, &rng, b, a));
        same(merge(&arena, &rng, ab, c), merge(&arena, &rng, a, bc));
        same(merge(&arena, &rng, a, a), a);
        // Inflationary: the result has seen a and b, so merging either again changes nothing.
        same(merge(&arena, &rng, ab, a), ab);
        same(merge(&arena, &rng, b, ab), ab);
        assert_true((ab.versions & ~ab.context) == 0);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

// ---------------------------------------------------------------- small operations

static void object_random(struct arena *arena, struct rng *rng, struct object *out)
{
    struct side side = side_random(rng);

    *out = (struct object){.rest = clock_in(arena)};
    out->versions = versions_of(arena, side.versions, &out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        out->versions[i].stamp = rng_below(rng, 4);
        out->versions[i].expires_ms = rng_below(rng, 2) ? rng_below(rng, 1000) : 0;
    }
    if (rng_below(rng, 2))
        naive_clock(side.context & ~side.versions, &out->rest);
}

static void strip(void **state)
{
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (unsigned i = 0; i < 20000; i++) {
        struct object object;
        struct clock clock = clock_in(&arena);
        uint64_t set = naive_random(&rng);
        uint64_t rest;

        object_random(&arena, &rng, &object);
        rest = naive_dots(&object.rest);
        naive_clock(set, &clock);
        assert_int_equal(object_strip(&object, &clock), (rest & set) != 0);
        assert_true(naive_dots(&object.rest) == (rest & ~set));
        assert_int_equal(object_is_empty(&object), object.count == 0 && (rest & ~set) == 0);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void latest_and_expiry(void **state)
{
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t wall_ms = rng_below(&rng, 1000);
        struct object object;
        struct object copy;
        uint32_t kept = 0;
        int latest;

        object_random(&arena, &rng, &object);
        object_copy(&arena, &object, &copy);
        latest = object_latest(&object);
        assert_int_equal(latest < 0, object.count == 0);
        for (int j = 0; j < (int)object.count; j++) {
            uint64_t best = object.versions[latest].stamp;

            assert_true(object.versions[j].stamp < best ||
                        (object.versions[j].stamp == best && j <= latest));
        }
        assert_int_equal(object_expire(&copy, wall_ms) + copy.count, object.count);
        for (uint32_t j = 0; j < object.count; j++) {
            uint64_t at = object.versions[j].expires_ms;

            if (at == 0 || at > wall_ms)
                assert_int_equal(dot_compare(copy.versions[kept++].dot, object.versions[j].dot), 0);
        }
        assert_int_equal(kept, copy.count);
        assert_int_equal(object_same_versions(&object, &copy), copy.count == object.count);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void copy_is_deep(void **state)
{
    struct arena arena = {0};
    uint8_t value[] = "abc";
    struct version version = {{3, 4}, 5, 6, slice_of(value, 3)};
    struct object object = {&version, 1, {0}};
    struct object copy;

    (void)state;
    clock_add(&object.rest, (struct dot){9, 9});
    object_copy(&arena, &object, &copy);
    value[0] = 'x';
    version.stamp = 7;
    clock_done(&object.rest);
    assert_true(slice_is(copy.versions[0].value, "abc"));
    assert_int_equal(copy.versions[0].stamp, 5);
    assert_int_equal(copy.rest.count, 1);
    arena_done(&arena);
}

static void digests(void **state)
{
    struct version versions[] = {version_of(3), version_of(9)};
    struct object both = {versions, 2, {0}};
    struct object one = {versions, 1, {0}};
    uint64_t a = version_digest(1, 2, &versions[0]);
    uint64_t b = version_digest(1, 2, &versions[1]);

    (void)state;
    assert_true(a && b && a != b);
    assert_true(version_digest(2, 1, &versions[0]) != a);
    assert_true(object_digest(1, 2, &both) == (a ^ b));
    assert_true(object_digest(1, 2, &one) == a);
    versions[1].expires_ms = 5;
    assert_true(object_digest(1, 2, &both) == a);
    versions[0].stamp += 1;
    versions[0].value = slice_of_text("another");
    assert_true(version_digest(1, 2, &versions[0]) == a);
}

// ---------------------------------------------------------------- encoding

static void encode_round_trip(void **state)
{
    struct arena arena = {0};
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (unsigned i = 0; i < 20000; i++) {
        struct object object;
        struct object read;
        struct reader reader;

        object_random(&arena, &rng, &object);
        object_encode(&object, &bytes);
        reader = reader_of(buffer_slice(&bytes));
        assert_int_equal(object_decode(&reader, &arena, &read), 0);
        assert_true(reader_finished(&reader));
        assert_true(version_dots(&read) == version_dots(&object));
        assert_true(clock_equal(&read.rest, &object.rest));
        object_encode(&read, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        for (size_t cut = 0; i % 8 == 0 && cut < bytes.size; cut++) {
            reader = reader_of(slice_of(bytes.data, cut));
            assert_int_equal(object_decode(&reader, &arena, &read), ERR_PROTOCOL);
        }
        buffer_reset(&bytes, SIZE_MAX);
        buffer_reset(&again, SIZE_MAX);
        arena_reset(&arena);
    }
    buffer_done(&bytes);
    buffer_done(&again);
    arena_done(&arena);
}

// The encoding of two versions with the given dots; `count` may lie.
static int decode_dots(uint64_t count, struct dot first, struct dot second)
{
    struct version versions[] = {{first, 1, 0, {0}}, {second, 2, 0, {0}}};
    struct object object = {versions, 2, {0}};
    struct arena arena = {0};
    struct buffer bytes = {0};
    struct buffer lie = {0};
    struct reader reader;
    int err;

    object_encode(&object, &bytes);
    buffer_add_varint(&lie, count);
    buffer_add(&lie, bytes.data + 1, bytes.size - 1);
    reader = reader_of(buffer_slice(&lie));
    err = object_decode(&reader, &arena, &object);
    if (err == 0 && !reader_finished(&reader))
        err = ERR_AGAIN;
    buffer_done(&bytes);
    buffer_done(&lie);
    arena_done(&arena);
    return err;
}

static void decode_refusals(void **state)
{
    struct dot a = {1, 2};
    struct dot b = {1, 3};

    (void)state;
    assert_int_equal(decode_dots(2, a, b), 0);
    assert_int_equal(decode_dots(2, b, a), ERR_PROTOCOL);
    assert_int_equal(decode_dots(2, a, a), ERR_PROTOCOL);
    assert_int_equal(decode_dots(2, (struct dot){0, 1}, b), ERR_PROTOCOL);
    assert_int_equal(decode_dots(2, (struct dot){1, 0}, b), ERR_PROTOCOL);
    assert_int_equal(decode_dots(3, a, b), ERR_PROTOCOL);
    assert_int_equal(decode_dots(OBJECT_VERSIONS_MAX + 1, a, b), ERR_PROTOCOL);
    assert_int_equal(decode_dots(UINT64_MAX, a, b), ERR_PROTOCOL);
}

// A delta of three masks, encoded and decoded again.
static int delta_again(uint64_t versions, uint64_t context, uint64_t dots)
{
    struct arena arena = {0};
    struct delta delta = {.context = clock_in(&arena), .dots = clock_in(&arena)};
    struct delta read;
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct reader reader;
    int err;

    delta.versions = versions_of(&arena, versions, &delta.count);
    naive_clock(context, &delta.context);
    naive_clock(dots, &delta.dots);
    delta_encode(&delta, &bytes);
    reader = reader_of(buffer_slice(&bytes));
    err = delta_decode(&reader, &arena, &read);
    if (err == 0) {
        delta_encode(&read, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        assert_true(reader_finished(&reader));
        for (size_t cut = 0; cut < bytes.size; cut++) {
            reader = reader_of(slice_of(bytes.data, cut));
            assert_int_equal(delta_decode(&reader, &arena, &read), ERR_PROTOCOL);
        }
    }
    buffer_done(&bytes);
    buffer_done(&again);
    arena_done(&arena);
    return err;
}

static void deltas(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t context = naive_random(&rng);
        uint64_t versions = context & rng_u64(&rng) & rng_u64(&rng) & rng_u64(&rng);
        uint64_t stray = (uint64_t)1 << rng_below(&rng, NAIVE_DOTS);

        assert_int_equal(delta_again(versions, context, context & rng_u64(&rng)), 0);
        assert_int_equal(delta_again(versions | stray, context & ~stray, 0), ERR_PROTOCOL);
        assert_int_equal(delta_again(0, context & ~stray, stray), ERR_PROTOCOL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge_is_a_join),   cmocka_unit_test(strip),
        cmocka_unit_test(latest_and_expiry), cmocka_unit_test(copy_is_deep),
        cmocka_unit_test(digests),           cmocka_unit_test(encode_round_trip),
        cmocka_unit_test(decode_refusals),   cmocka_unit_test(deltas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
