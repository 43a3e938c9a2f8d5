// SPDX-License-Identifier: Apache-2.0
// Hashes against published vectors, limits, the order of the tree, and tokens.
#include "node/data/key.h"

#include "base/buffer.h"
#include "base/err.h"
#include "base/rng.h"
#include "node/data/clock.h"
#include "node/data/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

// From the xxHash project: sums of nothing and of "abc".
static void hash_vectors(void **state)
{
    struct hash128 empty = hash_128(slice_of_text(""), 0);
    struct hash128 abc = hash_128(slice_of_text("abc"), 0);

    (void)state;
    assert_true(hash_64(slice_of_text("")) == 0x2d06800538d394c2);
    assert_true(hash_64(slice_of_text("abc")) == 0x78af5f94892f3950);
    assert_true(empty.high == 0x99aa06d3014798d8 && empty.low == 0x6001c324468d497f);
    assert_true(abc.high == 0x06b05ab6733a6185 && abc.low == 0x78af5f94892f3950);
    assert_true(hash_128(slice_of_text("abc"), 1).low != abc.low);
}

static struct key key_of(uint64_t seed, uint32_t shards, const char *bucket, const char *text)
{
    struct key key;

    assert_int_equal(key_make(seed, shards, slice_of_text(bucket), slice_of_text(text), &key), 0);
    return key;
}

static void parts_are_hashed(void **state)
{
    struct key key = key_of(9, 256, "ab", "c");
    struct hash128 hash = hash_128(slice_of_text("\002abc"), 9);

    (void)state;
    assert_true(key.low == hash.low && key.high == hash.high);
    assert_int_equal(key.shard, hash.low & 255);
    assert_true(slice_is(key.bucket, "ab") && slice_is(key.key, "c"));
    assert_true(key_of(9, 256, "a", "bc").low != key.low);
    assert_true(key_of(8, 256, "ab", "c").low != key.low);
    assert_true(key_of(9, 1, "ab", "c").low == key.low);
    assert_int_equal(key_of(9, 1, "ab", "c").shard, 0);
}

static void limits(void **state)
{
    static const uint8_t bytes[KEY_SIZE_MAX + 1];
    struct slice one = slice_of(bytes, 1);
    struct key key;

    (void)state;
    assert_int_equal(key_make(1, 4, one, slice_of(bytes, KEY_SIZE_MAX), &key), 0);
    assert_int_equal(key_make(1, 4, slice_of(bytes, BUCKET_SIZE_MAX), one, &key), 0);
    assert_int_equal(
        key_make(1, 4, slice_of(bytes, BUCKET_SIZE_MAX), slice_of(bytes, KEY_SIZE_MAX), &key), 0);
    key.shard = 77;
    assert_int_equal(key_make(1, 4, one, slice_of(bytes, KEY_SIZE_MAX + 1), &key), ERR_TOO_LARGE);
    assert_int_equal(key_make(1, 4, slice_of(bytes, BUCKET_SIZE_MAX + 1), one, &key),
                     ERR_TOO_LARGE);
    assert_int_equal(key_make(1, 4, one, slice_of(NULL, 0), &key), ERR_INVALID);
    assert_int_equal(key_make(1, 4, slice_of(NULL, 0), one, &key), ERR_INVALID);
    assert_int_equal(key.shard, 77);
}

// The same by the number as one by one, for buckets of any size.
static void numbers_are_keys(void **state)
{
    static const uint8_t letters[BUCKET_SIZE_MAX];
    uint64_t lows[100];

    (void)state;
    for (size_t size = 1; size <= BUCKET_SIZE_MAX; size++) {
        struct slice bucket = slice_of(letters, size);

        for (size_t count = 0; count <= 100; count += 33 + size % 2) {
            uint64_t first = rng_mix(size) - count / 2;

            key_lows_of_numbers(size, bucket, first, count, lows);
            for (size_t i = 0; i < count; i++) {
                uint8_t bytes[8];
                struct key key;

                bytes_put_u64(bytes, first + i);
                assert_int_equal(key_make(size, 4, bucket, slice_of(bytes, 8), &key), 0);
                assert_true(lows[i] == key.low);
            }
        }
    }
}

// ---------------------------------------------------------------- the tree

static uint32_t bits_reversed(uint32_t value, unsigned bits)
{
    uint32_t reversed = 0;

    for (unsigned i = 0; i < bits; i++)
        reversed |= (value >> i & 1) << (bits - 1 - i);
    return reversed;
}

// In tree order the first keys of the shards divide the space evenly, and begin with its start: so
// each shard is one range. The first half of a range is i, the second i + S after doubling.
static void shards_are_ranges(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits <= 16; bits++) {
        uint32_t shards = (uint32_t)1 << bits;

        for (uint32_t shard = 0; shard < shards; shard++) {
            uint8_t first[TREE_KEY_SIZE];
            uint8_t half[TREE_KEY_SIZE];
            uint64_t place = bits ? (uint64_t)bits_reversed(shard, bits) << (64 - bits) : 0;

            key_shard_first(shard, shards, first);
            assert_true(bytes_u64_big(first) == place && bytes_u64_big(first + 8) == 0);
            assert_int_equal(key_tree_shard(first, shards), shard);
            key_shard_first(shard, 2 * shards, half);
            assert_memory_equal(half, first, TREE_KEY_SIZE);
            key_shard_first(shard + shards, 2 * shards, half);
            assert_true(bytes_u64_big(half) - place == (uint64_t)1 << (63 - bits));
        }
    }
}

static void keys_lie_in_their_range(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t number = rng_u64(&rng);
        struct slice text = slice_of(&number, sizeof number);
        uint8_t always[TREE_KEY_SIZE] = {0};

        for (unsigned bits = 0; bits <= 16; bits++) {
            uint32_t shards = (uint32_t)1 << bits;
            uint8_t first[TREE_KEY_SIZE];
            uint8_t at[TREE_KEY_SIZE];
            struct key key;

            assert_int_equal(key_make(5, shards, slice_of_text("b"), text, &key), 0);
            key_tree(&key, at);
            assert_int_equal(key.shard, key.low % shards);
            assert_int_equal(key_tree_shard(at, shards), key.shard);
            key_shard_first(key.shard, shards, first);
            assert_true(memcmp(first, at, TREE_KEY_SIZE) <= 0);
            assert_true(bits == 0 || bytes_u64_big(at) - bytes_u64_big(first) < (uint64_t)1
                                                                                    << (64 - bits));
            // Doubling moves no byte.
            if (bits > 0)
                assert_memory_equal(at, always, TREE_KEY_SIZE);
            memcpy(always, at, TREE_KEY_SIZE);
        }
    }
}

// Keys fall on shards evenly: with 256 shards and 25,600 keys the chi-square statistic has mean 255
// and standard deviation 22.6.
static void shards_are_even(void **state)
{
    uint32_t counts[256] = {0};
    double chi = 0;

    (void)state;
    for (uint32_t i = 0; i < 25600; i++) {
        struct key key;

        assert_int_equal(key_make(1, 256, slice_of_text("b"), slice_of(&i, sizeof i), &key), 0);
        counts[key.shard] += 1;
    }
    for (unsigned i = 0; i < 256; i++)
        chi += (counts[i] - 100.0) * (counts[i] - 100.0) / 100.0;
    assert_true(chi > 165 && chi < 345);
}

// ---------------------------------------------------------------- tokens

static void tokens(void **state)
{
    struct slice bucket = slice_of_text("fruit");
    struct slice key = slice_of_text("pear");
    struct clock context = {0};
    struct clock read = {0};
    struct buffer token = {0};

    (void)state;
    clock_add(&context, (struct dot){77, 1});
    clock_add(&context, (struct dot){77, 5});
    token_encode(bucket, key, &context, &token);
    assert_int_equal(token_decode(buffer_slice(&token), bucket, key, &read), 0);
    assert_true(clock_equal(&context, &read));
    clock_done(&read);
    assert_int_equal(token_decode(buffer_slice(&token), bucket, slice_of_text("plum"), &read),
                     ERR_TOKEN);
    assert_int_equal(
        token_decode(buffer_slice(&token), slice_of_text("fruitp"), slice_of_text("ear"), &read),
        ERR_TOKEN);
    assert_int_equal(token_decode(buffer_slice(&token), slice_of(NULL, 0), key, &read), ERR_TOKEN);
    for (size_t cut = 0; cut < token.size; cut++) {
        assert_int_equal(token_decode(slice_of(token.data, cut), bucket, key, &read), ERR_TOKEN);
        assert_null(read.runs);
    }
    buffer_add_u8(&token, 0);
    assert_int_equal(token_decode(buffer_slice(&token), bucket, key, &read), ERR_TOKEN);
    assert_null(read.runs);
    token.size -= 1;
    for (size_t i = 0; i < 5; i++) {
        token.data[i] ^= 2;
        assert_int_equal(token_decode(buffer_slice(&token), bucket, key, &read), ERR_TOKEN);
        token.data[i] ^= 2;
    }
    clock_done(&context);
    buffer_done(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_vectors),
        cmocka_unit_test(parts_are_hashed),
        cmocka_unit_test(limits),
        cmocka_unit_test(numbers_are_keys),
        cmocka_unit_test(shards_are_ranges),
        cmocka_unit_test(keys_lie_in_their_range),
        cmocka_unit_test(shards_are_even),
        cmocka_unit_test(tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
