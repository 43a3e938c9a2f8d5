// SPDX-License-Identifier: Apache-2.0
#include "sim/output/plot.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_PANELS_MAX = 12, BAR_PANELS_MAX = 6, CATEGORIES_MAX = 24 };

void plot_add(struct plot *plot, const struct plot_item *item)
{
    if (!item->row)
        return;
    if (plot->count == plot->room) {
        size_t room = plot->room ? 2 * plot->room : 64;
        struct plot_item *items = arena_alloc(plot->arena, room * sizeof *items);

        if (plot->count)
            memcpy(items, plot->items, plot->count * sizeof *items);
        plot->items = items;
        plot->room = room;
    }
    plot->items[plot->count++] = *item;
}

double plot_ratio(const struct plot *plot)
{
    double low = 0;
    double high = 0;

    for (size_t i = 0; i < plot->count; i++) {
        double mean = plot->items[i].row->value.mean;

        if (!(mean > 0) || mean - mean != 0)
            continue;
        low = low == 0 || mean < low ? mean : low;
        high = mean > high ? mean : high;
    }
    return low > 0 ? high / low : 1;
}

// ---- names ----------------------------------------------------------------------------------

struct names {
    const char **list;
    size_t count;
};

static size_t name_index(const struct names *names, const char *name)
{
    size_t i = 0;

    while (i < names->count && strcmp(names->list[i], name) != 0)
        i += 1;
    return i;
}

static void note_name(struct names *names, const char *name)
{
    size_t i = name_index(names, name);

    if (i == names->count)
        names->list[names->count++] = name;
}

// What a chart is made of: the items, and which of the names this part of them has.
struct part {
    struct names panels;
    struct names series;
    struct names categories;
};

static struct part part_of(const struct plot *plot)
{
    struct part part = {{arena_alloc(plot->arena, plot->count * sizeof(char *)), 0},
                        {arena_alloc(plot->arena, plot->count * sizeof(char *)), 0},
                        {arena_alloc(plot->arena, plot->count * sizeof(char *)), 0}};

    for (size_t i = 0; i < plot->count; i++) {
        note_name(&part.panels, plot->items[i].panel);
        note_name(&part.series, plot->items[i].series);
        note_name(&part.categories, plot->items[i].category ? plot->items[i].category : "");
    }
    return part;
}

static struct names slice_names(const struct names *names, size_t first, size_t most)
{
    size_t left = names->count - first;

    return (struct names){names->list + first, left < most ? left : most};
}

// ---- making ---------------------------------------------------------------------------------

static struct chart_point point_of(const struct part *part, const struct plot_item *item)
{
    const struct summary *value = &item->row->value;
    bool one = item->row->repetitions <= 1;
    double x = item->x;

    if (item->category)
        x = (double)name_index(&part->categories, item->category);
    return (struct chart_point){.x = x,
                                .mean = value->mean,
                                .low = one ? value->mean : value->p5,
                                .high = one ? value->mean : value->p95,
                                .mark = item->mark ? item->mark->value.mean : __builtin_nan("")};
}

static struct chart_series *series_at(const struct chart *chart, const struct part *part,
                                      const struct plot_item *item)
{
    size_t panel = name_index(&part->panels, item->panel);
    size_t series = name_index(&part->series, item->series);

    if (panel == part->panels.count || series == part->series.count)
        return NULL;
    if (item->category && name_index(&part->categories, item->category) == part->categories.count)
        return NULL;
    return &chart->panels[panel].series[series];
}

static int compare_points(const void *a, const void *b)
{
    double left = ((const struct chart_point *)a)->x;
    double right = ((const struct chart_point *)b)->x;

    return left < right ? -1 : left > right;
}

static void sort_points(const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->count; i++) {
        const struct chart_series *series = &panel->series[i];

        if (series->count > 0)
            qsort(series->points, series->count, sizeof *series->points, compare_points);
    }
}

static void new_panels(const struct plot *plot, struct chart *chart, const struct part *part)
{
    chart->panel_count = part->panels.count;
    chart->panels = arena_new(plot->arena, chart->panel_count * sizeof *chart->panels);
    for (size_t i = 0; i < chart->panel_count; i++) {
        struct chart_panel *panel = &chart->panels[i];

        panel->title = part->panels.list[i];
        panel->count = part->series.count;
        panel->series = arena_new(plot->arena, panel->count * sizeof *panel->series);
        for (size_t j = 0; j < panel->count; j++)
            panel->series[j] =
                (struct chart_series){.name = part->series.list[j], .color = (unsigned)j};
    }
}

static void fill_panels(const struct plot *plot, const struct chart *chart, const struct part *part)
{
    for (size_t i = 0; i < plot->count; i++) {
        struct chart_series *series = series_at(chart, part, &plot->items[i]);

        if (series)
            series->count += 1;
    }
    for (size_t i = 0; i < plot->count; i++) {
        struct chart_series *series = series_at(chart, part, &plot->items[i]);

        if (!series)
            continue;
        if (!series->points) {
            series->points = arena_alloc(plot->arena, series->count * sizeof *series->points);
            series->count = 0;
        }
        series->level = plot->items[i].level;
        series->points[series->count++] = point_of(part, &plot->items[i]);
    }
}

static struct chart *new_chart(struct plot *plot)
{
    if (plot->chart_count == plot->chart_room) {
        size_t room = plot->chart_room ? 2 * plot->chart_room : 16;
        struct chart *charts = arena_alloc(plot->arena, room * sizeof *charts);

        if (plot->chart_count)
            memcpy(charts, plot->charts, plot->chart_count * sizeof *charts);
        plot->charts = charts;
        plot->chart_room = room;
    }
    return &plot->charts[plot->chart_count++];
}

// `number` of `parts` charts that share a title.
static void make_one(struct plot *plot, const struct chart *like, const struct part *part,
                     size_t number, size_t parts)
{
    struct chart *chart = new_chart(plot);

    *chart = *like;
    if (parts > 1) {
        chart->name = arena_text(plot->arena, "%s-%zu", like->name, number);
        chart->title = arena_text(plot->arena, "%s (%zu of %zu)", like->title, number, parts);
    }
    new_panels(plot, chart, part);
    fill_panels(plot, chart, part);
    chart->series = part->series.list;
    chart->series_count = part->series.count;
    chart->categories = part->categories.list;
    chart->category_count = part->categories.count;
    for (size_t i = 0; i < chart->panel_count && chart->kind == CHART_LINES; i++)
        sort_points(&chart->panels[i]);
}

// More lines than a panel holds: what was a series becomes a panel and the other way round.
static void turn_over(struct plot *plot, struct part *part)
{
    struct names series = part->series;

    for (size_t i = 0; i < plot->count; i++) {
        const char *name = plot->items[i].series;

        plot->items[i].series = plot->items[i].panel;
        plot->items[i].panel = name;
    }
    part->series = part->panels;
    part->panels = series;
}

static size_t pieces(size_t count, size_t most)
{
    return (count + most - 1) / most;
}

void plot_make(struct plot *plot, const struct chart *like)
{
    bool bars = like->kind == CHART_BARS || like->kind == CHART_DOTS;
    size_t panels_max = like->kind == CHART_RANKS   ? CHART_PANELS_MAX
                        : like->kind == CHART_LINES ? LINE_PANELS_MAX
                                                    : BAR_PANELS_MAX;
    struct part all = part_of(plot);
    size_t counts[3]; // pieces of series, panels, categories
    size_t parts;

    if (plot->count == 0)
        return;
    if (all.series.count > CHART_SERIES_MAX && all.panels.count <= CHART_SERIES_MAX && !bars) {
        turn_over(plot, &all);
        panels_max = CHART_PANELS_MAX;
    }
    counts[0] = pieces(all.series.count, CHART_SERIES_MAX);
    counts[1] = pieces(all.panels.count, panels_max);
    counts[2] = bars ? pieces(all.categories.count, CATEGORIES_MAX) : 1;
    parts = counts[0] * counts[1] * counts[2];
    for (size_t i = 0; i < parts; i++) {
        struct part part = {
            slice_names(&all.panels, i / counts[0] % counts[1] * panels_max, panels_max),
            slice_names(&all.series, i % counts[0] * CHART_SERIES_MAX, CHART_SERIES_MAX),
            slice_names(&all.categories, i / counts[0] / counts[1] * CATEGORIES_MAX,
                        CATEGORIES_MAX)};

        make_one(plot, like, &part, i + 1, parts);
    }
    plot->count = 0;
}
