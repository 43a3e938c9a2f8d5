// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "sim/output/output.h"
#include "sim/output/show.h"

enum { JSON_DIGITS = 9 };

static const char digits[] = "0123456789";

// As RFC 8259, section 6, spells a number.
static bool is_json_number(const char *text)
{
    size_t whole;

    text += *text == '-';
    whole = strspn(text, digits);
    if (whole == 0 || (whole > 1 && *text == '0'))
        return false;
    text += whole;
    if (*text == '.') {
        if (strspn(text + 1, digits) == 0)
            return false;
        text += 1 + strspn(text + 1, digits);
    }
    if (*text != 'e' && *text != 'E')
        return *text == 0;
    text += 1;
    text += *text == '-' || *text == '+';
    return *text && text[strspn(text, digits)] == 0;
}

static void add_text(struct buffer *out, const char *text)
{
    struct buffer clean = {0};

    show_utf8(&clean, text);
    text_add_json(out, buffer_slice(&clean));
    buffer_done(&clean);
}

static void add_number(struct buffer *out, const char *key, double value)
{
    buffer_add_format(out, ",\"%s\":", key);
    if (value - value == 0)
        number_write(out, value, JSON_DIGITS);
    else
        buffer_add_format(out, "null");
}

static void add_row(struct buffer *out, const struct row *row, uint64_t seed)
{
    for (unsigned label = 0; label < LABELS; label++) {
        const char *text = row->labels[label];

        if (!*text)
            continue;
        buffer_add_format(out, "\"%s\":", label_key(label));
        if (label_is_number(label) && is_json_number(text))
            buffer_add_format(out, "%s", text);
        else
            add_text(out, text);
        buffer_add_u8(out, ',');
    }
    buffer_add_format(out, "\"unit\":");
    add_text(out, row->unit);
    add_number(out, "mean", row->value.mean);
    add_number(out, "p5", row->value.p5);
    add_number(out, "p50", row->value.p50);
    add_number(out, "p95", row->value.p95);
    buffer_add_format(out, ",\"repetitions\":%u,\"seed\":%llu,\"note\":", row->repetitions,
                      (unsigned long long)seed);
    add_text(out, row->note);
}

void output_json(const struct run_result *result, struct buffer *out)
{
    buffer_add_format(out, "{\"command\":");
    add_text(out, result->command);
    buffer_add_format(out, ",\"seed\":%llu,\"rows\":[", (unsigned long long)result->seed);
    for (size_t i = 0; i < result->count; i++) {
        buffer_add_format(out, "%s{", i ? ",\n" : "\n");
        add_row(out, &result->rows[i], result->seed);
        buffer_add_u8(out, '}');
    }
    buffer_add_format(out, "%s]}\n", result->count ? "\n" : "");
}
