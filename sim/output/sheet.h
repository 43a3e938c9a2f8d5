// SPDX-License-Identifier: Apache-2.0
// A table in plain text. Cells are texts, each perhaps with a range behind it ("1.591 [1.52-1.68]")
// that can be left out; columns know how important they are. What does not fit the width is left
// out: ranges first, then columns, the least important first, and a last line says so.
#ifndef SIM_OUTPUT_SHEET_H
#define SIM_OUTPUT_SHEET_H

#include "sim/output/output.h"

enum { SHEET_COLUMNS_MAX = 40 };

enum sheet_kind {
    SHEET_NUMBERS,
    SHEET_LABELS, // numbers that say what a line is about: blank where they repeat the line above
    SHEET_WORDS   // the same as words, to the left
};

struct sheet_column {
    const char *group; // stands over neighbours of the same group; "" for none
    const char *title;
    enum sheet_kind kind;
    unsigned rank; // 0: always there; else the higher goes first
};

struct sheet_cell {
    const char *text;  // NULL as ""
    const char *range; // NULL as ""
};

struct sheet_line {
    const char *heading;      // of a block of lines; NULL for a line of cells
    struct sheet_cell *cells; // one a column
};

struct sheet {
    struct arena *arena;
    struct sheet_column columns[SHEET_COLUMNS_MAX];
    unsigned column_count;
    struct sheet_line *lines;
    size_t line_count;
    size_t line_room;
};

// A zeroed sheet with an arena is empty and ready; it and its texts live as long as the arena.

// Returns the number of the column. At most SHEET_COLUMNS_MAX, which the caller sees to.
unsigned sheet_column(struct sheet *sheet, const struct sheet_column *column);

// Cells of a new line, all empty; call after all columns. Valid until the next.
struct sheet_cell *sheet_line(struct sheet *sheet);
void sheet_heading(struct sheet *sheet, const char *text);

void sheet_write(const struct sheet *sheet, const struct table_setup *setup, struct buffer *out);

// A paragraph within the width, its lines broken at blanks and indented by so many columns.
void sheet_paragraph(struct buffer *out, const char *text, unsigned columns, unsigned indent);

#endif
