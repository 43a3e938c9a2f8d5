// SPDX-License-Identifier: Apache-2.0
// Which of two nodes answers first is the network's mood. Lines in a row that differ in nothing but
// the numbers of nodes are put in the order of these, so that a story does not tell of it.
#include "tests/lib/scenario_stage.h"

#include "base/check.h"

#include <ctype.h>
#include <stdlib.h>

struct line {
    struct slice text;
    size_t place;
};

static bool is_node_at(struct slice text, size_t at)
{
    bool begins = at == 0 || !isalnum(text.data[at - 1]);

    return begins && at + 1 < text.size && text.data[at] == 'n' && isdigit(text.data[at + 1]);
}

// The same but for the digits behind "n".
static bool same_shape(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        bool number = i > 0 && is_node_at(a, i - 1) && is_node_at(b, i - 1);

        if (a.data[i] != b.data[i] && !number)
            return false;
    }
    return true;
}

static int line_compare(const void *a, const void *b)
{
    const struct line *left = a;
    const struct line *right = b;
    int order = slice_compare(left->text, right->text);

    return order ? order : left->place < right->place ? -1 : 1;
}

static struct line *lines_of(struct slice text, size_t *out_count)
{
    struct line *lines = memory_new((text.size + 1) * sizeof *lines);
    size_t count = 0;

    while (text.size) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end ? (size_t)(end - text.data) + 1 : text.size;

        lines[count] = (struct line){slice_of(text.data, size), count};
        count += 1;
        text = slice_of(text.data + size, text.size - size);
    }
    *out_count = count;
    return lines;
}

void say_calmly(struct buffer *out, size_t from)
{
    struct buffer calm = {0};
    size_t count;
    struct line *lines = lines_of(slice_of(out->data + from, out->size - from), &count);

    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && same_shape(lines[i].text, lines[end].text);)
            end += 1;
        qsort(&lines[i], end - i, sizeof *lines, line_compare);
    }
    for (size_t i = 0; i < count; i++)
        buffer_add_slice(&calm, lines[i].text);
    out->size = from;
    buffer_add_slice(out, buffer_slice(&calm));
    buffer_done(&calm);
    free(lines);
}
