// SPDX-License-Identifier: Apache-2.0
// Placement reads the low bits of the hash, so that doubling the shard count adds one bit above
// the ones in use. The tree sorts by the first bits of its keys. Reversing the bits makes the two
// agree: the shard number is the first bits of the tree key, and one bit more cuts each range in
// two.
//
//     low half     ... b3 b2 b1 b0      shard of 4: b1 b0,  of 8: b2 b1 b0
//     tree key     b0 b1 b2 b3 ...      range of 4: b0 b1,  of 8: b0 b1 b2
#include "node/data/key.h"

#include "base/bits.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"
#include "node/data/hash.h"

static int size_check(size_t size, size_t max)
{
    if (size == 0)
        return ERR_INVALID;
    return size > max ? ERR_TOO_LARGE : 0;
}

int key_make(uint64_t seed, uint32_t shards, struct slice bucket, struct slice key, struct key *out)
{
    uint8_t bytes[1 + BUCKET_SIZE_MAX + KEY_SIZE_MAX];
    int err = size_check(bucket.size, BUCKET_SIZE_MAX);
    struct hash128 hash;

    check(shards && shards <= SHARDS_MAX && (shards & (shards - 1)) == 0);
    if (!err)
        err = size_check(key.size, KEY_SIZE_MAX);
    if (err)
        return err;
    bytes[0] = (uint8_t)bucket.size;
    memcpy(bytes + 1, bucket.data, bucket.size);
    memcpy(bytes + 1 + bucket.size, key.data, key.size);
    hash = hash_128(slice_of(bytes, 1 + bucket.size + key.size), seed);
    *out = (struct key){bucket, key, hash.low, hash.high, (uint32_t)(hash.low & (shards - 1))};
    return 0;
}

// Bytes are laid out for several keys before the first is hashed: a load that overlaps a store of a
// moment ago waits for it, which takes longer than the hash.
void key_lows_of_numbers(uint64_t seed, struct slice bucket, uint64_t first, size_t count,
                         uint64_t *out)
{
    enum { STAGE = 32, PLACE = 1 + BUCKET_SIZE_MAX + sizeof first };
    uint8_t stage[STAGE][PLACE];
    size_t before = 1 + bucket.size;

    check(size_check(bucket.size, BUCKET_SIZE_MAX) == 0);
    for (size_t i = 0; i < STAGE && i < count; i++) {
        stage[i][0] = (uint8_t)bucket.size;
        memcpy(stage[i] + 1, bucket.data, bucket.size);
    }
    for (size_t from = 0; from < count; from += STAGE) {
        size_t some = count - from < STAGE ? count - from : STAGE;

        for (size_t i = 0; i < some; i++)
            bytes_put_u64(stage[i] + before, first + from + i);
        for (size_t i = 0; i < some; i++)
            out[from + i] = hash_128(slice_of(stage[i], before + sizeof first), seed).low;
    }
}

void key_tree(const struct key *key, uint8_t out[TREE_KEY_SIZE])
{
    bytes_put_u64_big(out, bits_reverse(key->low));
    bytes_put_u64_big(out + 8, key->high);
}

void key_shard_first(uint32_t shard, uint32_t shards, uint8_t out[TREE_KEY_SIZE])
{
    check(shard < shards);
    bytes_put_u64_big(out, bits_reverse(shard));
    bytes_put_u64_big(out + 8, 0);
}

void key_shard_last(uint32_t shard, uint32_t shards, uint8_t out[TREE_KEY_SIZE])
{
    check(shard < shards);
    // Bits above the shard's own become those below its prefix.
    bytes_put_u64_big(out, bits_reverse(shard | ~(uint64_t)(shards - 1)));
    memset(out + 8, 0xff, 8);
}

uint32_t key_tree_shard(const uint8_t tree_key[TREE_KEY_SIZE], uint32_t shards)
{
    return (uint32_t)(bits_reverse(bytes_u64_big(tree_key)) & (shards - 1));
}

struct key key_of_tree(const uint8_t tree_key[TREE_KEY_SIZE], uint32_t shards)
{
    struct key key = {.low = bits_reverse(bytes_u64_big(tree_key)),
                      .high = bytes_u64_big(tree_key + 8)};

    key.shard = (uint32_t)(key.low & (shards - 1));
    return key;
}
