// SPDX-License-Identifier: Apache-2.0
// Requests of clients: every field comes back, everything wrong is refused with a sentence and
// without cost to the connection.
#include "node/wire/client.h"

#include "base/err.h"
#include "base/pack.h"
#include "base/text.h"
#include "node/wire/rpc.h"
#include "tests/lib/retype.h"
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 3000 };

static struct wire_decoder decoder;

static int scan(struct slice bytes, size_t *out_size)
{
    struct rpc_scan scan;

    rpc_scan_init(&scan, VALUE_SIZE_DEFAULT, REQUEST_VALUES_MAX);
    return rpc_scan_more(&scan, bytes, out_size);
}

static void round_trip(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 11);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct request request;
        struct wire_request back;
        uint32_t id = (uint32_t)(rng_u64(&saying.rng) >> rng_below(&saying.rng, 64));
        size_t size = 0;

        saying_reset(&saying);
        saying_request(&saying, (enum method)(i % METHOD_COUNT), &request);
        bytes.size = 0;
        request_encode(id, &request, &bytes);
        assert_int_equal(scan(buffer_slice(&bytes), &size), 0);
        assert_int_equal(size, bytes.size);
        assert_int_equal(request_decode(buffer_slice(&bytes), &decoder, &back), 0);
        assert_int_equal(back.refused, 0);
        assert_int_equal(back.id, id);
        assert_false(back.notification);
        saying_same_request(&request, &back.request);
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

// Cut anywhere: more is awaited, and a decoder that is given the piece all the same refuses it.
static void cut_at_each_byte(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 12);
    for (unsigned i = 0; i < 20 * METHOD_COUNT; i++) {
        struct request request;
        struct wire_request back;
        size_t size;

        saying_reset(&saying);
        saying_request(&saying, (enum method)(i % METHOD_COUNT), &request);
        bytes.size = 0;
        request_encode(i, &request, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + cut / 100) {
            uint8_t *piece = malloc(cut ? cut : 1);

            assert_non_null(piece);
            memcpy(piece, bytes.data, cut);
            assert_int_equal(scan(slice_of(piece, cut), &size), ERR_AGAIN);
            assert_int_equal(request_decode(slice_of(piece, cut), &decoder, &back), ERR_PROTOCOL);
            free(piece);
        }
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

// No value may be replaced by one of another type without a refusal.
static void wrong_type_in_each_place(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    struct buffer changed = {0};

    (void)state;
    saying_init(&saying, 13);
    for (unsigned i = 0; i < 30 * METHOD_COUNT; i++) {
        struct request request;
        struct wire_request back;
        char name[64];

        saying_reset(&saying);
        saying_request(&saying, (enum method)(i % METHOD_COUNT), &request);
        bytes.size = 0;
        request_encode(i, &request, &bytes);
        for (unsigned n = 0;; n++) {
            int err;

            changed.size = 0;
            if (!retype_value(buffer_slice(&bytes), n, &changed, name))
                break;
            err = request_decode(buffer_slice(&changed), &decoder, &back);
            assert_true(err == ERR_PROTOCOL || (err == 0 && back.refused && back.text.size));
            assert_true(err == (n < 3 ? ERR_PROTOCOL : 0)); // the frame, its type, its id
            if (err == 0)
                assert_int_equal(back.id, i);
        }
    }
    buffer_done(&changed);
    buffer_done(&bytes);
    saying_done(&saying);
}

// ---- written by hand ----------------------------------------------------------------------------

// A request [0, 5, method, [...]] whose parameters are written by the test.
static void begin(struct buffer *out, const char *method, uint32_t params)
{
    out->size = 0;
    pack_array(out, 4);
    pack_u64(out, 0);
    pack_u64(out, 5);
    pack_text(out, method);
    pack_array(out, params);
}

static void begin_get(struct buffer *out, uint32_t options)
{
    begin(out, "get", 3);
    pack_text(out, "b");
    pack_text(out, "k");
    pack_map(out, options);
}

static void begin_put(struct buffer *out, uint32_t options)
{
    begin(out, "put", 4);
    pack_text(out, "b");
    pack_text(out, "k");
    pack_text(out, "v");
    pack_map(out, options);
}

static void expect_refusal(const struct buffer *frame, int err, const char *text)
{
    struct wire_request back;

    assert_int_equal(request_decode(buffer_slice(frame), &decoder, &back), 0);
    assert_int_equal(back.refused, err);
    assert_int_equal(back.id, 5);
    if (!slice_is(back.text, text))
        fail_msg("\"%.*s\", not \"%s\"", (int)back.text.size, (const char *)back.text.data, text);
}

static struct request expect_request(const struct buffer *frame)
{
    struct wire_request back;

    assert_int_equal(request_decode(buffer_slice(frame), &decoder, &back), 0);
    if (back.refused)
        fail_msg("refused: %.*s", (int)back.text.size, (const char *)back.text.data);
    return back.request;
}

static void unknown_methods(void **state)
{
    struct buffer bytes = {0};

    (void)state;
    begin(&bytes, "fetch", 0);
    expect_refusal(&bytes, ERR_METHOD, "no method fetch");
    begin(&bytes, "get\n", 0);
    expect_refusal(&bytes, ERR_METHOD, "no method get\\x0a");
    bytes.size = 0;
    buffer_add(&bytes, (const uint8_t[]){0x94, 0x00, 0x05, 0x11, 0x90}, 5);
    expect_refusal(&bytes, ERR_METHOD, "the method must be a text");
    buffer_done(&bytes);
}

static void parameters(void **state)
{
    struct buffer bytes = {0};

    (void)state;
    begin(&bytes, "get", 1);
    pack_text(&bytes, "b");
    expect_refusal(&bytes, ERR_INVALID, "1 parameters given, not get(bucket, key, {options})");
    begin(&bytes, "get", 4);
    for (int i = 0; i < 4; i++)
        pack_text(&bytes, "b");
    expect_refusal(&bytes, ERR_INVALID, "4 parameters given, not get(bucket, key, {options})");
    begin(&bytes, "get", 2);
    pack_text(&bytes, "b");
    pack_u64(&bytes, 3);
    expect_refusal(&bytes, ERR_INVALID, "get: the key must be text or binary");
    begin(&bytes, "scan", 1);
    pack_u64(&bytes, SHARDS_MAX);
    expect_refusal(&bytes, ERR_INVALID, "scan: the shard must be a shard's number");
    begin(&bytes, "ping", 1);
    pack_map(&bytes, 0);
    assert_int_equal(expect_request(&bytes).method, METHOD_PING);
    bytes.size = 0;
    buffer_add(&bytes, (const uint8_t[]){0x94, 0x00, 0x05, 0xa4, 'p', 'i', 'n', 'g', 0xc0}, 9);
    assert_int_equal(expect_request(&bytes).method, METHOD_PING);
    bytes.data[8] = 0x01;
    expect_refusal(&bytes, ERR_INVALID, "the parameters must be an array");
    buffer_done(&bytes);
}

// Options that are no map, of every kind there is; nil is none.
static void options_that_are_no_map(void **state)
{
    static const uint8_t values[][4] = {{0x01},       {0xff},         {0xc2}, {0xc3},
                                        {0xa1, 'r'},  {0xc4, 1, 'r'}, {0x90}, {0x91, 0x01},
                                        {0xd4, 1, 2}, {0xcd, 1, 0}};
    static const size_t sizes[] = {1, 1, 1, 1, 2, 3, 1, 2, 3, 3};
    struct buffer bytes = {0};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        begin_get(&bytes, 0);
        bytes.size--;
        buffer_add(&bytes, values[i], sizes[i]);
        expect_refusal(&bytes, ERR_INVALID, "get: the options must be a map");
    }
    begin_get(&bytes, 0);
    bytes.data[bytes.size - 1] = 0xc0;
    assert_int_equal(expect_request(&bytes).r, LEVEL_DEFAULT);
    buffer_done(&bytes);
}

static void unknown_options(void **state)
{
    struct buffer bytes = {0};

    (void)state;
    begin_get(&bytes, 2);
    pack_key_u64(&bytes, "r", 2);
    pack_key_u64(&bytes, "rr", 2);
    expect_refusal(&bytes, ERR_INVALID,
                   "get: no option rr; it has r, pr, strict, timeout_ms, explain");
    // an option of another method, even when nil
    begin_get(&bytes, 1);
    pack_text(&bytes, "w");
    pack_nil(&bytes);
    expect_refusal(&bytes, ERR_INVALID,
                   "get: no option w; it has r, pr, strict, timeout_ms, explain");
    begin(&bytes, "ping", 1);
    pack_map(&bytes, 1);
    pack_key_u64(&bytes, "r", 1);
    expect_refusal(&bytes, ERR_INVALID, "ping: no option r");
    begin_get(&bytes, 1);
    pack_u64(&bytes, 1);
    pack_u64(&bytes, 1);
    expect_refusal(&bytes, ERR_INVALID, "get: the name of an option must be text");
    buffer_done(&bytes);
}

static void option_values(void **state)
{
    struct buffer bytes = {0};

    (void)state;
    begin_get(&bytes, 1);
    pack_key_u64(&bytes, "r", 8);
    expect_refusal(&bytes, ERR_INVALID, "get: r must be 0..7, one, quorum, all or default");
    begin_get(&bytes, 1);
    pack_text(&bytes, "r");
    pack_text(&bytes, "some");
    expect_refusal(&bytes, ERR_INVALID, "get: r must be 0..7, one, quorum, all or default");
    begin_get(&bytes, 1);
    pack_key_u64(&bytes, "strict", 1);
    expect_refusal(&bytes, ERR_INVALID, "get: strict must be true or false");
    begin_get(&bytes, 1);
    pack_key_u64(&bytes, "timeout_ms", 60001);
    expect_refusal(&bytes, ERR_INVALID, "get: timeout_ms must be a whole number 0..60000");
    begin_put(&bytes, 1);
    pack_text(&bytes, "blind");
    pack_text(&bytes, "lww");
    expect_refusal(&bytes, ERR_INVALID, "put: blind must be siblings or overwrite");
    begin_put(&bytes, 1);
    pack_text(&bytes, "context");
    pack_text(&bytes, "no token");
    expect_refusal(&bytes, ERR_TOKEN,
                   "put: context must be the context of an earlier reply: binary, or base64url "
                   "text");
    buffer_done(&bytes);
}

static void levels_by_name_and_number(void **state)
{
    struct buffer bytes = {0};
    struct request request;

    (void)state;
    begin_get(&bytes, 2);
    pack_text(&bytes, "r");
    pack_text(&bytes, "quorum");
    pack_text(&bytes, "pr");
    pack_text(&bytes, "1");
    request = expect_request(&bytes);
    assert_int_equal(request.r, LEVEL_QUORUM);
    assert_int_equal(request.pr, 1);
    buffer_done(&bytes);
}

// A token comes back as it was sent out, or as the text by which it is shown.
static void tokens_binary_and_text(void **state)
{
    static const uint8_t token[] = {1, 0xfb, 0xff, 0xfe, 0, 7};
    struct buffer bytes = {0};
    struct request request;

    (void)state;
    for (int padded = 0; padded < 2; padded++) {
        begin_put(&bytes, 1);
        pack_text(&bytes, "context");
        pack_text(&bytes, padded ? "Afv//gAH" : "Afv__gAH");
        request = expect_request(&bytes);
        assert_true(request.has_token);
        assert_true(slice_equal(request.token, slice_of(token, sizeof token)));
    }
    begin_put(&bytes, 1);
    pack_text(&bytes, "context");
    buffer_add(&bytes, (const uint8_t[]){0xc4, sizeof token}, 2);
    buffer_add(&bytes, token, sizeof token);
    request = expect_request(&bytes);
    assert_true(request.has_token);
    assert_true(slice_equal(request.token, slice_of(token, sizeof token)));
    begin_put(&bytes, 1);
    pack_text(&bytes, "context");
    pack_nil(&bytes);
    assert_false(expect_request(&bytes).has_token);
    buffer_done(&bytes);
}

static void notifications_and_responses(void **state)
{
    static const uint8_t notification[] = {0x93, 0x02, 0xa4, 'p', 'i', 'n', 'g', 0x90};
    static const uint8_t response[] = {0x94, 0x01, 0x05, 0xc0, 0xc0};
    static const uint8_t large_id[] = {0x94, 0x00, 0xcf, 0,   0,   0,   1,   0,   0,
                                       0,    0,    0xa4, 'p', 'i', 'n', 'g', 0x90};
    struct wire_request back;

    (void)state;
    assert_int_equal(request_decode(slice_of(notification, sizeof notification), &decoder, &back),
                     0);
    assert_true(back.notification);
    assert_int_equal(back.refused, 0);
    assert_int_equal(request_decode(slice_of(response, sizeof response), &decoder, &back),
                     ERR_PROTOCOL);
    assert_int_equal(request_decode(slice_of(large_id, sizeof large_id), &decoder, &back),
                     ERR_PROTOCOL);
}

// The steady path: the same memory serves frame after frame.
static void decoder_memory_is_reused(void **state)
{
    struct wire_decoder fresh = {0};
    struct wire_request back;
    struct buffer bytes = {0};
    const void *zone = NULL;

    (void)state;
    begin_put(&bytes, 1);
    pack_text(&bytes, "context");
    pack_text(&bytes, "Afv__gAH");
    for (int i = 0; i < 1000; i++) {
        const void *value;

        assert_int_equal(request_decode(buffer_slice(&bytes), &fresh, &back), 0);
        value = back.request.token.data;
        assert_true(i == 0 || value == zone);
        zone = value;
        // key and value point into the frame
        assert_true(back.request.key.data > bytes.data &&
                    back.request.value.data < bytes.data + bytes.size);
    }
    wire_decoder_done(&fresh);
    wire_decoder_done(&fresh);
    buffer_done(&bytes);
}

static int done(void **state)
{
    (void)state;
    wire_decoder_done(&decoder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(cut_at_each_byte),
        cmocka_unit_test(wrong_type_in_each_place),
        cmocka_unit_test(unknown_methods),
        cmocka_unit_test(parameters),
        cmocka_unit_test(options_that_are_no_map),
        cmocka_unit_test(unknown_options),
        cmocka_unit_test(option_values),
        cmocka_unit_test(levels_by_name_and_number),
        cmocka_unit_test(tokens_binary_and_text),
        cmocka_unit_test(notifications_and_responses),
        cmocka_unit_test(decoder_memory_is_reused),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
