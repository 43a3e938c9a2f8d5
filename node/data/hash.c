// SPDX-License-Identifier: Apache-2.0
// The only file that includes xxhash.h: all of it is compiled in here, so that the pure folders
// need no symbol of a shared library and short keys pay no call through one.
#include "node/data/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_64(struct slice bytes)
{
    return XXH3_64bits(bytes.data, bytes.size);
}

struct hash128 hash_128(struct slice bytes, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data, bytes.size, seed);

    return (struct hash128){hash.low64, hash.high64};
}
