// SPDX-License-Identifier: Apache-2.0
// What the program shows: data on standard output, all else on standard error; colour and progress
// only on a terminal.
#ifndef CLIENT_CLI_OUTPUT_H
#define CLIENT_CLI_OUTPUT_H

#include "base/buffer.h"
#include "client/quorate.h"

enum colour { COLOUR_PLAIN, COLOUR_DIM, COLOUR_BOLD, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

struct output {
    bool terminal;       // standard output is one
    bool error_terminal; // standard error is one
    bool no_colour;
    struct buffer buffer; // of standard output, not yet written
    int err;              // 0, or why nothing more can be written
    bool quiet;           // the reader has gone away: no complaint
};

void output_init(struct output *output);

// Writes what is left. 0, or the exit code for a failure, which it has told.
int output_done(struct output *output);

// Appends to standard output; written now and then.
void output_slice(struct output *output, struct slice bytes);
void output_format(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Appends bytes as a person can see them: printable text as it is, other bytes in a word about
// them.
void output_shown(struct output *output, struct slice bytes);

// Switches the colour; does nothing when there is none.
void output_colour(struct output *output, enum colour colour);

// False once writing has failed: work that only makes more output may stop.
bool output_good(const struct output *output);

// "quorate: ..." on standard error, with a line end.
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Complains about a failed request and what to do; returns the exit code.
int complain_result(const struct quorate_result *result);

// Columns of text, right-aligned where the cells are numbers. Cells hold no line ends.
enum { TABLE_COLUMNS_MAX = 12 };

struct cell_table {
    uint32_t columns;
    uint32_t count;      // of cells
    struct buffer texts; // terminated, one after the other
    uint8_t colours[1 << 14];
};

void cell_table_init(struct cell_table *table, uint32_t columns);
void cell_table_done(struct cell_table *table);

// Adds the next cell, row by row; the first row is the heading.
void cell_add(struct cell_table *table, enum colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void output_table(struct output *output, const struct cell_table *table);

#endif
