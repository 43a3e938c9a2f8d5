// SPDX-License-Identifier: Apache-2.0
#include "sim/output/figures_draw.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { CONTEXTS_MAX = 4 };

static const double log_ratio = 30; // spans of values from this ratio on are logarithmic

static const char *const x_titles[LABELS] = {
    [LABEL_NODES] = "nodes",
    [LABEL_REPLICAS] = "copies (N)",
    [LABEL_R] = "answers to a read (R)",
    [LABEL_W] = "answers to a write (W)",
    [LABEL_SHARDS] = "shards (S)",
    [LABEL_VNODES] = "virtual nodes per node (V)",
    [LABEL_PARTITIONS] = "partitions (Q)",
    [LABEL_BOUND] = "bound (c)",
    [LABEL_THETA] = "theta of the Zipf distribution",
    [LABEL_KEYS] = "keys",
    [LABEL_OPERATIONS] = "operations",
    [LABEL_READ_SHARE] = "share of reads",
    [LABEL_ZONES] = "zones",
    [LABEL_RATE] = "operations asked for in a second",
    [LABEL_CLIENTS] = "clients",
    [LABEL_SERVICE] = "time to serve a message, us",
};

static const char *joined(const struct figures *figures, const char *a, const char *b)
{
    return arena_text(figures->view->arena, "%s%s%s", a, *a && *b ? ", " : "", b);
}

const char *figures_case_title(const struct figures *figures)
{
    const struct view *view = figures->view;

    for (unsigned label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        if (view->varies[label] && label != LABEL_SCHEME && !view_is_own(label) &&
            !view->varies[LABEL_SCHEME])
            return "case";
    }
    return *view->cases[0].rows[0]->labels[LABEL_SCHEME] ? "scheme" : "case";
}

bool figures_show(const struct figures *figures, const struct view_case *one)
{
    const struct view *view = figures->view;

    return strcmp(view_context(view, one, LABELS),
                  view_context(view, &view->cases[view->count - 1], LABELS)) == 0;
}

// ": 10 nodes, theta 0.99" of that context.
const char *figures_title(const struct figures *figures, const char *title)
{
    const struct view *view = figures->view;
    const char *context = view_context(view, &view->cases[view->count - 1], LABELS);

    return arena_text(view->arena, "%s%s%s", title, *context ? ": " : "", context);
}

// ---- a metric over what varies --------------------------------------------------------------

// Numbers of a label that differ; of a scheme's own label among cases of one scheme.
static bool is_x(const struct view *view, enum label label)
{
    if (!view->varies[label] || !x_titles[label])
        return false;
    for (size_t i = 0; i < view->count; i++) {
        for (size_t j = i + 1; j < view->count; j++) {
            const char *const *a = view->cases[i].rows[0]->labels;
            const char *const *b = view->cases[j].rows[0]->labels;
            double left;
            double right;

            if (view_is_own(label) && strcmp(a[LABEL_SCHEME], b[LABEL_SCHEME]) != 0)
                continue;
            if (view_read(a[label], &left) && view_read(b[label], &right) && left != right)
                return true;
        }
    }
    return false;
}

// Which labels become x: nodes and theta first; a scheme's own when no other varies.
size_t figures_x(const struct view *view, enum label out[FIGURES_X_MAX])
{
    static const enum label order[] = {
        LABEL_NODES,   LABEL_RATE,       LABEL_CLIENTS,    LABEL_THETA,
        LABEL_SERVICE, LABEL_REPLICAS,   LABEL_KEYS,       LABEL_READ_SHARE,
        LABEL_ZONES,   LABEL_OPERATIONS, LABEL_R,          LABEL_W,
        LABEL_VNODES,  LABEL_SHARDS,     LABEL_PARTITIONS, LABEL_BOUND};
    size_t count = 0;

    for (size_t i = 0; i < COUNT(order) && count < FIGURES_X_MAX; i++) {
        if (view_is_own(order[i]) && count > 0 && !view_is_own(out[0]))
            break;
        if (is_x(view, order[i]))
            out[count++] = order[i];
    }
    return count;
}

static void add_over(struct figures *figures, const struct measure *measure, enum label x)
{
    const struct view *view = figures->view;

    for (size_t i = 0; i < view->count * measure->count; i++) {
        const struct view_case *one = &view->cases[i % view->count];
        size_t spot = i / view->count;
        struct plot_item item = {
            .panel = joined(figures, measure->titles[spot], view_context(view, one, x)),
            .series = view_series(view, one, x),
            .row = view_find(one, &measure->spots[spot])};

        item.level = !view_number(one, x, &item.x);
        if (item.row && item.row->value.mean == item.row->value.mean)
            plot_add(&figures->plot, &item);
    }
}

void figures_over(struct figures *figures, const struct measure *measure, enum label x)
{
    struct arena *arena = figures->view->arena;
    struct chart chart = measure->like;

    add_over(figures, measure, x);
    chart.kind = CHART_LINES;
    chart.name = arena_text(arena, "%s-%s", chart.name, label_key(x));
    chart.title =
        arena_text(arena, "%s, by %s", chart.title, x == LABEL_THETA ? "theta" : x_titles[x]);
    chart.x_title = x_titles[x];
    chart.x_short = label_title(x);
    chart.log_y = plot_ratio(&figures->plot) >= log_ratio;
    chart.ticks_at_points = true;
    plot_make(&figures->plot, &chart);
}

// Bars of one context, dots where a scale of bars would hide the small ones.
static void make_bars(struct figures *figures, const struct measure *measure)
{
    const struct view *view = figures->view;
    struct chart chart = measure->like;

    for (size_t i = 0; i < view->count * measure->count; i++) {
        const struct view_case *one = &view->cases[i % view->count];
        size_t spot = i / view->count;

        plot_add(&figures->plot,
                 &(struct plot_item){.panel = joined(figures, measure->titles[spot],
                                                     view_context(view, one, LABELS)),
                                     .series = chart.y_title,
                                     .category = view_series(view, one, LABELS),
                                     .row = view_find(one, &measure->spots[spot])});
    }
    chart.kind = plot_ratio(&figures->plot) >= log_ratio ? CHART_DOTS : CHART_BARS;
    chart.log_x = chart.kind == CHART_DOTS;
    chart.x_title = chart.y_title;
    chart.y_title = figures_case_title(figures);
    plot_make(&figures->plot, &chart);
}

void figures_measure(struct figures *figures, const struct measure *measure)
{
    enum label labels[FIGURES_X_MAX];
    size_t count = figures_x(figures->view, labels);

    for (size_t i = 0; i < count; i++)
        figures_over(figures, measure, labels[i]);
    if (count == 0)
        make_bars(figures, measure);
}

// ---- curves ---------------------------------------------------------------------------------

static bool few_contexts(const struct view *view)
{
    size_t contexts = 1;

    for (size_t i = 1; i < view->count; i++)
        contexts += strcmp(view_context(view, &view->cases[i], LABELS),
                           view_context(view, &view->cases[i - 1], LABELS)) != 0;
    return contexts <= CONTEXTS_MAX;
}

static void add_curve(struct figures *figures, const struct curve *curve, size_t panel,
                      const struct view_case *one)
{
    const struct view *view = figures->view;
    const struct spot *spot = &curve->spots[panel];

    for (size_t i = 0; i < one->count; i++) {
        const char *const *labels = one->rows[i]->labels;
        struct plot_item item = {.panel = curve->titles[panel],
                                 .series = view_series(view, one, LABELS),
                                 .row = one->rows[i]};

        if (strcmp(labels[LABEL_METRIC], spot->metric) != 0 ||
            (spot->subject && strcmp(labels[LABEL_SUBJECT], spot->subject) != 0) ||
            !view_read(labels[LABEL_AT], &item.x))
            continue;
        if (few_contexts(view))
            item.panel = joined(figures, item.panel, view_context(view, one, LABELS));
        plot_add(&figures->plot, &item);
    }
}

void figures_curve(struct figures *figures, const struct curve *curve)
{
    const struct view *view = figures->view;
    struct chart chart = curve->like;
    bool few = few_contexts(view);

    for (size_t i = 0; i < view->count * curve->count; i++) {
        const struct view_case *one = &view->cases[i % view->count];

        if (few || figures_show(figures, one))
            add_curve(figures, curve, i / view->count, one);
    }
    chart.kind = CHART_LINES;
    if (!few)
        chart.title = figures_title(figures, chart.title);
    plot_make(&figures->plot, &chart);
}
