// SPDX-License-Identifier: Apache-2.0
// From a list of values, each with the names of its panel, series and category, to charts that hold
// no more than a page does.
#ifndef SIM_OUTPUT_PLOT_H
#define SIM_OUTPUT_PLOT_H

#include "sim/output/chart.h"
#include "sim/output/row.h"

// One value. Equal names are the same panel, series, category; each stands in the order in which it
// first came.
struct plot_item {
    const char *panel;
    const char *series;
    const char *category; // of bars and dots
    double x;             // of lines and ranks
    bool level;           // of lines: there is no x
    const struct row *row;
    const struct row *mark; // NULL: none
};

struct plot {
    struct arena *arena;
    struct plot_item *items;
    size_t count;
    size_t room;
    struct chart *charts; // made so far
    size_t chart_count;
    size_t chart_room;
};

// A zeroed plot with an arena is empty and ready; all lives as long as the arena.

// Rows without a value, and NULL, are left out of lines; bars show that there is none.
void plot_add(struct plot *plot, const struct plot_item *item);

// Makes one or more charts like this one of the items, and forgets them. Makes none of no items.
void plot_make(struct plot *plot, const struct chart *like);

// The largest mean of the items over the smallest above 0; 1 when there are none.
double plot_ratio(const struct plot *plot);

#endif
