// SPDX-License-Identifier: Apache-2.0
// The page: style and texts in it, charts as inline SVG, the numbers of each chart in a table
// beside it. No script, no address of anything outside.
#include "sim/output/chart.h"
#include "sim/output/figures.h"
#include "sim/output/numbers.h"
#include "sim/output/output.h"
#include "sim/output/report_style.h"
#include "sim/output/show.h"
#include "sim/output/tables.h"
#include "sim/output/words.h"

enum { TEXT_COLUMNS = 120 };

static const struct {
    const char *question;
    const char *title;
} titles[] = {{"balance", "Balance: how even are keys and load?"},
              {"movement", "Movement: what does a change of nodes move?"},
              {"latency", "Latency: how long do requests queue?"},
              {"staleness", "Staleness: how old may a read be?"},
              {"cost", "Cost: what does the map take?"},
              {"cluster", "Cluster: what do nodes do under load?"}};

static const char *title_of(const struct view *view)
{
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        if (strcmp(titles[i].question, view->question) == 0)
            return titles[i].title;
    }
    return view->question;
}

static void element(struct buffer *out, const char *begin, const char *text, const char *end)
{
    buffer_add_format(out, "%s", begin);
    show_html(out, text);
    buffer_add_format(out, "%s\n", end);
}

// Each word by itself, so that no line breaks behind the hyphens of an option.
static void write_words(const char *text, struct buffer *out)
{
    struct arena arena = {0};

    while (*text) {
        size_t size = strcspn(text, " ");

        element(out, "<span>", arena_text(&arena, "%.*s", (int)size, text), "</span>");
        text += size + (text[size] == ' ');
    }
    arena_done(&arena);
}

static const char *subject_of(const struct view *views, size_t count)
{
    return count && strcmp(views[0].question, "cluster") == 0 ? "Clusters under load"
                                                              : "Placement of data on nodes";
}

static void write_header(const struct run_result *result, const struct view *views, size_t count,
                         struct buffer *out)
{
    buffer_add_format(out, "<header>\n<p class=\"brand\">quorate</p>\n<h1>%s</h1>\n<dl>\n",
                      subject_of(views, count));
    buffer_add_format(out, "<div class=\"wide\"><dt>Command</dt><dd><code>");
    write_words(result->command, out);
    buffer_add_format(out, "</code></dd></div>\n");
    buffer_add_format(out, "<div><dt>Seed</dt><dd>%llu</dd></div>\n",
                      (unsigned long long)result->seed);
    buffer_add_format(out, "<div><dt>Version</dt><dd>%s</dd></div>\n", QUORATE_VERSION);
    if (count > 0)
        buffer_add_format(out, "<div><dt>Repetitions</dt><dd>%u</dd></div>\n",
                          views[0].repetitions);
    buffer_add_format(out, "</dl>\n");
    if (count > 1) {
        buffer_add_format(out, "<nav aria-label=\"Questions\">\n");
        for (size_t i = 0; i < count; i++) {
            buffer_add_format(out, "<a href=\"#question-%zu\">", i + 1);
            element(out, "", views[i].question, "</a>");
        }
        buffer_add_format(out, "</nav>\n");
    }
    buffer_add_format(out, "</header>\n");
}

static void write_figure(const struct chart *chart, struct arena *arena, struct buffer *out)
{
    buffer_add_format(out, "<figure id=\"%s\">\n", chart->name);
    element(out, "<figcaption>", chart->title, "</figcaption>");
    buffer_add_format(out,
                      "<div class=\"plot\" tabindex=\"0\" role=\"group\" aria-label=\"Chart\">\n");
    chart_write(chart, false, arena, out);
    buffer_add_format(out, "</div>\n");
    numbers_write(chart, arena, out);
    buffer_add_format(out, "</figure>\n");
}

// All metrics, as in the terminal, for whom the charts are not enough.
static void write_text(const struct view *view, struct buffer *out)
{
    struct buffer text = {0};

    tables_write(view, &(struct table_setup){.columns = TEXT_COLUMNS}, &text);
    buffer_add_format(out, "<details>\n<summary>More metrics, as text</summary>\n<pre>");
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '<' || byte == '>' || byte == '&')
            buffer_add_format(out, "&#%u;", byte);
        else
            buffer_add_u8(out, byte);
    }
    buffer_add_format(out, "</pre>\n</details>\n");
    buffer_done(&text);
}

static void write_question(const struct view *view, size_t number, struct buffer *out)
{
    const char *words = words_of(view);
    const char *caption = view_caption(view);
    struct chart *charts = NULL;
    size_t count = figures_of(view, &charts);

    buffer_add_format(out, "<section id=\"question-%zu\">\n", number);
    element(out, "<h2>", title_of(view), "</h2>");
    if (*caption)
        element(out, "<p class=\"caption\">", caption, "</p>");
    if (*words)
        element(out, "<p class=\"words\">", words, "</p>");
    for (size_t i = 0; i < count; i++)
        write_figure(&charts[i], view->arena, out);
    write_text(view, out);
    buffer_add_format(out, "</section>\n");
}

void output_report(const struct run_result *result, struct buffer *out)
{
    struct arena arena = {0};
    struct view *views = NULL;
    size_t count = view_list(result, &arena, &views);

    buffer_add_format(out,
                      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, "
                      "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
                      "dark\">\n<title>quorate: %s</title>\n"
                      "<style>\n",
                      subject_of(views, count));
    report_style(out);
    chart_style(out);
    buffer_add_format(out, "</style>\n</head>\n<body>\n");
    write_header(result, views, count, out);
    buffer_add_format(out, "<main>\n");
    for (size_t i = 0; i < count; i++)
        write_question(&views[i], i + 1, out);
    buffer_add_format(out, "</main>\n<footer>Ranges are from the 5th to the 95th percentile over "
                           "repetitions. All rows: <code>--format csv</code>.</footer>\n"
                           "</body>\n</html>\n");
    arena_done(&arena);
}

void output_charts(const struct run_result *result,
                   void (*take)(void *context, const char *name, struct slice svg), void *context)
{
    struct arena arena = {0};
    struct view *views = NULL;
    size_t count = view_list(result, &arena, &views);
    struct buffer svg = {0};

    for (size_t i = 0; i < count; i++) {
        struct chart *charts = NULL;
        size_t chart_count = figures_of(&views[i], &charts);

        for (size_t j = 0; j < chart_count; j++) {
            buffer_reset(&svg, SIZE_MAX);
            chart_write(&charts[j], true, &arena, &svg);
            take(context, arena_text(&arena, "%s.svg", charts[j].name), buffer_slice(&svg));
        }
    }
    buffer_done(&svg);
    arena_done(&arena);
}
