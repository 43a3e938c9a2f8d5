// SPDX-License-Identifier: Apache-2.0
// Shares of nodes, the fullest first: bars for the first series, a step line for the second. Many
// bars become one outline.
#include "sim/output/chart_draw.h"
#include "sim/output/svg.h"

enum { BARS_MAX = 60 }; // more are an outline

void ranks_measure(struct drawing *drawing)
{
    static const double heights[] = {0, 200, 160, 130, 110};
    const struct chart *chart = drawing->chart;

    drawing->plot_height = heights[drawing->columns];
    drawing->y = (struct scale){.low = 0, .high = 1, .from = drawing->plot_height, .to = 0};
    scale_see_values(&drawing->y, chart);
    scale_nice(&drawing->y, 4);
    drawing->left = left_of_ticks(drawing);
    drawing->right = 20;
    drawing->gap = 32;
    drawing->plot_width =
        (CHART_WIDTH - drawing->left - drawing->right - (drawing->columns - 1) * drawing->gap) /
        drawing->columns;
}

// Pixels from the left of the plot to the left of the bar at that place, 0 first.
static double bar_left(const struct drawing *drawing, size_t count, size_t bar)
{
    return drawing->plot_width * (double)bar / (double)count;
}

static double top_of(const struct drawing *drawing, const struct chart_point *point)
{
    return scale_place(&drawing->y, point->mean);
}

// The upper edge of all bars, as a path without end.
static void add_steps(const struct drawing *drawing, const struct chart_series *series,
                      const struct place *place)
{
    for (size_t i = 0; i < series->count; i++) {
        if (i == 0) {
            svg_number(drawing->out, place->x);
            buffer_add_u8(drawing->out, ' ');
        } else {
            buffer_add_u8(drawing->out, 'V');
        }
        svg_number(drawing->out, place->y + top_of(drawing, &series->points[i]));
        buffer_add_u8(drawing->out, 'H');
        svg_number(drawing->out, place->x + bar_left(drawing, series->count, i + 1));
    }
}

static void draw_outline(const struct drawing *drawing, const struct chart_series *series,
                         const struct place *place)
{
    buffer_add_format(drawing->out, "<path class=\"bar\" d=\"M");
    add_steps(drawing, series, place);
    buffer_add_u8(drawing->out, 'V');
    svg_number(drawing->out, place->y + drawing->plot_height);
    buffer_add_u8(drawing->out, 'H');
    svg_number(drawing->out, place->x);
    buffer_add_format(drawing->out, "z\"/>\n");
}

static void draw_bars(const struct drawing *drawing, const struct chart_panel *panel,
                      const struct place *place)
{
    const struct chart_series *series = &panel->series[0];
    double pitch = drawing->plot_width / (double)series->count;
    double between = pitch > 8 ? 2 : pitch > 4 ? 1 : 0.5;

    for (size_t i = 0; i < series->count; i++) {
        const struct chart_point *point = &series->points[i];
        double top = top_of(drawing, point);
        struct svg_box box = {place->x + bar_left(drawing, series->count, i) + between / 2,
                              place->y + top, pitch - between, drawing->plot_height - top};
        const char *where =
            arena_text(drawing->arena, "rank %s", scale_label(drawing->arena, point->x, NULL));

        svg_rect(drawing->out, "bar", &box, point_title(drawing, panel->title, where, point));
    }
}

// 1, the middle and the last.
static void draw_axis(struct drawing drawing, const struct place *place, size_t count)
{
    double ticks[3] = {1, (double)((count + 1) / 2), (double)count};

    drawing.x = (struct scale){.low = 1,
                               .high = (double)count,
                               .from = bar_left(&drawing, count, 1) / 2,
                               .to = drawing.plot_width - bar_left(&drawing, count, 1) / 2};
    if (count > 2 && drawing.plot_width > 80) {
        draw_x_axis(&drawing, place, ticks, 3);
        return;
    }
    ticks[1] = ticks[2];
    draw_x_axis(&drawing, place, ticks, count > 1 ? 2 : 1);
}

void ranks_draw(const struct drawing *drawing, const struct chart_panel *panel,
                const struct place *place)
{
    draw_y_axis(drawing, place);
    if (panel->count == 0 || panel->series[0].count == 0)
        return;
    buffer_add_format(drawing->out, "<g class=\"s0\">");
    if (panel->series[0].count > BARS_MAX)
        draw_outline(drawing, &panel->series[0], place);
    else
        draw_bars(drawing, panel, place);
    buffer_add_format(drawing->out, "</g>\n");
    if (panel->count > 1 && panel->series[1].count > 0) {
        buffer_add_format(drawing->out, "<g class=\"s1\"><path class=\"step\" d=\"M");
        add_steps(drawing, &panel->series[1], place);
        buffer_add_format(drawing->out, "\"/></g>\n");
    }
    draw_axis(*drawing, place, panel->series[0].count);
}
