// SPDX-License-Identifier: Apache-2.0
// Where a key lives. Static sharding: the shard is the low half of a seeded 128-bit hash modulo a
// power of two, so doubling the shard count sends shard i to i and i + S and nothing else.
#ifndef NODE_DATA_KEY_H
#define NODE_DATA_KEY_H

#include "base/slice.h"

enum {
    KEY_SIZE_MAX = 2048,         // bytes; at least 1
    BUCKET_SIZE_MAX = 255,       // bytes; at least 1
    TREE_KEY_SIZE = 16,          // bytes
    SHARDS_MAX = 1 << 16,        // a power of two from 1
    VALUE_SIZE_DEFAULT = 8 << 20 // bytes; the configurable default limit
};

struct key {
    struct slice bucket;
    struct slice key;
    uint64_t low; // XXH3-128 of (u8 bucket length, bucket, key), seeded per cluster
    uint64_t high;
    uint32_t shard; // low & (shards - 1)
};

// False: bucket and key are empty, only the hash is known.
static inline bool key_is_named(const struct key *key)
{
    return key->bucket.size > 0;
}

// Buckets of the system itself begin with this byte; clients may not write to them directly.
#define BUCKET_SYSTEM_PREFIX '$'
#define BUCKET_PROPERTIES    "$buckets"

// Slices are kept, not copied. ERR_TOO_LARGE or ERR_INVALID (empty) beyond the limits above.
int key_make(uint64_t seed, uint32_t shards, struct slice bucket, struct slice key,
             struct key *out);

// The low halves of `count` keys that are numbers, from `first` on, each as 8 little-endian bytes:
// what key_make gives, for whoever places many. The bucket is within its limit.
void key_lows_of_numbers(uint64_t seed, struct slice bucket, uint64_t first, size_t count,
                         uint64_t *out);

// The key in the tree: low half bit-reversed, big-endian, then high half, big-endian. A shard is
// one contiguous range of these, and doubling the shard count moves no byte.
void key_tree(const struct key *key, uint8_t out[TREE_KEY_SIZE]);

// The first tree key of a shard; its range ends before the first of the next shard in tree order.
void key_shard_first(uint32_t shard, uint32_t shards, uint8_t out[TREE_KEY_SIZE]);

// The last one: nothing between the two belongs to another shard.
void key_shard_last(uint32_t shard, uint32_t shards, uint8_t out[TREE_KEY_SIZE]);

// The shard that a tree key belongs to.
uint32_t key_tree_shard(const uint8_t tree_key[TREE_KEY_SIZE], uint32_t shards);

// The key of a tree key, without its name (bucket and key are empty).
struct key key_of_tree(const uint8_t tree_key[TREE_KEY_SIZE], uint32_t shards);

// A token: a context bound to its key. Layout: u8 version (1), u32 check of the key (XXH3-64 of
// bucket length, bucket, key, unseeded, low half), clock. Shown as URL-safe base64.
struct clock;
struct buffer;
void token_encode(struct slice bucket, struct slice key, const struct clock *context,
                  struct buffer *out);

// ERR_TOKEN when malformed or made for another key. `out` is an empty clock.
int token_decode(struct slice token, struct slice bucket, struct slice key, struct clock *out);

#endif
