// SPDX-License-Identifier: Apache-2.0
// Keys are heard while answers are waited for: the last report is drawn again at once. When nobody
// answers, the last report stays, under a line that says so.
#include "gossip/cli/watch.h"

#include "base/err.h"
#include "gossip/cli/grid.h"
#include "gossip/cli/terminal.h"

#include <inttypes.h>
#include <unistd.h>

enum { EXIT_DEGRADED = 3, PROBLEMS_MAX = 3 };

struct watch {
    const struct options *options;
    struct survey seen; // what the report rests on
    struct report report;
    struct survey failed; // of the last round, when nobody answered
    uint64_t seen_us;     // 0: nothing was seen yet
    enum column column;
    bool reverse;
    bool help;
    bool quit;
    size_t first; // row shown
    size_t page;  // rows that fit
};

// --- Drawing -------------------------------------------------------------------------------------

static const char clear[] = "\033[K";

static void draw_line(const char *text, size_t size, const struct grid_look *look,
                      struct buffer *out)
{
    struct slice line = slice_of(text, size);

    buffer_add_format(out, "%s", clear);
    grid_write_cell(line, grid_text_width(line) > look->width ? look->width : 0, false, out);
    buffer_add_u8(out, '\n');
}

static void draw_problems(const struct survey *survey, const struct grid_look *look,
                          struct buffer *out)
{
    struct buffer text = {0};
    size_t told = 0;

    for (size_t i = 0; i < survey->count && told < PROBLEMS_MAX; i++) {
        if (survey->tellers[i].err == 0)
            continue;
        text.size = 0;
        survey_write_problem(survey, &survey->tellers[i], &text);
        draw_line((const char *)text.data, text.size, look, out);
        told++;
    }
    buffer_done(&text);
}

static void draw_help(const struct grid_look *look, struct buffer *out)
{
    struct buffer text = {0};

    buffer_add_format(&text, "sort by:");
    for (int i = 0; i < COLUMNS; i++) {
        if (!column_kinds[i].key)
            continue;
        if (grid_text_width(buffer_slice(&text)) + 10 > look->width) {
            draw_line((const char *)text.data, text.size, look, out);
            text.size = 0;
        }
        buffer_add_format(&text, " %c %s", column_kinds[i].key, column_kinds[i].title);
    }
    draw_line((const char *)text.data, text.size, look, out);
    text.size = 0;
    buffer_add_format(&text, "r reverse  arrows and page keys scroll  h help  q quit");
    draw_line((const char *)text.data, text.size, look, out);
    buffer_done(&text);
}

static void draw_state(const struct watch *watch, const struct grid_look *look, struct buffer *out)
{
    struct buffer text = {0};

    if (watch->failed.count && watch->seen_us) {
        buffer_add_format(&text, "unreachable: as seen %" PRIu64 " s ago:",
                          (ask_now_us() - watch->seen_us) / 1000000);
        draw_line((const char *)text.data, text.size, look, out);
    }
    buffer_done(&text);
    draw_problems(watch->failed.count ? &watch->failed : &watch->seen, look, out);
    if (watch->seen_us)
        grid_write_verdict(&watch->report, look, out);
}

static void draw_foot(const struct watch *watch, const struct grid_look *look, struct buffer *out)
{
    struct buffer text = {0};
    size_t shown = watch->report.shown_count;
    size_t last = watch->first + watch->page < shown ? watch->first + watch->page : shown;

    buffer_add_format(&text, "by %s%s", column_kinds[watch->column].title,
                      watch->reverse ? ", reversed" : "");
    if (last - watch->first < shown)
        buffer_add_format(&text, "  %zu to %zu of %zu", watch->first + 1, last, shown);
    buffer_add_format(&text, "  h help  q quit");
    draw_line((const char *)text.data, text.size, look, out);
    out->size--; // no line end: the screen would scroll
    buffer_done(&text);
}

static size_t count_lines(const struct buffer *text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text->size; i++)
        lines += text->data[i] == '\n';
    return lines;
}

// What does not fit above the table is left out, or the screen would scroll.
static void cut_lines(struct buffer *text, size_t lines)
{
    size_t at = 0;

    while (at < text->size && lines)
        lines -= text->data[at++] == '\n';
    text->size = at;
}

static void bound_scroll(struct watch *watch)
{
    size_t shown = watch->report.shown_count;

    if (watch->first + watch->page > shown)
        watch->first = shown > watch->page ? shown - watch->page : 0;
}

static void draw(struct watch *watch)
{
    struct terminal_size size = terminal_size();
    struct grid_look look = {
        .width = size.width, .color = !watch->options->no_color, .clear = clear};
    struct buffer screen = {0};
    size_t used;

    buffer_add_format(&screen, "\033[H");
    draw_state(watch, &look, &screen);
    if (watch->help)
        draw_help(&look, &screen);
    cut_lines(&screen, size.height > 3 ? size.height - 3 : 0);
    used = count_lines(&screen) + 2; // heading and foot
    watch->page = size.height > used ? size.height - used : 1;
    bound_scroll(watch);
    look.first = watch->first;
    look.rows = watch->page;
    if (watch->seen_us) {
        column_sort(&watch->report, watch->column, watch->reverse);
        grid_write(&watch->report, &look, &screen);
    }
    buffer_add_format(&screen, "\033[J"); // clears all that is below
    draw_foot(watch, &look, &screen);
    terminal_write(buffer_slice(&screen));
    buffer_done(&screen);
}

// --- Keys ----------------------------------------------------------------------------------------

static void scroll(struct watch *watch, int key)
{
    size_t by = key == TERMINAL_UP || key == TERMINAL_DOWN ? 1 : watch->page;

    if (key == TERMINAL_HOME)
        watch->first = 0;
    else if (key == TERMINAL_END)
        watch->first = watch->report.shown_count;
    else if (key == TERMINAL_UP || key == TERMINAL_PAGE_UP)
        watch->first = watch->first > by ? watch->first - by : 0;
    else if (key == TERMINAL_DOWN || key == TERMINAL_PAGE_DOWN)
        watch->first += by;
    bound_scroll(watch);
}

static void take_letter(struct watch *watch, int key)
{
    if (key == 'q')
        watch->quit = true;
    if (key == 'h' || key == '?')
        watch->help = !watch->help;
    if (key == 'r')
        watch->reverse = !watch->reverse;
    for (int i = 0; i < COLUMNS; i++) {
        if (column_kinds[i].key && column_kinds[i].key == key)
            watch->column = (enum column)i;
    }
}

// True when there was one.
static bool take_keys(struct watch *watch)
{
    bool any = false;
    int key;

    while (!watch->quit && (key = terminal_key()) != TERMINAL_NONE) {
        any = true;
        if (key == TERMINAL_GONE)
            watch->quit = true;
        else if (key >= TERMINAL_UP)
            scroll(watch, key);
        else
            take_letter(watch, key);
    }
    return any;
}

static bool hear(void *data)
{
    struct watch *watch = data;

    if (take_keys(watch) && !watch->quit)
        draw(watch);
    return !watch->quit;
}

// --- Rounds --------------------------------------------------------------------------------------

static void ask_round(struct watch *watch)
{
    const struct options *options = watch->options;
    struct ask_aside aside = {STDIN_FILENO, hear, watch};
    struct survey_how how = {.ask = {&options->guard, options->timeout_ms, &aside}};
    struct survey survey = {0};

    survey_ask(&survey, options->addresses, options->count, &how);
    if (options->all && !watch->quit)
        survey_ask_rest(&survey, &how);
    survey_finish(&survey);
    survey_done(&watch->failed);
    if (watch->quit) {
        survey_done(&survey);
        return;
    }
    if (survey.answered == 0) {
        watch->failed = survey;
        return;
    }
    report_done(&watch->report);
    survey_done(&watch->seen);
    watch->seen = survey;
    watch->seen_us = ask_now_us();
    report_make(&watch->report, &watch->seen, &options->filter);
}

static void pause_until(struct watch *watch, uint64_t due_us)
{
    uint64_t now;

    while (!watch->quit && (now = ask_now_us()) < due_us) {
        bool changed;

        terminal_wait((due_us - now) / 1000 + 1);
        changed = terminal_changed();
        if ((take_keys(watch) || changed) && !watch->quit)
            draw(watch);
    }
}

int watch_run(const struct options *options)
{
    struct watch watch = {.options = options};
    int code;

    if (terminal_open())
        return err_exit(ERR_IO);
    while (!watch.quit) {
        uint64_t began_us = ask_now_us();

        ask_round(&watch);
        if (watch.quit)
            break;
        draw(&watch);
        pause_until(&watch, began_us + options->interval_ms * 1000);
    }
    terminal_close();
    code = watch.failed.count || !watch.seen_us ? err_exit(ERR_CONNECT)
           : watch.report.healthy               ? 0
                                                : EXIT_DEGRADED;
    report_done(&watch.report);
    survey_done(&watch.seen);
    survey_done(&watch.failed);
    return code;
}
