// SPDX-License-Identifier: Apache-2.0
// Scales of charts and their axes.
#include "sim/output/chart_draw.h"
#include "sim/output/show.h"
#include "sim/output/svg.h"

bool is_drawn(const struct scale *scale, double value)
{
    return value - value == 0 && (!scale->log || value > 0 || scale->zero);
}

static void see(struct scale *scale, double value)
{
    if (value - value != 0)
        return;
    if (scale->log && !(value > 0)) {
        scale->zero |= value == 0;
        return;
    }
    scale->low = value < scale->low ? value : scale->low;
    scale->high = value > scale->high ? value : scale->high;
}

static void see_point(struct scale *scale, const struct chart_point *point, bool by_x)
{
    if (by_x) {
        see(scale, point->x);
        return;
    }
    see(scale, point->mean);
    see(scale, point->low);
    see(scale, point->high);
    see(scale, point->mark);
}

static void see_panel(struct scale *scale, const struct chart_panel *panel, bool by_x)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        for (size_t j = 0; j < series->count && !(by_x && series->level); j++)
            see_point(scale, &series->points[j], by_x);
    }
}

// Nothing to draw is a scale, too.
static void see_something(struct scale *scale)
{
    if (scale->low <= scale->high)
        return;
    scale->low = scale->log ? 1 : 0;
    scale->high = scale->log ? 10 : 1;
}

static void see_all(struct scale *scale, const struct chart *chart, bool by_x)
{
    for (size_t i = 0; i < chart->panel_count; i++)
        see_panel(scale, &chart->panels[i], by_x);
    see_something(scale);
}

void scale_see_panel(struct scale *scale, const struct chart_panel *panel)
{
    see_panel(scale, panel, false);
    see_something(scale);
}

void scale_see_values(struct scale *scale, const struct chart *chart)
{
    see_all(scale, chart, false);
}

void scale_see_x(struct scale *scale, const struct chart *chart)
{
    see_all(scale, chart, true);
}

static unsigned y_ticks_most(const struct drawing *drawing)
{
    return drawing->plot_height < 150 ? 4 : drawing->plot_height < 240 ? 6 : 8;
}

double left_of_ticks(const struct drawing *drawing)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(&drawing->y, y_ticks_most(drawing), ticks);
    double widest = 0;

    for (size_t i = 0; i < count; i++) {
        double width =
            svg_text_width(scale_label(drawing->arena, ticks[i], drawing->y.unit), SVG_SMALL);

        widest = width > widest ? width : widest;
    }
    return 24 + widest + 10;
}

void draw_y_axis(const struct drawing *drawing, const struct place *place)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(&drawing->y, y_ticks_most(drawing), ticks);

    for (size_t i = 0; i < count; i++) {
        double y = place->y + scale_place(&drawing->y, ticks[i]);

        svg_line(drawing->out, "grid", (double[]){place->x, y},
                 (double[]){place->x + drawing->plot_width, y});
        if (place->first)
            svg_text(drawing->out, &(struct svg_text){.x = place->x - 8,
                                                      .y = y + 4,
                                                      .class = "tick",
                                                      .anchor = 'e',
                                                      .text = scale_label(drawing->arena, ticks[i],
                                                                          drawing->y.unit)});
    }
    if (drawing->chart->even_line && drawing->y.low <= 1 && drawing->y.high >= 1) {
        double y = place->y + scale_place(&drawing->y, 1);

        svg_line(drawing->out, "even", (double[]){place->x, y},
                 (double[]){place->x + drawing->plot_width, y});
    }
}

void draw_x_axis(const struct drawing *drawing, const struct place *place, const double *ticks,
                 size_t count)
{
    double bottom = place->y + drawing->plot_height;
    double used = -1e9; // where the last label ends

    svg_line(drawing->out, "base", (double[]){place->x, bottom},
             (double[]){place->x + drawing->plot_width, bottom});
    for (size_t i = 0; i < count; i++) {
        const char *label = scale_label(drawing->arena, ticks[i], drawing->x.unit);
        double x = place->x + scale_place(&drawing->x, ticks[i]);
        double half = svg_text_width(label, SVG_SMALL) / 2;

        svg_line(drawing->out, "base", (double[]){x, bottom}, (double[]){x, bottom + 4});
        if (x - half < used + 6)
            continue;
        used = x + half;
        svg_text(drawing->out,
                 &(struct svg_text){
                     .x = x, .y = bottom + 18, .class = "tick", .anchor = 'm', .text = label});
    }
}

const char *point_title(const struct drawing *drawing, const char *name, const char *where,
                        const struct chart_point *point)
{
    struct arena *arena = drawing->arena;
    const char *unit = drawing->chart->unit;
    const char *text = arena_text(arena, "%s%s%s: %s", name, *name && *where ? ", " : "", where,
                                  show_value(arena, point->mean, unit));

    if (point->low == point->high)
        return text;
    return arena_text(arena, "%s [%s \xe2\x80\x93 %s]", text, show_value(arena, point->low, unit),
                      show_value(arena, point->high, unit));
}
