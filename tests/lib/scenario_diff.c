// SPDX-License-Identifier: Apache-2.0
// The longest common subsequence of lines, by the plain table: stories are short.
#include "tests/lib/scenario.h"

#include "base/check.h"

#include <stdlib.h>

enum { AROUND = 3 };

struct lines {
    struct slice *list;
    uint32_t count;
};

static void lines_split(struct slice text, struct lines *out)
{
    *out = (struct lines){memory_new((text.size + 1) * sizeof *out->list), 0};
    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) : text.size;

        out->list[out->count++] = slice_of(text.data, size);
        text = slice_of(text.data + size + (end != NULL), text.size - size - (end != NULL));
    }
}

static void line_add(struct buffer *out, char sign, struct slice line)
{
    buffer_add_format(out, "%c %.*s\n", sign, (int)line.size, (const char *)line.data);
}

// table[i * (b->count + 1) + j]: how many lines a from i on and b from j on have in common.
static uint32_t *table_make(const struct lines *a, const struct lines *b)
{
    uint32_t width = b->count + 1;
    uint32_t *table = memory_new((size_t)(a->count + 1) * width * sizeof *table);

    for (uint32_t i = a->count; i-- > 0;) {
        for (uint32_t j = b->count; j-- > 0;) {
            uint32_t down = table[(i + 1) * width + j];
            uint32_t right = table[i * width + j + 1];

            if (slice_equal(a->list[i], b->list[j]))
                table[i * width + j] = 1 + table[(i + 1) * width + j + 1];
            else
                table[i * width + j] = down > right ? down : right;
        }
    }
    return table;
}

// Equal lines in a row: those next to a difference are shown.
static void equal_add(const struct lines *lines, uint32_t from, uint32_t to, struct buffer *out)
{
    bool first = from == 0;
    bool last = to == lines->count;

    for (uint32_t i = from; i < to; i++) {
        if ((!first && i < from + AROUND) || (!last && i + AROUND >= to))
            line_add(out, ' ', lines->list[i]);
        else if (!first && i == from + AROUND)
            buffer_add_format(out, "...\n");
    }
}

void scenario_diff(struct slice expected, struct slice came, struct buffer *out)
{
    struct lines a;
    struct lines b;
    uint32_t *table;
    uint32_t i = 0;
    uint32_t j = 0;

    lines_split(expected, &a);
    lines_split(came, &b);
    table = table_make(&a, &b);
    while (i < a.count || j < b.count) {
        uint32_t from = i;
        uint32_t width = b.count + 1;

        for (; i < a.count && j < b.count && slice_equal(a.list[i], b.list[j]); i++)
            j += 1;
        equal_add(&a, from, i, out);
        if (i < a.count && (j == b.count || table[(i + 1) * width + j] >= table[i * width + j + 1]))
            line_add(out, '-', a.list[i++]);
        else if (j < b.count)
            line_add(out, '+', b.list[j++]);
    }
    free(table);
    free(a.list);
    free(b.list);
}
