// SPDX-License-Identifier: Apache-2.0
// Names, levels and bucket properties.
#include "node/data/message.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_are_all_different(void **state)
{
    (void)state;
    for (int i = 0; i < METHOD_COUNT; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(method_name((enum method)i), method_name((enum method)j));
    }
    for (int i = 0; i < MESSAGE_KIND_COUNT; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(message_name((enum message_kind)i),
                                    message_name((enum message_kind)j));
    }
    assert_string_equal(method_name(METHOD_BUCKET_SHOW), "bucket_show");
    assert_string_equal(message_name(MESSAGE_TOPOLOGY_GET), "topology_get");
    assert_string_equal(member_state_name(MEMBER_UNKNOWN), "unknown");
    assert_string_equal(member_state_name(MEMBER_LEFT), "left");
}

static void levels_resolve(void **state)
{
    (void)state;
    for (uint32_t replicas = 1; replicas <= REPLICAS_MAX; replicas++) {
        assert_int_equal(level_resolve(LEVEL_ONE, replicas), 1);
        assert_int_equal(level_resolve(LEVEL_ALL, replicas), replicas);
        // two quorums always share a replica, and no fewer would do
        assert_true(2 * level_resolve(LEVEL_QUORUM, replicas) > (int)replicas);
        assert_true(2 * (level_resolve(LEVEL_QUORUM, replicas) - 1) <= (int)replicas);
        for (int number = 0; number <= (int)replicas; number++)
            assert_int_equal(level_resolve(number, replicas), number);
        assert_int_equal(level_resolve((int)replicas + 1, replicas), -1);
        assert_int_equal(level_resolve(LEVEL_DEFAULT, replicas), -1);
        assert_int_equal(level_resolve(LEVEL_ALL - 1, replicas), -1);
    }
    assert_int_equal(level_resolve(LEVEL_ONE, 0), -1);
    assert_int_equal(level_resolve(0, 0), 0);
}

static void levels_read(void **state)
{
    static const char *const wrong[] = {"", "8", "-1", "12", "One", "quorum ", "default", "two"};
    int level = 77;

    (void)state;
    assert_int_equal(level_read(slice_of_text("one"), &level), 0);
    assert_int_equal(level, LEVEL_ONE);
    assert_int_equal(level_read(slice_of_text("quorum"), &level), 0);
    assert_int_equal(level, LEVEL_QUORUM);
    assert_int_equal(level_read(slice_of_text("all"), &level), 0);
    assert_int_equal(level, LEVEL_ALL);
    for (int i = 0; i <= REPLICAS_MAX; i++) {
        assert_int_equal(level_read(slice_of(&"01234567"[i], 1), &level), 0);
        assert_int_equal(level, i);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(level_read(slice_of_text(wrong[i]), &level), ERR_INVALID);
    assert_int_equal(level, REPLICAS_MAX);
}

static void properties_round_trip(void **state)
{
    struct bucket_properties properties = {CONFLICT_LWW,  LEVEL_ALL, 7,    0,
                                           LEVEL_DEFAULT, 86400000,  false};
    static const uint8_t expected[] = {1, 1, 0xfc, 7, 0, 0xff, 0x80, 0xb8, 0x99, 0x29};
    struct bucket_properties back;
    struct buffer bytes = {0};

    (void)state;
    bucket_properties_encode(&properties, &bytes);
    assert_true(slice_equal(buffer_slice(&bytes), slice_of(expected, sizeof expected)));
    assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), 0);
    assert_int_equal(back.conflict, CONFLICT_LWW);
    assert_int_equal(back.r, LEVEL_ALL);
    assert_int_equal(back.w, 7);
    assert_int_equal(back.pr, 0);
    assert_int_equal(back.pw, LEVEL_DEFAULT);
    assert_true(back.ttl_ms == 86400000);
    assert_false(back.strict);
    bytes.size = 0;
    properties.strict = true;
    bucket_properties_encode(&properties, &bytes);
    assert_int_equal(bytes.data[0], 2);
    assert_memory_equal(bytes.data + 1, expected + 1, sizeof expected - 1);
    assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), 0);
    assert_true(back.strict);
    buffer_done(&bytes);
}

static void properties_damaged(void **state)
{
    struct bucket_properties back = {.r = 5};
    struct buffer bytes = {0};

    (void)state;
    bucket_properties_encode(&bucket_properties_default, &bytes);
    for (size_t cut = 0; cut < bytes.size; cut++)
        assert_int_equal(bucket_properties_decode(slice_of(bytes.data, cut), &back), ERR_PROTOCOL);
    buffer_add_u8(&bytes, 0);
    assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), ERR_PROTOCOL);
    bytes.size--;
    for (size_t at = 0; at < 6; at++) {
        uint8_t before = bytes.data[at];

        bytes.data[at] = 8; // no version, no rule, no level
        assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), ERR_PROTOCOL);
        bytes.data[at] = 0xfb;
        assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), ERR_PROTOCOL);
        bytes.data[at] = before;
    }
    assert_int_equal(back.r, 5);
    assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), 0);
    bytes.size--; // a time to live that would wrap
    buffer_add_varint(&bytes, UINT64_MAX);
    assert_int_equal(bucket_properties_decode(buffer_slice(&bytes), &back), ERR_PROTOCOL);
    buffer_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_all_different),
        cmocka_unit_test(levels_resolve),
        cmocka_unit_test(levels_read),
        cmocka_unit_test(properties_round_trip),
        cmocka_unit_test(properties_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
