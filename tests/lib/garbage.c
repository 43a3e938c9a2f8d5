// SPDX-License-Identifier: Apache-2.0

#include "tests/lib/garbage.h"

#include "base/pack.h"
#include "node/data/message.h"
#include "node/wire/client.h"
#include "node/wire/peer.h"

enum { DEEP = 100000 };

static void add_repeated(struct buffer *out, uint8_t byte, size_t count)
{
    memset(buffer_reserve(out, count), byte, count);
    out->size += count;
}

static void add_big(struct buffer *out, uint8_t type, uint32_t size)
{
    buffer_add_u8(out, type);
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_add_u8(out, (uint8_t)(size >> shift));
}

static void add_random(struct rng *rng, struct buffer *out)
{
    for (uint64_t left = 1 + rng_below(rng, 4096); left > 0; left--)
        buffer_add_u8(out, (uint8_t)rng_u64(rng));
}

// [0, 1, "get", [...]] up to where the parameters begin.
static void add_head(struct buffer *out, const char *method)
{
    pack_array(out, 4);
    pack_u64(out, 0);
    pack_u64(out, 1);
    pack_text(out, method);
}

// Sizes declared, and little or nothing behind them.
static void add_declared(uint32_t which, struct buffer *out)
{
    static const uint8_t types[] = {0xc6, 0xdb, 0xdd, 0xdf, 0xc9}; // bin, str, array, map, ext
    static const uint32_t sizes[] = {0x80000000U, 0xffffffffU};

    if (which < 10) {
        add_head(out, "put");
        add_big(out, types[which % 5], sizes[which / 5]);
        pack_text(out, "a little");
    } else {
        add_big(out, types[which % 5], sizes[which % 2]);
    }
}

static void add_nested(uint32_t which, struct buffer *out)
{
    add_head(out, "get");
    add_repeated(out, which ? 0x81 : 0x91, DEEP); // maps of one, or arrays of one
}

static void add_foreign(uint32_t which, struct buffer *out)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is how a TLS hello begins",
    };

    buffer_add_slice(out, slice_of_text(texts[which % 3]));
}

// A well-formed value, but no request.
static void add_senseless(uint32_t which, struct buffer *out)
{
    switch (which) {
    case 0: // a response nobody asked for
        pack_array(out, 4);
        pack_u64(out, 1);
        pack_u64(out, 7);
        pack_nil(out);
        pack_nil(out);
        break;
    case 1: // ids and types out of any range
        pack_array(out, 4);
        pack_u64(out, UINT64_MAX);
        pack_u64(out, UINT64_MAX);
        pack_u64(out, UINT64_MAX);
        pack_array(out, 0);
        break;
    case 2: // a map where the parameters should be, with itself as the only key
        add_head(out, "put");
        pack_map(out, 1);
        pack_map(out, 0);
        pack_map(out, 0);
        break;
    default: // an unknown message, a hello of a stranger's protocol
        hello_encode(3, &(struct hello){.cluster = 1, .node = 2, .actor = 3, .protocol = 9999},
                     out);
        break;
    }
}

void garbage_add(uint32_t kind, struct rng *rng, struct buffer *out)
{
    if (kind < 12)
        add_declared(kind, out);
    else if (kind < 14)
        add_nested(kind - 12, out);
    else if (kind < 17)
        add_foreign(kind - 14, out);
    else if (kind < 21)
        add_senseless(kind - 17, out);
    else if (kind == 21)
        add_repeated(out, 0xc1, 1000); // the one byte that MessagePack never uses
    else if (kind == 22)
        add_repeated(out, 0, 100000);
    else
        add_random(rng, out);
}

// ---- honest requests ----------------------------------------------------------------------------

static void request_fill(uint32_t which, struct request *request)
{
    enum method method = which % 2 ? METHOD_GET : METHOD_PUT; // with all options

    request_init(request, which < METHOD_COUNT ? (enum method)which : method);
    request->bucket = slice_of_text("hostile");
    request->key = slice_of_text("key");
    request->value = slice_of_text("a value that is no trouble");
    request->nodes = 3;
    request->shards = 16;
    request->replicas = 3;
    if (which < METHOD_COUNT)
        return;
    request->r = 2;
    request->w = LEVEL_ALL;
    request->pr = 1;
    request->pw = LEVEL_ONE;
    request->strict = true;
    request->explain = true;
    request->ttl_ms = 100000;
    request->timeout_ms = 500;
}

void garbage_add_request(uint32_t which, struct buffer *out)
{
    struct request request;

    request_fill(which, &request);
    request_encode(which, &request, out);
}

void garbage_mutate(struct rng *rng, struct buffer *frame)
{
    for (uint64_t changes = 1 + rng_below(rng, 4); changes > 0 && frame->size; changes--)
        frame->data[rng_below(rng, frame->size)] = (uint8_t)rng_u64(rng);
}
