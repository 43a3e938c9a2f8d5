// SPDX-License-Identifier: Apache-2.0
// The wire: what memberlist sent is read, and written again to the same bytes; whatever is cut
// short or made up is refused.
#include "base/err.h"
#include "base/pack.h"
#include "base/rng.h"
#include "gossip/exchange.h"
#include "gossip/lzw.h"
#include "gossip/packet.h"
#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct packet packet;

static void assert_bytes(struct slice got, struct slice want)
{
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, want.size);
}

static struct slice encode(const struct message *message)
{
    struct buffer out = {0};
    struct slice bytes;

    message_encode(message, &out);
    bytes = arena_copy(&arena, buffer_slice(&out));
    buffer_done(&out);
    return bytes;
}

static bool is_compressed(struct slice datagram)
{
    return datagram.data[0] == MESSAGE_COMPRESSED ||
           (datagram.data[0] == MESSAGE_CHECKED && datagram.data[5] == MESSAGE_COMPRESSED);
}

static void check_datagram(struct slice bytes)
{
    struct slice parts[PACKET_PARTS_MAX];
    struct buffer out = {0};

    assert_int_equal(packet_open(bytes, &arena, &packet), 0);
    for (size_t i = 0; i < packet.count; i++) {
        struct message message;

        assert_int_equal(message_decode(packet.parts[i], &message), 0);
        parts[i] = encode(&message);
        assert_bytes(parts[i], packet.parts[i]);
    }
    packet_seal(parts, packet.count,
                (bytes.data[0] == MESSAGE_CHECKED ? PACKET_CHECKED : 0U) |
                    (is_compressed(bytes) ? PACKET_COMPRESSED : 0U),
                &out);
    assert_bytes(buffer_slice(&out), bytes);
    buffer_done(&out);
}

static void check_exchange(struct slice bytes, bool same_spelling)
{
    struct buffer out = {0};
    struct exchange exchange;
    struct message record;
    int err;

    assert_int_equal(exchange_open(bytes, &exchange), 0);
    exchange_encode_header(exchange.join, (uint32_t)exchange.count, exchange.user_state.size, &out);
    while ((err = exchange_next(&exchange, &record)) == 0)
        message_encode_record(&record, &out);
    assert_int_equal(err, ERR_NOT_FOUND);
    buffer_add_slice(&out, exchange.user_state);
    if (same_spelling)
        assert_bytes(buffer_slice(&out), bytes);
    buffer_done(&out);
}

static void check_stream(const char *name, struct slice bytes)
{
    struct exchange_scan scan = {0};
    struct message message;
    struct slice payload;

    assert_int_equal(exchange_scan(&scan, bytes, 1 << 20), 0);
    assert_int_equal(scan.done, bytes.size);
    if (bytes.data[0] == MESSAGE_EXCHANGE) {
        check_exchange(bytes, strcmp(name, "int-encoding-memberlist-0.5.3") != 0);
    } else if (bytes.data[0] == MESSAGE_USER) {
        struct buffer out = {0};

        assert_int_equal(exchange_open_user(bytes, &payload), 0);
        assert_true(slice_is(payload, "hello-tcp"));
        exchange_encode_user(payload, &out);
        assert_bytes(buffer_slice(&out), bytes);
        buffer_done(&out);
    } else if (bytes.data[0] != MESSAGE_COMPRESSED) {
        assert_int_equal(message_decode(bytes, &message), 0);
        assert_bytes(encode(&message), bytes);
    }
}

static void test_vectors_both_ways(void **state)
{
    (void)state;
    for (const struct vector *vector = vectors; vector->name; vector++) {
        struct slice bytes = vector_bytes(vector->hex, &arena);

        if (vector->stream)
            check_stream(vector->name, bytes);
        else
            check_datagram(bytes);
    }
}

static void test_fields(void **state)
{
    struct slice bytes = vector_named("indirect-ping", &arena);
    struct message message;
    char text[SWIM_ADDRESS_TEXT];

    (void)state;
    assert_int_equal(message_decode(bytes, &message), 0);
    assert_int_equal(message.type, MESSAGE_INDIRECT_PING);
    assert_true(message.nack);
    assert_true(slice_is(message.node, "gc"));
    assert_true(slice_is(message.source_node, "ga"));
    assert_int_equal(message.sequence, 8);
    assert_string_equal(swim_address_text(&message.target, text), "127.0.0.1:17948");
    assert_string_equal(swim_address_text(&message.source, text), "127.0.0.1:17946");

    bytes = vector_named("alive-new-meta-inc2", &arena);
    assert_int_equal(packet_open(bytes, &arena, &packet), 0);
    assert_int_equal(packet.count, 1);
    assert_int_equal(message_decode(packet.parts[0], &message), 0);
    assert_int_equal(message.incarnation, 2);
    assert_true(slice_is(message.meta, "role=a2"));
    assert_int_equal(message.version[VERSION_MAX], 5);
}

static void test_compressed(void **state)
{
    struct slice bytes = vector_named("compressed-pushpull-request", &arena);
    struct buffer plain = {0};
    struct buffer packed = {0};

    (void)state;
    assert_int_equal(packet_decompress(bytes, 1 << 20, &plain), 0);
    assert_bytes(buffer_slice(&plain), vector_named("pushpull-join-request", &arena));
    packet_compress(buffer_slice(&plain), &packed);
    assert_bytes(buffer_slice(&packed), bytes);
    buffer_done(&packed);
    plain.size = 0;
    assert_int_equal(packet_decompress(bytes, 92, &plain), ERR_TOO_LARGE);
    buffer_done(&plain);
    assert_int_equal(packet_open(vector_named("compressed-udp-crc", &arena), &arena, &packet), 0);
    assert_int_equal(packet.count, 3);
}

// The other generation's integers and the new spellings of texts and bytes mean the same.
static void test_spellings(void **state)
{
    static const uint8_t spelled[] = "\x03\x84\xd9\x04"
                                     "From\xc4\x02ga\xdb\0\0\0\x0bIncarnation"
                                     "\xd3\0\0\0\0\0\0\0\x07\xa4Node\xda\0\x02gc\xa1?\x93\1\2\3";
    struct message message;
    struct exchange old;
    struct exchange new;

    (void)state;
    assert_int_equal(message_decode(slice_of(spelled, sizeof spelled - 1), &message), 0);
    assert_true(slice_is(message.from, "ga"));
    assert_true(slice_is(message.node, "gc"));
    assert_int_equal(message.incarnation, 7);
    assert_int_equal(exchange_open(vector_named("int-encoding-memberlist-0.2.2", &arena), &old), 0);
    assert_int_equal(exchange_open(vector_named("int-encoding-memberlist-0.5.3", &arena), &new), 0);
    assert_int_equal(old.user_state.size, 200);
    assert_bytes(new.user_state, old.user_state);
}

// In a block of exactly its size, so that a sanitizer sees a read beyond the end.
static struct slice cut(struct slice bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, bytes.data, size);
    return slice_of(copy, size);
}

static void test_cut_short_everywhere(void **state)
{
    (void)state;
    for (const struct vector *vector = vectors; vector->name; vector++) {
        struct slice bytes = vector_bytes(vector->hex, &arena);

        for (size_t size = 0; size < bytes.size; size++) {
            struct slice piece = cut(bytes, size);
            struct exchange_scan scan = {0};
            struct message message;
            bool user = bytes.data[0] == MESSAGE_CHECKED || bytes.data[0] == MESSAGE_COMPOUND;

            if (vector->stream)
                assert_int_equal(exchange_scan(&scan, piece, 1 << 20), ERR_AGAIN);
            else if (user || is_compressed(bytes))
                assert_int_equal(packet_open(piece, &arena, &packet), ERR_PROTOCOL);
            else
                assert_int_equal(message_decode(piece, &message), ERR_PROTOCOL);
            free((void *)piece.data);
        }
        arena_reset(&arena);
    }
}

// A stream that grows byte by byte gives the same answer in the end.
static void test_growing_stream(void **state)
{
    struct slice bytes = vector_named("pushpull-two-nodes", &arena);
    struct exchange_scan scan = {0};

    (void)state;
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(exchange_scan(&scan, slice_of(bytes.data, size), 4096), ERR_AGAIN);
    assert_int_equal(exchange_scan(&scan, bytes, 4096), 0);
    scan = (struct exchange_scan){0};
    assert_int_equal(exchange_scan(&scan, bytes, bytes.size - 1), ERR_TOO_LARGE);
}

static void test_declared_sizes(void **state)
{
    static const char *const hostile[] = {
        "03dfffffffff",                     // a map of 2^32 - 1
        "03ddffffffff",                     // an array
        "0383a44e6f6465dbffffffff",         // a name of 4 GiB
        "039191919191919191919191c0",       // too deep
        "03c1",                             // a byte that is no value
        "0380",                             // nothing in it
        "0783",                             // a compound without lengths
        "07ff",                             //
        "0700",                             // without parts
        "0982a4416c676f00a3427566a0",       // nothing compressed
        "0982a4416c676f01a3427566a3000302", // an unknown way of compressing
        "0982a4416c676f00a3427566a3000302", // compressed emptiness
        "0c00000000",                       //
        "0cffffffff00",                     // a wrong sum
        "f4",
        "0a",
        "ff",
        "06",
        "0d",
    };

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct slice bytes = vector_bytes(hostile[i], &arena);
        struct message message;
        int err = packet_open(bytes, &arena, &packet);

        for (size_t part = 0; part < packet.count && !err; part++)
            err = message_decode(packet.parts[part], &message);
        if (strcmp(hostile[i], "0700") != 0)
            assert_int_equal(err, ERR_PROTOCOL);
    }
}

// Compounds within compounds: depth and number of parts are bounded.
static void test_nesting(void **state)
{
    struct buffer bytes = {0};
    struct slice inner = slice_of("\x0b\x81\xa5SeqNo\x01", 9);

    (void)state;
    for (unsigned depth = 0; depth < 10; depth++) {
        struct buffer outer = {0};
        struct slice parts[2] = {inner, inner};

        packet_seal(parts, 2, false, &outer);
        assert_int_equal(packet_open(buffer_slice(&outer), &arena, &packet),
                         depth + 1 < PACKET_DEPTH_MAX ? 0 : ERR_PROTOCOL);
        assert_true(packet.count <= PACKET_PARTS_READ);
        buffer_done(&bytes);
        bytes = outer;
        inner = buffer_slice(&bytes);
        inner = arena_copy(&arena, inner);
    }
    buffer_done(&bytes);
}

static void test_lzw(void **state)
{
    (void)state;
    for (const struct lzw_vector *vector = lzw_vectors; vector->plain; vector++) {
        struct slice packed = lzw_vector_bytes(vector, &arena);
        struct buffer written = {0};
        struct buffer out = {0};

        assert_int_equal(lzw_read(packed, 1 << 20, &out), 0);
        assert_int_equal(out.size, vector->plain_size);
        assert_int_equal(packet_crc(buffer_slice(&out)), vector->plain_crc);
        lzw_write(buffer_slice(&out), &written);
        assert_bytes(buffer_slice(&written), packed);
        buffer_done(&written);
        out.size = 0;
        if (vector->plain_size)
            assert_int_equal(lzw_read(packed, vector->plain_size - 1, &out), ERR_TOO_LARGE);
        out.size = 0;
        packed.size--;
        assert_int_equal(lzw_read(packed, 1 << 20, &out), ERR_PROTOCOL);
        buffer_done(&out);
    }
}

// What is written is read again: noise of few and many letters, around the sizes at which codes
// grow and the table is full.
static void test_lzw_both_ways(void **state)
{
    static uint8_t bytes[20000];
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (unsigned run = 0; run < 2000; run++) {
        size_t size = (size_t)rng_below(&rng, run % 10 ? 600 : sizeof bytes);
        uint64_t letters = 1 + rng_below(&rng, run % 3 ? 4 : 256);
        struct buffer packed = {0};
        struct buffer out = {0};

        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_below(&rng, letters);
        lzw_write(slice_of(bytes, size), &packed);
        assert_int_equal(lzw_read(buffer_slice(&packed), size, &out), 0);
        assert_bytes(buffer_slice(&out), slice_of(bytes, size));
        buffer_done(&packed);
        buffer_done(&out);
    }
}

static void test_lzw_garbage(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned run = 0; run < 20000; run++) {
        uint8_t bytes[64];
        struct buffer out = {0};
        size_t size = (size_t)rng_below(&rng, sizeof bytes);

        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)rng_u64(&rng);
        (void)lzw_read(slice_of(bytes, size), 4096, &out);
        assert_true(out.size <= 4096);
        buffer_done(&out);
    }
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(packet_crc(slice_of_text("123456789")), 0xcbf43926);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *hex;
        const char *text;
    } rows[] = {
        {"7f000001", "127.0.0.1:7946"},
        {"00000000000000000000ffff7f000001", "127.0.0.1:7946"},
        {"00000000000000000000000000000001", "[::1]:7946"},
        {"00000000000000000000000000000000", "[::]:7946"},
        {"fd000000000000000000000000000000", "[fd00::]:7946"},
        {"20010db8000000000001000000000001", "[2001:db8::1:0:0:1]:7946"},
        {"20010db8000000010001000100010001", "[2001:db8:0:1:1:1:1:1]:7946"},
        {"ffffffffffffffffffffffffffffffff", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:7946"},
        {"7f0000", "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct swim_address address = swim_address_of(vector_bytes(rows[i].hex, &arena), 7946);
        char text[SWIM_ADDRESS_TEXT];

        assert_string_equal(swim_address_text(&address, text), rows[i].text);
    }
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_both_ways),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_cut_short_everywhere),
        cmocka_unit_test(test_growing_stream),
        cmocka_unit_test(test_declared_sizes),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_lzw),
        cmocka_unit_test(test_lzw_both_ways),
        cmocka_unit_test(test_lzw_garbage),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
