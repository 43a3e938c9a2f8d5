// SPDX-License-Identifier: Apache-2.0
#include "sim/output/figures_draw.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void cluster_measures(struct figures *figures)
{
    static const char *const tails[] = {"p50", "p99", "p99.9"};
    static const char *const none[] = {""};
    static const char *const works[] = {"coordinated requests", "replicas' work", "all messages"};
    static const struct spot reads[] = {{.subject = "reads", .metric = "p50"},
                                        {.subject = "reads", .metric = "p99"},
                                        {.subject = "reads", .metric = "p99.9"}};
    static const struct spot writes[] = {{.subject = "writes", .metric = "p50"},
                                         {.subject = "writes", .metric = "p99"},
                                         {.subject = "writes", .metric = "p99.9"}};
    static const struct spot throughput[] = {{.metric = "throughput"}};
    static const struct spot stale[] = {{.metric = "stale"}};
    static const struct spot peaks[] = {{.subject = "coordinated", .metric = "peak/average"},
                                        {.subject = "replicated", .metric = "peak/average"},
                                        {.subject = "messages", .metric = "peak/average"}};
    static const struct measure measures[] = {
        {{.name = "cluster-reads", .title = "How long reads take", .y_title = "ms", .unit = "ms"},
         reads,
         tails,
         COUNT(reads)},
        {{.name = "cluster-writes", .title = "How long writes take", .y_title = "ms", .unit = "ms"},
         writes,
         tails,
         COUNT(writes)},
        {{.name = "cluster-throughput",
          .title = "Operations answered in a second",
          .y_title = "operations/s",
          .unit = ""},
         throughput,
         none,
         1},
        {{.name = "cluster-load",
          .title = "Work of the busiest node",
          .y_title = "peak / average (1 is even)",
          .unit = "",
          .even_line = true},
         peaks,
         works,
         COUNT(peaks)},
        {{.name = "cluster-stale", .title = "Stale reads", .y_title = "share of reads", .unit = ""},
         stale,
         none,
         1}};

    for (size_t i = 0; i < COUNT(measures); i++)
        figures_measure(figures, &measures[i]);
}

// All messages that each node handles, as in balance.
static void cluster_shares(struct figures *figures)
{
    const struct view *view = figures->view;

    for (size_t i = 0; i < view->count; i++) {
        const struct view_case *one = &view->cases[i];

        for (size_t j = 0; figures_show(figures, one) && j < one->count; j++) {
            const char *const *labels = one->rows[j]->labels;
            struct plot_item item = {
                .panel = view_series(view, one, LABELS), .series = "messages", .row = one->rows[j]};

            if (strcmp(labels[LABEL_METRIC], "share") == 0 &&
                strcmp(labels[LABEL_SUBJECT], "messages") == 0 &&
                view_read(labels[LABEL_AT], &item.x))
                plot_add(&figures->plot, &item);
        }
    }
    plot_make(&figures->plot,
              &(struct chart){.name = "cluster-shares",
                              .title = figures_title(figures, "Messages that each node handles"),
                              .kind = CHART_RANKS,
                              .x_title = "node, the busiest first",
                              .y_title = "share / average",
                              .unit = "",
                              .even_line = true});
}

void figures_cluster(struct figures *figures)
{
    static const struct curve consistent = {{.name = "cluster-consistent",
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
    static const struct curve answered = {{.name = "cluster-answered",
                                           .title = "Operations that are answered",
                                           .x_short = "s",
                                           .x_title = "seconds",
                                           .y_title = "share",
                                           .unit = "",
                                           .up_to_one = true},
                                          {{.metric = "answered"}},
                                          {""},
                                          1};

    cluster_measures(figures);
    cluster_shares(figures);
    if (view_has(figures->view, &(struct spot){.metric = "p-consistent"}))
        figures_curve(figures, &consistent);
    if (view_has(figures->view, &(struct spot){.metric = "answered"}))
        figures_curve(figures, &answered);
}
