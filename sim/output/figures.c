// SPDX-License-Identifier: Apache-2.0
#include "sim/output/figures.h"

#include "sim/output/figures_draw.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

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
    figures_measure(figures, &measure);
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
        if (figures_show(figures, &view->cases[i % view->count]) && !(single && i >= view->count))
            add_shares(figures, &view->cases[i % view->count], load ? "load" : "keys",
                       i < view->count && !single);
    }
    plot_make(&figures->plot,
              &(struct chart){
                  .name = load ? "balance-load-shares" : "balance-keys-shares",
                  .title = figures_title(figures, load ? "Load of each node" : "Keys on each node"),
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

        if (!figures_show(figures, one))
            continue;
        spot.event = events[i / view->count];
        spot.metric = "moved";
        item.row = view_find(one, &spot);
        spot.metric = "minimum";
        item.mark = view_find(one, &spot);
        plot_add(&figures->plot, &item);
    }
    plot_make(&figures->plot, &(struct chart){.name = "movement-moved",
                                              .title = figures_title(figures, "Copies that move"),
                                              .kind = CHART_BARS,
                                              .x_title = "share of all copies",
                                              .y_title = figures_case_title(figures),
                                              .unit = "",
                                              .scale_each = true,
                                              .mark_name = "minimum for an even spread"});
}

static void movement(struct figures *figures)
{
    struct arena *arena = figures->view->arena;
    enum label labels[FIGURES_X_MAX];
    size_t x_count = figures_x(figures->view, labels);
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
        figures_over(figures, &measure, labels[i]);
    for (size_t i = 0; i < count; i++)
        spots[i] = (struct spot){events[i], "load", "all", "peak/average", NULL};
    measure.like = (struct chart){.name = "movement-peak",
                                  .title = "Load of the fullest node after the change",
                                  .y_title = "peak / average (1 is even)",
                                  .unit = "",
                                  .even_line = true};
    figures_measure(figures, &measure);
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

        figures_curve(figures, &curve);
    }
    figures_measure(figures, &measure);
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
                                              .y_title = figures_case_title(figures),
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
                                              .y_title = figures_case_title(figures),
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

    figures_curve(figures, &consistent);
    visible_times(figures);
    staleness_times(figures);
    if (has_stale(figures->view)) // never, where R + W > N
        figures_curve(figures, &stale);
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
        figures_measure(figures, &(struct measure){parts[i].like, &parts[i].spot, none, 1});
}

size_t figures_of(const struct view *view, struct chart **out)
{
    static const struct {
        const char *question;
        void (*make)(struct figures *figures);
    } questions[] = {{"balance", balance}, {"movement", movement},
                     {"latency", latency}, {"staleness", staleness},
                     {"cost", cost},       {"cluster", figures_cluster}};
    struct figures figures = {.view = view, .plot = {.arena = view->arena}};

    for (size_t i = 0; i < COUNT(questions); i++) {
        if (strcmp(view->question, questions[i].question) == 0)
            questions[i].make(&figures);
    }
    *out = figures.plot.charts;
    return figures.plot.chart_count;
}
