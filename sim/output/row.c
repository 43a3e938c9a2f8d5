// SPDX-License-Identifier: Apache-2.0
#include "sim/output/row.h"

#include "sim/output/digits.h"

static const struct {
    const char *key;
    const char *title;
    bool number;
} labels[LABELS] = {
#define X(name, key, title, number) [name] = {key, title, number},
    LABEL_MAP(X)
#undef X
};

const char *label_key(enum label label)
{
    return labels[label].key;
}

const char *label_title(enum label label)
{
    return labels[label].title;
}

bool label_is_number(enum label label)
{
    return labels[label].number;
}

static void write_plain(struct buffer *out, const struct digits *number)
{
    int last = (int)number->count - 1;
    int first = number->exponent > 0 ? number->exponent : 0;
    int end = number->exponent - last < 0 ? number->exponent - last : 0;

    for (int place = first; place >= end; place--) {
        int digit = number->exponent - place;

        if (place == -1)
            buffer_add_u8(out, '.');
        buffer_add_u8(out, digit >= 0 && digit <= last ? (uint8_t)number->digits[digit] : '0');
    }
}

void number_write(struct buffer *out, double value, unsigned digits)
{
    struct digits number;

    if (value != value || value - value != 0) {
        buffer_add_format(out, "%s", value != value ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    number = digits_of(value, digits);
    if (number.negative)
        buffer_add_u8(out, '-');
    if (number.exponent >= -5 && number.exponent < 15) {
        write_plain(out, &number);
        return;
    }
    buffer_add_u8(out, (uint8_t)number.digits[0]);
    if (number.count > 1) {
        buffer_add_u8(out, '.');
        buffer_add(out, number.digits + 1, number.count - 1);
    }
    buffer_add_format(out, "e%d", number.exponent);
}
