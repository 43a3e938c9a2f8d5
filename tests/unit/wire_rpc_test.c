// SPDX-License-Identifier: Apache-2.0
// The scanner against msgpack-c as a judge, against itself in pieces, and against what nobody sends
// in good faith.
#include "node/wire/rpc.h"

#include "base/err.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <msgpack.h>

enum { SIZE_MAX_HERE = 1 << 20, VALUES_MAX_HERE = 1 << 16, CASES = 200 * 1000 };

static int scan_whole(struct slice bytes, size_t *out_size)
{
    struct rpc_scan scan;

    rpc_scan_init(&scan, SIZE_MAX_HERE, VALUES_MAX_HERE);
    return rpc_scan_more(&scan, bytes, out_size);
}

#define SCAN(...)                                                                                  \
    scan_whole(slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})),   \
               &(size_t){0})

// ---- random trees -------------------------------------------------------------------------------

static void add_big(struct buffer *out, uint64_t value, unsigned size)
{
    while (size--)
        buffer_add_u8(out, (uint8_t)(value >> (8 * size)));
}

static void add_payload(struct buffer *out, struct rng *rng, size_t size)
{
    while (size--)
        buffer_add_u8(out, (uint8_t)rng_u64(rng));
}

static void add_values(struct buffer *out, struct rng *rng, unsigned count, unsigned depth);

// Any first byte but the reserved one, with small counts and lengths behind it.
static void add_value(struct buffer *out, struct rng *rng, unsigned depth)
{
    static const uint8_t payloads[] = {[0x0a] = 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17};
    uint8_t first = (uint8_t)rng_u64(rng);
    unsigned length = (unsigned)rng_below(rng, 5);
    unsigned row = first & 0x1f;

    if (first == 0xc1)
        first = 0xc0;
    if (depth == 0 && ((first >= 0x80 && first < 0xa0) || (first >= 0xdc && first < 0xe0)))
        first = 0x07;
    buffer_add_u8(out, first);
    if (first < 0x80 || first >= 0xe0)
        return;
    if (first < 0xa0) {
        add_values(out, rng, (unsigned)(first & 15) * (first < 0x90 ? 2 : 1), depth - 1);
    } else if (first < 0xc0) {
        add_payload(out, rng, first & 31);
    } else if (first >= 0xc4 && first <= 0xc9) {
        add_big(out, length, 1u << ((first - 0xc4) % 3));
        add_payload(out, rng, length + (first >= 0xc7));
    } else if (first >= 0xd9 && first <= 0xdb) {
        add_big(out, length, 1u << (first - 0xd9));
        add_payload(out, rng, length);
    } else if (first >= 0xdc) {
        add_big(out, length, first & 1 ? 4 : 2);
        add_values(out, rng, length * (first >= 0xde ? 2 : 1), depth - 1);
    } else if (row >= 0x0a) {
        add_payload(out, rng, payloads[row]);
    }
}

static void add_values(struct buffer *out, struct rng *rng, unsigned count, unsigned depth)
{
    while (count--)
        add_value(out, rng, depth);
}

static void add_frame(struct buffer *out, struct rng *rng)
{
    unsigned type = (unsigned)rng_below(rng, 3);

    buffer_add_u8(out, type == 2 ? 0x93 : 0x94);
    buffer_add_u8(out, (uint8_t)type);
    add_values(out, rng, type == 2 ? 2 : 3, 2);
}

static void random_frames_whole_and_cut(void **state)
{
    struct rng rng;
    struct buffer bytes = {0};

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < 3000; i++) {
        size_t size = 0;

        bytes.size = 0;
        add_frame(&bytes, &rng);
        assert_int_equal(scan_whole(buffer_slice(&bytes), &size), 0);
        assert_int_equal(size, bytes.size);
        for (size_t cut = 0; cut < bytes.size; cut += bytes.size < 200 ? 1 : 1 + cut / 50)
            assert_int_equal(scan_whole(slice_of(bytes.data, cut), &size), ERR_AGAIN);
    }
    buffer_done(&bytes);
}

// Several frames, arriving a few bytes at a time, in memory that moves.
static void random_frames_in_pieces(void **state)
{
    struct rng rng;
    struct buffer bytes = {0};
    struct rpc_scan scan;

    (void)state;
    rng_init(&rng, 2);
    rpc_scan_init(&scan, SIZE_MAX_HERE, VALUES_MAX_HERE);
    for (unsigned i = 0; i < 2000; i++) {
        size_t arrived = 0;
        size_t size = 0;
        int err = ERR_AGAIN;

        bytes.size = 0;
        add_frame(&bytes, &rng);
        while (err == ERR_AGAIN) {
            uint8_t *moved;

            arrived += rng_below(&rng, 7);
            if (arrived > bytes.size)
                arrived = bytes.size;
            moved = malloc(arrived ? arrived : 1);
            assert_non_null(moved);
            memcpy(moved, bytes.data, arrived);
            err = rpc_scan_more(&scan, slice_of(moved, arrived), &size);
            free(moved);
            assert_true(rpc_scan_expected(&scan) <= bytes.size);
        }
        assert_int_equal(err, 0);
        assert_int_equal(size, bytes.size);
    }
    buffer_done(&bytes);
}

// Whatever the scanner calls complete, msgpack-c reads to exactly that end.
static void judge_agrees_on_damaged_frames(void **state)
{
    struct rng rng;
    struct buffer bytes = {0};
    unsigned complete = 0;

    (void)state;
    rng_init(&rng, 3);
    for (unsigned i = 0; i < CASES; i++) {
        msgpack_zone zone;
        msgpack_object object;
        size_t size = 0;
        size_t end = 0;
        int verdict;

        bytes.size = 0;
        add_frame(&bytes, &rng);
        bytes.data[rng_below(&rng, bytes.size)] = (uint8_t)rng_u64(&rng);
        if (scan_whole(buffer_slice(&bytes), &size))
            continue;
        complete++;
        assert_true(msgpack_zone_init(&zone, 2048));
        verdict = msgpack_unpack((const char *)bytes.data, size, &end, &zone, &object);
        assert_int_equal(verdict, MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(end, size);
        msgpack_zone_destroy(&zone);
    }
    assert_true(complete > CASES / 10);
    buffer_done(&bytes);
}

// ---- envelopes ----------------------------------------------------------------------------------

static void envelopes(void **state)
{
    (void)state;
    assert_int_equal(SCAN(0x94, 0x00, 0x01, 0xa1, 'x', 0x90), 0);
    assert_int_equal(SCAN(0x94, 0x01, 0x01, 0xc0, 0xc0), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0x90), 0);
    // the longest spellings are as good
    assert_int_equal(SCAN(0xdd, 0, 0, 0, 4, 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0x01, 0xc0, 0xc0), 0);
    assert_int_equal(SCAN(0xdc, 0, 3, 0xd1, 0, 2, 0xa1, 'x', 0x90), 0);
    // an array of another length, another value, a wrong number in front
    assert_int_equal(SCAN(0x92), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x95), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x90), ERR_PROTOCOL);
    assert_int_equal(SCAN(0xdd, 0xff, 0xff, 0xff, 0xff), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x84), ERR_PROTOCOL);
    assert_int_equal(SCAN('G', 'E', 'T', ' '), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x16, 0x03, 0x01), ERR_PROTOCOL); // TLS
    assert_int_equal(SCAN(0xc1), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0x02), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x93, 0x00), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x93, 0x01), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0x03), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0xff), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0xd0, 0x80), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0xa1, '0'), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0xcb), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0xce, 0x00), ERR_AGAIN);
    // the reserved byte anywhere
    assert_int_equal(SCAN(0x94, 0x00, 0x01, 0xc1), ERR_PROTOCOL);
    assert_int_equal(SCAN(0x94, 0x00, 0x01, 0xa1, 'x', 0x91, 0xc1), ERR_PROTOCOL);
}

static void every_ext_type(void **state)
{
    (void)state;
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xd4, 1, 0), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xd5, 1, 0, 0), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xd6, 0xff, 0, 0, 0, 0), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xc7, 0, 5), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xc7, 0), ERR_AGAIN);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xc8, 0, 1, 5, 9), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xc9, 0, 0, 0, 1, 5, 9), 0);
    assert_int_equal(SCAN(0x93, 0x02, 0xa1, 'x', 0xc9, 0xff, 0xff, 0xff, 0xff), ERR_TOO_LARGE);
}

// ---- limits -------------------------------------------------------------------------------------

// As soon as the number is there, with none of what it counts.
static void declared_sizes(void **state)
{
    static const uint8_t firsts[] = {0xc6, 0xc9, 0xdb, 0xdd, 0xdf};
    static const uint32_t sizes[] = {0x7fffffff, 0x80000000, 0xffffffff, SIZE_MAX_HERE,
                                     SIZE_MAX_HERE - 8};

    (void)state;
    for (size_t i = 0; i < sizeof firsts; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            struct buffer bytes = {0};
            size_t size;

            buffer_add(&bytes, (const uint8_t[]){0x93, 0x02, 0xa1, 'x', firsts[i]}, 5);
            add_big(&bytes, sizes[j], 4);
            assert_int_equal(scan_whole(slice_of(bytes.data, bytes.size - 1), &size), ERR_AGAIN);
            assert_int_equal(scan_whole(buffer_slice(&bytes), &size), ERR_TOO_LARGE);
            buffer_done(&bytes);
        }
    }
}

static void frame_of(struct buffer *out, size_t payload)
{
    out->size = 0;
    buffer_add(out, (const uint8_t[]){0x93, 0x02, 0xa1, 'x', 0xc6}, 5);
    add_big(out, payload, 4);
    memset(buffer_reserve(out, payload), 0, payload);
    out->size += payload;
}

static void exact_limits(void **state)
{
    struct buffer bytes = {0};
    struct rpc_scan scan;
    size_t size;

    (void)state;
    frame_of(&bytes, 1000 - 9);
    rpc_scan_init(&scan, 1000, 4);
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), 0);
    assert_int_equal(size, 1000);
    rpc_scan_init(&scan, 999, 4);
    assert_int_equal(rpc_scan_more(&scan, slice_of(bytes.data, 9), &size), ERR_TOO_LARGE);
    rpc_scan_init(&scan, 1000, 3);
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), ERR_TOO_LARGE);
    rpc_scan_init(&scan, 1000, 4);
    assert_int_equal(rpc_scan_more(&scan, slice_of(bytes.data, 9), &size), ERR_AGAIN);
    assert_int_equal(rpc_scan_expected(&scan), 1000);
    // 994 values behind 7 bytes can no more be 1000 bytes than a text of 994 can
    buffer_done(&bytes);
    buffer_add(&bytes, (const uint8_t[]){0x93, 0x02, 0xa1, 'x', 0xdc, 0x03, 0xe2}, 7);
    rpc_scan_init(&scan, 1000, VALUES_MAX_HERE);
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), ERR_TOO_LARGE);
    rpc_scan_init(&scan, 1001, VALUES_MAX_HERE);
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), ERR_AGAIN);
    assert_int_equal(rpc_scan_expected(&scan), 1001);
    buffer_done(&bytes);
}

static void nesting(void **state)
{
    struct buffer bytes = {0};
    size_t size;

    (void)state;
    buffer_add(&bytes, (const uint8_t[]){0x93, 0x02, 0xa1, 'x'}, 4);
    for (unsigned i = 0; i < 100 * 1000; i++)
        buffer_add_u8(&bytes, i & 1 ? 0x91 : 0x81);
    assert_int_equal(scan_whole(buffer_slice(&bytes), &size), ERR_PROTOCOL);
    // the frame's array and 15 more
    bytes.size = 4;
    for (unsigned i = 1; i < RPC_DEPTH_MAX; i++)
        buffer_add_u8(&bytes, 0x91);
    buffer_add_u8(&bytes, 0x90);
    assert_int_equal(scan_whole(buffer_slice(&bytes), &size), 0);
    bytes.data[bytes.size - 1] = 0x91;
    assert_int_equal(scan_whole(buffer_slice(&bytes), &size), ERR_PROTOCOL);
    buffer_done(&bytes);
}

// A large frame in small pieces takes time by its size, not by its size times its pieces: the
// scanner never goes back.
static void large_frame_in_small_pieces(void **state)
{
    struct buffer bytes = {0};
    struct rpc_scan scan;
    size_t size = 0;
    size_t before = 0;

    (void)state;
    buffer_add(&bytes, (const uint8_t[]){0x93, 0x02, 0xa1, 'x', 0xdc, 0xff, 0x00}, 7);
    for (unsigned i = 0; i < 0xff00; i++)
        buffer_add(&bytes, (const uint8_t[]){0xa3, 'a', 'b', 'c'}, 4);
    rpc_scan_init(&scan, SIZE_MAX_HERE, VALUES_MAX_HERE);
    for (size_t arrived = 1; arrived < bytes.size; arrived++) {
        assert_int_equal(rpc_scan_more(&scan, slice_of(bytes.data, arrived), &size), ERR_AGAIN);
        assert_true(scan.at >= before && scan.at + 7 >= arrived);
        before = scan.at;
    }
    assert_int_equal(rpc_scan_more(&scan, buffer_slice(&bytes), &size), 0);
    assert_int_equal(size, bytes.size);
    buffer_done(&bytes);
}

static void peeks(void **state)
{
    enum rpc_type type = RPC_REQUEST;
    uint32_t id = 9;

    (void)state;
#define PEEK(...)                                                                                  \
    rpc_peek(slice_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})),     \
             &type, &id)
    assert_int_equal(PEEK(0x94, 0x01, 0xce, 0xff, 0xff, 0xff, 0xff, 0xc0, 0xc0), 0);
    assert_int_equal(type, RPC_RESPONSE);
    assert_int_equal(id, UINT32_MAX);
    assert_int_equal(PEEK(0x93, 0x02, 0xa1, 'x', 0x90), 0);
    assert_int_equal(type, RPC_NOTIFICATION);
    assert_int_equal(id, 0);
    assert_int_equal(PEEK(0xdc, 0x00, 0x04, 0x00, 0x00, 0xc0, 0xc0), 0);
    assert_int_equal(type, RPC_REQUEST);
    assert_int_equal(PEEK(0x94, 0x01, 0xa1, '1', 0xc0, 0xc0), ERR_PROTOCOL);
    assert_int_equal(PEEK(0x94, 0x01, 0xff, 0xc0, 0xc0), ERR_PROTOCOL);
    assert_int_equal(PEEK(0x94, 0x01, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 0xc0), ERR_PROTOCOL);
    assert_int_equal(PEEK(0x94), ERR_PROTOCOL);
    assert_int_equal(rpc_peek((struct slice){0}, &type, &id), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_frames_whole_and_cut),
        cmocka_unit_test(random_frames_in_pieces),
        cmocka_unit_test(judge_agrees_on_damaged_frames),
        cmocka_unit_test(envelopes),
        cmocka_unit_test(every_ext_type),
        cmocka_unit_test(declared_sizes),
        cmocka_unit_test(exact_limits),
        cmocka_unit_test(nesting),
        cmocka_unit_test(large_frame_in_small_pieces),
        cmocka_unit_test(peeks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
