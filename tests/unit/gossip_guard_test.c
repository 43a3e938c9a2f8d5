// SPDX-License-Identifier: Apache-2.0
// Labels and encryption: what memberlist sent is opened, and sealed again to the same bytes; what
// anybody changed, cut or made up is not.
#include "base/err.h"
#include "gossip/observer.h"
#include "tests/lib/guard_vectors.h"
#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SIZE_MAX_OF_STREAM = 1 << 20 };

static struct arena arena;

static void assert_bytes(struct slice got, struct slice want)
{
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, want.size);
}

static struct guard guard_of(const struct guard_vector *vector)
{
    struct guard guard = {.padded = vector->padded};

    if (vector->label)
        assert_int_equal(guard_set_label(&guard, slice_of_text(vector->label)), 0);
    if (vector->key)
        assert_int_equal(keyring_add(&guard.keys, vector_bytes(vector->key, &arena)), 0);
    return guard;
}

// Opens one vector, or a piece or forgery of it.
static int open_bytes(const struct guard *guard, const struct guard_vector *vector,
                      struct slice bytes, struct buffer *out)
{
    struct guard_view view;
    struct slice inside;
    int err;

    if (!vector->stream) {
        err = guard_open_datagram(guard, bytes, &arena, &inside);
        if (!err)
            buffer_add_slice(out, inside);
        return err;
    }
    err = guard_look(guard, !vector->dialled, bytes, SIZE_MAX_OF_STREAM, &view);
    if (err)
        return err;
    if (view.sealed.size)
        return guard_open_stream(guard, view.sealed, out);
    buffer_add(out, bytes.data + view.start, bytes.size - view.start);
    return 0;
}

// Where the version of the encryption stands.
static size_t version_at(const struct guard_vector *vector)
{
    bool labelled = vector->label && (!vector->stream || vector->dialled);

    return (labelled ? strlen(vector->label) + 2 : 0) + (vector->stream ? GUARD_FRAME : 0);
}

static void seal(const struct guard *guard, const struct guard_vector *vector, struct slice bytes,
                 struct buffer *out)
{
    struct slice inside = vector_bytes(vector->inside, &arena);
    const uint8_t *nonce = bytes.data + version_at(vector) + 1;

    if (vector->stream)
        guard_seal_stream(guard, vector->dialled, nonce, inside, out);
    else
        guard_seal_datagram(guard, nonce, inside, out);
}

static void test_vectors_both_ways(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct guard_vector *vector = guard_vectors; vector->name; vector++) {
        struct guard guard = guard_of(vector);
        struct slice bytes = vector_bytes(vector->hex, &arena);
        struct buffer out = {0};

        assert_int_equal(open_bytes(&guard, vector, bytes, &out), 0);
        assert_bytes(buffer_slice(&out), vector_bytes(vector->inside, &arena));
        buffer_reset(&out, 0);
        seal(&guard, vector, bytes, &out);
        assert_bytes(buffer_slice(&out), bytes);
        buffer_done(&out);
        guard_done(&guard);
        count++;
    }
    assert_int_equal(count, 11);
}

// The messages on streams come out plain and complete, through compression as well.
static void test_intake(void **state)
{
    (void)state;
    for (const struct guard_vector *vector = guard_vectors; vector->name; vector++) {
        struct guard guard = guard_of(vector);
        struct slice bytes = vector_bytes(vector->hex, &arena);
        struct intake intake = {.dialled = !vector->dialled};
        struct slice message;
        struct exchange exchange;

        for (size_t size = 0; vector->stream && size < bytes.size; size++)
            assert_int_equal(
                intake_take(&intake, &guard, slice_of(bytes.data, size), 4096, &message),
                ERR_AGAIN);
        if (vector->stream) {
            assert_int_equal(intake_take(&intake, &guard, bytes, 4096, &message), 0);
            assert_int_equal(exchange_open(message, &exchange), 0);
            assert_int_equal(exchange.count, 1);
        }
        intake_done(&intake);
    }
}

// In a block of exactly its size, so that a sanitizer sees a read beyond the end.
static void check_piece(const struct guard *guard, const struct guard_vector *vector,
                        struct slice bytes)
{
    uint8_t *copy = malloc(bytes.size ? bytes.size : 1);
    struct buffer out = {0};
    int err;

    memcpy(copy, bytes.data, bytes.size);
    err = open_bytes(guard, vector, slice_of(copy, bytes.size), &out);
    assert_int_not_equal(err, 0);
    if (vector->stream)
        assert_int_equal(err, ERR_AGAIN);
    buffer_done(&out);
    free(copy);
}

// Sealed messages only: what is plain is cut short in gossip_wire_test.
static void test_cut_short_everywhere(void **state)
{
    (void)state;
    for (const struct guard_vector *vector = guard_vectors; vector->name; vector++) {
        struct guard guard = guard_of(vector);
        struct slice bytes = vector_bytes(vector->hex, &arena);

        for (size_t size = 0; vector->key && size < bytes.size; size++)
            check_piece(&guard, vector, slice_of(bytes.data, size));
        for (size_t size = 0; vector->label && vector->dialled && size < 14; size++)
            check_piece(&guard, vector, slice_of(bytes.data, size));
        arena_reset(&arena);
    }
}

// Each bit of each byte: label, frame, nonce, ciphertext and tag are all protected. The version is
// not, in memberlist's format.
static void test_changed_anywhere(void **state)
{
    (void)state;
    for (const struct guard_vector *vector = guard_vectors; vector->name; vector++) {
        struct guard guard = guard_of(vector);
        struct slice bytes = vector_bytes(vector->hex, &arena);
        size_t at = version_at(vector);

        for (size_t bit = 0; vector->key && bit < bytes.size * 8; bit++) {
            uint8_t *changed = (uint8_t *)(uintptr_t)bytes.data;
            struct buffer out = {0};

            if (bit / 8 == at && bit % 8 == 0)
                continue;
            changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(open_bytes(&guard, vector, bytes, &out), 0);
            assert_int_equal(out.size, 0);
            changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
            buffer_done(&out);
        }
        arena_reset(&arena);
    }
}

// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B, test cases 2, 8, 14:
// one block of zeros under a key of zeros.
static void test_key_sizes(void **state)
{
    static const uint8_t zeros[32];
    static const struct {
        size_t size;
        const char *sealed;
    } rows[] = {
        {16, "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
        {24, "98e7247c07f0fe411c267e4384b0f6002ff58d80033927ab8ef4d4587514f0fb"},
        {32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keyring_terms terms = {KEYRING_PLAIN, zeros, {NULL, 0}};
        struct keyring keys = {0};
        struct buffer out = {0};

        assert_int_equal(keyring_add(&keys, slice_of(zeros, rows[i].size)), 0);
        keyring_seal(&keys, &terms, slice_of(zeros, 16), &out);
        assert_int_equal(out.size, keyring_sealed_size(KEYRING_PLAIN, 16));
        assert_bytes(slice_of(out.data + 13, out.size - 13), vector_bytes(rows[i].sealed, &arena));
        buffer_done(&out);
    }
}

// All sizes around a block, in both versions, come back.
static void test_sizes(void **state)
{
    static const uint8_t bytes[64] = {1, 2, 3};
    struct keyring keys = {0};

    (void)state;
    assert_int_equal(keyring_add(&keys, slice_of(bytes, 32)), 0);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        for (unsigned version = KEYRING_PADDED; version <= KEYRING_PLAIN; version++) {
            struct keyring_terms terms = {(enum keyring_version)version, bytes, {bytes, 5}};
            struct buffer sealed = {0};
            struct buffer out = {0};

            keyring_seal(&keys, &terms, slice_of(bytes, size), &sealed);
            assert_int_equal(sealed.size, keyring_sealed_size(terms.version, size));
            assert_int_equal(keyring_open(&keys, buffer_slice(&sealed), slice_of(bytes, 5), &out),
                             0);
            assert_bytes(buffer_slice(&out), slice_of(bytes, size));
            assert_int_equal(keyring_open(&keys, buffer_slice(&sealed), slice_of(bytes, 4), &out),
                             ERR_PRECONDITION);
            buffer_done(&sealed);
            buffer_done(&out);
        }
    }
}

// A padding that nobody makes: only who has the key can, or who changes the version.
static void test_bad_padding(void **state)
{
    static const struct {
        uint8_t end[2];
        int err;
    } rows[] = {
        {{1, 1}, 0},
        {{1, 2}, ERR_PROTOCOL},
        {{2, 2}, 0},
        {{0, 0}, ERR_PROTOCOL},
        {{17, 17}, ERR_PROTOCOL},
        {{16, 16}, ERR_PROTOCOL},
    };
    static const uint8_t nonce[KEYRING_NONCE];
    struct keyring_terms terms = {KEYRING_PLAIN, nonce, {NULL, 0}};
    struct keyring keys = {0};

    (void)state;
    assert_int_equal(keyring_add(&keys, slice_of(nonce, 12)), ERR_INVALID);
    assert_int_equal(keyring_add(&keys, vector_bytes(guard_vectors[0].key, &arena)), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t plain[32] = {0};
        struct buffer sealed = {0};
        struct buffer out = {0};

        plain[30] = rows[i].end[0];
        plain[31] = rows[i].end[1];
        keyring_seal(&keys, &terms, slice_of(plain, sizeof plain), &sealed);
        sealed.data[0] = KEYRING_PADDED;
        assert_int_equal(keyring_open(&keys, buffer_slice(&sealed), slice_of(NULL, 0), &out),
                         rows[i].err);
        assert_int_equal(out.size, rows[i].err ? 0 : 32 - rows[i].end[1]);
        buffer_done(&sealed);
        buffer_done(&out);
    }
}

static struct slice key_of(uint8_t byte)
{
    uint8_t *key = arena_alloc(&arena, 16);

    memset(key, byte, 16);
    return slice_of(key, 16);
}

static bool reads(const struct keyring *reader, const struct keyring *writer)
{
    static const uint8_t nonce[KEYRING_NONCE];
    struct keyring_terms terms = {KEYRING_PLAIN, nonce, {NULL, 0}};
    struct buffer sealed = {0};
    struct buffer out = {0};
    int err;

    keyring_seal(writer, &terms, slice_of_text("news"), &sealed);
    err = keyring_open(reader, buffer_slice(&sealed), slice_of(NULL, 0), &out);
    assert_int_equal(err, err ? ERR_PRECONDITION : 0);
    assert_int_equal(out.size, err ? 0 : 4);
    buffer_done(&sealed);
    buffer_done(&out);
    return err == 0;
}

static void test_ring(void **state)
{
    struct keyring keys = {0};

    (void)state;
    assert_int_equal(keyring_add(&keys, slice_of_text("short")), ERR_INVALID);
    assert_int_equal(keyring_use(&keys, key_of(1)), ERR_NOT_FOUND);
    assert_int_equal(keyring_add(&keys, key_of(1)), 0);
    assert_int_equal(keyring_add(&keys, key_of(1)), 0);
    assert_int_equal(keys.count, 1);
    for (uint8_t i = 2; i <= KEYRING_KEYS_MAX; i++)
        assert_int_equal(keyring_add(&keys, key_of(i)), 0);
    assert_int_equal(keyring_add(&keys, key_of(99)), ERR_TOO_LARGE);
    assert_int_equal(keyring_use(&keys, key_of(5)), 0);
    assert_bytes(slice_of(keys.keys[0].bytes, 16), key_of(5));
    assert_bytes(slice_of(keys.keys[1].bytes, 16), key_of(1));
    assert_bytes(slice_of(keys.keys[7].bytes, 16), key_of(8));
    assert_int_equal(keyring_remove(&keys, key_of(5)), ERR_PRECONDITION);
    assert_int_equal(keyring_remove(&keys, key_of(99)), ERR_NOT_FOUND);
    assert_int_equal(keyring_remove(&keys, key_of(1)), 0);
    assert_int_equal(keys.count, 7);
    assert_bytes(slice_of(keys.keys[1].bytes, 16), key_of(2));
    keyring_done(&keys);
    assert_int_equal(keyring_add(&keys, key_of(3)), 0);
    assert_int_equal(keyring_remove(&keys, key_of(3)), 0);
    assert_int_equal(keys.count, 0);
}

// Two members change keys step by step, one always a step behind the other.
static void test_rotation(void **state)
{
    struct keyring rings[2];

    (void)state;
    memset(rings, 0, sizeof rings);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(keyring_add(&rings[i], key_of(1)), 0);
    for (unsigned step = 0; step < 3; step++) {
        for (size_t i = 0; i < 2; i++) {
            if (step == 0)
                assert_int_equal(keyring_add(&rings[i], key_of(2)), 0);
            if (step == 1)
                assert_int_equal(keyring_use(&rings[i], key_of(2)), 0);
            if (step == 2)
                assert_int_equal(keyring_remove(&rings[i], key_of(1)), 0);
            assert_true(reads(&rings[0], &rings[1]));
            assert_true(reads(&rings[1], &rings[0]));
        }
    }
    keyring_done(&rings[1]);
    assert_int_equal(keyring_add(&rings[1], key_of(1)), 0);
    assert_false(reads(&rings[0], &rings[1]));
}

static void test_key_file(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *why;
    } rows[] = {
        {"# first\n\nAAAAAAAAAAAAAAAAAAAAAA==\n  AQEBAQEBAQEBAQEBAQEBAQ  \r\n", 2, ""},
        {"AAAAAAAAAAAAAAAAAAAAAA==", 1, ""},
        {"", 0, "no key in it: give one of 16, 24 or 32 bytes in base64"},
        {"# none\n", 0, "no key in it: give one of 16, 24 or 32 bytes in base64"},
        {"\nAAAA\n", 0, "line 2: not a key of 16, 24 or 32 bytes in base64"},
        {"key = AAAAAAAAAAAAAAAAAAAAAA==\n", 0,
         "line 1: not a key of 16, 24 or 32 bytes in base64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct keyring keys = {0};
        struct buffer why = {0};
        int err = keyring_read(&keys, slice_of_text(rows[i].text), &why);

        assert_int_equal(err, rows[i].count ? 0 : ERR_INVALID);
        assert_int_equal(keys.count, rows[i].count);
        assert_true(slice_is(buffer_slice(&why), rows[i].why));
        buffer_done(&why);
    }
}

// Which rings understand which: labels and keys must be the same, but for the steps in between. In
// the order plain; label; key; both; key, taking and sending plain; key, taking plain. y: opened
// (without keys everything is); L: another label; P: not sealed, or by another key.
static void test_who_understands_whom(void **state)
{
    static const uint8_t nonce[KEYRING_NONCE];
    static const char *const want[] = {
        "yLyLyy", "LyLyLL", "PLyLPy", "LPLyLL", "yLyLyy", "yLyLyy",
    };
    struct guard guards[6];

    (void)state;
    memset(guards, 0, sizeof guards);
    for (size_t i = 2; i < 6; i++)
        assert_int_equal(keyring_add(&guards[i].keys, key_of(1)), 0);
    assert_int_equal(guard_set_label(&guards[1], slice_of_text("ring")), 0);
    assert_int_equal(guard_set_label(&guards[3], slice_of_text("ring")), 0);
    guards[4].takes_plain = guards[4].sends_plain = guards[5].takes_plain = true;
    for (size_t reader = 0; reader < 6; reader++) {
        for (size_t writer = 0; writer < 6; writer++) {
            struct buffer out = {0};
            struct slice inside;
            int err;

            guard_seal_datagram(&guards[writer], nonce, slice_of_text("\x0b!"), &out);
            assert_true(out.size - 2 <= guard_overhead(&guards[writer]));
            err = guard_open_datagram(&guards[reader], buffer_slice(&out), &arena, &inside);
            assert_int_equal(want[reader][writer], err == 0                   ? 'y'
                                                   : err == ERR_WRONG_CLUSTER ? 'L'
                                                                              : 'P');
            buffer_done(&out);
        }
    }
}

// Hostile heads of streams: each is refused, or waits, and never more than the limit.
static void test_stream_heads(void **state)
{
    static const struct {
        const char *hex;
        int plain, keyed, labelled;
    } rows[] = {
        {"0a", ERR_PRECONDITION, ERR_AGAIN, ERR_WRONG_CLUSTER},
        {"0a00000010", ERR_PRECONDITION, ERR_PROTOCOL, ERR_WRONG_CLUSTER},
        {"0affffffff", ERR_PRECONDITION, ERR_TOO_LARGE, ERR_WRONG_CLUSTER},
        {"0a00000ffc", ERR_PRECONDITION, ERR_TOO_LARGE, ERR_WRONG_CLUSTER},
        {"0a00000ffb", ERR_PRECONDITION, ERR_AGAIN, ERR_WRONG_CLUSTER},
        {"06", 0, ERR_PRECONDITION, ERR_WRONG_CLUSTER},
        {"f4", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_AGAIN},
        {"f400", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER},
        {"f40472696e", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_AGAIN},
        {"f404726966", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER},
        {"f40472696e67", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_AGAIN},
        {"f40472696e6706", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, 0},
        {"f40472696e67f40472696e6706", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, 0},
        {"f4ff72696e67", ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER, ERR_WRONG_CLUSTER},
        {"", ERR_AGAIN, ERR_AGAIN, ERR_AGAIN},
    };
    struct guard plain = {0}, keyed = {0}, labelled = {0};

    (void)state;
    assert_int_equal(keyring_add(&keyed.keys, key_of(1)), 0);
    assert_int_equal(guard_set_label(&labelled, slice_of_text("ring")), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice bytes = vector_bytes(rows[i].hex, &arena);
        struct guard_view view;

        assert_int_equal(guard_look(&plain, false, bytes, 4096, &view), rows[i].plain);
        assert_int_equal(guard_look(&keyed, false, bytes, 4096, &view), rows[i].keyed);
        assert_int_equal(guard_look(&labelled, false, bytes, 4096, &view), rows[i].labelled);
    }
}

// A stream that fills its limit, label included, and is not complete never will be.
static void test_limit_with_label(void **state)
{
    static uint8_t bytes[4096] = {MESSAGE_LABEL, 4,    'r',  'i', 'n',  'g',
                                  MESSAGE_PING,  0x81, 0xa4, 'N', 'o',  'd',
                                  'e',           0xdb, 0,    0,   0xff, 0xff};
    struct intake intake = {0};
    struct guard guard = {0};
    struct slice message;

    (void)state;
    assert_int_equal(guard_set_label(&guard, slice_of_text("ring")), 0);
    assert_int_equal(
        intake_take(&intake, &guard, slice_of(bytes, sizeof bytes - 1), sizeof bytes, &message),
        ERR_AGAIN);
    assert_int_equal(
        intake_take(&intake, &guard, slice_of(bytes, sizeof bytes), sizeof bytes, &message),
        ERR_TOO_LARGE);
    intake_done(&intake);
}

// An observer's request is what a member's first bytes would be, but for the record in it.
static void test_observer_asks(void **state)
{
    static const uint8_t nonce[KEYRING_NONCE] = {7};
    struct guard guard = {0};
    struct buffer request = {0};
    struct intake intake = {0};
    struct exchange exchange;
    struct slice message;

    (void)state;
    assert_int_equal(guard_set_label(&guard, slice_of_text("ring")), 0);
    assert_int_equal(keyring_add(&guard.keys, key_of(1)), 0);
    observation_ask_guarded(&guard, nonce, &request);
    assert_int_equal(request.data[0], MESSAGE_LABEL);
    assert_int_equal(intake_take(&intake, &guard, buffer_slice(&request), 4096, &message), 0);
    assert_int_equal(exchange_open(message, &exchange), 0);
    assert_int_equal(exchange.count, 0);
    assert_false(exchange.join);
    intake_done(&intake);
    buffer_done(&request);
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
        cmocka_unit_test(test_intake),
        cmocka_unit_test(test_cut_short_everywhere),
        cmocka_unit_test(test_changed_anywhere),
        cmocka_unit_test(test_key_sizes),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad_padding),
        cmocka_unit_test(test_limit_with_label),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_who_understands_whom),
        cmocka_unit_test(test_stream_heads),
        cmocka_unit_test(test_observer_asks),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
