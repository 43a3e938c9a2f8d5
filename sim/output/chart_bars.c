// SPDX-License-Identifier: Apache-2.0
// Lying bars and dots, a line a category: names have room at the left, values behind the bars.
#include "sim/output/chart_draw.h"
#include "sim/output/show.h"
#include "sim/output/svg.h"

static const double row_height = 24;
static const double bar_height = 13;
static const double names_width_max = 250;

static double values_width(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;
    double widest = svg_text_width("none", SVG_SMALL);

    for (size_t i = 0; i < chart->panel_count && chart->kind == CHART_BARS; i++) {
        const struct chart_series *series = &chart->panels[i].series[0];

        for (size_t j = 0; j < series->count; j++) {
            const char *text = show_value(drawing->arena, series->points[j].mean, chart->unit);
            double width = svg_text_width(text, SVG_SMALL);

            widest = width > widest ? width : widest;
        }
    }
    return chart->kind == CHART_BARS ? widest + 8 : 0;
}

static double names_width(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;
    double widest = svg_text_width(chart->y_title, SVG_SMALL);

    for (size_t i = 0; i < chart->category_count; i++) {
        double width = svg_text_width(chart->categories[i], SVG_SMALL);

        widest = width > widest ? width : widest;
    }
    return widest > names_width_max ? names_width_max : widest;
}

void bars_measure(struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;
    bool dots = chart->kind == CHART_DOTS;

    drawing->left = 12 + names_width(drawing) + 12;
    drawing->right = 20;
    drawing->gap = 26;
    drawing->plot_height = row_height * (double)chart->category_count;
    drawing->panel_title = 26; // at least the title of the names stands there
    for (;; drawing->columns--) {
        drawing->plot_width =
            (CHART_WIDTH - drawing->left - drawing->right - (drawing->columns - 1) * drawing->gap) /
            drawing->columns;
        if (drawing->columns == 1 || drawing->plot_width >= (dots ? 200 : 150))
            break;
    }
    drawing->x = (struct scale){.low = chart->log_x ? 1e300 : 0,
                                .high = -1e300,
                                .from = dots ? 8 : 0,
                                .to = drawing->plot_width - (dots ? 8 : values_width(drawing)),
                                .unit = chart->unit,
                                .log = chart->log_x};
    if (!chart->scale_each)
        scale_see_values(&drawing->x, chart);
    if (dots || (!chart->scale_each && !(drawing->x.high > 0)))
        scale_nice(&drawing->x, 4);
}

static double x_of(const struct drawing *drawing, const struct place *place, double value)
{
    return place->x + scale_place(&drawing->x, value);
}

static double row_middle(const struct place *place, double category)
{
    return place->y + row_height * (category + 0.5);
}

static void draw_names(const struct drawing *drawing, const struct place *place)
{
    const struct chart *chart = drawing->chart;

    for (size_t i = 0; i < chart->category_count; i++)
        svg_text(drawing->out,
                 &(struct svg_text){.x = place->x - 10,
                                    .y = row_middle(place, (double)i) + 4,
                                    .class = "legend",
                                    .anchor = 'e',
                                    .text = svg_text_fit(drawing->arena, chart->categories[i],
                                                         SVG_SMALL, drawing->left - 20)});
}

static void draw_grid(const struct drawing *drawing, const struct place *place)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = scale_ticks(&drawing->x, drawing->plot_width > 300 ? 7 : 4, ticks);

    for (size_t i = 0; i < count; i++) {
        double x = place->x + scale_place(&drawing->x, ticks[i]);

        svg_line(drawing->out, "grid", (double[]){x, place->y},
                 (double[]){x, place->y + drawing->plot_height});
    }
    if (drawing->chart->even_line && drawing->x.low <= 1 && drawing->x.high >= 1)
        svg_line(drawing->out, "even", (double[]){x_of(drawing, place, 1), place->y},
                 (double[]){x_of(drawing, place, 1), place->y + drawing->plot_height});
    draw_x_axis(drawing, place, ticks, count);
}

static void draw_whisker(const struct drawing *drawing, const struct place *place,
                         const struct chart_point *point, double y)
{
    if (!(point->high > point->low))
        return;
    svg_line(drawing->out, "whisker", (double[]){x_of(drawing, place, point->low), y},
             (double[]){x_of(drawing, place, point->high), y});
}

static void draw_bar(const struct drawing *drawing, const struct place *place,
                     const struct chart_point *point)
{
    const struct chart *chart = drawing->chart;
    double y = row_middle(place, point->x);
    double end = x_of(drawing, place, point->mean);
    bool there = is_drawn(&drawing->x, point->mean);
    bool marked = is_drawn(&drawing->x, point->mark);
    double far = there ? end : place->x;
    double mark = x_of(drawing, place, marked ? point->mark : 0);

    if (there) {
        svg_rect(drawing->out, "bar",
                 &(struct svg_box){place->x, y - bar_height / 2, end - place->x, bar_height},
                 point_title(drawing, chart->categories[(size_t)point->x], "", point));
        draw_whisker(drawing, place, point, y);
        if (point->high > point->mean)
            far = x_of(drawing, place, point->high);
    }
    if (marked)
        svg_line(drawing->out, "mark", (double[]){mark, y - 9}, (double[]){mark, y + 9});
    far = marked && mark > far ? mark : far;
    svg_text(drawing->out,
             &(struct svg_text){.x = far + 6,
                                .y = y + 4,
                                .class = there ? "value" : "tick",
                                .anchor = 's',
                                .text = there ? show_value(drawing->arena, point->mean, chart->unit)
                                              : "none"});
}

static void draw_dot(const struct drawing *drawing, const struct place *place,
                     const struct chart_series *series, const struct chart_point *point)
{
    double at[2] = {x_of(drawing, place, point->mean), row_middle(place, point->x)};
    const char *category = drawing->chart->categories[(size_t)point->x];

    if (!is_drawn(&drawing->x, point->mean))
        return;
    draw_whisker(drawing, place, point, at[1]);
    svg_mark(drawing->out, series->color, at, point_title(drawing, category, series->name, point));
}

// A faint line from the first to the last dot of a category.
static void draw_span(const struct drawing *drawing, const struct chart_panel *panel,
                      const struct place *place, double category)
{
    double low = 1e300;
    double high = -1e300;
    double y = row_middle(place, category);

    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        for (size_t j = 0; j < series->count; j++) {
            double mean = series->points[j].mean;

            if (series->points[j].x != category || !is_drawn(&drawing->x, mean))
                continue;
            low = mean < low ? mean : low;
            high = mean > high ? mean : high;
        }
    }
    if (high > low)
        svg_line(drawing->out, "span", (double[]){x_of(drawing, place, low), y},
                 (double[]){x_of(drawing, place, high), y});
}

static void draw_panel(const struct drawing *drawing, const struct chart_panel *panel,
                       const struct place *place)
{
    bool dots = drawing->chart->kind == CHART_DOTS;

    draw_grid(drawing, place);
    if (place->first)
        draw_names(drawing, place);
    for (size_t i = 0; i < drawing->chart->category_count && dots; i++)
        draw_span(drawing, panel, place, (double)i);
    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        buffer_add_format(drawing->out, "<g class=\"s%u\">", series->color % CHART_COLORS);
        for (size_t j = 0; j < series->count; j++) {
            if (dots)
                draw_dot(drawing, place, series, &series->points[j]);
            else
                draw_bar(drawing, place, &series->points[j]);
        }
        buffer_add_format(drawing->out, "</g>\n");
    }
}

void bars_draw(const struct drawing *drawing, const struct chart_panel *panel,
               const struct place *place)
{
    struct drawing own = *drawing;

    if (drawing->chart->scale_each) {
        scale_see_panel(&own.x, panel);
        if (!(own.x.high > 0))
            scale_nice(&own.x, 4);
    }
    draw_panel(&own, panel, place);
}
