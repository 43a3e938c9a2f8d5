// SPDX-License-Identifier: Apache-2.0
// The frame of a chart: where panels go, the legend, titles of axes.
#include "sim/output/chart.h"

#include "sim/output/chart_draw.h"
#include "sim/output/show.h"
#include "sim/output/svg.h"

static const double title_height = 36; // alone only
static const double legend_row = 22;   // a row of the legend
static const double panel_title_height = 22;
static const double tick_height = 24; // labels of ticks under a plot
static const double row_gap = 14;
static const double x_title_height = 22;
static const double margin = 12;
static const double swatch = 28; // of an item of the legend, with the room behind it
static const double item_gap = 20;

static const struct {
    void (*measure)(struct drawing *drawing);
    void (*draw)(const struct drawing *drawing, const struct chart_panel *panel,
                 const struct place *place);
    unsigned columns_max;
} kinds[] = {
    [CHART_LINES] = {lines_measure, lines_draw, 3},
    [CHART_RANKS] = {ranks_measure, ranks_draw, 4},
    [CHART_BARS] = {bars_measure, bars_draw, 3},
    [CHART_DOTS] = {bars_measure, bars_draw, 2},
};

// Distance from the top of one panel to that of the one below.
static double drawing_pitch(const struct drawing *drawing)
{
    return drawing->panel_title + drawing->plot_height + tick_height + row_gap;
}

static unsigned columns_of(size_t panels, unsigned most)
{
    if (panels == 4 && most == 3)
        return 2;
    return panels < most ? (unsigned)panels : most;
}

static bool has_panel_titles(const struct chart *chart)
{
    for (size_t i = 0; i < chart->panel_count; i++) {
        if (*chart->panels[i].title)
            return true;
    }
    return false;
}

// One panel of lines is labelled at the ends of its lines.
static bool has_legend(const struct chart *chart)
{
    if (chart->kind == CHART_LINES)
        return chart->panel_count > 1 && chart->series_count > 1;
    if (chart->kind == CHART_BARS)
        return chart->mark_name != NULL;
    return chart->series_count > 1;
}

// ---- legend ---------------------------------------------------------------------------------

static void draw_swatch(const struct drawing *drawing, size_t item, double x, double y)
{
    const struct chart *chart = drawing->chart;
    struct buffer *out = drawing->out;
    bool bar = (chart->kind == CHART_BARS || chart->kind == CHART_RANKS) && item == 0;

    buffer_add_format(out, "<g class=\"s%zu\">", item % CHART_COLORS);
    if (bar)
        svg_rect(out, "bar", &(struct svg_box){x + 4, y - 10, 14, 10}, NULL);
    else if (chart->kind == CHART_BARS)
        svg_line(out, "mark", (double[]){x + 11, y - 13}, (double[]){x + 11, y + 3});
    else
        svg_line(out, chart->kind == CHART_RANKS ? "step" : "line", (double[]){x, y - 5},
                 (double[]){x + 22, y - 5});
    if (chart->kind == CHART_LINES || chart->kind == CHART_DOTS)
        svg_mark(out, (unsigned)item, (double[]){x + 11, y - 5}, NULL);
    buffer_add_format(out, "</g>\n");
}

static void draw_item(const struct drawing *drawing, size_t item, const char *name,
                      const double at[2])
{
    draw_swatch(drawing, item, at[0], at[1]);
    svg_text(
        drawing->out,
        &(struct svg_text){
            .x = at[0] + swatch, .y = at[1] - 1, .class = "legend", .anchor = 's', .text = name});
}

// Items side by side, in rows; returns the height. Draws nothing without `draw`.
static double legend(const struct drawing *drawing, double top, bool draw)
{
    const struct chart *chart = drawing->chart;
    double width = CHART_WIDTH - 2 * margin;
    double at[2] = {margin, top + 15};

    for (size_t i = 0; i < chart->series_count + (chart->mark_name != NULL); i++) {
        const char *whole = i < chart->series_count ? chart->series[i] : chart->mark_name;
        const char *name = svg_text_fit(drawing->arena, whole, SVG_SMALL, width - swatch);
        double item = swatch + svg_text_width(name, SVG_SMALL);

        if (at[0] > margin && at[0] + item > CHART_WIDTH - margin) {
            at[0] = margin;
            at[1] += legend_row;
        }
        if (draw)
            draw_item(drawing, i, name, at);
        at[0] += item + item_gap;
    }
    return at[1] - top + legend_row - 6;
}

// Over its plot and the gap behind that.
static double panel_title_room(const struct drawing *drawing)
{
    return drawing->plot_width + drawing->gap - 8;
}

static bool titles_fit(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;

    for (size_t i = 0; i < chart->panel_count; i++) {
        if (svg_text_width(chart->panels[i].title, SVG_TEXT + 1) > panel_title_room(drawing))
            return false;
    }
    return true;
}

// ---- frame ----------------------------------------------------------------------------------

static void measure(struct drawing *drawing, bool alone)
{
    const struct chart *chart = drawing->chart;
    size_t rows;

    drawing->columns = columns_of(chart->panel_count, kinds[chart->kind].columns_max);
    drawing->panel_title = has_panel_titles(chart) ? panel_title_height : 6;
    kinds[chart->kind].measure(drawing);
    while (drawing->columns > 3 && !titles_fit(drawing)) {
        drawing->columns -= 1;
        kinds[chart->kind].measure(drawing);
    }
    drawing->top = alone ? title_height : 4;
    if (has_legend(chart))
        drawing->top += legend(drawing, drawing->top, false);
    rows = (chart->panel_count + drawing->columns - 1) / drawing->columns;
    drawing->height =
        drawing->top + (double)rows * drawing_pitch(drawing) - row_gap + x_title_height + 6;
}

static void draw_titles(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;
    double plots = CHART_WIDTH - drawing->left - drawing->right;
    double first = drawing->top + drawing->panel_title;
    bool lying = chart->kind == CHART_BARS || chart->kind == CHART_DOTS;
    struct svg_text y = {.x = lying ? drawing->left - 10 : 14,
                         .y = lying ? first - 6 : (first + drawing->height - 52) / 2,
                         .class = "axis",
                         .anchor = lying ? 'e' : 'm',
                         .upwards = !lying,
                         .text = chart->y_title};

    svg_text(drawing->out, &(struct svg_text){.x = drawing->left + plots / 2,
                                              .y = drawing->height - 10,
                                              .class = "axis",
                                              .anchor = 'm',
                                              .text = chart->x_title});
    if (!lying) // not out of the drawing, however long
        y.text = svg_text_fit(drawing->arena, y.text, SVG_SMALL, drawing->height - first - 20);
    svg_text(drawing->out, &y);
}

static void draw_panels(const struct drawing *drawing)
{
    const struct chart *chart = drawing->chart;

    for (size_t i = 0; i < chart->panel_count; i++) {
        unsigned column = (unsigned)(i % drawing->columns);
        double row = (double)(i / drawing->columns);
        struct place place = {.x = drawing->left + column * (drawing->plot_width + drawing->gap),
                              .y = drawing->top + drawing->panel_title +
                                   row * drawing_pitch(drawing),
                              .first = column == 0};

        if (*chart->panels[i].title)
            svg_text(
                drawing->out,
                &(struct svg_text){.x = place.x,
                                   .y = place.y - 8,
                                   .class = "panel",
                                   .anchor = 's',
                                   .text = svg_text_fit(drawing->arena, chart->panels[i].title,
                                                        SVG_TEXT + 1, panel_title_room(drawing))});
        kinds[chart->kind].draw(drawing, &chart->panels[i], &place);
    }
}

static void begin(const struct drawing *drawing, bool alone)
{
    const struct chart *chart = drawing->chart;
    struct buffer *out = drawing->out;

    buffer_add_format(out,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" "
                      "aria-labelledby=\"%s-title %s-text\" viewBox=\"0 0 %d ",
                      chart->name, chart->name, CHART_WIDTH);
    svg_number(out, drawing->height);
    if (alone) {
        buffer_add_format(out, "\" width=\"%d\" height=\"", CHART_WIDTH);
        svg_number(out, drawing->height);
    }
    buffer_add_format(out, "\">\n<title id=\"%s-title\">", chart->name);
    show_html(out, chart->title);
    buffer_add_format(out, "</title>\n<desc id=\"%s-text\">", chart->name);
    show_html(out, chart->y_title);
    buffer_add_format(out, " by ");
    show_html(out, chart->x_title);
    buffer_add_format(out, "</desc>\n");
    if (!alone)
        return;
    buffer_add_format(out, "<style>\n");
    chart_style(out);
    buffer_add_format(out, "</style>\n");
    svg_rect(out, "paper", &(struct svg_box){0, 0, CHART_WIDTH, drawing->height}, NULL);
    svg_text(out, &(struct svg_text){.x = margin,
                                     .y = 24,
                                     .class = "title",
                                     .anchor = 's',
                                     .text = svg_text_fit(drawing->arena, chart->title, 17,
                                                          CHART_WIDTH - 2 * margin)});
}

void chart_write(const struct chart *chart, bool alone, struct arena *arena, struct buffer *out)
{
    struct drawing drawing = {.chart = chart, .arena = arena, .out = out};

    measure(&drawing, alone);
    begin(&drawing, alone);
    if (has_legend(chart))
        legend(&drawing, alone ? title_height : 4, true);
    draw_titles(&drawing);
    draw_panels(&drawing);
    buffer_add_format(out, "</svg>\n");
}
