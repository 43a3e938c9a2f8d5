// SPDX-License-Identifier: Apache-2.0
// A chart: panels that share a legend and mostly a scale, in one of four kinds.
//
//   lines   a line a series, over x; p5-p95 as a band; a series without x is a level, dashed
//   ranks   bars side by side, the largest first (the first series) and a step line (the second)
//   bars    a bar a category, lying, with p5-p95 as a whisker and a tick for a mark to compare with
//   dots    a line of dots a category, one dot a series
//
// A chart is 720 wide and as high as it needs; texts are at least 12 high. Colours are those of
// Okabe and Ito ("Color Universal Design", 2008), shaded so that they stand out on paper and on
// dark ground; shapes tell series apart without them.
#ifndef SIM_OUTPUT_CHART_H
#define SIM_OUTPUT_CHART_H

#include "base/arena.h"
#include "base/buffer.h"

enum { CHART_WIDTH = 720, CHART_COLORS = 8, CHART_SERIES_MAX = 10, CHART_PANELS_MAX = 24 };

enum chart_kind { CHART_LINES, CHART_RANKS, CHART_BARS, CHART_DOTS };

struct chart_point {
    double x;    // of lines and ranks; of bars and dots the number of the category
    double mean; // not a number: there is none, and that is said where there is room
    double low;  // p5 and p95; the mean when there is one repetition
    double high;
    double mark; // of bars: to compare with; not a number: none
};

struct chart_series {
    const char *name;
    unsigned color; // and shape; its place in the legend
    bool level;     // one point, which holds for every x
    struct chart_point *points;
    size_t count;
};

struct chart_panel {
    const char *title; // "" for none
    struct chart_series *series;
    size_t count;
};

struct chart {
    const char *name; // of the file, without the end
    const char *title;
    const char *x_short;   // the same where there is little room; NULL: x_title
    const char *x_title;   // with unit; of bars and dots that of the values
    const char *y_title;   // with unit; of bars and dots that of the categories
    const char *unit;      // of the values, as in rows
    const char *mark_name; // what a mark is
    bool even_line;        // a line across at 1, which is an even share
    enum chart_kind kind;
    bool log_x; // of bars and dots: of the values
    bool log_y;
    bool scale_each; // of bars: each panel has its own scale
    bool up_to_one;  // values are probabilities: the scale ends at 1
    bool ticks_at_points;
    const char *const *categories;
    size_t category_count;
    const char *const *series; // names in the legend, in the order of their colours
    size_t series_count;
    struct chart_panel *panels;
    size_t panel_count;
};

// An <svg> element. Alone: a file of its own, with title, style and ground.
void chart_write(const struct chart *chart, bool alone, struct arena *arena, struct buffer *out);

// The rules of style that the element needs, in a page or alone.
void chart_style(struct buffer *out);

#endif
