// SPDX-License-Identifier: Apache-2.0
// Between the frame of a chart (chart.c) and the kinds of panels: the layout, and what draws a
// panel into its place.
//
//   title, when alone
//   legend
//   panel   panel   panel      each: title, plot, ticks of x
//   panel   ...
//         title of x
#ifndef SIM_OUTPUT_CHART_DRAW_H
#define SIM_OUTPUT_CHART_DRAW_H

#include "sim/output/chart.h"
#include "sim/output/scale.h"

struct drawing {
    const struct chart *chart;
    struct arena *arena;
    struct buffer *out;
    unsigned columns;
    double left;  // of the first plot
    double right; // margin behind the last plot of a row
    double gap;   // between plots of a row
    double plot_width;
    double plot_height;
    double panel_title; // height
    double top;         // of the first panel's title
    double height;      // of all
    struct scale x;     // pixels from the left of a plot
    struct scale y;     // pixels from the top of a plot
};

// Fill all but top and height. The columns are settled; widths follow from them.
void lines_measure(struct drawing *drawing);
void ranks_measure(struct drawing *drawing);
void bars_measure(struct drawing *drawing); // and dots

// Plot with axes at a place (top left of the plot); `first` in its row, so that it has the labels.
struct place {
    double x;
    double y;
    bool first;
};
void lines_draw(const struct drawing *drawing, const struct chart_panel *panel,
                const struct place *place);
void ranks_draw(const struct drawing *drawing, const struct chart_panel *panel,
                const struct place *place);
void bars_draw(const struct drawing *drawing, const struct chart_panel *panel,
               const struct place *place);

// ---- what the kinds share -------------------------------------------------------------------

// True when it can be drawn: a number, and on a logarithmic scale above 0 or with a place for 0.
bool is_drawn(const struct scale *scale, double value);

// Widens low..high of the scale, which begins with low > high, by the values of all points that can
// be drawn; notes zeros of a logarithmic scale. By mean, low, high and mark, or by x.
void scale_see_values(struct scale *scale, const struct chart *chart);
void scale_see_panel(struct scale *scale, const struct chart_panel *panel);
void scale_see_x(struct scale *scale, const struct chart *chart);

// The left margin: the turned title, the widest label of a tick of y, room between.
double left_of_ticks(const struct drawing *drawing);

// Lines across with labels at the left of the first plot of a row.
void draw_y_axis(const struct drawing *drawing, const struct place *place);

// The line below, ticks and as many labels as have room.
void draw_x_axis(const struct drawing *drawing, const struct place *place, const double *ticks,
                 size_t count);

// What is told about a point when the pointer rests on it: "ring, theta 0.99: 1.591 [1.52-1.68]".
const char *point_title(const struct drawing *drawing, const char *name, const char *where,
                        const struct chart_point *point);

#endif
