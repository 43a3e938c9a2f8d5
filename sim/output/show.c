// SPDX-License-Identifier: Apache-2.0
#include "sim/output/show.h"

#include "base/text.h"
#include "sim/output/digits.h"

enum { SHOWN_DIGITS_MAX = 9 };

// Bytes of the well-formed sequence that the text begins with, 0 when it begins with none.
static size_t sequence(const char *text, size_t left)
{
    for (size_t size = 1; size <= 4 && size <= left; size++) {
        if (text_is_utf8(slice_of(text, size)))
            return size;
    }
    return 0;
}

void show_utf8(struct buffer *out, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        size_t size = sequence(text, left);

        if (size == 0)
            buffer_add(out, "\xef\xbf\xbd", 3);
        else
            buffer_add(out, text, size);
        text += size ? size : 1;
        left -= size ? size : 1;
    }
}

const char *show_line(struct arena *arena, const char *text)
{
    struct buffer out = {0};
    size_t left = strlen(text);
    const char *line;

    while (left > 0) {
        size_t size = sequence(text, left);

        if (size == 0 || !text_is_printable(slice_of(text, size)))
            buffer_add_u8(&out, '?');
        else
            buffer_add(&out, text, size);
        text += size ? size : 1;
        left -= size ? size : 1;
    }
    line = arena_text(arena, "%.*s", (int)out.size, (const char *)out.data);
    buffer_done(&out);
    return line;
}

unsigned show_columns(const char *text)
{
    unsigned columns = 0;

    for (; *text; text++)
        columns += (*text & 0xc0) != 0x80;
    return columns;
}

void show_html(struct buffer *out, const char *text)
{
    struct buffer clean = {0};

    show_utf8(&clean, text);
    for (size_t i = 0; i < clean.size; i++) {
        uint8_t byte = clean.data[i];

        if (byte == '&' || byte == '<' || byte == '>' || byte == '"')
            buffer_add_format(out, "&#%u;", byte);
        else
            buffer_add_u8(out, byte < 0x20 ? ' ' : byte);
    }
    buffer_done(&clean);
}

static const char *keep(struct arena *arena, struct buffer *text)
{
    const char *kept = arena_text(arena, "%.*s", (int)text->size, (const char *)text->data);

    buffer_done(text);
    return kept;
}

const char *show_grouped(struct arena *arena, const char *text)
{
    size_t digits = strspn(text, "0123456789");
    struct buffer out = {0};

    if (digits <= 4 || (text[digits] && text[digits] != '.') || digits > 15)
        return text;
    for (size_t i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            buffer_add_u8(&out, ',');
        buffer_add_u8(&out, (uint8_t)text[i]);
    }
    buffer_add(&out, text + digits, strlen(text + digits));
    return keep(arena, &out);
}

const char *show_digits(struct arena *arena, double value, unsigned digits)
{
    struct buffer out = {0};

    number_write(&out, value, digits);
    while (slice_is(buffer_slice(&out), "1") && value < 1 && digits < SHOWN_DIGITS_MAX) {
        buffer_reset(&out, SIZE_MAX);
        number_write(&out, value, ++digits);
    }
    return keep(arena, &out);
}

const char *show_number(struct arena *arena, double value)
{
    struct buffer out = {0};
    double size = value < 0 ? -value : value;

    if (value != value)
        return "-";
    if (value < 1 && value >= 0.9995)
        return show_digits(arena, value, 3);
    if (value - value != 0 || value == 0 || size < 0.001 || size >= 1e15)
        number_write(&out, value, 3);
    else
        digits_write_fixed(&out, value,
                           size < 0.01   ? 5
                           : size < 0.1  ? 4
                           : size < 10   ? 3
                           : size < 100  ? 2
                           : size < 1000 ? 1
                                         : 0);
    return show_grouped(arena, keep(arena, &out));
}

static const char *show_ns(struct arena *arena, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    unsigned unit = 0;

    for (; ns >= 1000 && unit < 3; unit++)
        ns /= 1000;
    return arena_text(arena, "%s %s", show_number(arena, ns), units[unit]);
}

const char *show_value(struct arena *arena, double value, const char *unit)
{
    struct buffer out = {0};

    if (value != value || !*unit)
        return show_number(arena, value);
    if (strcmp(unit, "bytes") == 0 && value >= 0 && value < 1e18) {
        text_add_bytes(&out, (uint64_t)(value + 0.5));
        return keep(arena, &out);
    }
    if (strcmp(unit, "ns") == 0)
        return show_ns(arena, value);
    return arena_text(arena, "%s %s", show_number(arena, value), unit);
}

const char *show_percent(struct arena *arena, double share)
{
    struct buffer out = {0};

    if (share != share)
        return "-";
    number_write(&out, share * 100, 3);
    buffer_add_format(&out, " %%");
    return keep(arena, &out);
}

// Three digits are enough of a range: plain and short.
static const char *bound(struct arena *arena, double value, const char *unit)
{
    if (strcmp(unit, "bytes") == 0 || strcmp(unit, "ns") == 0)
        return show_value(arena, value, unit);
    if (value != value)
        return "-";
    return show_grouped(arena, show_digits(arena, value, 3));
}

const char *show_range(struct arena *arena, const struct row *row)
{
    const char *low = bound(arena, row->value.p5, row->unit);
    const char *high = bound(arena, row->value.p95, row->unit);

    if (row->repetitions <= 1 || row->value.mean != row->value.mean || strcmp(low, high) == 0)
        return "";
    return arena_text(arena, "[%s-%s]", low, high);
}
