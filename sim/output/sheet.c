// SPDX-License-Identifier: Apache-2.0
#include "sim/output/sheet.h"

#include "base/check.h"
#include "sim/output/show.h"

static const unsigned gap = 2;       // blanks between columns
static const unsigned wide = 30;     // columns of words that are wider are cut before all else
static const unsigned narrowest = 6; // a column of words is cut down to this
static const struct sheet_cell blank;
static const char bold[] = "\x1b[1m";
static const char faint[] = "\x1b[2m";
static const char plain[] = "\x1b[0m";

unsigned sheet_column(struct sheet *sheet, const struct sheet_column *column)
{
    check(sheet->column_count < SHEET_COLUMNS_MAX);
    sheet->columns[sheet->column_count] = *column;
    return sheet->column_count++;
}

static struct sheet_line *new_line(struct sheet *sheet)
{
    if (sheet->line_count == sheet->line_room) {
        size_t room = sheet->line_room ? 2 * sheet->line_room : 64;
        struct sheet_line *lines = arena_alloc(sheet->arena, room * sizeof *lines);

        if (sheet->line_count)
            memcpy(lines, sheet->lines, sheet->line_count * sizeof *lines);
        sheet->lines = lines;
        sheet->line_room = room;
    }
    sheet->lines[sheet->line_count] = (struct sheet_line){NULL, NULL};
    return &sheet->lines[sheet->line_count++];
}

struct sheet_cell *sheet_line(struct sheet *sheet)
{
    struct sheet_line *line = new_line(sheet);

    line->cells = arena_new(sheet->arena, sheet->column_count * sizeof *line->cells);
    return line->cells;
}

void sheet_heading(struct sheet *sheet, const char *text)
{
    new_line(sheet)->heading = text;
}

// ---- fitting --------------------------------------------------------------------------------

struct fit {
    const struct sheet *sheet;
    bool shown[SHEET_COLUMNS_MAX];
    bool ranged[SHEET_COLUMNS_MAX];
    unsigned text[SHEET_COLUMNS_MAX];  // columns of the text, of titles without ranges
    unsigned range[SHEET_COLUMNS_MAX]; // and of the range with its blank
    bool dropped[SHEET_COLUMNS_MAX];
    bool dropped_range;
    bool dropped_column;
};

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static const char *cell_range(const struct sheet_cell *cell)
{
    return cell->range ? cell->range : "";
}

static const char *cell_text(const struct sheet_cell *cell)
{
    return cell->text ? cell->text : "";
}

static void measure(struct fit *fit, unsigned column)
{
    const struct sheet *sheet = fit->sheet;
    bool filled = false;

    fit->text[column] = show_columns(sheet->columns[column].title);
    for (size_t i = 0; i < sheet->line_count; i++) {
        const struct sheet_cell *cell = sheet->lines[i].cells;
        unsigned range;

        if (!cell)
            continue;
        cell += column;
        range = show_columns(cell_range(cell));
        fit->text[column] = larger(fit->text[column], show_columns(cell_text(cell)));
        if (range)
            fit->range[column] = larger(fit->range[column], range + 1);
        filled |= *cell_text(cell) != 0;
    }
    fit->shown[column] = filled;
    fit->ranged[column] = fit->range[column] > 0;
}

static unsigned width_of(const struct fit *fit, unsigned column)
{
    return fit->text[column] + (fit->ranged[column] ? fit->range[column] : 0);
}

static unsigned total(const struct fit *fit)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < fit->sheet->column_count; i++)
        sum += fit->shown[i] ? width_of(fit, i) + (sum ? gap : 0) : 0;
    return sum;
}

// The shown column that goes first, with a range or any; the number of columns when there is none.
static unsigned least_important(const struct fit *fit, bool ranged)
{
    const struct sheet *sheet = fit->sheet;
    unsigned found = sheet->column_count;
    unsigned rank = 0;

    for (unsigned i = 0; i < sheet->column_count; i++) {
        bool can = fit->shown[i] && (ranged ? fit->ranged[i] : sheet->columns[i].rank > 0);

        if (can && (found == sheet->column_count || sheet->columns[i].rank >= rank)) {
            rank = sheet->columns[i].rank;
            found = i;
        }
    }
    return found;
}

// Cuts the widest column of words by one; false when none is wider than that.
static bool cut_words(struct fit *fit, unsigned least)
{
    unsigned widest = fit->sheet->column_count;

    for (unsigned i = 0; i < fit->sheet->column_count; i++) {
        if (fit->shown[i] && fit->sheet->columns[i].kind == SHEET_WORDS && fit->text[i] > least &&
            (widest == fit->sheet->column_count || fit->text[i] > fit->text[widest]))
            widest = i;
    }
    if (widest == fit->sheet->column_count)
        return false;
    fit->text[widest] -= 1;
    return true;
}

static void make_fit(struct fit *fit, unsigned columns)
{
    unsigned none = fit->sheet->column_count;

    for (unsigned i = 0; i < none; i++)
        measure(fit, i);
    while (total(fit) > columns && cut_words(fit, wide))
        continue;
    while (total(fit) > columns) {
        unsigned ranged = least_important(fit, true);
        unsigned any = least_important(fit, false);

        if (ranged < none) {
            fit->ranged[ranged] = false;
            fit->dropped_range = true;
        } else if (any < none) {
            fit->shown[any] = false;
            fit->dropped[any] = true;
            fit->dropped_column = true;
        } else if (!cut_words(fit, narrowest)) {
            break;
        }
    }
}

// ---- writing --------------------------------------------------------------------------------

static void pad(struct buffer *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buffer_add_u8(out, ' ');
}

// At most `width` columns of it; a cut is shown by '~'.
static void add_cut(struct buffer *out, const char *text, unsigned width)
{
    bool whole = show_columns(text) <= width;
    unsigned left = whole ? width : width - 1;

    for (; *text; text++) {
        if ((*text & 0xc0) != 0x80 && left-- == 0)
            break;
        buffer_add_u8(out, (uint8_t)*text);
    }
    if (!whole)
        buffer_add_u8(out, '~');
}

static void add_words(struct buffer *out, const char *text, unsigned width)
{
    add_cut(out, text, width);
    pad(out, width - (show_columns(text) < width ? show_columns(text) : width));
}

static void add_number(struct buffer *out, const struct fit *fit, unsigned column,
                       const struct sheet_cell *cell, bool color)
{
    const char *range = fit->ranged[column] ? cell_range(cell) : "";

    pad(out, fit->text[column] - show_columns(cell_text(cell)));
    buffer_add(out, cell_text(cell), strlen(cell_text(cell)));
    if (!fit->ranged[column])
        return;
    if (*range)
        buffer_add_format(out, " %s%s%s", color ? faint : "", range, color ? plain : "");
    pad(out, fit->range[column] - (*range ? show_columns(range) + 1 : 0));
}

static void end_line(struct buffer *out, size_t start)
{
    while (out->size > start && out->data[out->size - 1] == ' ')
        out->size -= 1;
    buffer_add_u8(out, '\n');
}

static void write_titles(const struct fit *fit, bool color, struct buffer *out)
{
    const struct sheet *sheet = fit->sheet;
    size_t start = out->size;
    bool first = true;

    if (color)
        buffer_add_format(out, "%s", bold);
    for (unsigned i = 0; i < sheet->column_count; i++) {
        const char *title = sheet->columns[i].title;
        unsigned width = fit->text[i];

        if (!fit->shown[i])
            continue;
        pad(out, first ? 0 : gap);
        first = false;
        if (sheet->columns[i].kind == SHEET_WORDS) {
            add_words(out, title, width);
            continue;
        }
        pad(out, width - show_columns(title));
        buffer_add_format(out, "%s", title);
        pad(out, fit->ranged[i] ? fit->range[i] : 0);
    }
    end_line(out, start);
    if (color) {
        out->size -= 1; // the end of the line
        buffer_add_format(out, "%s\n", plain);
    }
}

// "-- reads, ms ----" over the columns of a group.
static void write_groups(const struct fit *fit, struct buffer *out)
{
    const struct sheet *sheet = fit->sheet;
    size_t start = out->size;
    bool any = false;
    unsigned column = 0;

    while (column < sheet->column_count) {
        const char *group = sheet->columns[column].group;
        unsigned width = 0;
        unsigned next = column;

        for (; next < sheet->column_count && strcmp(sheet->columns[next].group, group) == 0; next++)
            width += fit->shown[next] ? width_of(fit, next) + (width ? gap : 0) : 0;
        pad(out, out->size > start && width ? gap : 0);
        if (*group && width) {
            any = true;
            add_cut(out, group, width);
            for (unsigned i = show_columns(group) + 1; i < width; i++)
                buffer_add_u8(out, i == show_columns(group) + 1 ? ' ' : '-');
            pad(out, show_columns(group) + 1 == width);
        } else {
            pad(out, width);
        }
        column = next;
    }
    if (any)
        end_line(out, start);
    else
        out->size = start;
}

// The same words as above in this and all columns of words before it.
static bool repeats(const struct sheet *sheet, const struct sheet_line *above,
                    const struct sheet_line *line, unsigned column)
{
    if (!above || !above->cells)
        return false;
    for (unsigned i = 0; i <= column; i++) {
        if (sheet->columns[i].kind != SHEET_NUMBERS &&
            strcmp(cell_text(&above->cells[i]), cell_text(&line->cells[i])) != 0)
            return false;
    }
    return true;
}

static void write_line(const struct fit *fit, size_t number, bool color, struct buffer *out)
{
    const struct sheet *sheet = fit->sheet;
    const struct sheet_line *line = &sheet->lines[number];
    const struct sheet_line *above = number ? line - 1 : NULL;
    size_t start = out->size;
    bool first = true;

    for (unsigned i = 0; i < sheet->column_count; i++) {
        const struct sheet_cell *cell;

        if (!fit->shown[i])
            continue;
        pad(out, first ? 0 : gap);
        first = false;
        cell = &line->cells[i];
        if (sheet->columns[i].kind != SHEET_NUMBERS && repeats(sheet, above, line, i))
            cell = &blank;
        if (sheet->columns[i].kind == SHEET_WORDS)
            add_words(out, cell_text(cell), fit->text[i]);
        else
            add_number(out, fit, i, cell, color);
    }
    end_line(out, start);
}

static void write_missing(const struct fit *fit, unsigned columns, struct buffer *out)
{
    const struct sheet *sheet = fit->sheet;
    struct buffer text = {0};

    if (!fit->dropped_range && !fit->dropped_column)
        return;
    buffer_add_format(&text, "Too wide to show: %s", fit->dropped_range ? "some ranges, " : "");
    for (unsigned i = 0; i < sheet->column_count; i++) {
        const struct sheet_column *column = &sheet->columns[i];

        if (fit->dropped[i])
            buffer_add_format(&text, "%s%s%s, ", column->group, *column->group ? " " : "",
                              column->title);
    }
    text.size -= 2; // the last comma
    buffer_add_format(&text, "; --format csv has all.");
    buffer_add_u8(&text, 0);
    sheet_paragraph(out, (const char *)text.data, columns, 0);
    buffer_done(&text);
}

void sheet_write(const struct sheet *sheet, const struct table_setup *setup, struct buffer *out)
{
    struct fit fit = {.sheet = sheet};

    make_fit(&fit, setup->columns);
    write_groups(&fit, out);
    write_titles(&fit, setup->color, out);
    for (size_t i = 0; i < sheet->line_count; i++) {
        if (sheet->lines[i].cells)
            write_line(&fit, i, setup->color, out);
        else
            buffer_add_format(out, "%s%s%s%s\n", i ? "\n" : "", setup->color ? bold : "",
                              sheet->lines[i].heading, setup->color ? plain : "");
    }
    write_missing(&fit, setup->columns, out);
}

void sheet_paragraph(struct buffer *out, const char *text, unsigned columns, unsigned indent)
{
    unsigned used = 0;

    while (*text) {
        size_t bytes = strcspn(text, " ");
        unsigned width = 0;

        for (size_t i = 0; i < bytes; i++)
            width += (text[i] & 0xc0) != 0x80;
        if (used > 0 && used + 1 + width > columns) {
            buffer_add_u8(out, '\n');
            used = 0;
        }
        if (used > 0)
            buffer_add_u8(out, ' ');
        else
            pad(out, indent);
        used += (used ? 1 : indent) + width;
        buffer_add(out, text, bytes);
        text += bytes + (text[bytes] == ' ');
    }
    if (used > 0)
        buffer_add_u8(out, '\n');
}
