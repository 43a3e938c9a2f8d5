// SPDX-License-Identifier: Apache-2.0
// Lines over x. A panel that is alone has its series named at the ends of the lines, pushed apart
// until no name touches another.
#include "sim/output/chart_draw.h"
#include "sim/output/svg.h"

#include <stdlib.h>

enum { FEW_SERIES = 5 }; // bands of more series are fainter

static const double label_pitch = 18; // between names
static const double label_width_max = 200;
static const double log_from = 8; // spans of x from this ratio on are logarithmic

static bool has_end_labels(const struct chart *chart)
{
    return chart->panel_count == 1 && chart->series_count > 1;
}

static double labels_width(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;
    double widest = 0;

    for (size_t i = 0; i < chart->series_count && has_end_labels(chart); i++) {
        double width = svg_text_width(chart->series[i], SVG_SMALL);

        widest = width > widest ? width : widest;
    }
    return widest > label_width_max ? label_width_max : widest;
}

void lines_measure(struct drawing *drawing)
{
    static const double heights[] = {0, 290, 220, 180};
    const struct chart *chart = drawing->chart;

    drawing->plot_height = heights[drawing->columns];
    drawing->y = (struct scale){.low = 1e300,
                                .high = -1e300,
                                .from = drawing->plot_height,
                                .to = 0,
                                .unit = chart->unit,
                                .log = chart->log_y};
    scale_see_values(&drawing->y, chart);
    if (chart->even_line && drawing->y.low > 1 && drawing->y.low < 3)
        drawing->y.low = 1;
    scale_nice(&drawing->y, drawing->columns > 2 ? 4 : 6);
    if (chart->up_to_one && drawing->y.high > 1)
        drawing->y.high = 1;
    drawing->left = left_of_ticks(drawing);
    drawing->right = has_end_labels(chart) ? labels_width(drawing) + 42 : 24;
    drawing->gap = 34;
    drawing->plot_width =
        (CHART_WIDTH - drawing->left - drawing->right - (drawing->columns - 1) * drawing->gap) /
        drawing->columns;
    drawing->x = (struct scale){.low = 1e300, .high = -1e300, .log = chart->log_x};
    scale_see_x(&drawing->x, chart);
    if (!chart->log_x && drawing->x.low > 0 && drawing->x.high >= log_from * drawing->x.low)
        drawing->x.log = true;
    if (!(drawing->x.high > drawing->x.low))
        scale_nice(&drawing->x, 4);
    drawing->x.from = 8; // points at the ends are not cut
    drawing->x.to = drawing->plot_width - 8;
}

// ---- axis of x ------------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

// The x of all points of a panel, each once, when they are few; 0 when they are many.
static size_t points_x(const struct chart_panel *panel, double out[SCALE_TICKS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        for (size_t j = 0; j < series->count && !series->level; j++) {
            size_t known = 0;

            while (known < count && out[known] != series->points[j].x)
                known += 1;
            if (known == SCALE_TICKS_MAX)
                return 0;
            out[known] = series->points[j].x;
            count += known == count;
        }
    }
    qsort(out, count, sizeof *out, compare);
    return count;
}

static void draw_axis(const struct drawing *drawing, const struct chart_panel *panel,
                      const struct place *place)
{
    double ticks[SCALE_TICKS_MAX];
    size_t count = drawing->chart->ticks_at_points ? points_x(panel, ticks) : 0;

    if (count == 0)
        count = scale_ticks(&drawing->x, drawing->plot_width > 300 ? 9 : 5, ticks);
    draw_x_axis(drawing, place, ticks, count);
}

// ---- series ---------------------------------------------------------------------------------

// A point of the plot; false when it cannot be drawn.
static bool spot_of(const struct drawing *drawing, const struct place *place, double x,
                    double value, double out[2])
{
    out[0] = place->x + scale_place(&drawing->x, x);
    out[1] = place->y + scale_place(&drawing->y, value);
    return is_drawn(&drawing->y, value) && is_drawn(&drawing->x, x);
}

static void add_step(struct buffer *out, char letter, const double at[2])
{
    buffer_add_u8(out, (uint8_t)letter);
    svg_number(out, at[0]);
    buffer_add_u8(out, ' ');
    svg_number(out, at[1]);
}

static bool is_ranged(const struct chart_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        if (series->points[i].high > series->points[i].low)
            return true;
    }
    return false;
}

// From p5 to p95: there along the one, back along the other.
static void draw_band(const struct drawing *drawing, const struct chart_series *series,
                      const struct place *place)
{
    char letter = 'M';
    double at[2];

    if (!is_ranged(series) || series->count < 2 || series->level)
        return;
    buffer_add_format(drawing->out, "<path class=\"band%s\" d=\"",
                      drawing->chart->series_count > FEW_SERIES ? " thin" : "");
    for (size_t i = 0; i < 2 * series->count; i++) {
        bool back = i >= series->count;
        const struct chart_point *point = &series->points[back ? 2 * series->count - 1 - i : i];

        if (!spot_of(drawing, place, point->x, point->mean, at))
            continue;
        at[1] = place->y + scale_place(&drawing->y, back ? point->low : point->high);
        add_step(drawing->out, letter, at);
        letter = 'L';
    }
    buffer_add_format(drawing->out, "%s\"/>\n", letter == 'L' ? "z" : "M0 0");
}

static void draw_line(const struct drawing *drawing, const struct chart_series *series,
                      const struct place *place)
{
    const char *dashed = series->color >= CHART_COLORS ? " dashed" : "";
    char letter = 'M';
    double at[2];

    buffer_add_format(drawing->out, "<path class=\"line%s\" d=\"M0 0", dashed);
    for (size_t i = 0; i < series->count; i++) {
        if (!spot_of(drawing, place, series->points[i].x, series->points[i].mean, at)) {
            letter = 'M';
            continue;
        }
        add_step(drawing->out, letter, at);
        letter = 'L';
    }
    buffer_add_format(drawing->out, "\"/>\n");
}

static void draw_level(const struct drawing *drawing, const struct chart_series *series,
                       const struct place *place)
{
    double y = place->y + scale_place(&drawing->y, series->points[0].mean);

    if (!is_drawn(&drawing->y, series->points[0].mean))
        return;
    svg_line(drawing->out, "line level", (double[]){place->x, y},
             (double[]){place->x + drawing->plot_width, y});
}

static void draw_marks(const struct drawing *drawing, const struct chart_series *series,
                       const struct place *place)
{
    double at[2];

    for (size_t i = 0; i < series->count; i++) {
        const struct chart_point *point = &series->points[i];
        const char *where = arena_text(drawing->arena, "%s %s", drawing->chart->x_title,
                                       scale_label(drawing->arena, point->x, NULL));

        if (!spot_of(drawing, place, point->x, point->mean, at))
            continue;
        if (series->count == 1 && point->high > point->low)
            svg_line(drawing->out, "whisker",
                     (double[]){at[0], place->y + scale_place(&drawing->y, point->low)},
                     (double[]){at[0], place->y + scale_place(&drawing->y, point->high)});
        svg_mark(drawing->out, series->color, at, point_title(drawing, series->name, where, point));
    }
}

static void draw_series(const struct drawing *drawing, const struct chart_series *series,
                        const struct place *place)
{
    if (series->count == 0)
        return;
    buffer_add_format(drawing->out, "<g class=\"s%u\">", series->color % CHART_COLORS);
    draw_band(drawing, series, place);
    if (series->level) {
        draw_level(drawing, series, place);
    } else {
        draw_line(drawing, series, place);
        draw_marks(drawing, series, place);
    }
    buffer_add_format(drawing->out, "</g>\n");
}

// ---- names at the ends ----------------------------------------------------------------------

struct end {
    const struct chart_series *series;
    double from[2]; // the last point
    double y;       // of the name
};

static int compare_ends(const void *a, const void *b)
{
    const struct end *left = a;
    const struct end *right = b;

    if (left->from[1] != right->from[1])
        return left->from[1] < right->from[1] ? -1 : 1;
    return left->series->color < right->series->color ? -1 : 1;
}

static size_t find_ends(const struct drawing *drawing, const struct chart_panel *panel,
                        const struct place *place, struct end *ends)
{
    size_t count = 0;

    for (size_t i = 0; i < panel->count && count < CHART_SERIES_MAX; i++) {
        const struct chart_series *series = &panel->series[i];
        struct end *end = &ends[count];
        bool found = false;

        for (size_t j = 0; j < series->count; j++) {
            double at[2];

            if (!spot_of(drawing, place, series->level ? drawing->x.high : series->points[j].x,
                         series->points[j].mean, at))
                continue;
            *end = (struct end){series, {at[0], at[1]}, at[1]};
            found = true;
        }
        count += found;
    }
    return count;
}

// From above to below each at least a pitch under the one before; then from below up, so that the
// last ends within the plot.
static void push_apart(struct end *ends, size_t count, double top, double bottom)
{
    for (size_t i = 0; i < count; i++) {
        double least = i ? ends[i - 1].y + label_pitch : top;

        ends[i].y = ends[i].y < least ? least : ends[i].y;
    }
    for (size_t i = count; i-- > 0;) {
        double most = i + 1 < count ? ends[i + 1].y - label_pitch : bottom;

        ends[i].y = ends[i].y > most ? most : ends[i].y;
    }
}

static void draw_ends(const struct drawing *drawing, const struct chart_panel *panel,
                      const struct place *place)
{
    struct end ends[CHART_SERIES_MAX];
    size_t count = find_ends(drawing, panel, place, ends);
    double x = place->x + drawing->plot_width + 16;

    qsort(ends, count, sizeof *ends, compare_ends);
    push_apart(ends, count, place->y, place->y + drawing->plot_height);
    for (size_t i = 0; i < count; i++) {
        const struct end *end = &ends[i];
        const char *name =
            svg_text_fit(drawing->arena, end->series->name, SVG_SMALL, CHART_WIDTH - x - 16);

        buffer_add_format(drawing->out, "<g class=\"s%u\">", end->series->color % CHART_COLORS);
        svg_line(drawing->out, "leader", (double[]){end->from[0] + 6, end->from[1]},
                 (double[]){x - 5, end->y});
        svg_mark(drawing->out, end->series->color, (double[]){x, end->y}, NULL);
        svg_text(drawing->out,
                 &(struct svg_text){
                     .x = x + 10, .y = end->y + 4, .class = "legend", .anchor = 's', .text = name});
        buffer_add_format(drawing->out, "</g>\n");
    }
}

void lines_draw(const struct drawing *drawing, const struct chart_panel *panel,
                const struct place *place)
{
    draw_y_axis(drawing, place);
    draw_axis(drawing, panel, place);
    for (size_t i = 0; i < panel->count; i++)
        draw_series(drawing, &panel->series[i], place);
    if (has_end_labels(drawing->chart))
        draw_ends(drawing, panel, place);
}
