// SPDX-License-Identifier: Apache-2.0
#include "gossip/cli/grid.h"

#include <inttypes.h>
#include <stdio.h>
#include <wchar.h>

enum { GAP = 2, CELL_LEAST = 8, NAME_LEAST = 16, COLUMN_LEAST = 3 };

static const char ellipsis[] = "\xe2\x80\xa6";

// --- Texts on a terminal -------------------------------------------------------------------------

// One character: how many bytes, and how many columns. Texts are UTF-8 without control characters.
static size_t step(struct slice text, size_t at, size_t *width)
{
    mbstate_t state = {0};
    wchar_t wide;
    size_t size = mbrtowc(&wide, (const char *)text.data + at, text.size - at, &state);
    int columns;

    *width = 1;
    if (size == 0 || size > text.size - at)
        return 1;
    columns = wcwidth(wide);
    *width = columns < 0 ? 1 : (size_t)columns;
    return size;
}

size_t grid_text_width(struct slice text)
{
    size_t total = 0, width;

    for (size_t at = 0; at < text.size; total += width)
        at += step(text, at, &width);
    return total;
}

static size_t add_cut(struct slice text, size_t room, struct buffer *out)
{
    size_t used = 0, at = 0;

    while (at < text.size) {
        size_t width;
        size_t size = step(text, at, &width);

        if (used + width > room)
            break;
        used += width;
        at += size;
    }
    buffer_add(out, text.data, at);
    return used;
}

void grid_write_cell(struct slice text, size_t width, bool number, struct buffer *out)
{
    size_t wanted = grid_text_width(text);
    size_t used = wanted;

    if (number && wanted < width)
        buffer_add_format(out, "%*s", (int)(width - wanted), "");
    if (width == 0 || wanted <= width) {
        buffer_add_slice(out, text);
    } else {
        used = add_cut(text, width - 1, out) + 1;
        buffer_add(out, ellipsis, sizeof ellipsis - 1);
    }
    if (!number && used < width)
        buffer_add_format(out, "%*s", (int)(width - used), "");
}

// --- The verdict ---------------------------------------------------------------------------------

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static void write_topology(const struct report *report, struct buffer *out)
{
    if (report->epochs_differ)
        buffer_add_format(out, "; epochs differ: %" PRIu64 " to %" PRIu64, report->epoch_min,
                          report->epoch_max);
    else if (report->digests_differ)
        buffer_add_format(out, "; two topologies with epoch %" PRIu64, report->epoch_max);
    else if (report->observers == report->count || report->epoch_max == 0)
        buffer_add_format(out, "; no topology");
    else
        buffer_add_format(out, "; one epoch (%" PRIu64 ")", report->epoch_max);
    if (report->observers)
        buffer_add_format(out, "; %zu observer%s", report->observers, plural(report->observers));
}

static void write_agreement(const struct report *report, struct buffer *out)
{
    size_t answered = report->survey->answered;

    if (answered < report->survey->count)
        buffer_add_format(out, "; %zu of %zu asked answered", answered, report->survey->count);
    if (answered > 1 && report->disputed)
        buffer_add_format(out, "; the asked disagree about %zu", report->disputed);
    else if (answered > 1)
        buffer_add_format(out, "; the %zu asked agree", answered);
    if (report->shown_count < report->count)
        buffer_add_format(out, "; %zu shown", report->shown_count);
}

static void write_verdict(const struct report *report, struct buffer *out)
{
    buffer_add_format(out, "%s: %zu member%s, %zu alive", report->healthy ? "healthy" : "degraded",
                      report->count, plural(report->count), report->counts[MEMBER_ALIVE]);
    for (int state = MEMBER_SUSPECT; state <= MEMBER_LEFT; state++) {
        if (report->counts[state])
            buffer_add_format(out, ", %zu %s", report->counts[state],
                              member_state_text((enum member_state)state));
    }
    write_topology(report, out);
    write_agreement(report, out);
}

static const char *clear_of(const struct grid_look *look)
{
    return look->clear ? look->clear : "";
}

// Wraps at the marks between its parts where the line is too short for it.
void grid_write_verdict(const struct report *report, const struct grid_look *look,
                        struct buffer *out)
{
    struct buffer text = {0};
    size_t used = 0, at = 0;

    write_verdict(report, &text);
    buffer_add_format(out, "%s", clear_of(look));
    if (look->color)
        buffer_add_format(out, "%s", report->healthy ? "\033[32m" : "\033[33m");
    while (at < text.size) {
        const uint8_t *mark = memchr(text.data + at, ';', text.size - at);
        size_t size = mark ? (size_t)(mark - text.data) + 1 - at : text.size - at;

        if (used && used + size > look->width) {
            buffer_add_format(out, "\n%s ", clear_of(look));
            used = 1;
        }
        buffer_add(out, text.data + at, size);
        used += size;
        at += size;
    }
    buffer_add_format(out, "%s\n", look->color ? "\033[0m" : "");
    buffer_done(&text);
}

// --- The table -----------------------------------------------------------------------------------

struct layout {
    bool there[COLUMNS];
    size_t widths[COLUMNS];
};

static struct slice cell_of(enum column column, const struct row *row, struct buffer *scratch)
{
    scratch->size = 0;
    column_write(column, row, false, scratch);
    return scratch->size ? buffer_slice(scratch) : slice_of_text("-");
}

static void measure(const struct report *report, struct layout *layout)
{
    struct buffer scratch = {0};

    for (int i = 0; i < COLUMNS; i++) {
        layout->widths[i] = strlen(column_kinds[i].title);
        layout->there[i] = i <= COLUMN_STATE;
        for (size_t at = 0; at < report->shown_count; at++) {
            size_t width = grid_text_width(cell_of((enum column)i, report->shown[at], &scratch));

            layout->there[i] |= scratch.size > 0;
            if (width > layout->widths[i])
                layout->widths[i] = width;
        }
    }
    buffer_done(&scratch);
}

static size_t total_of(const struct layout *layout)
{
    size_t total = 0;

    for (int i = 0; i < COLUMNS; i++) {
        if (layout->there[i])
            total += layout->widths[i] + (total ? GAP : 0);
    }
    return total;
}

// False when it has as little as it can do with.
static bool shorten(struct layout *layout, enum column column, size_t least, size_t width)
{
    size_t total = total_of(layout);
    size_t *own = &layout->widths[column];
    size_t excess = total > width ? total - width : 0;

    if (!layout->there[column] || *own <= least || excess == 0)
        return excess == 0;
    *own = *own - least > excess ? *own - excess : least;
    return total_of(layout) <= width;
}

static bool give_up_one(struct layout *layout)
{
    int worst = -1;

    for (int i = 0; i < COLUMNS; i++) {
        if (layout->there[i] && (worst < 0 || column_kinds[i].rank > column_kinds[worst].rank))
            worst = i;
    }
    if (column_kinds[worst].rank == 0)
        return false;
    layout->there[worst] = false;
    return true;
}

static void grow(struct layout *layout, enum column column, size_t wanted, size_t width)
{
    size_t total = total_of(layout);
    size_t spare = total < width ? width - total : 0;
    size_t *own = &layout->widths[column];

    if (layout->there[column] && *own < wanted)
        *own = wanted - *own < spare ? wanted : *own + spare;
}

// Long texts give way before columns do, the name last of all; what room is left then goes back to
// them, the name first.
static void fit(struct layout *layout, size_t width)
{
    static const enum column yielding[] = {COLUMN_TAGS, COLUMN_BUILD, COLUMN_ZONE, COLUMN_NAME};
    enum { YIELDING = sizeof yielding / sizeof yielding[0] };
    const struct layout natural = *layout;
    bool fits = total_of(layout) <= width;

    while (!fits) {
        for (size_t i = 0; i < YIELDING && !fits; i++)
            fits = shorten(layout, yielding[i],
                           yielding[i] == COLUMN_NAME ? NAME_LEAST : CELL_LEAST, width);
        if (!fits && !give_up_one(layout))
            break;
        fits = total_of(layout) <= width;
    }
    shorten(layout, COLUMN_NAME, COLUMN_LEAST, width);
    for (size_t i = YIELDING; i > 0; i--)
        grow(layout, yielding[i - 1], natural.widths[yielding[i - 1]], width);
}

static const char *const colors[] = {
    [MEMBER_ALIVE] = "\033[32m",
    [MEMBER_SUSPECT] = "\033[33m",
    [MEMBER_DEAD] = "\033[31m",
    [MEMBER_LEFT] = "\033[2m",
};

static bool is_last(const struct layout *layout, int column)
{
    for (int i = column + 1; i < COLUMNS; i++) {
        if (layout->there[i])
            return false;
    }
    return true;
}

// NULL: the heading.
static void write_line(const struct layout *layout, const struct row *row,
                       const struct grid_look *look, struct buffer *out)
{
    struct buffer scratch = {0};
    bool first = true;

    buffer_add_format(out, "%s", clear_of(look));
    for (int i = 0; i < COLUMNS; i++) {
        const struct column_kind *kind = &column_kinds[i];
        bool painted = look->color && row && i == COLUMN_STATE;
        size_t width = layout->widths[i];
        struct slice text =
            row ? cell_of((enum column)i, row, &scratch) : slice_of_text(kind->title);

        if (!layout->there[i])
            continue;
        if (is_last(layout, i) && grid_text_width(text) <= width && !kind->number)
            width = 0;
        buffer_add_format(out, "%s%s", first ? "" : "  ", painted ? colors[row->seen->state] : "");
        grid_write_cell(text, width, kind->number, out);
        buffer_add_format(out, "%s", painted ? "\033[0m" : "");
        first = false;
    }
    buffer_add_u8(out, '\n');
    buffer_done(&scratch);
}

void grid_write(const struct report *report, const struct grid_look *look, struct buffer *out)
{
    size_t left = report->shown_count > look->first ? report->shown_count - look->first : 0;
    struct layout layout;

    if (look->rows && left > look->rows)
        left = look->rows;
    measure(report, &layout);
    fit(&layout, look->width);
    write_line(&layout, NULL, look, out);
    for (size_t i = 0; i < left; i++)
        write_line(&layout, report->shown[look->first + i], look, out);
}

void grid_write_plain(const struct report *report, struct buffer *out)
{
    for (size_t at = 0; at < report->shown_count; at++) {
        for (int i = 0; i < COLUMNS; i++) {
            size_t before = out->size;

            column_write((enum column)i, report->shown[at], true, out);
            if (out->size == before)
                buffer_add_u8(out, '-');
            buffer_add_u8(out, i + 1 == COLUMNS ? '\n' : '\t');
        }
    }
}
