// SPDX-License-Identifier: Apache-2.0
// Messages among nodes: every field comes back, no flipped bit gets through, and what is in a sound
// envelope is not trusted either.
#include "node/wire/peer.h"

#include "base/err.h"
#include "base/pack.h"
#include "node/data/hash.h"
#include "node/wire/client.h"
#include "node/wire/rpc.h"
#include "tests/lib/peer_frame.h"
#include "tests/lib/retype.h"
#include "tests/lib/saying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 5000 };

static struct wire_decoder decoder;

static void round_trip(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 31);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct message message;
        struct message back;
        size_t size = 0;

        saying_reset(&saying);
        saying_message(&saying, (enum message_kind)(i % MESSAGE_KIND_COUNT), &message);
        bytes.size = 0;
        peer_message_encode(&message, &bytes);
        assert_int_equal(peer_message_size(buffer_slice(&bytes), &size), 0);
        assert_int_equal(size, bytes.size);
        assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), 0);
        saying_same_message(&message, &back);
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

static void cut_at_each_byte(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 32);
    for (unsigned i = 0; i < 10 * MESSAGE_KIND_COUNT; i++) {
        struct message message;
        struct message back;
        size_t size;

        saying_reset(&saying);
        saying_message(&saying, (enum message_kind)(i % MESSAGE_KIND_COUNT), &message);
        bytes.size = 0;
        peer_message_encode(&message, &bytes);
        for (size_t cut = 0; cut < bytes.size; cut += 1 + cut / 100) {
            uint8_t *piece = malloc(cut ? cut : 1);
            struct slice frame = slice_of(piece, cut);

            assert_non_null(piece);
            memcpy(piece, bytes.data, cut);
            assert_int_equal(peer_message_size(frame, &size), ERR_AGAIN);
            assert_int_equal(peer_message_decode(frame, &decoder, &back), ERR_PROTOCOL);
            free(piece);
        }
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

// A frame around a body, with its right sum.
// The body of an encoded message, which stands behind the fixed head.
static struct slice body_of(const struct message *message, struct buffer *out)
{
    size_t head = 3 + strlen(message_name(message->kind)) + 15;

    out->size = 0;
    peer_message_encode(message, out);
    return slice_of(out->data + head, out->size - head);
}

// Bodies cut short or with a byte too many, under a right sum.
static void bodies_of_another_size(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    struct buffer frame = {0};

    (void)state;
    saying_init(&saying, 33);
    for (unsigned i = 0; i < 10 * MESSAGE_KIND_COUNT; i++) {
        enum message_kind kind = (enum message_kind)(i % MESSAGE_KIND_COUNT);
        bool to_the_end =
            kind == MESSAGE_TOPOLOGY || kind == MESSAGE_PREPARE || kind == MESSAGE_COMMIT;
        struct message message;
        struct message back;
        struct slice body;

        saying_reset(&saying);
        saying_message(&saying, kind, &message);
        body = body_of(&message, &bytes);
        peer_frame(&frame, message_name(kind), body);
        assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), 0);
        for (size_t cut = 1; cut < body.size && !to_the_end; cut += 1 + cut / 100) {
            peer_frame(&frame, message_name(kind), slice_of(body.data, cut));
            assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back),
                             ERR_PROTOCOL);
        }
        peer_frame(&frame, message_name(kind), slice_of(body.data, 0));
        assert_true(peer_message_decode(buffer_slice(&frame), &decoder, &back) != 0);
        buffer_add_u8(&bytes, 0);
        body = slice_of(bytes.data + (bytes.size - 1 - body.size), body.size + 1);
        peer_frame(&frame, message_name(kind), body);
        assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back),
                         to_the_end ? 0 : ERR_PROTOCOL);
    }
    buffer_done(&frame);
    buffer_done(&bytes);
    saying_done(&saying);
}

// 10^6 corrupted frames, none accepted: each bit of many frames, then runs of random bytes.
static void no_damage_gets_through(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};
    unsigned tried = 0;

    (void)state;
    saying_init(&saying, 34);
    while (tried < 1000 * 1000) {
        struct message message;
        struct message back;
        size_t limit;

        saying_reset(&saying);
        saying_message(&saying, (enum message_kind)rng_below(&saying.rng, MESSAGE_KIND_COUNT),
                       &message);
        bytes.size = 0;
        peer_message_encode(&message, &bytes);
        limit = bytes.size < 300 ? bytes.size : 300;
        for (size_t bit = 0; bit < limit * 8; bit++, tried++) {
            size_t size = 0;

            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (peer_message_size(buffer_slice(&bytes), &size) == 0)
                assert_true(peer_message_decode(slice_of(bytes.data, size), &decoder, &back) < 0);
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

static void damage_is_told_from_nonsense(void **state)
{
    struct message message = {.kind = MESSAGE_APPLIED, .op = 77};
    struct message back;
    struct buffer bytes = {0};
    size_t size = 0;

    (void)state;
    peer_message_encode(&message, &bytes);
    bytes.data[bytes.size - 2] ^= 1; // op
    assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), ERR_DAMAGED);
    // the sum covers the kind too: an answer does not become another answer
    peer_frame(&bytes, "committed", slice_of((const uint8_t[]){MESSAGE_APPLIED, 77, 0}, 3));
    assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), ERR_DAMAGED);
    peer_frame(&bytes, "gossip", slice_of((const uint8_t[]){99, 77, 0}, 3));
    assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), ERR_METHOD);
    // an empty body has a sum like any other
    peer_frame(&bytes, "applied", (struct slice){0});
    bytes.data[bytes.size - 6] ^= 1;
    assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), ERR_DAMAGED);
    // one spelling only, and a size that no node sends is refused before its bytes have come
    peer_frame(&bytes, "applied", slice_of((const uint8_t[]){MESSAGE_APPLIED, 77, 0}, 3));
    assert_int_equal(peer_message_size(buffer_slice(&bytes), &size), 0);
    bytes.data[bytes.size - 7] = 0x20; // of the body's size
    assert_int_equal(peer_message_size(buffer_slice(&bytes), &size), ERR_TOO_LARGE);
    bytes.data[bytes.size - 8] = 0xc5;
    assert_int_equal(peer_message_size(buffer_slice(&bytes), &size), ERR_PROTOCOL);
    // no peer method is a request
    bytes.size = 0;
    buffer_add(&bytes, (const uint8_t[]){0x94, 0x00, 0x01, 0xa4, 'p', 'i', 'n', 'g', 0x90}, 9);
    assert_int_equal(peer_message_decode(buffer_slice(&bytes), &decoder, &back), ERR_PROTOCOL);
    buffer_done(&bytes);
}

// Limits that our own nodes keep, and a newer node's errors.
static void bodies_that_nobody_sends(void **state)
{
    static const uint8_t no_bucket[] = {MESSAGE_PROPERTIES, 1, 0, 0};
    static const uint8_t no_key[] = {MESSAGE_READ, 1, 0, 0, 1, 'b', 0};
    static const uint8_t long_key[] = {MESSAGE_READ, 1, 0, 0, 1, 'b', 0x81, 0x10};
    static const uint8_t no_flag[] = {MESSAGE_READ, 1, 0, 2, 1, 'b', 1, 'k'};
    static const uint8_t padded_op[] = {MESSAGE_APPLIED, 0x81, 0x00, 0};
    static const uint8_t new_err[] = {MESSAGE_APPLIED, 1, 200};
    struct buffer body = {0};
    struct buffer frame = {0};
    struct message back;

    (void)state;
    peer_frame(&frame, "properties", slice_of(no_bucket, sizeof no_bucket));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    peer_frame(&frame, "read", slice_of(no_key, sizeof no_key));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    peer_frame(&frame, "read", slice_of(no_flag, sizeof no_flag));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    peer_frame(&frame, "applied", slice_of(padded_op, sizeof padded_op));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    buffer_add(&body, long_key, sizeof long_key);
    memset(buffer_reserve(&body, KEY_SIZE_MAX + 1), 'k', KEY_SIZE_MAX + 1);
    body.size += KEY_SIZE_MAX + 1;
    peer_frame(&frame, "read", buffer_slice(&body));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    peer_frame(&frame, "applied", slice_of(new_err, sizeof new_err));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), 0);
    assert_int_equal(back.err, ERR_INTERNAL);
    buffer_done(&body);
    buffer_done(&frame);
}

// A frame in a frame is scanned like one from a socket.
static void forwarded_nonsense(void **state)
{
    struct buffer body = {0};
    struct buffer frame = {0};
    struct message back;

    (void)state;
    buffer_add(&body, (const uint8_t[]){MESSAGE_FORWARD, 1, 0}, 3);
    buffer_add(&body, (const uint8_t[]){0x94, 0x00, 0x00, 0xdd, 0xff, 0xff, 0xff, 0xff}, 8);
    peer_frame(&frame, "forward", buffer_slice(&body));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    body.size = 3;
    buffer_add(&body, (const uint8_t[]){0x94, 0x00, 0x00, 0xa1, 'x', 0x90}, 6);
    peer_frame(&frame, "forward", buffer_slice(&body));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_METHOD);
    body.size = 0;
    buffer_add(&body, (const uint8_t[]){MESSAGE_FORWARDED, 1, 0, METHOD_COUNT}, 4);
    buffer_add(&body, (const uint8_t[]){0x94, 0x01, 0x00, 0xa1, 'x', 0xc0}, 6);
    peer_frame(&frame, "forwarded", buffer_slice(&body));
    assert_int_equal(peer_message_decode(buffer_slice(&frame), &decoder, &back), ERR_PROTOCOL);
    buffer_done(&body);
    buffer_done(&frame);
}

// ---- hello --------------------------------------------------------------------------------------

static void hellos_round_trip(void **state)
{
    struct saying saying;
    struct buffer bytes = {0};

    (void)state;
    saying_init(&saying, 35);
    for (unsigned i = 0; i < 500; i++) {
        struct hello hello;
        struct hello back;
        struct hello_answer answer = {.id = i};
        struct hello_answer answered;
        uint32_t id = 0;

        saying_reset(&saying);
        saying_hello(&saying, &hello);
        bytes.size = 0;
        hello_encode(i, &hello, &bytes);
        assert_int_equal(hello_decode(buffer_slice(&bytes), &decoder, &id, &back), 0);
        assert_int_equal(id, i);
        saying_same_hello(&hello, &back);
        answer.hello = hello;
        bytes.size = 0;
        hello_answer_encode(&answer, &bytes);
        assert_int_equal(hello_answer_decode(buffer_slice(&bytes), &decoder, &answered), 0);
        assert_int_equal(answered.id, i);
        assert_int_equal(answered.err, 0);
        saying_same_hello(&hello, &answered.hello);
    }
    buffer_done(&bytes);
    saying_done(&saying);
}

static void hello_refused(void **state)
{
    struct hello_answer answer = {3, ERR_WRONG_CLUSTER, slice_of_text("this is another"), {0}};
    struct hello_answer back;
    struct buffer bytes = {0};

    (void)state;
    hello_answer_encode(&answer, &bytes);
    assert_int_equal(hello_answer_decode(buffer_slice(&bytes), &decoder, &back), 0);
    assert_int_equal(back.id, 3);
    assert_int_equal(back.err, ERR_WRONG_CLUSTER);
    assert_true(slice_is(back.text, "this is another"));
    buffer_done(&bytes);
}

static void hello_wrong_types(void **state)
{
    struct hello hello = {1, 2, 3, 4, PEER_PROTOCOL, slice_of_text("n1")};
    struct hello_answer answer = {.id = 9, .hello = hello};
    struct buffer bytes = {0};
    struct buffer changed = {0};
    unsigned n;

    (void)state;
    hello_encode(9, &hello, &bytes);
    for (n = 0;; n++, changed.size = 0) {
        char name[64];
        uint32_t id;

        if (!retype_value(buffer_slice(&bytes), n, &changed, name))
            break;
        assert_int_equal(hello_decode(buffer_slice(&changed), &decoder, &id, &hello), ERR_PROTOCOL);
    }
    assert_int_equal(n, 12);
    bytes.size = 0;
    hello_answer_encode(&answer, &bytes);
    for (n = 0;; n++, changed.size = 0) {
        char name[64];

        if (!retype_value(buffer_slice(&bytes), n, &changed, name))
            break;
        assert_int_equal(hello_answer_decode(buffer_slice(&changed), &decoder, &answer),
                         ERR_PROTOCOL);
    }
    hello.actor = 0;
    bytes.size = 0;
    hello_encode(9, &hello, &bytes);
    assert_int_equal(hello_decode(buffer_slice(&bytes), &decoder, &(uint32_t){0}, &hello),
                     ERR_PROTOCOL);
    buffer_done(&changed);
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
        cmocka_unit_test(bodies_of_another_size),
        cmocka_unit_test(no_damage_gets_through),
        cmocka_unit_test(damage_is_told_from_nonsense),
        cmocka_unit_test(bodies_that_nobody_sends),
        cmocka_unit_test(forwarded_nonsense),
        cmocka_unit_test(hellos_round_trip),
        cmocka_unit_test(hello_refused),
        cmocka_unit_test(hello_wrong_types),
    };

    return cmocka_run_group_tests(tests, NULL, done);
}
