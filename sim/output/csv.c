// SPDX-License-Identifier: Apache-2.0
#include "sim/output/output.h"
#include "sim/output/show.h"

enum { CSV_DIGITS = 9 };

// Quoted when a comma, a quote or an end of line is in it (RFC 4180, section 2).
static void add_text(struct buffer *out, const char *text)
{
    bool quoted = text[strcspn(text, ",\"\r\n")] != 0;
    struct buffer clean = {0};

    show_utf8(&clean, text);
    if (quoted)
        buffer_add_u8(out, '"');
    for (size_t i = 0; i < clean.size; i++) {
        if (clean.data[i] == '"')
            buffer_add_u8(out, '"');
        buffer_add_u8(out, clean.data[i]);
    }
    if (quoted)
        buffer_add_u8(out, '"');
    buffer_done(&clean);
}

static void add_number(struct buffer *out, double value)
{
    buffer_add_u8(out, ',');
    if (value == value)
        number_write(out, value, CSV_DIGITS);
}

static bool is_late(unsigned label)
{
    return label >= LABEL_LATE_FIRST && label <= LABEL_LATE_LAST;
}

static void add_row(struct buffer *out, const struct row *row, uint64_t seed)
{
    for (unsigned label = 0; label < LABELS; label++) {
        if (is_late(label))
            continue;
        add_text(out, row->labels[label]);
        buffer_add_u8(out, ',');
    }
    add_text(out, row->unit);
    add_number(out, row->value.mean);
    add_number(out, row->value.p5);
    add_number(out, row->value.p50);
    add_number(out, row->value.p95);
    buffer_add_format(out, ",%u,%llu,", row->repetitions, (unsigned long long)seed);
    add_text(out, row->note);
    for (unsigned label = LABEL_LATE_FIRST; label <= LABEL_LATE_LAST; label++) {
        buffer_add_u8(out, ',');
        add_text(out, row->labels[label]);
    }
    buffer_add_format(out, "\n");
}

void output_csv(const struct run_result *result, struct buffer *out)
{
    for (unsigned label = 0; label < LABELS; label++) {
        if (!is_late(label))
            buffer_add_format(out, "%s,", label_key(label));
    }
    buffer_add_format(out, "unit,mean,p5,p50,p95,repetitions,seed,note");
    for (unsigned label = LABEL_LATE_FIRST; label <= LABEL_LATE_LAST; label++)
        buffer_add_format(out, ",%s", label_key(label));
    buffer_add_format(out, "\n");
    for (size_t i = 0; i < result->count; i++)
        add_row(out, &result->rows[i], result->seed);
}
