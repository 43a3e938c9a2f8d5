// SPDX-License-Identifier: Apache-2.0
// Tokens travel through applications, which may mix them up: a context used on another key would
// claim to have seen writes that nobody showed it. So each carries a check of its key.
#include "base/buffer.h"
#include "base/check.h"
#include "base/err.h"
#include "node/data/clock.h"
#include "node/data/hash.h"
#include "node/data/key.h"

enum { TOKEN_VERSION = 1 };

static bool key_fits(struct slice bucket, struct slice key)
{
    return bucket.size >= 1 && bucket.size <= BUCKET_SIZE_MAX && key.size >= 1 &&
           key.size <= KEY_SIZE_MAX;
}

static uint32_t key_check(struct slice bucket, struct slice key)
{
    uint8_t bytes[1 + BUCKET_SIZE_MAX + KEY_SIZE_MAX];

    bytes[0] = (uint8_t)bucket.size;
    memcpy(bytes + 1, bucket.data, bucket.size);
    memcpy(bytes + 1 + bucket.size, key.data, key.size);
    return (uint32_t)hash_64(slice_of(bytes, 1 + bucket.size + key.size));
}

void token_encode(struct slice bucket, struct slice key, const struct clock *context,
                  struct buffer *out)
{
    check(key_fits(bucket, key));
    buffer_add_u8(out, TOKEN_VERSION);
    buffer_add_u32(out, key_check(bucket, key));
    clock_encode(context, out);
}

int token_decode(struct slice token, struct slice bucket, struct slice key, struct clock *out)
{
    struct reader reader = reader_of(token);
    uint8_t version = reader_u8(&reader);
    uint32_t said = reader_u32(&reader);

    if (!key_fits(bucket, key) || version != TOKEN_VERSION || said != key_check(bucket, key))
        return ERR_TOKEN;
    if (clock_decode(&reader, out))
        return ERR_TOKEN;
    if (!reader_finished(&reader)) {
        clock_done(out);
        return ERR_TOKEN;
    }
    return 0;
}
