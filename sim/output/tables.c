// SPDX-License-Identifier: Apache-2.0
// Which sheets a question is shown in: the metrics that people ask for first.
#include "sim/output/tables.h"

#include "sim/output/form.h"
#include "sim/output/show.h"
#include "sim/output/words.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { HOT_LINES = 5, HOT_LINES_MANY = 1, MANY_CASES = 3, POINTS_MAX = 24 };

struct writing {
    const struct view *view;
    const struct table_setup *setup;
    struct buffer *out;
};

static void heading(const struct writing *writing, const char *text)
{
    buffer_add_format(writing->out, "\n%s%s%s\n", writing->setup->color ? "\x1b[1m" : "", text,
                      writing->setup->color ? "\x1b[0m" : "");
}

static void finish(const struct writing *writing, const struct form *form)
{
    sheet_write(&form->sheet, writing->setup, writing->out);
}

// Lines of all cases for one spot.
static void all_lines(struct form *form, const struct spot *at, const struct form_metric *metrics,
                      unsigned count)
{
    for (size_t i = 0; i < form->view->count; i++)
        form_line(form, form->cases[i], at, metrics, count);
}

// Context by context, lines of all its cases for each of the spots.
static void lines_of(struct form *form, const struct spot *spots, size_t spot_count,
                     const struct form_metric *metrics, unsigned count)
{
    size_t next;

    for (size_t first = 0; first < form->view->count; first = next) {
        next = form_next_context(form, first);
        for (size_t i = 0; i < spot_count * (next - first); i++)
            form_line(form, form->cases[first + i % (next - first)], &spots[i / (next - first)],
                      metrics, count);
    }
}

// A sheet with one line a case, under a heading, when there are such rows.
static void simple(const struct writing *writing, const char *title,
                   const struct form_metric *metrics, unsigned count)
{
    struct form form;

    form_begin(&form, writing->view, NULL, 0);
    form_metrics(&form, metrics, count);
    all_lines(&form, &(struct spot){0}, metrics, count);
    if (form.sheet.line_count == 0)
        return;
    heading(writing, title);
    finish(writing, &form);
}

// ---- balance --------------------------------------------------------------------------------

static const struct form_metric balance_metrics[] = {
    {{.metric = "peak/average"}, "", "peak/avg", 0, NULL},
    {{.metric = "min/average"}, "", "min/avg", 2, NULL},
    {{.metric = "cv"}, "", "cv", 3, NULL},
    {{.metric = "gini"}, "", "gini", 4, NULL},
    {{.metric = "efficiency"}, "", "efficiency", 1, NULL},
    {{.metric = "p99/average"}, "", "p99/avg", 5, NULL},
};

static void hot_shards(const struct writing *writing)
{
    static const struct form_metric metrics[] = {{{.metric = "share"}, "", "of load", 0, NULL}};
    static const enum label extras[] = {LABEL_AT};
    size_t lines = writing->view->count > MANY_CASES ? HOT_LINES_MANY : HOT_LINES;
    unsigned note;
    struct form form;

    form_begin(&form, writing->view, extras, lines > 1);
    form_metrics(&form, metrics, COUNT(metrics));
    if (lines > 1)
        form.sheet.columns[form.context_count].title = "rank";
    note = sheet_column(&form.sheet, &(struct sheet_column){"", "which", SHEET_WORDS, 1});
    for (size_t i = 0; i < writing->view->count; i++) {
        const struct view_case *one = form.cases[i];
        size_t done = 0;

        for (size_t j = 0; j < one->count && done < lines; j++) {
            const struct row *row = one->rows[j];
            struct spot spot = {.subject = "hot-shard", .at = row->labels[LABEL_AT]};

            if (strcmp(row->labels[LABEL_SUBJECT], "hot-shard") != 0)
                continue;
            form_line(&form, one, &spot, metrics, COUNT(metrics));
            form.sheet.lines[form.sheet.line_count - 1].cells[note].text =
                show_line(writing->view->arena, row->note);
            done += 1;
        }
    }
    if (form.sheet.line_count == 0)
        return;
    heading(writing, lines == 1 ? "The hottest shard or range" : "The hottest shards or ranges");
    finish(writing, &form);
}

// True when no case has more than one copy, so that all copies are one.
static bool is_single_copy(const struct view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (strcmp(view->cases[i].rows[0]->labels[LABEL_REPLICAS], "1") != 0)
            return false;
    }
    return true;
}

static void balance(const struct writing *writing)
{
    static const struct {
        struct spot spot;
        const char *heading;
    } blocks[] = {
        {{.subject = "keys", .copies = "1"}, "Keys on nodes, one copy"},
        {{.subject = "keys", .copies = "all"}, "Keys on nodes, all copies"},
        {{.subject = "load", .copies = "1"}, "Load of nodes, one copy"},
        {{.subject = "load", .copies = "all"}, "Load of nodes, all copies"},
        {{.subject = "shard-keys"}, "Keys in shards or ranges"},
        {{.subject = "shard-load"}, "Load of shards or ranges"},
    };
    static const enum label extras[] = {LABEL_SUBJECT, LABEL_COPIES};
    bool blocked = writing->view->count > 1;
    struct form form;

    form_begin(&form, writing->view, extras, blocked ? 0 : COUNT(extras));
    form_metrics(&form, balance_metrics, COUNT(balance_metrics));
    for (size_t i = 0; i < COUNT(blocks); i++) {
        bool all = blocks[i].spot.copies && strcmp(blocks[i].spot.copies, "all") == 0;

        if ((all && is_single_copy(writing->view)) || !view_has(writing->view, &blocks[i].spot))
            continue;
        if (blocked)
            sheet_heading(&form.sheet, blocks[i].heading);
        all_lines(&form, &blocks[i].spot, balance_metrics, COUNT(balance_metrics));
    }
    finish(writing, &form);
    hot_shards(writing);
}

// ---- movement, latency, staleness, cost -----------------------------------------------------

static void movement(const struct writing *writing)
{
    static const struct form_metric metrics[] = {
        {{.subject = "keys", .copies = "all", .metric = "moved"}, "copies", "moved", 0, NULL},
        {{.subject = "keys", .copies = "all", .metric = "minimum"}, "copies", "minimum", 2, NULL},
        {{.subject = "keys", .copies = "all", .metric = "moved"}, "copies", "ratio", 1, "minimum"},
        {{.subject = "keys", .copies = "all", .metric = "copied"}, "copies", "made", 5, NULL},
        {{.subject = "keys", .copies = "1", .metric = "moved"}, "owners", "moved", 4, NULL},
        {{.subject = "load", .copies = "all", .metric = "peak/average"}, "", "peak load", 3, NULL},
        {{.subject = "keys", .copies = "all", .metric = "peak/average"}, "", "peak keys", 6, NULL},
        {{.subject = "bytes", .copies = "all", .metric = "moved"}, "bytes", "moved", 7, NULL},
    };
    static const enum label extras[] = {LABEL_EVENT};
    const char **events;
    size_t count = view_values(writing->view, &(struct spot){0}, LABEL_EVENT, &events);
    struct spot *spots;
    struct form form;

    form_begin(&form, writing->view, extras, COUNT(extras));
    form_metrics(&form, metrics, COUNT(metrics));
    spots = arena_new(writing->view->arena, count * sizeof *spots);
    for (size_t i = 0; i < count; i++)
        spots[i].event = events[i];
    lines_of(&form, spots, count, metrics, COUNT(metrics));
    finish(writing, &form);
}

static void latency(const struct writing *writing)
{
    static const struct form_metric metrics[] = {
        {{.subject = "reads", .metric = "mean"}, "reads, ms", "mean", 4, NULL},
        {{.subject = "reads", .metric = "p50"}, "reads, ms", "p50", 3, NULL},
        {{.subject = "reads", .metric = "p99"}, "reads, ms", "p99", 0, NULL},
        {{.subject = "reads", .metric = "p99.9"}, "reads, ms", "p99.9", 1, NULL},
        {{.subject = "writes", .metric = "mean"}, "writes, ms", "mean", 6, NULL},
        {{.subject = "writes", .metric = "p50"}, "writes, ms", "p50", 5, NULL},
        {{.subject = "writes", .metric = "p99"}, "writes, ms", "p99", 2, NULL},
        {{.subject = "writes", .metric = "p99.9"}, "writes, ms", "p99.9", 3, NULL},
        {{.metric = "busiest"}, "", "busiest", 7, NULL},
        {{.metric = "extra-requests"}, "", "hedges", 8, NULL},
    };
    static const struct form_metric most[] = {{{.metric = "max-load"}, "", "max load", 0, NULL}};
    static const enum label extras[] = {LABEL_AT};
    const char **loads;
    size_t count = view_values(writing->view, &(struct spot){.metric = "p99"}, LABEL_AT, &loads);
    struct spot *spots;
    struct form form;

    form_begin(&form, writing->view, extras, COUNT(extras));
    form_metrics(&form, metrics, COUNT(metrics));
    form.sheet.columns[form.context_count].title = "load";
    spots = arena_new(writing->view->arena, count * sizeof *spots);
    for (size_t i = 0; i < count; i++)
        spots[i].at = loads[i];
    lines_of(&form, spots, count, metrics, COUNT(metrics));
    finish(writing, &form);
    simple(writing, "Highest load before the hottest node saturates", most, COUNT(most));
}

// Columns at so many points of a curve, evenly chosen when there are more than fit; when they are
// too wide still, every second goes first.
static void curve(const struct writing *writing, const char *metric, const char *title,
                  const char *prefix)
{
    struct form_metric metrics[POINTS_MAX];
    const char **points;
    size_t all = view_values(writing->view, &(struct spot){.metric = metric}, LABEL_AT, &points);
    size_t count = all < POINTS_MAX ? all : POINTS_MAX;

    for (size_t i = 0; i < count; i++) {
        const char *at = points[count == 1 ? 0 : i * (all - 1) / (count - 1)];
        unsigned halvings = 0;

        while (halvings < 5 && (i == count - 1 || (i >> halvings) % 2 == 0))
            halvings += 1;
        metrics[i] = (struct form_metric){{.metric = metric, .at = at},
                                          "",
                                          arena_text(writing->view->arena, "%s%s", prefix, at),
                                          7 - halvings,
                                          NULL};
    }
    simple(writing, title, metrics, (unsigned)count);
}

static void staleness(const struct writing *writing)
{
    static const struct form_metric times[] = {
        {{.subject = "reads", .metric = "mean"}, "reads", "mean", 3, NULL},
        {{.subject = "reads", .metric = "p50"}, "reads", "p50", 2, NULL},
        {{.subject = "reads", .metric = "p99"}, "reads", "p99", 1, NULL},
        {{.subject = "reads", .metric = "p99.9"}, "reads", "p99.9", 0, NULL},
        {{.subject = "writes", .metric = "mean"}, "writes", "mean", 3, NULL},
        {{.subject = "writes", .metric = "p50"}, "writes", "p50", 2, NULL},
        {{.subject = "writes", .metric = "p99"}, "writes", "p99", 1, NULL},
        {{.subject = "writes", .metric = "p99.9"}, "writes", "p99.9", 0, NULL},
    };

    curve(writing, "p-consistent", "P(consistent) when the read starts t ms after the write", "t=");
    curve(writing, "t-visible", "t in ms after which P(consistent) is at least", "P=");
    simple(writing, "Latency in ms", times, COUNT(times));
    curve(writing, "p-stale-versions", "P(missing more than k versions), whatever the time", "k=");
}

static void cost(const struct writing *writing)
{
    static const struct form_metric metrics[] = {
        {{.metric = "metadata"}, "", "metadata", 0, NULL},
        {{.metric = "look-up"}, "", "look-up", 1, NULL},
        {{.metric = "rebuild"}, "", "rebuild", 2, NULL},
    };
    struct form form;

    form_begin(&form, writing->view, NULL, 0);
    form_metrics(&form, metrics, COUNT(metrics));
    all_lines(&form, &(struct spot){0}, metrics, COUNT(metrics));
    finish(writing, &form);
}

static void traffic(const struct writing *writing)
{
    static const struct form_metric metrics[] = {
        {{.metric = "messages/operation"}, "an operation", "messages", 0, NULL},
        {{.metric = "bytes/operation"}, "an operation", "bytes", 1, NULL},
    };
    static const enum label extras[] = {LABEL_SUBJECT};
    const char **kinds;
    size_t all = view_values(writing->view, &(struct spot){.metric = "messages/operation"},
                             LABEL_SUBJECT, &kinds);
    struct spot *spots = arena_new(writing->view->arena, all * sizeof *spots);
    size_t count = 0;
    struct form form;

    for (size_t i = 0; i < all; i++) {
        struct spot spot = {.subject = kinds[i]};
        bool sent = false;

        spot.metric = "messages/operation";
        for (size_t j = 0; j < writing->view->count; j++)
            sent |= view_mean(&writing->view->cases[j], &spot) > 0;
        if (sent)
            spots[count++].subject = kinds[i];
    }
    form_begin(&form, writing->view, extras, COUNT(extras));
    form_metrics(&form, metrics, COUNT(metrics));
    lines_of(&form, spots, count, metrics, COUNT(metrics));
    heading(writing, "What is sent");
    finish(writing, &form);
}

static void cluster(const struct writing *writing)
{
    static const struct form_metric metrics[] = {
        {{.metric = "throughput"}, "", "answered/s", 2, NULL},
        {{.subject = "reads", .metric = "p50"}, "reads, ms", "p50", 4, NULL},
        {{.subject = "reads", .metric = "p95"}, "reads, ms", "p95", 7, NULL},
        {{.subject = "reads", .metric = "p99"}, "reads, ms", "p99", 0, NULL},
        {{.subject = "reads", .metric = "p99.9"}, "reads, ms", "p99.9", 3, NULL},
        {{.subject = "writes", .metric = "p50"}, "writes, ms", "p50", 5, NULL},
        {{.subject = "writes", .metric = "p95"}, "writes, ms", "p95", 7, NULL},
        {{.subject = "writes", .metric = "p99"}, "writes, ms", "p99", 1, NULL},
        {{.subject = "writes", .metric = "p99.9"}, "writes, ms", "p99.9", 4, NULL},
    };
    static const struct form_metric works[] = {
        {{.subject = "reads", .metric = "available"}, "answered", "reads", 3, NULL},
        {{.subject = "writes", .metric = "available"}, "answered", "writes", 3, NULL},
        {{.metric = "stale"}, "reads", "stale", 1, NULL},
        {{.metric = "behind"}, "reads", "behind", 5, NULL},
        {{.metric = "hedges"}, "reads", "hedges", 6, NULL},
        {{.metric = "repairs"}, "reads", "repairs", 6, NULL},
        {{.subject = "coordinated", .metric = "peak/average"}, "peak/avg", "coord.", 2, NULL},
        {{.subject = "replicated", .metric = "peak/average"}, "peak/avg", "replica", 4, NULL},
        {{.subject = "messages", .metric = "peak/average"}, "peak/avg", "messages", 0, NULL},
        {{.metric = "busiest"}, "", "busiest", 3, NULL},
    };

    simple(writing, "How fast", metrics, COUNT(metrics));
    simple(writing, "How well, and who works", works, COUNT(works));
    if (view_has(writing->view, &(struct spot){.metric = "p-consistent"}))
        curve(writing, "p-consistent", "P(consistent) when the read starts t ms after the write",
              "t=");
    traffic(writing);
}

// A question that is not known here: its rows as they are.
static void other(const struct writing *writing)
{
    static const struct form_metric metrics[] = {{{0}, "", "mean", 0, NULL}};
    static const enum label extras[] = {LABEL_EVENT, LABEL_SUBJECT, LABEL_COPIES, LABEL_METRIC,
                                        LABEL_AT};
    struct form form;

    form_begin(&form, writing->view, extras, COUNT(extras));
    form_metrics(&form, metrics, COUNT(metrics));
    for (size_t i = 0; i < writing->view->count; i++) {
        const struct view_case *one = form.cases[i];

        for (size_t j = 0; j < one->count; j++) {
            const char *const *labels = one->rows[j]->labels;
            struct spot spot = {labels[LABEL_EVENT], labels[LABEL_SUBJECT], labels[LABEL_COPIES],
                                labels[LABEL_METRIC], labels[LABEL_AT]};

            form_line(&form, one, &spot, metrics, COUNT(metrics));
        }
    }
    finish(writing, &form);
}

void tables_write(const struct view *view, const struct table_setup *setup, struct buffer *out)
{
    static const struct {
        const char *question;
        void (*write)(const struct writing *writing);
    } questions[] = {{"balance", balance},     {"movement", movement}, {"latency", latency},
                     {"staleness", staleness}, {"cost", cost},         {"cluster", cluster}};
    void (*write)(const struct writing *) = other;

    for (size_t i = 0; i < COUNT(questions); i++) {
        if (strcmp(view->question, questions[i].question) == 0)
            write = questions[i].write;
    }
    write(&(struct writing){view, setup, out});
}

static void write_view(const struct view *view, const struct table_setup *setup, struct buffer *out)
{
    const char *caption = view_caption(view);
    const char *words = words_of(view);

    sheet_paragraph(out,
                    arena_text(view->arena, "%s%s%s%s", view->question, *caption ? ": " : "",
                               caption, view->repetitions > 1 ? ", mean [p5-p95]" : ""),
                    setup->columns, 0);
    tables_write(view, setup, out);
    if (!*words)
        return;
    buffer_add_u8(out, '\n');
    sheet_paragraph(out, words, setup->columns, 0);
}

void output_tables(const struct run_result *result, const struct table_setup *setup,
                   struct buffer *out)
{
    struct arena arena = {0};
    struct view *views;
    size_t count = view_list(result, &arena, &views);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_add_format(out, "\n\n");
        write_view(&views[i], setup, out);
    }
    arena_done(&arena);
}
