// SPDX-License-Identifier: Apache-2.0
#include "sim/output/figures.h"

#include "sim/output/plot.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { X_MAX = 2, CONTEXTS_MAX = 4 };

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
};

struct figures {
    const struct view *view;
    struct plot plot;
};

static const char *joined(const struct figures *figures, const char *a, const char *b)
{
    return arena_text(figures->view->arena, "%s%s%s", a, *a && *b ? ", " : "", b);
}

static const char *case_title(const struct figures *figures)
{
    const struct view *view = figures->view;

    for (unsigned label = VIEW_FIRST; label <= VIEW_LAST; label++) {
        if (view->varies[label] && label != LABEL_SCHEME && !view_is_own(label) &&
            !view->varies[LABEL_SCHEME])
            return "case";
    }
    return *view->cases[0].rows[0]->labels[LABEL_SCHEME] ? "scheme" : "case";
}

// The cases that are shown where all would be too many: those of the last context.
static bool is_shown(const struct figures *figures, const struct view_case *one)
{
    const struct view *view = figures->view;

    return strcmp(view_context(view, one, LABELS),
                  view_context(view, &view->cases[view->count - 1], LABELS)) == 0;
}

// ": 10 nodes, theta 0.99" of that context.
static const char *shown_title(const struct figures *figures, const char *title)
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
static size_t find_x(const struct view *view, enum label out[X_MAX])
{
    static const enum label order[] = {
        LABEL_NODES,  LABEL_THETA,      LABEL_REPLICAS, LABEL_KEYS, LABEL_READ_SHARE,
        LABEL_ZONES,  LABEL_OPERATIONS, LABEL_R,        LABEL_W,    LABEL_VNODES,
        LABEL_SHARDS, LABEL_PARTITIONS, LABEL_BOUND};
    size_t count = 0;

    for (size_t i = 0; i < COUNT(order) && count < X_MAX; i++) {
        if (view_is_own(order[i]) && count > 0 && !view_is_own(out[0]))
            break;
        if (is_x(view, order[i]))
            out[count++] = order[i];
    }
    return count;
}

// What is drawn of a metric: a panel a spot, with its title.
struct measure {
    struct chart like; // name, title, y_title as of lines, unit, even_line
    const struct spot *spots;
    const char *const *titles;
    size_t count;
};

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

static void make_over(struct figures *figures, const struct measure *measure, enum label x)
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
    chart.y_title = case_title(figures);
    plot_make(&figures->plot, &chart);
}

static void make_measure(struct figures *figures, const struct measure *measure)
{
    enum label labels[X_MAX];
    size_t count = find_x(figures->view, labels);

    for (size_t i = 0; i < count; i++)
        make_over(figures, measure, labels[i]);
    if (count == 0)
        make_bars(figures, measure);
}

// ---- balance --------------------------------------------------------------------------------

static bool is_single_copy(const struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->cases[i].rows[0]->labels[LABEL_REPLICAS], "1") != 0)
            return false;
    }
    return true;
}

static void balance_peaks(struct figures *figures, const char *subject, const struct chart *like)
{
    static const char *const titles[] = {"one copy", "all copies"};
    const struct spot spots[] = {
        {.subject = subject, .copies = "1", .metric = "peak/average"},
        {.subject = subject, .copies = "all", .metric = "peak/average"},
    };
    struct measure measure = {*like, spots, titles, is_single_copy(figures->view) ? 1 : 2};

    measure.like.y_title = "peak / average (1 is even)";
    measure.like.even_line = true;
    measure.like.unit = "";
    make_measure(figures, &measure);
}

static void add_shares(struct figures *figures, const struct view_case *one, const char *subject,
                       bool all)
{
    for (size_t i = 0; i < one->count; i++) {
        const char *const *labels = one->rows[i]->labels;
        struct plot_item item = {.panel = view_series(figures->view, one, LABELS),
                                 .series = all ? "all copies" : "one copy",
                                 .row = one->rows[i]};

        if (strcmp(labels[LABEL_METRIC], "share") == 0 &&
            strcmp(labels[LABEL_SUBJECT], subject) == 0 &&
            strcmp(labels[LABEL_COPIES], all ? "all" : "1") == 0 &&
            view_read(labels[LABEL_AT], &item.x))
            plot_add(&figures->plot, &item);
    }
}

static void balance_shares(struct figures *figures, bool load)
{
    const struct view *view = figures->view;
    bool single = is_single_copy(view);

    for (size_t i = 0; i < 2 * view->count; i++) {
        if (is_shown(figures, &view->cases[i % view->count]) && !(single && i >= view->count))
            add_shares(figures, &view->cases[i % view->count], load ? "load" : "keys",
                       i < view->count && !single);
    }
    plot_make(&figures->plot,
              &(struct chart){
                  .name = load ? "balance-load-shares" : "balance-keys-shares",
                  .title = shown_title(figures, load ? "Load of each node" : "Keys on each node"),
                  .kind = CHART_RANKS,
                  .x_title = "node, the fullest first",
                  .y_title = "share / fair share",
                  .unit = "",
                  .even_line = true});
}

static void balance(struct figures *figures)
{
    bool load =
        view_has(figures->view, &(struct spot){.subject = "load", .metric = "peak/average"});

    if (load)
        balance_peaks(figures, "load",
                      &(struct chart){.name = "balance-load", .title = "Load of the fullest node"});
    balance_peaks(figures, "keys",
                  &(struct chart){.name = "balance-keys", .title = "Keys on the fullest node"});
    balance_shares(figures, load);
}

// ---- movement -------------------------------------------------------------------------------

static void movement_bars(struct figures *figures, const char *const *events, size_t count)
{
    const struct view *view = figures->view;
    struct spot spot = {.subject = "keys", .copies = "all"};

    for (size_t i = 0; i < view->count * count; i++) {
        const struct view_case *one = &view->cases[i % view->count];
        struct plot_item item = {.panel = events[i / view->count],
                                 .series = "moved",
                                 .category = view_series(view, one, LABELS)};

        if (!is_shown(figures, one))
            continue;
        spot.event = events[i / view->count];
        spot.metric = "moved";
        item.row = view_find(one, &spot);
        spot.metric = "minimum";
        item.mark = view_find(one, &spot);
        plot_add(&figures->plot, &item);
    }
    plot_make(&figures->plot, &(struct chart){.name = "movement-moved",
                                              .title = shown_title(figures, "Copies that move"),
                                              .kind = CHART_BARS,
                                              .x_title = "share of all copies",
                                              .y_title = case_title(figures),
                                              .unit = "",
                                              .scale_each = true,
                                              .mark_name = "minimum for an even spread"});
}

static void movement(struct figures *figures)
{
    struct arena *arena = figures->view->arena;
    enum label labels[X_MAX];
    size_t x_count = find_x(figures->view, labels);
    const char **events;
    size_t count =
        view_values(figures->view, &(struct spot){.metric = "moved"}, LABEL_EVENT, &events);
    struct spot *spots = arena_new(arena, count * sizeof *spots);
    struct measure measure = {{.name = "movement-moved",
                               .title = "Copies that move",
                               .y_title = "share of all copies",
                               .unit = ""},
                              spots,
                              events,
                              count};

    for (size_t i = 0; i < count; i++)
        spots[i] = (struct spot){events[i], "keys", "all", "moved", NULL};
    movement_bars(figures, events, count);
    for (size_t i = 0; i < x_count; i++)
        make_over(figures, &measure, labels[i]);
    for (size_t i = 0; i < count; i++)
        spots[i] = (struct spot){events[i], "load", "all", "peak/average", NULL};
    measure.like = (struct chart){.name = "movement-peak",
                                  .title = "Load of the fullest node after the change",
                                  .y_title = "peak / average (1 is even)",
                                  .unit = "",
                                  .even_line = true};
    make_measure(figures, &measure);
}

// ---- curves ---------------------------------------------------------------------------------

// A curve that was found: lines over `at`, a panel a metric.
struct curve {
    struct chart like;
    struct spot spots[3];
    const char *titles[3];
    size_t count;
};

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

static void make_curve(struct figures *figures, const struct curve *curve)
{
    const struct view *view = figures->view;
    struct chart chart = curve->like;
    bool few = few_contexts(view);

    for (size_t i = 0; i < view->count * curve->count; i++) {
        const struct view_case *one = &view->cases[i % view->count];

        if (few || is_shown(figures, one))
            add_curve(figures, curve, i / view->count, one);
    }
    chart.kind = CHART_LINES;
    if (!few)
        chart.title = shown_title(figures, chart.title);
    plot_make(&figures->plot, &chart);
}

static void latency(struct figures *figures)
{
    static const struct {
        const char *subject;
        const char *name;
        const char *title;
    } parts[] = {{"reads", "latency-reads", "How long reads take"},
                 {"writes", "latency-writes", "How long writes take"}};
    static const char *const none[] = {""};
    static const struct spot most[] = {{.metric = "max-load"}};
    const struct measure measure = {{.name = "latency-max-load",
                                     .title = "Highest load before the hottest node saturates",
                                     .y_title = "share of the cluster's capacity",
                                     .unit = ""},
                                    most,
                                    none,
                                    1};

    for (size_t i = 0; i < COUNT(parts); i++) {
        struct curve curve = {{.name = parts[i].name,
                               .title = parts[i].title,
                               .x_short = "load",
                               .x_title = "load (share of the cluster's capacity)",
                               .y_title = "ms",
                               .unit = "ms",
                               .log_y = true,
                               .ticks_at_points = true},
                              {{.subject = parts[i].subject, .metric = "p50"},
                               {.subject = parts[i].subject, .metric = "p99"},
                               {.subject = parts[i].subject, .metric = "p99.9"}},
                              {"p50", "p99", "p99.9"},
                              3};

        make_curve(figures, &curve);
    }
    make_measure(figures, &measure);
}

// ---- staleness ------------------------------------------------------------------------------

static void visible_times(struct figures *figures)
{
    const struct view *view = figures->view;
    const char **wanted;
    size_t count = view_values(view, &(struct spot){.metric = "t-visible"}, LABEL_AT, &wanted);

    for (size_t i = 0; i < view->count * count; i++) {
        const struct view_case *one = &view->cases[i / count];
        struct spot spot = {.metric = "t-visible", .at = wanted[i % count]};

        plot_add(&figures->plot,
                 &(struct plot_item){
                     .panel = "",
                     .series = arena_text(view->arena, "P \xe2\x89\xa5 %s", wanted[i % count]),
                     .category = view_series(view, one, LABELS),
                     .row = view_find(one, &spot)});
    }
    plot_make(&figures->plot, &(struct chart){.name = "staleness-visible",
                                              .title = "How long until a write is seen",
                                              .kind = CHART_DOTS,
                                              .x_title = "ms after the write",
                                              .y_title = case_title(figures),
                                              .unit = "ms",
                                              .log_x = true});
}

static void staleness_times(struct figures *figures)
{
    static const char *const subjects[] = {"reads", "writes"};
    static const char *const metrics[] = {"p50", "p99", "p99.9"};
    enum { CELLS = COUNT(subjects) * COUNT(metrics) };
    const struct view *view = figures->view;

    for (size_t i = 0; i < view->count * CELLS; i++) {
        const struct view_case *one = &view->cases[i / CELLS];
        struct spot spot = {.subject = subjects[i % COUNT(subjects)],
                            .metric = metrics[i % CELLS / COUNT(subjects)]};

        plot_add(&figures->plot, &(struct plot_item){.panel = spot.subject,
                                                     .series = spot.metric,
                                                     .category = view_series(view, one, LABELS),
                                                     .row = view_find(one, &spot)});
    }
    plot_make(&figures->plot, &(struct chart){.name = "staleness-latency",
                                              .title = "How long reads and writes take",
                                              .kind = CHART_DOTS,
                                              .x_title = "ms",
                                              .y_title = case_title(figures),
                                              .unit = "ms",
                                              .log_x = true});
}

static bool has_stale(const struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view_mean(&view->cases[i], &(struct spot){.metric = "p-stale-versions"}) > 0)
            return true;
    }
    return false;
}

static void staleness(struct figures *figures)
{
    static const struct curve consistent = {{.name = "staleness-consistent",
                                             .title = "How likely a read sees the last write",
                                             .x_short = "t, ms",
                                             .x_title = "t, ms between the write and the read",
                                             .y_title = "P(consistent)",
                                             .unit = "",
                                             .up_to_one = true,
                                             .log_x = true},
                                            {{.metric = "p-consistent"}},
                                            {""},
                                            1};
    static const struct curve stale = {
        {.name = "staleness-versions",
         .title = "How likely a read misses more than k versions, whatever the time",
         .x_title = "k",
         .y_title = "probability",
         .unit = "",
         .ticks_at_points = true},
        {{.metric = "p-stale-versions"}},
        {""},
        1};

    make_curve(figures, &consistent);
    visible_times(figures);
    staleness_times(figures);
    if (has_stale(figures->view)) // never, where R + W > N
        make_curve(figures, &stale);
}

// ---- cost -----------------------------------------------------------------------------------

static void cost(struct figures *figures)
{
    static const struct {
        struct spot spot;
        struct chart like;
    } parts[] = {
        {{.metric = "metadata"},
         {.name = "cost-metadata", .title = "Metadata", .y_title = "bytes", .unit = "bytes"}},
        {{.metric = "look-up"},
         {.name = "cost-look-up",
          .title = "Time to look a key up",
          .y_title = "time",
          .unit = "ns"}},
        {{.metric = "rebuild"},
         {.name = "cost-rebuild",
          .title = "Time to make the map again when a node is added",
          .y_title = "time",
          .unit = "ns"}},
    };
    static const char *const none[] = {""};

    for (size_t i = 0; i < COUNT(parts); i++)
        make_measure(figures, &(struct measure){parts[i].like, &parts[i].spot, none, 1});
}

size_t figures_of(const struct view *view, struct chart **out)
{
    static const struct {
        const char *question;
        void (*make)(struct figures *figures);
    } questions[] = {{"balance", balance},
                     {"movement", movement},
                     {"latency", latency},
                     {"staleness", staleness},
                     {"cost", cost}};
    struct figures figures = {.view = view, .plot = {.arena = view->arena}};

    for (size_t i = 0; i < COUNT(questions); i++) {
        if (strcmp(view->question, questions[i].question) == 0)
            questions[i].make(&figures);
    }
    *out = figures.plot.charts;
    return figures.plot.chart_count;
}
