// SPDX-License-Identifier: Apache-2.0
#include "sim/output/numbers.h"

#include "sim/output/scale.h"
#include "sim/output/show.h"

enum { ROWS_PRINTED_MAX = 60, ROWS_SHORT_MAX = 10 };

struct table {
    const struct chart *chart;
    bool ranges;
    bool names; // a column of series or categories
    struct arena *arena;
    struct buffer *out;
};

static bool is_lying(const struct chart *chart)
{
    return chart->kind == CHART_BARS || chart->kind == CHART_DOTS;
}

static bool is_told(const struct chart *chart, const struct chart_series *series, size_t point)
{
    return chart->kind != CHART_RANKS || point == 0 || point + 1 == series->count;
}

static size_t count_rows(const struct chart *chart)
{
    size_t count = 0;

    for (size_t i = 0; i < chart->panel_count; i++) {
        for (size_t j = 0; j < chart->panels[i].count; j++)
            count += chart->kind == CHART_RANKS ? 2 : chart->panels[i].series[j].count;
    }
    return count;
}

static bool is_ranged(const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        for (size_t j = 0; j < panel->series[i].count; j++) {
            if (panel->series[i].points[j].high > panel->series[i].points[j].low)
                return true;
        }
    }
    return false;
}

static void cell(const struct table *table, const char *kind, const char *text)
{
    buffer_add_format(table->out, "<%s>", kind);
    show_html(table->out, text);
    buffer_add_format(table->out, "</%.2s>", kind);
}

// Milliseconds are said once, in the head.
static const char *said_unit(const struct table *table)
{
    return strcmp(table->chart->unit, "ms") == 0 ? "" : table->chart->unit;
}

static void value(const struct table *table, double number)
{
    cell(table, "td", show_value(table->arena, number, said_unit(table)));
}

// The second column: x of lines, the rank, the series of dots.
static bool has_place(const struct table *table)
{
    return table->chart->kind != CHART_BARS &&
           !(table->chart->kind == CHART_DOTS && table->chart->series_count < 2);
}

static void write_head(const struct table *table)
{
    const struct chart *chart = table->chart;

    buffer_add_format(table->out, "<thead><tr>");
    if (table->names)
        cell(table, "th scope=\"col\"", is_lying(chart) ? chart->y_title : "series");
    if (has_place(table))
        cell(table, "th scope=\"col\"",
             chart->kind == CHART_LINES   ? (chart->x_short ? chart->x_short : chart->x_title)
             : chart->kind == CHART_RANKS ? "rank"
                                          : "of");
    cell(table, "th scope=\"col\"", strcmp(chart->unit, "ms") == 0 ? "mean, ms" : "mean");
    if (table->ranges)
        cell(table, "th scope=\"col\"", "p5 \xe2\x80\x93 p95");
    if (chart->mark_name)
        cell(table, "th scope=\"col\"", "minimum");
    buffer_add_format(table->out, "</tr></thead>\n");
}

static void write_range(const struct table *table, const struct chart_point *point)
{
    const char *unit = said_unit(table);
    const char *text = "";

    if (point->high > point->low)
        text = arena_text(table->arena, "%s \xe2\x80\x93 %s",
                          show_value(table->arena, point->low, unit),
                          show_value(table->arena, point->high, unit));
    cell(table, "td class=\"range\"", text);
}

static void write_row(const struct table *table, const struct chart_series *series,
                      const struct chart_point *point)
{
    const struct chart *chart = table->chart;
    const char *place = series->level ? "any" : scale_label(table->arena, point->x, NULL);

    buffer_add_format(table->out, "<tr>");
    if (table->names)
        cell(table, "th scope=\"row\"",
             is_lying(chart) ? chart->categories[(size_t)point->x] : series->name);
    if (has_place(table))
        cell(table, "td", chart->kind == CHART_DOTS ? series->name : place);
    value(table, point->mean);
    if (table->ranges)
        write_range(table, point);
    if (chart->mark_name)
        value(table, point->mark);
    buffer_add_format(table->out, "</tr>\n");
}

static void write_panel(const struct table *table, const struct chart_panel *panel)
{
    int columns =
        1 + table->names + has_place(table) + table->ranges + (table->chart->mark_name != NULL);

    buffer_add_format(table->out, "<tbody>\n");
    if (*panel->title) {
        buffer_add_format(table->out, "<tr class=\"panel\"><th colspan=\"%d\" scope=\"rowgroup\">",
                          columns);
        show_html(table->out, panel->title);
        buffer_add_format(table->out, "</th></tr>\n");
    }
    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        for (size_t j = 0; j < series->count; j++) {
            if (is_told(table->chart, series, j))
                write_row(table, series, &series->points[j]);
        }
    }
    buffer_add_format(table->out, "</tbody>\n");
}

void numbers_write(const struct chart *chart, struct arena *arena, struct buffer *out)
{
    struct table table = {chart, false, is_lying(chart) || chart->series_count > 1, arena, out};
    size_t rows = count_rows(chart);
    bool printed = rows <= ROWS_PRINTED_MAX;
    const char *tall = rows > ROWS_SHORT_MAX ? " tall" : "";

    buffer_add_format(out,
                      "<div class=\"numbers%s%s\" tabindex=\"0\" role=\"group\" "
                      "aria-label=\"Numbers\">\n<table>\n",
                      tall, printed ? "" : " long");
    for (size_t i = 0; i < chart->panel_count; i++)
        table.ranges |= is_ranged(&chart->panels[i]);
    write_head(&table);
    for (size_t i = 0; i < chart->panel_count; i++)
        write_panel(&table, &chart->panels[i]);
    buffer_add_format(out, "</table>\n</div>\n");
    if (!printed)
        buffer_add_format(out,
                          "<p class=\"unprinted\">%zu numbers: too many to print; see --format "
                          "csv.</p>\n",
                          rows);
}
