// SPDX-License-Identifier: Apache-2.0
// Text at the edges: base64 against RFC 4648, UTF-8 against RFC 3629, JSON, numbers, addresses.
#include "base/err.h"
#include "base/rng.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void buffer_is(struct buffer *buffer, const char *text)
{
    if (!slice_is(buffer_slice(buffer), text))
        fail_msg("'%.*s' is not '%s'", (int)buffer->size, (const char *)buffer->data, text);
    buffer_reset(buffer, 0);
}

// RFC 4648, section 10.
static void base64_vectors(void **state)
{
    static const char *const vectors[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/", "-_-_"},
    };
    struct buffer out = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        text_add_base64(&out, slice_of_text(vectors[i][0]));
        buffer_is(&out, vectors[i][1]);
        text_add_base64url(&out, slice_of_text(vectors[i][0]));
        buffer_is(&out, vectors[i][2]);
        for (unsigned j = 1; j < 3; j++) {
            assert_int_equal(text_read_base64(slice_of_text(vectors[i][j]), &out), 0);
            buffer_is(&out, vectors[i][0]);
        }
    }
}

static void base64_refusals(void **state)
{
    static const char *const wrong[] = {
        "Z",     "Zg=",   "Zg===",  "=",    "==",   "====",  "Zm9=v",  "Zh==", "Zm9",
        "Zm9vY", "Zm 9v", "Zm9v\n", "Zm9*", "=Zm9", "Zm9v=", "Zm9v==", "Zh",   "\xc3\xa4zzz"};
    struct buffer out = {0};

    (void)state;
    buffer_add_u8(&out, 'x');
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (text_read_base64(slice_of_text(wrong[i]), &out) != ERR_INVALID)
            fail_msg("%s", wrong[i]);
        assert_int_equal(out.size, 1);
    }
    assert_int_equal(text_read_base64(slice_of("Zm\0v", 4), &out), ERR_INVALID);
    buffer_done(&out);
}

static void base64_round_trip(void **state)
{
    struct buffer text = {0};
    struct buffer read = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[40];
        size_t size = rng_below(&rng, sizeof bytes);

        for (size_t j = 0; j < size; j++)
            bytes[j] = (uint8_t)rng_u64(&rng);
        (i % 2 ? text_add_base64 : text_add_base64url)(&text, slice_of(bytes, size));
        assert_int_equal(text_read_base64(buffer_slice(&text), &read), 0);
        assert_true(slice_equal(buffer_slice(&read), slice_of(bytes, size)));
        buffer_reset(&text, SIZE_MAX);
        buffer_reset(&read, SIZE_MAX);
    }
    buffer_done(&text);
    buffer_done(&read);
}

// ---------------------------------------------------------------- UTF-8

static size_t encode(uint32_t point, uint8_t out[4])
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 63));
        out[2] = (uint8_t)(0x80 | (point & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | point >> 18);
    out[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    out[2] = (uint8_t)(0x80 | (point >> 6 & 63));
    out[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

static void utf8_all_points(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x1fffff; point++) {
        uint8_t bytes[4];
        size_t size = encode(point, bytes);
        bool surrogate = point >= 0xd800 && point <= 0xdfff;

        if (text_is_utf8(slice_of(bytes, size)) != (!surrogate && point <= 0x10ffff))
            fail_msg("U+%04x", point);
        if (text_is_utf8(slice_of(bytes, size - 1)) != (size == 1))
            fail_msg("U+%04x cut", point);
    }
}

static void utf8_malformed(void **state)
{
    static const char *const wrong[] = {"\x80",
                                        "\xbf",
                                        "\xc0\x80",
                                        "\xc1\xbf",
                                        "\xe0\x80\x80",
                                        "\xe0\x9f\xbf",
                                        "\xed\xa0\x80",
                                        "\xf0\x80\x80\x80",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xf4\x90\x80\x80",
                                        "\xf5\x80\x80\x80",
                                        "\xff",
                                        "\xc3(",
                                        "\xe2\x82(",
                                        "a\xe2\x82",
                                        "\xc3\xa4\x80",
                                        "\xf8\x88\x80\x80\x80"};

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (text_is_utf8(slice_of_text(wrong[i])))
            fail_msg("%u", i);
    }
    assert_true(text_is_utf8(slice_of(NULL, 0)));
    assert_true(text_is_utf8(slice_of("a\0b", 3)));
}

static void printable(void **state)
{
    (void)state;
    assert_true(text_is_printable(slice_of_text("pear \xc3\xa4 \xe2\x82\xac \xf0\x9f\x8d\x90")));
    assert_true(text_is_printable(slice_of_text("\xc2\xa0")));
    assert_false(text_is_printable(slice_of_text("a\nb")));
    assert_false(text_is_printable(slice_of_text("\x1b[31m")));
    assert_false(text_is_printable(slice_of_text("\x7f")));
    assert_false(text_is_printable(slice_of_text("\xc2\x9b")));
    assert_false(text_is_printable(slice_of_text("\xc3")));
    assert_false(text_is_printable(slice_of("a\0b", 3)));
}

static void json(void **state)
{
    struct buffer out = {0};

    (void)state;
    text_add_json(&out, slice_of("a\"b\\c\n\t\r\b\f\v\0\x1f/\x7f\xc3\xa4", 17));
    buffer_is(&out, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u000b\\u0000\\u001f/\\u007f\xc3\xa4\"");
    text_add_json(&out, slice_of(NULL, 0));
    buffer_is(&out, "\"\"");
}

static void shown(void **state)
{
    struct buffer out = {0};
    char bytes[80];

    (void)state;
    text_add_shown(&out, slice_of("a\"\\\n\xff\xc3\xa4", 7));
    buffer_is(&out, "a\\\"\\\\\\x0a\\xff\xc3\xa4");
    memset(bytes, 'x', sizeof bytes);
    text_add_shown(&out, slice_of(bytes, 64));
    assert_int_equal(out.size, 64);
    buffer_reset(&out, 0);
    text_add_shown(&out, slice_of(bytes, 80));
    assert_true(
        slice_equal(slice_of(out.data + 64, out.size - 64), slice_of_text("... (80 bytes)")));
    buffer_reset(&out, 0);
    // A character that would be cut in two is left out.
    memcpy(bytes + 63, "\xc3\xa4", 2);
    text_add_shown(&out, slice_of(bytes, 65));
    assert_true(
        slice_equal(slice_of(out.data + 63, out.size - 63), slice_of_text("... (65 bytes)")));
    buffer_reset(&out, 0);
}

// ---------------------------------------------------------------- numbers

static void numbers(void **state)
{
    static const char *const wrong[] = {"",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "0x1",
                                        "1.0",
                                        "a",
                                        "18446744073709551616",
                                        "99999999999999999999"};
    uint64_t value = 7;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(text_read_u64(wrong[i], 0, UINT64_MAX, &value), ERR_INVALID);
    assert_int_equal(value, 7);
    assert_int_equal(text_read_u64("18446744073709551615", 0, UINT64_MAX, &value), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(text_read_u64("0", 0, 9, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(text_read_u64("9", 0, 9, &value), 0);
    assert_int_equal(text_read_u64("10", 0, 9, &value), ERR_INVALID);
    assert_int_equal(text_read_u64("2", 3, 9, &value), ERR_INVALID);
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } right[] = {{"0", 0},       {"250", 250},      {"250ms", 250},   {"10s", 10000},
                 {"5m", 300000}, {"12h", 43200000}, {"7d", 604800000}};
    static const char *const wrong[] = {"", "s", "1 s", "1S", "-1s", "1w", "1.5s", "213503982335d"};
    uint64_t ms = 7;

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(text_read_ms(wrong[i], &ms), ERR_INVALID);
    assert_int_equal(ms, 7);
    for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(text_read_ms(right[i].text, &ms), 0);
        assert_int_equal(ms, right[i].ms);
    }
}

static void addresses(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } right[] = {
        {"a:1", "a", 1}, {"10.0.0.1:65535", "10.0.0.1", 65535}, {"[::1]:80", "::1", 80},
        {"a", "a", 9},   {"[fe80::1%eth0]", "fe80::1%eth0", 9}, {"x.example:0", "x.example", 0}};
    static const char *const wrong[] = {"",     ":1",     "a:",     "a:65536", "a:x",
                                        "::1",  "::1:80", "[::1",   "[]:80",   "[a]b",
                                        "[a]:", "a:-1",   "[a]:1:2"};
    char host[256];
    uint16_t port = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof right / sizeof right[0]; i++) {
        assert_int_equal(text_read_address(right[i].text, 9, host, &port), 0);
        assert_string_equal(host, right[i].host);
        assert_int_equal(port, right[i].port);
    }
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (text_read_address(wrong[i], 9, host, &port) != ERR_INVALID)
            fail_msg("%s", wrong[i]);
    }
    assert_int_equal(text_read_address("a", 0, host, &port), ERR_INVALID);
    assert_int_equal(text_read_address("[::1]", 0, host, &port), ERR_INVALID);
}

static void long_hosts(void **state)
{
    char text[300];
    char host[256];
    uint16_t port;

    (void)state;
    memset(text, 'a', sizeof text);
    text[254] = 0;
    assert_int_equal(text_read_address(text, 1, host, &port), ERR_INVALID);
    text[253] = 0;
    assert_int_equal(text_read_address(text, 1, host, &port), 0);
    assert_string_equal(host, text);
}

static void sizes(void **state)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } vectors[] = {{0, "0 B"},           {1023, "1023 B"},
                   {1024, "1.0 KiB"},    {1536, "1.5 KiB"},
                   {1048575, "1.0 MiB"}, {1048576, "1.0 MiB"},
                   {1258291, "1.2 MiB"}, {(uint64_t)5 << 40, "5.0 TiB"}};
    struct buffer out = {0};

    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        text_add_bytes(&out, vectors[i].bytes);
        buffer_is(&out, vectors[i].text);
    }
}

static void ids(void **state)
{
    static const char *const wrong[] = {"",
                                        "0",
                                        "00000000000000ABC",
                                        "0000000000000ab",
                                        "000000000000000g",
                                        "0000000000000aBc",
                                        "+000000000000001"};
    uint8_t digits[TEXT_ID_SIZE];
    uint64_t id = 7;

    (void)state;
    text_write_id(0x0123456789abcdef, digits);
    assert_memory_equal(digits, "0123456789abcdef", TEXT_ID_SIZE);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(text_read_id(slice_of_text(wrong[i]), &id), ERR_INVALID);
    assert_true(id == 7);
    assert_int_equal(text_read_id(slice_of(digits, sizeof digits), &id), 0);
    assert_true(id == 0x0123456789abcdef);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_refusals),
        cmocka_unit_test(base64_round_trip),
        cmocka_unit_test(utf8_all_points),
        cmocka_unit_test(utf8_malformed),
        cmocka_unit_test(printable),
        cmocka_unit_test(json),
        cmocka_unit_test(shown),
        cmocka_unit_test(numbers),
        cmocka_unit_test(durations),
        cmocka_unit_test(addresses),
        cmocka_unit_test(long_hosts),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
