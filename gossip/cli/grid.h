// SPDX-License-Identifier: Apache-2.0
// The table for people, and the verdict above it. Columns of which nothing is known are left out;
// where there is no room the least important ones are, and long cells end in an ellipsis.
#ifndef GOSSIP_CLI_GRID_H
#define GOSSIP_CLI_GRID_H

#include "gossip/cli/column.h"

struct grid_look {
    size_t width; // columns of the terminal
    bool color;
    size_t first;      // rows that are not shown at the top (scrolled away)
    size_t rows;       // at most; 0: all
    const char *clear; // in front of each line: what clears it on a screen; NULL: nothing
};

// The first line: "healthy: 5 members, 5 alive; one epoch (1); the 2 asked agree".
void grid_write_verdict(const struct report *report, const struct grid_look *look,
                        struct buffer *out);

void grid_write(const struct report *report, const struct grid_look *look, struct buffer *out);

// A line for each shown row, with all cells in full, separated by tabs, - for what is not known.
void grid_write_plain(const struct report *report, struct buffer *out);

// A text cut to `width` columns of a terminal, with an ellipsis where it was cut, or padded to that
// many: at the left for numbers. Width 0: as it is.
void grid_write_cell(struct slice text, size_t width, bool number, struct buffer *out);

// How many columns a text takes on a terminal.
size_t grid_text_width(struct slice text);

#endif
