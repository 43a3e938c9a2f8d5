// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/peer_frame.h"

#include "base/check.h"
#include "node/data/hash.h"

void peer_frame(struct buffer *out, const char *name, struct slice body)
{
    uint8_t number[8];
    size_t size = strlen(name);

    check(size < 32);
    out->size = 0;
    buffer_add(out, (const uint8_t[]){0x93, 0x02, (uint8_t)(0xa0 | size)}, 3);
    buffer_add_slice(out, slice_of_text(name));
    buffer_add(out, (const uint8_t[]){0x92, 0xcf}, 2);
    bytes_put_u64_big(number, hash_64(body));
    buffer_add(out, number, 8);
    buffer_add_u8(out, 0xc6);
    bytes_put_u32_big(number, (uint32_t)body.size);
    buffer_add(out, number, 4);
    buffer_add_slice(out, body);
}
