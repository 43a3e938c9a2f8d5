// SPDX-License-Identifier: Apache-2.0
// Replies: every field comes back to the client library, and a node that talks nonsense is noticed.
#include "node/wire/client.h"

#include "base/err.h"
#include "base/pack.h"
#include "node/wire/rpc.h"
#include "tests/lib/retype.h"
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 3000 };

static struct wire_decoder decoder;

static int scan(struct slice bytes, size_t *out_size)
{
    struct rpc_scan scan;

    rpc_scan_init(&scan, REPLY_FRAME_MAX, REPLY_VALUES_MAX);
    return rpc_scan_more(&scan, bytes, out_size);
}

static void round_trip(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 21);
    for (unsigned i = 0; i < ROUNDS; i++) {
        enum method method = (enum method)(i % METHOD_COUNT);
        struct reply reply;
        struct reply back;
        enum rpc_type type;
        uint32_t id;
        size_t size = 0;

        saying_reset(&saying);
        saying_reply(&saying, method, &reply);
        bytes.size = 0;
        reply_encode(i, &reply, &bytes);
        assert_int_equal(scan(buffer_slice(&bytes), &size), 0);
        assert_int_equal(size, bytes.size);
        assert_int_equal(rpc_peek(buffer_slice(&bytes), &type, &id), 0);
        assert_int_equal(type, RPC_RESPONSE);
        assert_int_equal(id, i);
        assert_int_equal(reply_decode(buffer_slice(&bytes), method, &decoder, &back), 0);
        saying_same_reply(&reply, &back);
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

static void cut_at_each_byte(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 22);
    for (unsigned i = 0; i < 15 * METHOD_COUNT; i++) {
        enum method method = (enum method)(i % METHOD_COUNT);
        struct reply reply;
        struct reply back;
        size_t size;

        saying_reset(&saying);
        saying_reply(&saying, method, &reply);
        bytes.size = 0;
        reply_encode(i, &reply, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + cut / 100) {
            uint8_t *piece = malloc(cut ? cut : 1);
            struct slice frame = slice_of(piece, cut);

            assert_non_null(piece);
            memcpy(piece, bytes.data, cut);
            assert_int_equal(scan(frame, &size), ERR_AGAIN);
            assert_int_equal(reply_decode(frame, method, &decoder, &back), ERR_PROTOCOL);
            free(piece);
        }
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

// Fields for strangers, which our own client takes from the others.
static bool is_for_strangers(enum method method, const char *name)
{
    static const char *const names[] = {"digest", "cluster", "seed",    "shards",
                                        "ids",    "owners",  "replicas"};

    if (strcmp(name, "stamp_ms") == 0)
        return true;
    if (method != METHOD_TOPOLOGY && method != METHOD_CLUSTER_INIT)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static void wrong_type_in_each_place(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    struct buffer changed = {0};

    (void)state;
    saying_init(&saying, 23);
    for (unsigned i = 0; i < 20 * METHOD_COUNT; i++) {
        enum method method = (enum method)(i % METHOD_COUNT);
        struct reply reply;
        struct reply back;
        char name[64];

        saying_reset(&saying);
        saying_reply(&saying, method, &reply);
        bytes.size = 0;
        reply_encode(i, &reply, &bytes);
        for (unsigned n = 0;; n++) {
            int err;

            changed.size = 0;
            if (!retype_value(buffer_slice(&bytes), n, &changed, name))
                break;
            err = reply_decode(buffer_slice(&changed), method, &decoder, &back);
            // beside an error of most methods the result is not looked at
            if (err == 0 && !is_for_strangers(method, name) && !(reply.err && name[0] == 0))
                fail_msg("%s: %s of a wrong type was taken", method_name(method), name);
        }
    }
    buffer_done(&changed);
    buffer_done(&bytes);
    saying_done(&saying);
}

// A reply to one method is none to another, unless both have the same result.
static void another_methods_reply(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    struct reply reply = {.method = METHOD_GET};
    struct reply back;

    (void)state;
    saying_init(&saying, 24);
    reply_encode(1, &reply, &bytes);
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_BUCKET_SHOW, &decoder, &back),
                     ERR_PROTOCOL);
    bytes.size = 0;
    pack_array(&bytes, 4);
    pack_u64(&bytes, RPC_RESPONSE);
    pack_u64(&bytes, 1);
    pack_nil(&bytes);
    pack_nil(&bytes);
    for (int method = 0; method < METHOD_COUNT; method++)
        assert_int_equal(reply_decode(buffer_slice(&bytes), (enum method)method, &decoder, &back),
                         ERR_PROTOCOL);
    buffer_done(&bytes);
    saying_done(&saying);
}

// ---- errors -------------------------------------------------------------------------------------

static void expect_error(const char *sent, int err, const char *text)
{
    struct buffer bytes = {0};
    struct reply back;

    pack_array(&bytes, 4);
    pack_u64(&bytes, RPC_RESPONSE);
    pack_u64(&bytes, 1);
    pack_text(&bytes, sent);
    pack_nil(&bytes);
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_GET, &decoder, &back), 0);
    assert_int_equal(back.err, err);
    assert_true(slice_is(back.text, text));
    buffer_done(&bytes);
}

static void errors_are_code_and_text(void **state)
{
    (void)state;
    expect_error("TIMEOUT put k: 1 of 2 acknowledgements", ERR_TIMEOUT,
                 "put k: 1 of 2 acknowledgements");
    expect_error("TIMEOUT", ERR_TIMEOUT, "");
    expect_error("TIMEOUTS of a newer node", ERR_INTERNAL, "TIMEOUTS of a newer node");
    expect_error("INTERNAL fault", ERR_INTERNAL, "fault");
    expect_error("", ERR_INTERNAL, "");
    expect_error("something foreign", ERR_INTERNAL, "something foreign");
}

// What goes into the error slot is one text, and UTF-8 whatever a key was made of.
static void errors_are_utf8(void **state)
{
    struct buffer bytes = {0};
    struct reply back;

    (void)state;
    reply_encode_error(7, ERR_UNAVAILABLE, slice_of_text("get k\xff\xfe: no"), &bytes);
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_GET, &decoder, &back), 0);
    assert_int_equal(back.err, ERR_UNAVAILABLE);
    assert_true(slice_is(back.text, "get k??: no"));
    bytes.size = 0;
    reply_encode_error(7, ERR_UNAVAILABLE, slice_of_text("get k\xc3\xa9"), &bytes);
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_GET, &decoder, &back), 0);
    assert_true(slice_is(back.text, "get k\xc3\xa9"));
    buffer_done(&bytes);
}

// One count is enough for a result beside the error.
static void counts_beside_an_error(void **state)
{
    struct reply replies[] = {
        {.method = METHOD_PUT, .err = ERR_TIMEOUT, .acks = 1},
        {.method = METHOD_PUT, .err = ERR_TIMEOUT, .w = 1},
        {.method = METHOD_DELETE, .err = ERR_TIMEOUT, .dot = {1, 1}},
        {.method = METHOD_GET, .err = ERR_UNAVAILABLE, .replies = 1},
        {.method = METHOD_GET, .err = ERR_UNAVAILABLE, .r = 1},
        {.method = METHOD_GET, .err = ERR_UNAVAILABLE, .has_explain = true},
        {.method = METHOD_GET, .err = ERR_UNAVAILABLE, .token = slice_of_text("t")},
    };
    struct buffer bytes = {0};
    struct reply back;

    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        bytes.size = 0;
        reply_encode(1, &replies[i], &bytes);
        assert_int_equal(reply_decode(buffer_slice(&bytes), replies[i].method, &decoder, &back), 0);
        saying_same_reply(&replies[i], &back);
    }
    buffer_done(&bytes);
}

// Around each size at which the spelling of bytes and texts changes.
static void sizes_of_bytes_and_texts(void **state)
{
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 100000};
    char *text = malloc(100000);
    struct buffer bytes = {0};
    struct reply back;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', 100000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct slice all = slice_of(text, sizes[i]);
        struct version version = {.dot = {1, 1}, .value = all};
        struct slice trace[] = {all};
        struct reply reply = {.method = METHOD_GET,
                              .versions = &version,
                              .version_count = 1,
                              .has_explain = true,
                              .explain = {.trace = trace, .trace_count = 1}};
        size_t size = 0;

        bytes.size = 0;
        reply_encode(1, &reply, &bytes);
        assert_int_equal(scan(buffer_slice(&bytes), &size), 0);
        assert_int_equal(size, bytes.size);
        assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_GET, &decoder, &back), 0);
        saying_same_reply(&reply, &back);
    }
    free(text);
    buffer_done(&bytes);
}

// A newer node may add fields, and may leave out what it has nothing to say about.
static void unknown_and_missing_fields(void **state)
{
    struct buffer bytes = {0};
    struct reply back;

    (void)state;
    pack_array(&bytes, 4);
    pack_u64(&bytes, RPC_RESPONSE);
    pack_u64(&bytes, 1);
    pack_nil(&bytes);
    pack_map(&bytes, 3);
    pack_key_u64(&bytes, "w", 2);
    pack_key_raw(&bytes, "weather", slice_of_text("fine"));
    pack_key_u64(&bytes, "acks", 3);
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_PUT, &decoder, &back), 0);
    assert_int_equal(back.acks, 3);
    assert_int_equal(back.w, 2);
    assert_true(back.dot.counter == 0);
    buffer_done(&bytes);
}

static void dots_are_canonical(void **state)
{
    static const char *const wrong[] = {"00000000000000ff:0",
                                        "00000000000000ff:",
                                        "00000000000000ff:01",
                                        "0000000000000ff:1",
                                        "00000000000000FF:1",
                                        "00000000000000ff 1",
                                        "00000000000000ff:1 ",
                                        "00000000000000ff:-1",
                                        "00000000000000fg:1",
                                        "00000000000000ff:18446744073709551616",
                                        ""};
    struct buffer bytes = {0};
    struct reply back;

    (void)state;
    for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
        bool right = i == sizeof wrong / sizeof *wrong;
        const char *dot = right ? "00000000000000ff:18446744073709551615" : wrong[i];

        bytes.size = 0;
        buffer_add(&bytes, (const uint8_t[]){0x94, 0x01, 0x01, 0xc0, 0x81}, 5);
        pack_key_raw(&bytes, "dot", slice_of_text(dot));
        assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_PUT, &decoder, &back),
                         right ? 0 : ERR_PROTOCOL);
    }
    assert_true(back.dot.actor == 255 && back.dot.counter == UINT64_MAX);
    buffer_done(&bytes);
}

// A record that no node would keep is not taken from one either.
static void topology_with_a_damaged_record(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    struct buffer record = {0};
    struct reply reply;
    struct reply back;
    uint8_t *place;

    (void)state;
    saying_init(&saying, 25);
    do {
        saying_reset(&saying);
        saying_reply(&saying, METHOD_TOPOLOGY, &reply);
    } while (reply.err || !reply.topology->epoch);
    reply_encode(1, &reply, &bytes);
    topology_encode(reply.topology, &record);
    place = memmem(bytes.data, bytes.size, record.data, record.size);
    assert_non_null(place);
    memset(place + record.size - 2, 0xee, 2); // the last shard's last owner is nobody
    assert_int_equal(reply_decode(buffer_slice(&bytes), METHOD_TOPOLOGY, &decoder, &back),
                     ERR_PROTOCOL);
    buffer_done(&record);
    buffer_done(&bytes);
    saying_done(&saying);
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
        cmocka_unit_test(another_methods_reply),
        cmocka_unit_test(errors_are_code_and_text),
        cmocka_unit_test(errors_are_utf8),
        cmocka_unit_test(counts_beside_an_error),
        cmocka_unit_test(sizes_of_bytes_and_texts),
        cmocka_unit_test(unknown_and_missing_fields),
        cmocka_unit_test(dots_are_canonical),
        cmocka_unit_test(topology_with_a_damaged_record),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
