// SPDX-License-Identifier: Apache-2.0
// Slices, arenas, buffers and readers, random numbers, errors.
#include "base/arena.h"
#include "base/buffer.h"
#include "base/err.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static int sign(int number)
{
    return number < 0 ? -1 : number > 0;
}

static void slices(void **state)
{
    struct slice none = {0};
    struct slice a = slice_of_text("a");
    struct slice ab = slice_of_text("ab");

    (void)state;
    assert_true(slice_equal(none, slice_of_text("")));
    assert_false(slice_equal(none, a));
    assert_true(slice_is(ab, "ab") && !slice_is(ab, "a") && !slice_is(ab, "abc"));
    assert_int_equal(sign(slice_compare(a, ab)), -1);
    assert_int_equal(sign(slice_compare(ab, a)), 1);
    assert_int_equal(sign(slice_compare(none, a)), -1);
    assert_int_equal(slice_compare(none, slice_of_text("")), 0);
    assert_int_equal(slice_compare(ab, slice_of_text("ab")), 0);
    assert_int_equal(sign(slice_compare(slice_of("\xff", 1), slice_of("\x01\x01", 2))), 1);
}

// ---------------------------------------------------------------- arena

// Pieces keep what was written to them while others come, and are aligned.
static void arena_pieces(void **state)
{
    enum { PIECES = 500 };
    struct arena arena = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned round = 0; round < 20; round++) {
        uint8_t *pieces[PIECES];
        size_t sizes[PIECES];
        size_t total = 0;

        for (unsigned i = 0; i < PIECES; i++) {
            sizes[i] = rng_below(&rng, i % 50 ? 300 : 500000);
            pieces[i] = i % 2 ? arena_alloc(&arena, sizes[i]) : arena_new(&arena, sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t j = 0; i % 2 == 0 && j < sizes[i]; j++)
                assert_int_equal(pieces[i][j], 0);
            memset(pieces[i], (int)(i & 0xff), sizes[i]);
            total += sizes[i];
        }
        assert_in_range(arena.total, total, total + 16 * PIECES);
        for (unsigned i = 0; i < PIECES; i++) {
            for (size_t j = 0; j < sizes[i]; j += 7)
                assert_int_equal(pieces[i][j], i & 0xff);
        }
        arena_reset(&arena);
        assert_int_equal(arena.total, 0);
    }
    arena_done(&arena);
    arena_reset(&arena); // an empty one
    arena_done(&arena);
}

static void arena_texts(void **state)
{
    struct arena arena = {0};
    char bytes[] = "pear";
    struct slice copy = arena_copy(&arena, slice_of_text(bytes));

    (void)state;
    bytes[0] = 'x';
    assert_true(slice_is(copy, "pear"));
    assert_int_equal(arena_copy(&arena, slice_of(NULL, 0)).size, 0);
    assert_string_equal(arena_text(&arena, "%d of %s", 2, "three"), "2 of three");
    assert_string_equal(arena_text(&arena, "%s", ""), "");
    arena_done(&arena);
}

// After a reset the same memory is handed out again.
static void arena_reuse(void **state)
{
    struct arena arena = {0};
    void *first = arena_alloc(&arena, 100);

    (void)state;
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 100), first);
    arena_done(&arena);
}

// ---------------------------------------------------------------- buffer and reader

static void integers(void **state)
{
    static const uint8_t want[] = {0xfe, 1,    0x23, 0x01, 0x67, 0x45, 0x23, 0x01, 0xef, 0xcd,
                                   0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 'h',  'i',  '4',  '2'};
    struct buffer buffer = {0};
    struct reader reader;
    uint8_t big[8];

    (void)state;
    buffer_add_u16(&buffer, 0x01fe);
    buffer_add_u16(&buffer, 0x0123);
    buffer_add_u32(&buffer, 0x01234567);
    buffer_add_u64(&buffer, 0x0123456789abcdef);
    buffer_add_slice(&buffer, slice_of_text("hi"));
    buffer_add_format(&buffer, "%d", 42);
    assert_true(slice_equal(buffer_slice(&buffer), slice_of(want, sizeof want)));
    reader = reader_of(buffer_slice(&buffer));
    assert_int_equal(reader_u8(&reader), 0xfe);
    assert_int_equal(reader_u8(&reader), 1);
    assert_int_equal(reader_u16(&reader), 0x0123);
    assert_int_equal(reader_u32(&reader), 0x01234567);
    assert_true(reader_u64(&reader) == 0x0123456789abcdef);
    assert_false(reader_finished(&reader));
    assert_true(slice_is(reader_slice(&reader, 4), "hi42"));
    assert_true(reader_finished(&reader));
    bytes_put_u64_big(big, 0x0123456789abcdef);
    assert_memory_equal(big, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    assert_true(bytes_u64_big(big) == 0x0123456789abcdef);
    buffer_done(&buffer);
}

// What does not fit sets `failed` for good, and everything after it is empty.
static void reader_ends(void **state)
{
    uint8_t bytes[3] = {1, 2, 3};
    struct reader reader = reader_of(slice_of(bytes, 3));

    (void)state;
    assert_int_equal(reader_u32(&reader), 0);
    assert_true(reader.failed);
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_varint(&reader), 0);
    assert_null(reader_slice(&reader, 0).data);
    assert_false(reader_finished(&reader));
    reader = reader_of(slice_of(bytes, 3));
    assert_int_equal(reader_slice(&reader, UINT64_MAX).size, 0);
    assert_true(reader.failed);
    reader = reader_of(slice_of(bytes, 3));
    assert_int_equal(reader_slice(&reader, 3).size, 3);
    assert_int_equal(reader_slice(&reader, 0).size, 0);
    assert_true(reader_finished(&reader));
}

static void varint_is(uint64_t value, size_t size)
{
    struct buffer buffer = {0};
    struct reader reader;

    buffer_add_varint(&buffer, value);
    assert_int_equal(buffer.size, size);
    reader = reader_of(buffer_slice(&buffer));
    assert_true(reader_varint(&reader) == value && reader_finished(&reader));
    for (size_t cut = 0; cut < size; cut++) {
        reader = reader_of(slice_of(buffer.data, cut));
        assert_true(reader_varint(&reader) == 0 && reader.failed);
    }
    // A longer spelling of the same.
    buffer.data[size - 1] |= 0x80;
    buffer_add_u8(&buffer, 0);
    reader = reader_of(buffer_slice(&buffer));
    assert_true(reader_varint(&reader) == 0 && reader.failed);
    buffer_done(&buffer);
}

static void varints(void **state)
{
    struct reader reader;
    struct rng rng;

    (void)state;
    varint_is(0, 1);
    varint_is(127, 1);
    varint_is(128, 2);
    for (unsigned bits = 7; bits < 64; bits += 7) {
        varint_is(((uint64_t)1 << bits) - 1, bits / 7);
        varint_is((uint64_t)1 << bits, bits / 7 + 1);
    }
    varint_is(UINT64_MAX, 10);
    rng_init(&rng, 2);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t value = rng_u64(&rng) >> rng_below(&rng, 64) | 1;

        varint_is(value, (70 - (size_t)__builtin_clzll(value)) / 7);
    }
    reader = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
    assert_true(reader_varint(&reader) == 0 && reader.failed);
    reader = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11));
    assert_true(reader_varint(&reader) == 0 && reader.failed);
}

static void buffers(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_drop(&buffer, 0);
    buffer_add(&buffer, NULL, 0);
    for (unsigned i = 0; i < 1000; i++)
        buffer_add_u8(&buffer, (uint8_t)i);
    buffer_drop(&buffer, 300);
    assert_int_equal(buffer.size, 700);
    for (unsigned i = 0; i < 700; i++)
        assert_int_equal(buffer.data[i], (i + 300) & 0xff);
    buffer_reset(&buffer, SIZE_MAX);
    assert_int_equal(buffer.size, 0);
    assert_non_null(buffer.data);
    buffer_reset(&buffer, 10);
    assert_null(buffer.data);
    buffer_done(&buffer);
}

// ---------------------------------------------------------------- random numbers

static void rng_vectors(void **state)
{
    struct rng rng = {{1, 2, 3, 4}};
    struct rng other;

    (void)state;
    // The first numbers of the authors' program with this state, and splitmix64 from 0.
    assert_true(rng_u64(&rng) == 11520);
    assert_true(rng_u64(&rng) == 0);
    assert_true(rng_u64(&rng) == 1509978240);
    assert_true(rng_u64(&rng) == 1215971899390074240);
    assert_true(rng_mix(0) == 0xe220a8397b1dcdaf);
    rng_init(&rng, 7);
    rng_init(&other, 7);
    assert_true(rng_u64(&rng) == rng_u64(&other));
    rng_init(&other, 8);
    assert_true(rng_u64(&rng) != rng_u64(&other));
}

static void rng_is_even(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (uint64_t bound = 1; bound < 12; bound++) {
        unsigned counts[12] = {0};

        for (unsigned i = 0; i < 12000; i++)
            counts[rng_below(&rng, bound)] += 1;
        for (uint64_t i = 0; i < bound; i++)
            assert_in_range(counts[i], 12000 / bound - 450, 12000 / bound + 450);
        for (uint64_t i = bound; i < 12; i++)
            assert_int_equal(counts[i], 0);
    }
    for (unsigned i = 0; i < 1000; i++)
        assert_true(rng_below(&rng, ((uint64_t)1 << 63) + 1) <= (uint64_t)1 << 63);
}

// ---------------------------------------------------------------- errors

static void errors(void **state)
{
    static const int all[] = {
#define X(name, number, code, exit_code, text) name,
        ERR_MAP(X)
#undef X
    };

    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *code = err_code(all[i]);

        assert_true(all[i] < 0 && err_known(all[i]));
        assert_int_equal(err_of_code(code, strlen(code)), all[i]);
        assert_in_range(err_exit(all[i]), 1, 8);
        assert_true(strlen(err_text(all[i])) > 0);
        for (unsigned j = 0; j < i; j++) {
            assert_int_not_equal(all[i], all[j]);
            assert_string_not_equal(code, err_code(all[j]));
        }
    }
    assert_string_equal(err_code(0), "OK");
    assert_int_equal(err_exit(0), 0);
    assert_false(err_known(0) || err_known(1) || err_known(-1000));
    assert_string_equal(err_code(-1000), "INTERNAL");
    assert_int_equal(err_of_code("TIMEOUT put k", 13), ERR_TIMEOUT);
    assert_int_equal(err_of_code("TIMEOUTS", 8), ERR_INTERNAL);
    assert_int_equal(err_of_code("TIMEOUT", 6), ERR_INTERNAL);
    assert_int_equal(err_of_code("TOO_LARGE", 3), ERR_INTERNAL);
    assert_int_equal(err_of_code("", 0), ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),      cmocka_unit_test(arena_pieces),
        cmocka_unit_test(arena_texts), cmocka_unit_test(arena_reuse),
        cmocka_unit_test(integers),    cmocka_unit_test(reader_ends),
        cmocka_unit_test(varints),     cmocka_unit_test(buffers),
        cmocka_unit_test(rng_vectors), cmocka_unit_test(rng_is_even),
        cmocka_unit_test(errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
