// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const char alphabet_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Bytes in the UTF-8 sequence at `at`, 0 when it is malformed (RFC 3629 section 4).
static size_t utf8_length(const uint8_t *at, size_t left)
{
    size_t length = at[0] < 0x80                     ? 1
                    : at[0] >= 0xc2 && at[0] <= 0xdf ? 2
                    : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                    : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                     : 0;

    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f))
        return 0;
    if ((at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

bool text_is_utf8(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size;) {
        size_t length = utf8_length(bytes.data + i, bytes.size - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

bool text_is_printable(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        bool c1 = bytes.data[i] == 0xc2 && i + 1 < bytes.size && bytes.data[i + 1] < 0xa0;

        if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f || c1)
            return false;
    }
    return text_is_utf8(bytes);
}

static void add_base64(struct buffer *out, struct slice bytes, const char *alphabet, bool pad)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;

        if (left > 1)
            bits |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2)
            bits |= bytes.data[i + 2];
        buffer_add_u8(out, (uint8_t)alphabet[bits >> 18]);
        buffer_add_u8(out, (uint8_t)alphabet[bits >> 12 & 63]);
        if (left > 1 || pad)
            buffer_add_u8(out, (uint8_t)(left > 1 ? alphabet[bits >> 6 & 63] : '='));
        if (left > 2 || pad)
            buffer_add_u8(out, (uint8_t)(left > 2 ? alphabet[bits & 63] : '='));
    }
}

void text_add_base64url(struct buffer *out, struct slice bytes)
{
    add_base64(out, bytes, alphabet_url, false);
}

void text_add_base64(struct buffer *out, struct slice bytes)
{
    add_base64(out, bytes, alphabet_standard, true);
}

static int base64_digit(uint8_t letter)
{
    const char *standard = letter ? strchr(alphabet_standard, letter) : NULL;
    const char *url = letter ? strchr(alphabet_url, letter) : NULL;

    if (standard)
        return (int)(standard - alphabet_standard);
    return url ? (int)(url - alphabet_url) : -1;
}

int text_read_base64(struct slice text, struct buffer *out)
{
    struct buffer bytes = {0};
    uint32_t bits = 0;
    uint32_t stray; // bits behind the last byte: 0 in the one spelling of these bytes
    unsigned have = 0;
    size_t size = text.size;

    for (unsigned pad = 0; pad < 2 && size && text.data[size - 1] == '='; pad++)
        size -= 1;
    if (size % 4 == 1 || (size < text.size && text.size % 4 != 0))
        return ERR_INVALID;
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(text.data[i]);

        if (digit < 0) {
            buffer_done(&bytes);
            return ERR_INVALID;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            buffer_add_u8(&bytes, (uint8_t)(bits >> have));
        }
    }
    stray = bits & ((1u << have) - 1);
    if (!stray)
        buffer_add_slice(out, buffer_slice(&bytes));
    buffer_done(&bytes);
    return stray ? ERR_INVALID : 0;
}

static void add_json_byte(struct buffer *out, uint8_t byte)
{
    static const char short_names[] = "btn\0fr"; // \b \t \n . \f \r from 0x08
    const char *name = byte >= 0x08 && byte <= 0x0d ? &short_names[byte - 0x08] : NULL;

    if (byte == '"' || byte == '\\')
        buffer_add_format(out, "\\%c", byte);
    else if (name && *name)
        buffer_add_format(out, "\\%c", *name);
    else if (byte < 0x20 || byte == 0x7f)
        buffer_add_format(out, "\\u%04x", byte);
    else
        buffer_add_u8(out, byte);
}

void text_add_json(struct buffer *out, struct slice utf8)
{
    buffer_add_u8(out, '"');
    for (size_t i = 0; i < utf8.size; i++)
        add_json_byte(out, utf8.data[i]);
    buffer_add_u8(out, '"');
}

void text_write_id(uint64_t id, uint8_t out[TEXT_ID_SIZE])
{
    for (unsigned i = 0; i < TEXT_ID_SIZE; i++)
        out[i] = (uint8_t) "0123456789abcdef"[id >> (60 - 4 * i) & 15];
}

int text_read_id(struct slice text, uint64_t *out)
{
    uint64_t id = 0;

    if (text.size != TEXT_ID_SIZE)
        return ERR_INVALID;
    for (size_t i = 0; i < TEXT_ID_SIZE; i++) {
        uint8_t digit = text.data[i];

        if (digit >= '0' && digit <= '9')
            id = id << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            id = id << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return ERR_INVALID;
    }
    *out = id;
    return 0;
}

void text_add_shown(struct buffer *out, struct slice bytes)
{
    enum { SHOWN_MAX = 64 };
    size_t i = 0;

    while (i < bytes.size && i < SHOWN_MAX) {
        size_t length = utf8_length(bytes.data + i, bytes.size - i);

        if (i + length > SHOWN_MAX)
            break;
        if (bytes.data[i] == '"' || bytes.data[i] == '\\') {
            buffer_add_format(out, "\\%c", bytes.data[i]);
            i += 1;
        } else if (length == 0 || !text_is_printable(slice_of(bytes.data + i, length))) {
            buffer_add_format(out, "\\x%02x", bytes.data[i]);
            i += 1;
        } else {
            buffer_add(out, bytes.data + i, length);
            i += length;
        }
    }
    if (i < bytes.size)
        buffer_add_format(out, "... (%zu bytes)", bytes.size);
}

// Reads digits up to the first other byte; returns their count, 0 when none or when it overflows.
static size_t read_digits(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t at = 0;

    for (; text[at] >= '0' && text[at] <= '9'; at++) {
        uint64_t digit = (uint64_t)(text[at] - '0');

        if (value > (UINT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return at;
}

int text_read_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    size_t digits = read_digits(text, &value);

    if (digits == 0 || text[digits] || value < min || value > max)
        return ERR_INVALID;
    *out = value;
    return 0;
}

int text_read_ms(const char *text, uint64_t *out_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t value = 0;
    size_t digits = read_digits(text, &value);

    for (size_t i = 0; digits && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + digits, units[i].unit) == 0 && value <= UINT64_MAX / units[i].ms) {
            *out_ms = value * units[i].ms;
            return 0;
        }
    }
    return ERR_INVALID;
}

int text_read_address(const char *text, uint16_t default_port, char out_host[256],
                      uint16_t *out_port)
{
    const char *host = text[0] == '[' ? text + 1 : text;
    const char *end = text[0] == '[' ? strchr(text, ']') : strrchr(text, ':');
    const char *colon = end && *end == ']' ? end + 1 : end;
    uint64_t port = default_port;
    size_t size;

    if (text[0] == '[' && (!end || (end[1] && end[1] != ':')))
        return ERR_INVALID;
    if (text[0] != '[' && end && strchr(text, ':') != end)
        return ERR_INVALID; // a bare IPv6 address: brackets are needed
    if (colon && *colon && text_read_u64(colon + 1, 0, UINT16_MAX, &port))
        return ERR_INVALID;
    if ((!colon || !*colon) && default_port == 0)
        return ERR_INVALID;
    size = end ? (size_t)(end - host) : strlen(host);
    if (size == 0 || size > 253)
        return ERR_INVALID;
    memcpy(out_host, host, size);
    out_host[size] = 0;
    *out_port = (uint16_t)port;
    return 0;
}

void text_add_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;
    uint64_t tenths = bytes < UINT64_MAX / 10 ? bytes * 10 : UINT64_MAX;

    while (tenths >= 10240 && unit < 6) {
        tenths = (tenths + 512) / 1024;
        unit += 1;
    }
    if (unit == 0)
        buffer_add_format(out, "%llu B", (unsigned long long)bytes);
    else
        buffer_add_format(out, "%llu.%llu %s", (unsigned long long)(tenths / 10),
                          (unsigned long long)(tenths % 10), units[unit]);
}
